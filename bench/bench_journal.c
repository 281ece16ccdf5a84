/* How long the journal takes to be read at the start, by the number of calls in it:
 *
 *   build/bench/bench_journal [CALLS...]
 *
 * Each call is as one in talk leaves it: a state, a note of its last proof of life, and beside it another call that has
 * ended meanwhile. Prints what writing took, a page cache that is warm being read: opening (find, check, index) and
 * visiting all that lives. What the workers do with it, bench/durability measures. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "store/call_journal.h"

#define STATE_BYTES 2600
#define NOTE_BYTES  48
#define END_BYTES   700

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

int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)(i * 131 + i / 7);
  if (argc == 1) {
    measure(10000);
    measure(100000);
  }
  for (int i = 1; i < argc; i++)
    measure((uint32_t)strtoul(argv[i], NULL, 10));
  return 0;
}
