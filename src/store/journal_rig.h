/* What the journal's tests share: a store that can be full, and files that can fail at any call. */
#ifndef STORE_JOURNAL_RIG_H
#define STORE_JOURNAL_RIG_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/call_journal.h"
#include "store/journal_record.h"
#include "tap.h"

#define OBJECTS_MAX 2000
#define SINK_MAX    4096

static char dir[256], journal_dir[300];
static char problem[512];
static char reports[8192];

/* --- a store ----------------------------------------------------------------------------------------------------- */

static struct {
  char records[SINK_MAX][24];
  uint64_t count;        /* atomic */
  uint64_t position;     /* of all that was ever put */
  bool is_full, is_slow; /* takes nothing; has nothing safe */
  bool is_to_forget;     /* atomic: what it has, before it takes the next */
  uint64_t asked;        /* atomic: how often for what is safe */
} sink;

static inline enum result sink_put(void *context, struct str_view record) {
  (void)context;
  uint64_t count = __atomic_exchange_n(&sink.is_to_forget, false, __ATOMIC_ACQ_REL) ? 0 : sink.count;
  if (__atomic_load_n(&sink.is_full, __ATOMIC_ACQUIRE) || count == SINK_MAX) return RESULT_FULL;
  snprintf(sink.records[count], sizeof sink.records[0], "%.*s", (int)record.length, record.data);
  sink.position++;
  __atomic_store_n(&sink.count, count + 1, __ATOMIC_RELEASE);
  return RESULT_OK;
}

static inline uint64_t sink_position(void *context) {
  (void)context;
  return sink.position;
}

static inline uint64_t sink_stored(void *context) {
  (void)context;
  __atomic_add_fetch(&sink.asked, 1, __ATOMIC_RELEASE);
  return __atomic_load_n(&sink.is_slow, __ATOMIC_ACQUIRE) ? 0 : sink.position;
}

static inline unsigned sink_has(const char *record) {
  unsigned found = 0;
  for (uint64_t i = 0; i < __atomic_load_n(&sink.count, __ATOMIC_ACQUIRE); i++)
    found += strcmp(sink.records[i], record) == 0;
  return found;
}

/* --- files that fail --------------------------------------------------------------------------------------------- */

static struct {
  const char *operation; /* which; NULL: none */
  int after, times;      /* so many calls go well, then so many fail */
  int error;
} fault;
static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER; /* the journal's thread asks while a test changes it */

static inline void set_fault(const char *operation, int error, int after, int times) {
  pthread_mutex_lock(&fault_lock);
  fault.operation = operation;
  fault.error = error;
  fault.after = after;
  fault.times = times;
  pthread_mutex_unlock(&fault_lock);
}

static inline bool fails(const char *operation) {
  bool is_now = false;
  pthread_mutex_lock(&fault_lock);
  if (fault.operation && strcmp(fault.operation, operation) == 0 && fault.after-- <= 0 && fault.times > 0) {
    fault.times--;
    is_now = true;
  }
  int error = fault.error;
  pthread_mutex_unlock(&fault_lock);
  if (is_now) errno = error;
  return is_now;
}

/* Of those that are to fail. */
static inline int faults_left(void) {
  pthread_mutex_lock(&fault_lock);
  int left = fault.times;
  pthread_mutex_unlock(&fault_lock);
  return left;
}

static inline int faulty_create(void *context, const char *path) {
  return fails("create") ? -1 : journal_files_real()->create(context, path);
}

static inline int faulty_open(void *context, const char *path) {
  return fails("open") ? -1 : journal_files_real()->open(context, path);
}

static inline int faulty_reserve(void *context, int fd, uint64_t bytes) {
  return fails("reserve") ? -1 : journal_files_real()->reserve(context, fd, bytes);
}

/* Half of it arrives. */
static inline ssize_t faulty_write_at(void *context, int fd, const void *bytes, size_t count, uint64_t offset) {
  if (!fails("write")) return journal_files_real()->write_at(context, fd, bytes, count, offset);
  int error = errno;
  (void)!journal_files_real()->write_at(context, fd, bytes, count / 2, offset);
  errno = error;
  return -1;
}

static inline ssize_t faulty_read_at(void *context, int fd, void *bytes, size_t count, uint64_t offset) {
  return fails("read") ? -1 : journal_files_real()->read_at(context, fd, bytes, count, offset);
}

static inline int faulty_flush(void *context, int fd) {
  return fails("flush") ? -1 : journal_files_real()->flush(context, fd);
}

static inline int faulty_flush_directory(void *context, const char *directory) {
  return fails("flush_directory") ? -1 : journal_files_real()->flush_directory(context, directory);
}

static inline int faulty_rename(void *context, const char *from, const char *to) {
  return fails("rename") ? -1 : journal_files_real()->rename(context, from, to);
}

static inline int faulty_remove(void *context, const char *path) {
  return fails("remove") ? -1 : journal_files_real()->remove(context, path);
}

static inline void *faulty_allocate(void *context, size_t bytes) {
  return fails("allocate") ? NULL : journal_files_real()->allocate(context, bytes);
}

static inline struct journal_files faulty_files(void) {
  struct journal_files files = *journal_files_real();
  files.create = faulty_create;
  files.open = faulty_open;
  files.reserve = faulty_reserve;
  files.write_at = faulty_write_at;
  files.read_at = faulty_read_at;
  files.flush = faulty_flush;
  files.flush_directory = faulty_flush_directory;
  files.rename = faulty_rename;
  files.remove = faulty_remove;
  files.allocate = faulty_allocate;
  return files;
}

/* --- the journal ------------------------------------------------------------------------------------------------- */

static inline void keep_report(void *context, const char *line) {
  (void)context;
  size_t length = strlen(reports);
  snprintf(reports + length, sizeof reports - length, "%s\n", line);
}

static inline void fresh_dir(void) {
  memset(&sink, 0, sizeof sink);
  set_fault(NULL, 0, 0, 0);
  reports[0] = problem[0] = '\0';
  /* In memory where that can be: the system's own flush is not what is tested. */
  snprintf(dir, sizeof dir, "%s/belfry-journal-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  expect(mkdtemp(dir) != NULL);
  snprintf(journal_dir, sizeof journal_dir, "%s/journal", dir);
}

static inline void remove_name(void *subject, const char *name) {
  char path[700];
  (void)subject;
  if (name[0] == '.') return;
  snprintf(path, sizeof path, "%s/%s", journal_dir, name);
  unlink(path);
}

static inline void remove_dir(void) {
  journal_files_real()->list(NULL, journal_dir, remove_name, NULL);
  rmdir(journal_dir);
  expect(rmdir(dir) == 0);
}

static inline struct call_journal *open_journal(void) {
  static struct journal_files files;
  files = faulty_files();
  struct call_journal_options options = {.dir = dir,
                                         .objects_max = OBJECTS_MAX,
                                         .segment_bytes = 64 << 10,
                                         .sink = {sink_put, sink_position, sink_stored, NULL},
                                         .files = &files,
                                         .report = keep_report};
  return call_journal_open(&options, problem, sizeof problem);
}

static inline struct call_journal *start_journal(void) {
  struct call_journal *journal = open_journal();
  expect(journal != NULL);
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  return journal;
}

static inline struct journal_key key_of(uint64_t number) {
  return (struct journal_key){UINT64_C(0x19a0000000000), number << 32 | 1};
}

static inline uint64_t put(struct call_journal *journal, enum journal_kind kind, uint64_t number, const char *text) {
  uint64_t ticket = 0;
  while (call_journal_put(journal, kind, key_of(number), str_view_from_c(text), JOURNAL_URGENT, &ticket) != RESULT_OK)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  return ticket;
}

static inline bool wait_for(const struct call_journal *journal, uint64_t ticket) {
  for (int i = 0; i < 10000; i++) {
    if (call_journal_is_durable(journal, ticket)) return true;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  return false;
}

struct living {
  unsigned count;
  bool has[OBJECTS_MAX];
  uint8_t owed[OBJECTS_MAX];
  char state[OBJECTS_MAX][64], note[OBJECTS_MAX][64];
};
static struct living living;

static inline bool keep_living(void *context, const struct journal_kept *kept) {
  (void)context;
  uint64_t number = kept->key.low >> 32;
  expect(number < OBJECTS_MAX && !living.has[number]);
  living.count++;
  living.has[number] = true;
  living.owed[number] = kept->owed;
  snprintf(living.state[number], sizeof living.state[0], "%.*s", (int)kept->state.length, kept->state.data);
  snprintf(living.note[number], sizeof living.note[0], "%.*s", (int)kept->note.length, kept->note.data);
  return true;
}

/* Opens it as after a crash, and reads what lives. */
static inline struct call_journal *reopen(void) {
  memset(&living, 0, sizeof living);
  struct call_journal *journal = open_journal();
  expect(journal != NULL);
  expect_int(call_journal_each(journal, &(struct journal_visit){.each = keep_living}), ==, RESULT_OK);
  return journal;
}

static inline void copy_names(void *subject, const char *name) {
  char *last = subject;
  if (name[0] == 'j' && strcmp(name, last) > 0) snprintf(last, 64, "%s", name);
}

/* The newest file of the journal. */
static inline void newest_file(char *path, size_t path_bytes) {
  char last[64] = "";
  journal_files_real()->list(NULL, journal_dir, copy_names, last);
  snprintf(path, path_bytes, "%s/%s", journal_dir, last);
}

static inline size_t read_file(const char *path, char *memory, size_t bytes) {
  FILE *stream = fopen(path, "r");
  expect(stream != NULL);
  size_t length = fread(memory, 1, bytes, stream);
  fclose(stream);
  return length;
}

static inline void write_file(const char *path, const char *bytes, size_t length) {
  FILE *stream = fopen(path, "w");
  expect(stream != NULL && fwrite(bytes, 1, length, stream) == length);
  fclose(stream);
}

static inline int64_t monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
