/* Opening and closing belfry.db, and its schema. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/store_private.h"
#include "store_migrations.inc"

#define MIGRATION_COUNT (sizeof store_migrations / sizeof store_migrations[0])
#define RECORDS_BY_DAY  2 /* the migration that drops the records of old */

sqlite3 *store_database_open(const char *path, int *code_out, char *problem, size_t problem_bytes) {
  sqlite3 *database = NULL;
  int code = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
  *code_out = code;
  if (code != SQLITE_OK) {
    snprintf(problem, problem_bytes, "%s cannot be opened: %s", path,
             database ? sqlite3_errmsg(database) : "no memory");
    sqlite3_close(database);
    return NULL;
  }
  sqlite3_busy_timeout(database, STORE_BUSY_TIMEOUT_MS);
  char *message = NULL;
  /* FULL: a batch is flushed to disk before its records count as written; one flush serves the whole batch. */
  code = sqlite3_exec(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;", NULL, NULL,
                      &message);
  *code_out = code;
  if (code != SQLITE_OK) {
    snprintf(problem, problem_bytes, "%s cannot be used: %s", path, message ? message : sqlite3_errstr(code));
    sqlite3_free(message);
    sqlite3_close(database);
    return NULL;
  }
  return database;
}

static int waits_for_lock(void *context, int tries) {
  const bool *stop = context;
  bool is_stopping = stop && __atomic_load_n(stop, __ATOMIC_RELAXED);
  int most_ms = is_stopping ? STORE_BUSY_STOPPING_MS : STORE_BUSY_TIMEOUT_MS;
  if (tries >= most_ms / STORE_BUSY_LOOK_MS) return 0;
  nanosleep(&(struct timespec){.tv_nsec = STORE_BUSY_LOOK_MS * 1000000L}, NULL);
  return 1;
}

void store_database_wait_unless(sqlite3 *database, const bool *stop) {
  sqlite3_busy_handler(database, waits_for_lock, (void *)(uintptr_t)stop);
}

static int schema_version(sqlite3 *database) {
  sqlite3_stmt *statement = NULL;
  int version = -1;
  if (sqlite3_prepare_v2(database, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW)
    version = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  return version;
}

static bool apply_migration(sqlite3 *database, size_t index, char *problem, size_t problem_bytes) {
  char *sql =
      sqlite3_mprintf("BEGIN IMMEDIATE;%s;PRAGMA user_version=%d;COMMIT", store_migrations[index].text, (int)index + 1);
  char *message = NULL;
  int code = sql ? sqlite3_exec(database, sql, NULL, NULL, &message) : SQLITE_NOMEM;
  if (code != SQLITE_OK) {
    snprintf(problem, problem_bytes, "schema %s cannot be applied: %s", store_migrations[index].name,
             message ? message : sqlite3_errstr(code));
    sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
  }
  sqlite3_free(message);
  sqlite3_free(sql);
  return code == SQLITE_OK;
}

/* Brings the schema of belfry.db in `data_dir` up to date; false with a sentence in `problem`, also when the database
 * is of a newer version. */
static bool migrate(sqlite3 *database, const char *data_dir, char *problem, size_t problem_bytes) {
  int version = schema_version(database);
  if (version < 0 || (size_t)version > MIGRATION_COUNT) {
    snprintf(problem, problem_bytes, "the database has schema version %d, this program knows up to %zu", version,
             MIGRATION_COUNT);
    return false;
  }
  for (size_t index = (size_t)version; index < MIGRATION_COUNT; index++) {
    bool is_ready = index != RECORDS_BY_DAY || store_move_records(database, data_dir, problem, problem_bytes);
    if (!is_ready || !apply_migration(database, index, problem, problem_bytes)) return false;
    /* What the records took is given back; if not, it is used again. */
    if (index == RECORDS_BY_DAY) sqlite3_exec(database, "VACUUM", NULL, NULL, NULL);
  }
  return true;
}

/* Creates the file with nobody else allowed to read it: it holds digest secrets. */
static bool create_private_file(const char *path, char *problem, size_t problem_bytes) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || fchmod(fd, 0600) != 0) {
    snprintf(problem, problem_bytes, "%s cannot be created: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return false;
  }
  close(fd);
  return true;
}

static bool open_everything(struct store *store, char *problem, size_t problem_bytes) {
  if (!create_private_file(store->path, problem, problem_bytes)) return false;
  int code;
  store->operator_database = store_database_open(store->path, &code, problem, problem_bytes);
  if (!store->operator_database) return false;
  if (!migrate(store->operator_database, store->dir, problem, problem_bytes)) return false;
  store->queue_memory =
      mmap(NULL, STORE_QUEUE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  store->batch = malloc(STORE_BATCH_BYTES);
  store->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (store->queue_memory == MAP_FAILED || !store->batch || store->wake_fd < 0) {
    snprintf(problem, problem_bytes, "no memory for the queue of records: %s", strerror(errno));
    return false;
  }
  ring_queue_init(&store->queue, store->queue_memory, STORE_QUEUE_BYTES);
  store->writer_started = pthread_create(&store->writer, NULL, store_writer_run, store) == 0;
  if (!store->writer_started) snprintf(problem, problem_bytes, "the writer thread cannot be started");
  return store->writer_started;
}

struct store *store_open(const char *dir, char *problem, size_t problem_bytes) {
  struct store *store = calloc(1, sizeof *store);
  if (!store) {
    snprintf(problem, problem_bytes, "no memory");
    return NULL;
  }
  store->wake_fd = -1;
  store->queue_memory = MAP_FAILED;
  store->health.ok = true;
  pthread_mutex_init(&store->operator_mutex, NULL);
  pthread_mutex_init(&store->records_mutex, NULL);
  pthread_mutex_init(&store->health_mutex, NULL);
  snprintf(store->dir, sizeof store->dir, "%s", dir);
  day_shelf_init(&store->operator_shelf, dir);
  day_shelf_init(&store->writer_shelf, dir);
  store->writer_shelf.stop = &store->stopping;
  snprintf(store->path, sizeof store->path, "%s/belfry.db", dir);
  if (!open_everything(store, problem, problem_bytes)) store_close(&store);
  return store;
}

static void stop_writer(struct store *store) {
  if (!store->writer_started) return;
  __atomic_store_n(&store->stopping, true, __ATOMIC_RELEASE);
  uint64_t one = 1;
  if (write(store->wake_fd, &one, sizeof one) < 0) { /* the counter is full, so the thread is awake anyway */
  }
  pthread_join(store->writer, NULL);
}

void store_close(struct store **store_pointer) {
  struct store *store = *store_pointer;
  if (!store) return;
  *store_pointer = NULL;
  stop_writer(store);
  day_shelf_close(&store->writer_shelf);
  day_shelf_close(&store->operator_shelf);
  sqlite3_close(store->operator_database);
  if (store->queue_memory != MAP_FAILED) munmap(store->queue_memory, STORE_QUEUE_BYTES);
  free(store->batch);
  if (store->wake_fd >= 0) close(store->wake_fd);
  pthread_mutex_destroy(&store->operator_mutex);
  pthread_mutex_destroy(&store->records_mutex);
  pthread_mutex_destroy(&store->health_mutex);
  free(store);
}
