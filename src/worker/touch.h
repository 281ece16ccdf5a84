/* Makes memory resident ahead of need. The pools of the middle are reserved address space; a page that is written for
 * the first time costs an interruption, some microseconds each. While a pool grows, the pages that it will want next
 * are asked for in one piece: twice what it has grown by since the last look. A pool that does not grow gets nothing,
 * so an idle switch stays small. */
#ifndef WORKER_TOUCH_H
#define WORKER_TOUCH_H

#include "base/str_view.h"

#define TOUCH_POOLS_MAX 48

struct touch {
  struct {
    const char *fresh;    /* where the memory never used began at the last look */
    const char *resident; /* up to where it has been asked for */
  } pools[TOUCH_POOLS_MAX];
};

/* `fresh` is the memory of the pool with this number that has never been used, as switch_core_fresh_memory tells it. */
void touch_ahead(struct touch *touch, unsigned number, struct str_view fresh);

#endif
