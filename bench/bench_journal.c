/* How long the journal takes to be read at the start, by the number of calls in it, and what giving up old files does
 * to those who wait meanwhile:
 *
 *   build/bench/bench_journal [CALLS...]
 *   build/bench/bench_journal --churn CALLS RATE SECONDS
 *
 * Each call is as one in talk leaves it: a state, a note of its last proof of life, and beside it another call that has
 * ended meanwhile. Prints what writing took, a page cache that is warm being read: opening (find, check, index) and
 * visiting all that lives. What the workers do with it, bench/durability measures.
 *
 * With --churn so many calls stay, and RATE a second come and others end for so long, and twenty times as many change.
 * Each that comes waits for its flush as an answer does: printed are the waits while a file was being given up and
 * while none was, and the room on disk. */
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "store/call_journal.h"
#include "store/journal_private.h"

#define STATE_BYTES 2600
#define NOTE_BYTES  48
#define END_BYTES   700
#define TALK_BYTES  1200 /* of a call in talk with short session descriptions */
#define CHANGES     20   /* of sessions, for each call that comes */
#define SETTLE_S    5    /* in which what was written at the beginning gets on the disk */

static char bytes[STATE_BYTES];

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void give_up(const char *what) {
  fprintf(stderr, "bench_journal: %s\n", what);
  exit(1);
}

static void put(struct call_journal *journal, enum journal_kind kind, struct journal_key key, size_t length) {
  while (call_journal_put(journal, kind, key, str_view_of(bytes, length), JOURNAL_SOON, NULL) == RESULT_FULL)
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static struct journal_key key_of(uint32_t number) {
  return (struct journal_key){.high = (UINT64_C(0x019a0b1c2d3e) + number / 4) << 8, .low = (uint64_t)number << 32 | 7};
}

static void write_calls(struct call_journal *journal, uint32_t calls) {
  for (uint32_t i = 0; i < 2 * calls; i++) {
    put(journal, JOURNAL_PUT, key_of(i), STATE_BYTES);
    put(journal, JOURNAL_NOTE, key_of(i), NOTE_BYTES);
    if (i % 2 == 1) put(journal, JOURNAL_END, key_of(i), END_BYTES);
  }
}

static bool count_call(void *context, const struct journal_kept *kept) {
  (*(uint32_t *)context) += kept->state.length == STATE_BYTES && kept->note.length == NOTE_BYTES;
  return true;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)status;
  (void)type;
  (void)place;
  return remove(path);
}

static void measure(uint32_t calls) {
  char dir[] = "/tmp/belfry-bench-XXXXXX", problem[512];
  if (!mkdtemp(dir)) give_up("no directory");
  struct call_journal_options options = {.dir = dir, .objects_max = calls + calls / 2 + 64};
  struct call_journal *journal = call_journal_open(&options, problem, sizeof problem);
  if (!journal || call_journal_start(journal) != RESULT_OK) give_up(problem);
  double begun = now_s();
  write_calls(journal, calls);
  call_journal_stop(journal);
  double written = now_s();
  call_journal_close(&journal);

  double opening = now_s();
  journal = call_journal_open(&options, problem, sizeof problem);
  if (!journal) give_up(problem);
  double opened = now_s();
  uint32_t count = 0;
  if (call_journal_each(journal, &(struct journal_visit){.each = count_call, .context = &count}) != RESULT_OK ||
      count != calls)
    give_up("not all calls are there");
  double visited = now_s();
  struct call_journal_health health;
  call_journal_read_health(journal, &health);
  call_journal_close(&journal);
  printf("%8u calls: written in %.2f s; opened in %.3f s, visited in %.3f s: %.2f s, %.0f MB/s of what lives\n", calls,
         written - begun, opened - opening, visited - opened, visited - opening,
         (double)calls * (STATE_BYTES + NOTE_BYTES) / 1e6 / (visited - opening));
  nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- coming and going -------------------------------------------------------------------------------------------- */

struct waits {
  double *ms;
  size_t count, room;
};

static void note_wait(struct waits *waits, double ms) {
  if (waits->count == waits->room) {
    waits->room = waits->room ? 2 * waits->room : 4096;
    waits->ms = realloc(waits->ms, waits->room * sizeof *waits->ms);
    if (!waits->ms) give_up("no memory");
  }
  waits->ms[waits->count++] = ms;
}

static int by_size(const void *a, const void *b) {
  double first = *(const double *)a, second = *(const double *)b;
  return first < second ? -1 : first > second;
}

static void print_waits(const char *when, const struct waits *waits) {
  if (waits->count == 0) return;
  qsort(waits->ms, waits->count, sizeof waits->ms[0], by_size);
  printf("  %-32s %7zu waits: middle %.1f ms, 99 of 100 %.1f ms, longest %.1f ms\n", when, waits->count,
         waits->ms[waits->count / 2], waits->ms[waits->count * 99 / 100], waits->ms[waits->count - 1]);
}

static void rest_until(double due_s) {
  double left = due_s - now_s();
  if (left > 0) nanosleep(&(struct timespec){(time_t)left, (long)((left - (double)(time_t)left) * 1e9)}, NULL);
}

struct churn {
  struct call_journal *journal;
  uint32_t calls, next; /* those from next − calls to next − 1 live */
  struct waits while_compacting, else_;
  uint64_t bytes_max;
  double bytes_of_live_max;
};

/* An answer waits; beside it sessions of others change, and the call that has lasted longest ends. */
static void one_comes(struct churn *churn) {
  static uint32_t changed;
  struct call_journal *journal = churn->journal;
  uint64_t ticket;
  bool compacts = __atomic_load_n(&journal->compact_number, __ATOMIC_RELAXED) != 0;
  put(journal, JOURNAL_PUT, key_of(churn->next), END_BYTES / 2);
  for (unsigned i = 0; i < CHANGES; i++, changed += 7919)
    put(journal, JOURNAL_PUT, key_of(churn->next - 1 - changed % (churn->calls - 1)), TALK_BYTES);
  put(journal, JOURNAL_END, key_of(churn->next - churn->calls), END_BYTES);
  double begun = now_s();
  while (call_journal_put(journal, JOURNAL_PUT, key_of(churn->next), str_view_of(bytes, TALK_BYTES), JOURNAL_URGENT,
                          &ticket) != RESULT_OK)
    nanosleep(&(struct timespec){0, 100000}, NULL);
  while (!call_journal_is_durable(journal, ticket))
    nanosleep(&(struct timespec){0, 100000}, NULL);
  compacts = compacts || __atomic_load_n(&journal->compact_number, __ATOMIC_RELAXED) != 0;
  note_wait(compacts ? &churn->while_compacting : &churn->else_, (now_s() - begun) * 1000);
  put(journal, JOURNAL_NOTE, key_of(churn->next++), NOTE_BYTES);
}

static void note_room(struct churn *churn) {
  struct call_journal_health health;
  call_journal_read_health(churn->journal, &health);
  if (health.bytes > churn->bytes_max) churn->bytes_max = health.bytes;
  double of_live = health.bytes_live > 0 ? (double)health.bytes / (double)health.bytes_live : 0;
  if (of_live > churn->bytes_of_live_max) churn->bytes_of_live_max = of_live;
}

static void churn(uint32_t calls, uint32_t rate, uint32_t seconds) {
  char dir[] = "/tmp/belfry-bench-XXXXXX", problem[512];
  if (!mkdtemp(dir)) give_up("no directory");
  struct call_journal_options options = {.dir = dir, .objects_max = calls + calls / 2 + 64};
  struct churn churn = {.journal = call_journal_open(&options, problem, sizeof problem), .calls = calls};
  if (!churn.journal || call_journal_start(churn.journal) != RESULT_OK) give_up(problem);
  for (unsigned round = 0; round < 3; round++) /* what the first ones leave is not needed any more */
    for (uint32_t i = 0; i < calls; i++)
      put(churn.journal, JOURNAL_PUT, key_of(i), TALK_BYTES);
  churn.next = calls;
  rest_until(now_s() + SETTLE_S);
  double begun = now_s();
  for (uint64_t i = 0; now_s() < begun + seconds; i++) {
    rest_until(begun + (double)i / rate);
    one_comes(&churn);
    if (i % 64 == 0) note_room(&churn);
  }
  struct call_journal_health health;
  call_journal_read_health(churn.journal, &health);
  printf("%u calls stay, %.0f a second come and go: %.0f MB on disk at most, %.2f times what lives; %" PRIu64
         " flushes, the longest %.0f ms\n",
         calls, (double)(churn.next - calls) / (now_s() - begun), (double)churn.bytes_max / 1e6,
         churn.bytes_of_live_max, health.flushes, (double)health.flush_us_max / 1000);
  print_waits("while a file was given up", &churn.while_compacting);
  print_waits("while none was", &churn.else_);
  call_journal_close(&churn.journal);
  nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static uint32_t number_of(const char *text) {
  return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)(i * 131 + i / 7);
  if (argc == 5 && strcmp(argv[1], "--churn") == 0) {
    churn(number_of(argv[2]), number_of(argv[3]), number_of(argv[4]));
    return 0;
  }
  if (argc == 1) {
    measure(10000);
    measure(100000);
  }
  for (int i = 1; i < argc; i++)
    measure(number_of(argv[i]));
  return 0;
}
