/* Where operators' orders wait for the workers' answers. Not on the packets' way: it may lock and allocate. */
#ifndef WORKER_ORDER_DESK_H
#define WORKER_ORDER_DESK_H

#include <pthread.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str_view.h"

#define ORDER_WORKERS_MAX 64

/* One order on its way: lives on the stack of the thread that waits for it. */
struct pending_order {
  uint64_t id;
  struct pending_order *next;
  uint64_t missing; /* one bit per worker that has not answered */
  struct {
    enum result result;
    char *text; /* heap; NULL: no text */
  } answers[ORDER_WORKERS_MAX];
};

struct order_desk {
  pthread_mutex_t lock;
  pthread_cond_t answered;
  struct pending_order *first;
  uint64_t last_id;
};

void order_desk_open(struct order_desk *desk);
void order_desk_close(struct order_desk *desk);

/* Registers an order for the workers of the bit set `workers` and gives it a number, never 0. */
void order_desk_begin(struct order_desk *desk, struct pending_order *order, uint64_t workers);

/* Notes a worker's answer; the text is copied. Nothing happens when nobody waits for it any more. */
void order_desk_answer(struct order_desk *desk, uint64_t id, uint8_t worker, enum result result, struct str_view text);

/* Waits until every worker has answered or `deadline_ms` have passed, then forgets the order. RESULT_OK: all have. */
enum result order_desk_wait(struct order_desk *desk, struct pending_order *order, int deadline_ms);

/* What became of it after order_desk_wait: the texts of the workers that did it, joined in their order, and RESULT_OK;
 * or else the first failure and its text. The heap string is the caller's. Frees the single texts. */
enum result order_desk_join(struct pending_order *order, const char *joiner, char **text_out);

#endif
