/* The store on a file system that fails: each kind of call that SQLite makes, at each of its first occasions. A file
 * system of SQLite's own (VFS) stands before the system's; each store of the fleet has a fault of its own, known by its
 * directory, so that all wait for their retries together. */
#include <dirent.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "store/record_insert.h"
#include "store/record_keeper.h"
#include "store/store.h"
#include "test_dir.h"

#define FIRST_MS  INT64_C(1728000000000) /* 2024-10-04 */
#define DAY_MS    INT64_C(86400000)
#define FLEET_MAX 64
#define RECORDS   20 /* in each of two batches */

/* --- a file system that fails ------------------------------------------------------------------------------------ */

struct fault {
  char dir[TEST_DIR_BYTES];
  const char *operation;
  int after, times; /* so many calls go well, then so many fail; atomic */
  int code;
  unsigned hits; /* atomic */
};
static struct fault fleet[FLEET_MAX];
static unsigned fleet_count;

struct faulty_file {
  sqlite3_file base;
  struct fault *fault; /* NULL: nobody's */
  sqlite3_file *real;  /* behind this one */
};

static sqlite3_vfs *real_vfs;

static bool fails(struct fault *fault, const char *operation) {
  if (!fault || strcmp(fault->operation, operation) != 0) return false;
  if (__atomic_fetch_sub(&fault->after, 1, __ATOMIC_SEQ_CST) > 0) return false;
  if (__atomic_fetch_sub(&fault->times, 1, __ATOMIC_SEQ_CST) <= 0) return false;
  __atomic_fetch_add(&fault->hits, 1, __ATOMIC_SEQ_CST);
  return true;
}

static struct fault *fault_of(const char *path) {
  for (unsigned i = 0; path && i < fleet_count; i++)
    if (strncmp(path, fleet[i].dir, strlen(fleet[i].dir)) == 0) return &fleet[i];
  return NULL;
}

static struct faulty_file *file_of(sqlite3_file *file) {
  return (struct faulty_file *)(void *)file;
}

#define REAL(file)   file_of(file)->real
#define METHOD(file) REAL(file)->pMethods
#define FAULTY(name, operation, parameters, call)                                                                      \
  static int faulty_##name parameters {                                                                                \
    if (fails(file_of(file)->fault, operation)) return file_of(file)->fault->code;                                     \
    return METHOD(file)->call;                                                                                         \
  }

FAULTY(read, "read", (sqlite3_file * file, void *bytes, int count, sqlite3_int64 at),
       xRead(REAL(file), bytes, count, at))
FAULTY(write, "write", (sqlite3_file * file, const void *bytes, int count, sqlite3_int64 at),
       xWrite(REAL(file), bytes, count, at))
FAULTY(truncate, "truncate", (sqlite3_file * file, sqlite3_int64 bytes), xTruncate(REAL(file), bytes))
FAULTY(sync, "sync", (sqlite3_file * file, int flags), xSync(REAL(file), flags))
FAULTY(size, "size", (sqlite3_file * file, sqlite3_int64 *bytes), xFileSize(REAL(file), bytes))
FAULTY(lock, "lock", (sqlite3_file * file, int level), xLock(REAL(file), level))
FAULTY(shm_map, "map", (sqlite3_file * file, int page, int bytes, int extend, void volatile **out),
       xShmMap(REAL(file), page, bytes, extend, out))

/* What is given back is never kept. */
static int faulty_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  if ((flags & SQLITE_SHM_LOCK) && fails(file_of(file)->fault, "lock")) return file_of(file)->fault->code;
  return METHOD(file)->xShmLock(REAL(file), offset, count, flags);
}

static int faulty_close(sqlite3_file *file) {
  return METHOD(file)->xClose(REAL(file));
}
static int faulty_unlock(sqlite3_file *file, int level) {
  return METHOD(file)->xUnlock(REAL(file), level);
}
static int faulty_check_lock(sqlite3_file *file, int *out) {
  return METHOD(file)->xCheckReservedLock(REAL(file), out);
}
static int faulty_control(sqlite3_file *file, int operation, void *argument) {
  return METHOD(file)->xFileControl(REAL(file), operation, argument);
}
static int faulty_sector(sqlite3_file *file) {
  return METHOD(file)->xSectorSize(REAL(file));
}
static int faulty_traits(sqlite3_file *file) {
  return METHOD(file)->xDeviceCharacteristics(REAL(file));
}
static void faulty_shm_barrier(sqlite3_file *file) {
  METHOD(file)->xShmBarrier(REAL(file));
}
static int faulty_shm_unmap(sqlite3_file *file, int is_removed) {
  return METHOD(file)->xShmUnmap(REAL(file), is_removed);
}

static const sqlite3_io_methods faulty_methods = {.iVersion = 2,
                                                  .xClose = faulty_close,
                                                  .xRead = faulty_read,
                                                  .xWrite = faulty_write,
                                                  .xTruncate = faulty_truncate,
                                                  .xSync = faulty_sync,
                                                  .xFileSize = faulty_size,
                                                  .xLock = faulty_lock,
                                                  .xUnlock = faulty_unlock,
                                                  .xCheckReservedLock = faulty_check_lock,
                                                  .xFileControl = faulty_control,
                                                  .xSectorSize = faulty_sector,
                                                  .xDeviceCharacteristics = faulty_traits,
                                                  .xShmMap = faulty_shm_map,
                                                  .xShmLock = faulty_shm_lock,
                                                  .xShmBarrier = faulty_shm_barrier,
                                                  .xShmUnmap = faulty_shm_unmap};

static int faulty_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *flags_out) {
  struct faulty_file *faulty = file_of(file);
  (void)vfs;
  *faulty = (struct faulty_file){.fault = fault_of(path), .real = (sqlite3_file *)(void *)(faulty + 1)};
  if (fails(faulty->fault, "open")) return faulty->fault->code;
  int code = real_vfs->xOpen(real_vfs, path, faulty->real, flags, flags_out);
  faulty->base.pMethods = faulty->real->pMethods ? &faulty_methods : NULL;
  return code;
}

static int faulty_delete(sqlite3_vfs *vfs, const char *path, int is_synced) {
  struct fault *fault = fault_of(path);
  (void)vfs;
  return fails(fault, "delete") ? fault->code : real_vfs->xDelete(real_vfs, path, is_synced);
}

static void use_faulty_files(void) {
  static sqlite3_vfs vfs;
  if (real_vfs) return;
  real_vfs = sqlite3_vfs_find(NULL);
  expect(real_vfs != NULL);
  vfs = *real_vfs;
  vfs.zName = "faulty";
  vfs.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
  vfs.xOpen = faulty_open;
  vfs.xDelete = faulty_delete;
  expect(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

/* --- a store ----------------------------------------------------------------------------------------------------- */

static struct store *stores[FLEET_MAX];
static char problem[512];

/* Every second one is of the next day. */
static void init_record(struct cdr_record *record, char id[static 32], unsigned number) {
  int64_t at_ms = FIRST_MS + number % 2 * DAY_MS + number;
  cdr_record_init(record);
  snprintf(id, 32, "%012" PRIx64 "00%08x%08x", (uint64_t)at_ms, number, 1u);
  record->id = str_view_from_c(id);
  record->started_at = (struct wall_us){at_ms * 1000};
  record->caller = STR_VIEW("1001");
  record->end_reason = STR_VIEW("normal");
}

static void put(struct store *store, unsigned number) {
  struct cdr_record record;
  char id[32], bytes[4096];
  init_record(&record, id, number);
  struct text_builder builder = text_builder_over(bytes, sizeof bytes);
  cdr_record_encode(&record, &builder);
  expect(store_put_record(store, text_builder_view(&builder)) == RESULT_OK);
}

static bool wait_until(struct store *store, bool is_failing) {
  struct store_health health;
  for (int i = 0; i < 40000; i++) {
    store_read_health(store, &health);
    if (is_failing ? !health.ok : health.ok && health.records_waiting == 0) return true;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  printf("# after 40 s: %s, %u waiting, %s\n", health.ok ? "well" : "failing", (unsigned)health.records_waiting,
         health.problem);
  return false;
}

static void count_one(void *context, const struct cdr_record *record) {
  unsigned *count = context;
  (void)record;
  (*count)++;
}

static unsigned count_records(struct store *store) {
  unsigned count = 0;
  char cursor[STORE_CURSOR_BYTES];
  expect(store_query_cdrs(store, &(struct cdr_query){.limit = 1000}, count_one, &count, cursor, problem,
                          sizeof problem) == RESULT_OK);
  return count;
}

static void close_and_remove(struct store *store, const char *dir) {
  store_close(&store);
  test_dir_remove(dir);
}

/* --- what it promises -------------------------------------------------------------------------------------------- */

static void add_ship(const char *operation, int code, int after, int times) {
  struct fault *fault = &fleet[fleet_count];
  *fault = (struct fault){.operation = "nothing", .code = code, .after = after, .times = times};
  test_dir_make_in("/dev/shm", "faults", fault->dir);
  fleet_count++;
  stores[fleet_count - 1] = store_open(fault->dir, problem, sizeof problem);
  expect(stores[fleet_count - 1] != NULL);
  fault->operation = operation;
}

static void sink_fleet(void) {
  for (unsigned i = 0; i < fleet_count; i++) {
    fleet[i].operation = "nothing";
    close_and_remove(stores[i], fleet[i].dir);
  }
  fleet_count = 0;
}

static void test_each_call_that_fails_in_turn_loses_no_record_and_doubles_none(void) {
  static const struct {
    const char *operation;
    int code;
  } kinds[] = {{"open", SQLITE_CANTOPEN},    {"write", SQLITE_FULL},      {"write", SQLITE_READONLY},
               {"sync", SQLITE_IOERR_FSYNC}, {"read", SQLITE_IOERR_READ}, {"size", SQLITE_IOERR_FSTAT},
               {"lock", SQLITE_IOERR_LOCK},  {"map", SQLITE_IOERR_SHMMAP}};
  enum { KINDS = sizeof kinds / sizeof kinds[0], OCCASIONS = 5 };
  use_faulty_files();
  for (unsigned i = 0; i < KINDS * OCCASIONS; i++)
    add_ship(kinds[i % KINDS].operation, kinds[i % KINDS].code, (int)(i / KINDS * (i / KINDS)),
             1 + (int)(i / KINDS) % 2);
  for (unsigned number = 0; number < 2 * RECORDS; number++) {
    for (unsigned i = 0; i < fleet_count; i++)
      put(stores[i], number);
    if (number == RECORDS) nanosleep(&(struct timespec){.tv_nsec = 400000000}, NULL); /* the next batch */
  }
  for (unsigned i = 0; i < fleet_count; i++) {
    expect(wait_until(stores[i], false));
    if (i < KINDS) expect(fleet[i].hits > 0);
    __atomic_store_n(&fleet[i].times, 0, __ATOMIC_SEQ_CST);
    expect_int(count_records(stores[i]), ==, 2 * RECORDS);
  }
  sink_fleet();
}

static void test_a_disk_that_stays_broken_is_said_so_and_caught_up_with(void) {
  struct store_health health;
  use_faulty_files();
  add_ship("sync", SQLITE_IOERR_FSYNC, 0, 1000000);
  add_ship("write", SQLITE_FULL, 0, 1000000);
  add_ship("open", SQLITE_CANTOPEN, 0, 1000000);
  static const char *const words[] = {"disk I/O error", "disk is full", "unable to open"};
  for (unsigned i = 0; i < fleet_count; i++)
    put(stores[i], i);
  for (unsigned i = 0; i < fleet_count; i++) {
    expect(wait_until(stores[i], true));
    store_read_health(stores[i], &health);
    expect(strstr(health.problem, "records cannot be written: ") != NULL);
    if (!strstr(health.problem, words[i])) printf("# %s\n", health.problem);
    expect(strstr(health.problem, words[i]) != NULL);
    expect_int(health.records_waiting, ==, 1);
    expect(store_stored(stores[i]) < store_position(stores[i]));
    __atomic_store_n(&fleet[i].times, 0, __ATOMIC_SEQ_CST);
    expect(wait_until(stores[i], false));
    expect_int(count_records(stores[i]), ==, 1);
  }
  sink_fleet();
}

/* Somebody looks into the database with a tool, and keeps it to himself. */
static void test_a_locked_day_is_said_so_and_caught_up_with(void) {
  struct store_health health;
  sqlite3 *other;
  char dir[TEST_DIR_BYTES], path[128];
  test_dir_make_in("/dev/shm", "faults", dir);
  struct store *store = store_open(dir, problem, sizeof problem);
  put(store, 0);
  expect(wait_until(store, false));
  snprintf(path, sizeof path, "%s/records/20241004.db", dir);
  expect(sqlite3_open(path, &other) == SQLITE_OK);
  expect(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK);
  put(store, 2);
  expect(wait_until(store, true));
  store_read_health(store, &health);
  expect(strstr(health.problem, "records cannot be written: records/20241004.db: database is locked") != NULL);
  expect(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
  sqlite3_close(other);
  expect(wait_until(store, false));
  expect_int(count_records(store), ==, 2);
  close_and_remove(store, dir);
}

/* --- CDR files --------------------------------------------------------------------------------------------------- */

#define HOUR_US INT64_C(3600000000)

static struct wall_us keeper_clock;

static struct wall_us keeper_now(void *context) {
  (void)context;
  return keeper_clock;
}

static void keeper_keeping(void *context, struct record_keeping *keeping_out) {
  (void)context;
  *keeping_out = (struct record_keeping){.to_files = true, .with_unanswered = true, .columns = "caller"};
}

static void put_into_days(const char *dir, unsigned from, unsigned to) {
  struct day_shelf shelf;
  day_shelf_init(&shelf, dir);
  for (unsigned number = from; number < to; number++) {
    struct cdr_record record;
    char id[32];
    init_record(&record, id, number);
    expect(record_insert(&shelf, &record, problem, sizeof problem) == RESULT_OK);
  }
  expect(record_commit(&shelf, problem, sizeof problem));
  day_shelf_close(&shelf);
}

static void rounds_at(struct record_keeper *keeper, int64_t at_us, unsigned count) {
  keeper_clock.value = at_us;
  for (unsigned i = 0; i < count; i++)
    record_keeper_round(keeper);
}

/* Lines of all files that hold a record. */
static unsigned count_lines(const char *dir) {
  char path[96], line[64];
  unsigned count = 0;
  struct dirent **names;
  snprintf(path, sizeof path, "%s/cdr", dir);
  int files = scandir(path, &names, NULL, NULL);
  for (int i = 0; i < files; i++) {
    char name[512];
    snprintf(name, sizeof name, "%s/%s", path, names[i]->d_name);
    FILE *stream = names[i]->d_name[0] == '.' ? NULL : fopen(name, "re");
    while (stream && fgets(line, sizeof line, stream))
      count += strncmp(line, "1001", 4) == 0;
    if (stream) fclose(stream);
    free(names[i]);
  }
  if (files >= 0) free(names);
  return count;
}

/* False: the rounds do not lock that often. */
static bool keep_with_a_fault(int after) {
  int64_t first_us = FIRST_MS * 1000;
  add_ship("lock", SQLITE_IOERR_LOCK, after, 0);
  struct fault *fault = &fleet[0];
  struct record_keeper_options options = {.data_dir = fault->dir, .now = keeper_now, .keeping = keeper_keeping};
  struct record_keeper *keeper = record_keeper_open(&options, problem, sizeof problem);
  fault->after = 0;
  rounds_at(keeper, first_us, 1);
  put_into_days(fault->dir, 0, 4);
  rounds_at(keeper, first_us + HOUR_US, 1);
  put_into_days(fault->dir, 4, 7);
  fault->after = after;
  fault->times = 1;
  rounds_at(keeper, first_us + 2 * HOUR_US, 12);
  bool is_hit = fault->hits > 0;
  fault->times = 0;
  rounds_at(keeper, first_us + 3 * HOUR_US, 12);
  unsigned lines = count_lines(fault->dir);
  if (lines != 7) printf("# a fault after %d locks: %u lines of 7\n", after, lines);
  expect_int(lines, ==, 7);
  record_keeper_stop(&keeper);
  sink_fleet();
  return is_hit;
}

static void test_each_lock_that_fails_in_turn_leaves_each_record_in_one_file(void) {
  int after = 0;
  use_faulty_files();
  while (after < 200 && keep_with_a_fault(after))
    after++;
  expect(after > 10 && after < 200);
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

static sqlite3_mem_methods real_memory;
static int allocations_left = -1; /* then some fail; below: none does; atomic */

#define ALLOCATIONS_FAILED 1

static bool is_out_of_memory(void) {
  if (__atomic_load_n(&allocations_left, __ATOMIC_SEQ_CST) < -ALLOCATIONS_FAILED) return false;
  return __atomic_sub_fetch(&allocations_left, 1, __ATOMIC_SEQ_CST) < 0;
}

static void *scarce_allocate(int bytes) {
  return is_out_of_memory() ? NULL : real_memory.xMalloc(bytes);
}

static void *scarce_reallocate(void *memory, int bytes) {
  return is_out_of_memory() ? NULL : real_memory.xRealloc(memory, bytes);
}

/* Before SQLite begins. */
static void make_memory_scarce(void) {
  sqlite3_mem_methods scarce;
  allocations_left = -ALLOCATIONS_FAILED - 1;
  expect(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) == SQLITE_OK);
  scarce = real_memory;
  scarce.xMalloc = scarce_allocate;
  scarce.xRealloc = scarce_reallocate;
  expect(sqlite3_config(SQLITE_CONFIG_MALLOC, &scarce) == SQLITE_OK);
}

static void test_each_allocation_that_fails_loses_no_record(void) {
  static const int occasions[] = {0, 7, 60};
  make_memory_scarce();
  for (unsigned i = 0; i < sizeof occasions / sizeof occasions[0]; i++) {
    char dir[TEST_DIR_BYTES];
    test_dir_make_in("/dev/shm", "faults", dir);
    struct store *store = store_open(dir, problem, sizeof problem);
    expect(store != NULL);
    __atomic_store_n(&allocations_left, occasions[i], __ATOMIC_SEQ_CST);
    for (unsigned number = 0; number < RECORDS; number++)
      put(store, number);
    expect(wait_until(store, false));
    __atomic_store_n(&allocations_left, -ALLOCATIONS_FAILED - 1, __ATOMIC_SEQ_CST);
    expect_int(count_records(store), ==, RECORDS);
    close_and_remove(store, dir);
  }
}

TAP_TESTS(TAP(test_each_allocation_that_fails_loses_no_record),
          TAP(test_each_call_that_fails_in_turn_loses_no_record_and_doubles_none),
          TAP(test_a_disk_that_stays_broken_is_said_so_and_caught_up_with),
          TAP(test_a_locked_day_is_said_so_and_caught_up_with),
          TAP(test_each_lock_that_fails_in_turn_leaves_each_record_in_one_file))
