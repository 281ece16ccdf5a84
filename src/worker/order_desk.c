#include "worker/order_desk.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void order_desk_open(struct order_desk *desk) {
  *desk = (struct order_desk){0};
  pthread_mutex_init(&desk->lock, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&desk->answered, &attributes);
  pthread_condattr_destroy(&attributes);
}

void order_desk_close(struct order_desk *desk) {
  pthread_cond_destroy(&desk->answered);
  pthread_mutex_destroy(&desk->lock);
}

void order_desk_begin(struct order_desk *desk, struct pending_order *order, uint64_t workers) {
  memset(order, 0, sizeof *order);
  order->missing = workers;
  for (unsigned i = 0; i < ORDER_WORKERS_MAX; i++)
    order->answers[i].result = RESULT_NOT_FOUND;
  pthread_mutex_lock(&desk->lock);
  order->id = ++desk->last_id;
  order->next = desk->first;
  desk->first = order;
  pthread_mutex_unlock(&desk->lock);
}

static char *copy_text(struct str_view text) {
  if (text.length == 0) return NULL;
  char *copy = malloc(text.length + 1);
  if (!copy) return NULL;
  memcpy(copy, text.data, text.length);
  copy[text.length] = '\0';
  return copy;
}

void order_desk_answer(struct order_desk *desk, uint64_t id, uint8_t worker, enum result result, struct str_view text) {
  if (id == 0 || worker >= ORDER_WORKERS_MAX) return;
  uint64_t bit = UINT64_C(1) << worker;
  pthread_mutex_lock(&desk->lock);
  struct pending_order *order = desk->first;
  while (order && order->id != id)
    order = order->next;
  if (order && (order->missing & bit)) {
    order->answers[worker].result = result;
    order->answers[worker].text = copy_text(text);
    order->missing &= ~bit;
    if (order->missing == 0) pthread_cond_broadcast(&desk->answered);
  }
  pthread_mutex_unlock(&desk->lock);
}

static struct timespec deadline_after(int ms) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  time.tv_sec += ms / 1000;
  time.tv_nsec += (long)(ms % 1000) * 1000000;
  if (time.tv_nsec >= 1000000000) {
    time.tv_nsec -= 1000000000;
    time.tv_sec++;
  }
  return time;
}

enum result order_desk_wait(struct order_desk *desk, struct pending_order *order, int deadline_ms) {
  struct timespec deadline = deadline_after(deadline_ms);
  int problem = 0;
  pthread_mutex_lock(&desk->lock);
  while (order->missing && problem == 0)
    problem = pthread_cond_timedwait(&desk->answered, &desk->lock, &deadline);
  struct pending_order **link = &desk->first;
  while (*link != order)
    link = &(*link)->next;
  *link = order->next;
  pthread_mutex_unlock(&desk->lock);
  return order->missing ? RESULT_TIMED_OUT : RESULT_OK;
}

/* The first that failed; `has_found`: who merely does not know what the order is about is left out. */
static bool first_failed(const struct pending_order *order, bool has_found, unsigned *at_out) {
  for (unsigned i = 0; i < ORDER_WORKERS_MAX; i++) {
    bool is_lost = order->answers[i].result == RESULT_NOT_FOUND;
    if (is_lost && (has_found || !order->answers[i].text)) continue;
    *at_out = i;
    return true;
  }
  return false;
}

/* The result that counts, and whose texts belong to it: all with RESULT_OK, or the one that failed first. */
static enum result decide(const struct pending_order *order, uint64_t *chosen_out) {
  *chosen_out = 0;
  for (unsigned i = 0; i < ORDER_WORKERS_MAX; i++)
    if (order->answers[i].result == RESULT_OK) *chosen_out |= UINT64_C(1) << i;
  if (*chosen_out) return RESULT_OK;
  unsigned at;
  if (!first_failed(order, true, &at) && !first_failed(order, false, &at)) return RESULT_NOT_FOUND;
  *chosen_out = UINT64_C(1) << at;
  return order->answers[at].result;
}

enum result order_desk_join(struct pending_order *order, const char *joiner, char **text_out) {
  uint64_t chosen;
  enum result result = decide(order, &chosen);
  size_t length = 1;
  for (unsigned i = 0; i < ORDER_WORKERS_MAX; i++)
    if (order->answers[i].text) length += strlen(order->answers[i].text) + strlen(joiner);
  char *joined = malloc(length), *end = joined;
  for (unsigned i = 0; i < ORDER_WORKERS_MAX; i++) {
    char *text = order->answers[i].text;
    if (text && joined && (chosen >> i & 1)) {
      if (end > joined) end = stpcpy(end, joiner);
      end = stpcpy(end, text);
    }
    free(text);
    order->answers[i].text = NULL;
  }
  if (joined) *end = '\0';
  *text_out = joined;
  return joined ? result : RESULT_FULL;
}
