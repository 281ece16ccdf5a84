/* How long the journal gathers before it flushes. To flush costs about the same for one answer as for fifty, so where
 * many wait, flushes are some way apart, and each serves all who have come meanwhile. Where few do, there is nothing to
 * be gained: a single call's answer is flushed at once. */
#ifndef STORE_JOURNAL_GATHER_H
#define STORE_JOURNAL_GATHER_H

#include <stdint.h>

#define JOURNAL_GATHER_WINDOW_MS 100
#define JOURNAL_GATHER_MANY      40 /* are waited for in a window: then it gathers for as long as it may */

struct journal_gather {
  int64_t window;
  uint32_t awaited, awaited_before; /* in this window, in the one before */
};

/* So many things more that somebody waits for. `now_us` is the kernel's monotonic clock. */
void journal_gather_note(struct journal_gather *gather, int64_t now_us, uint32_t awaited);

/* How long after the beginning of one flush the next one may begin: `most_ms` when JOURNAL_GATHER_MANY are waited for
 * in a window, less in proportion when they are fewer, 0 when nobody has waited lately. */
int64_t journal_gather_us(const struct journal_gather *gather, int64_t now_us, uint32_t most_ms);

#endif
