#include "worker/inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

bool inbox_open(struct inbox *inbox, void *memory) {
  *inbox = (struct inbox){.bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  ring_queue_init(&inbox->queue, memory, INBOX_BYTES);
  return inbox->bell_fd >= 0;
}

void inbox_close(struct inbox *inbox) {
  if (inbox->bell_fd >= 0) close(inbox->bell_fd);
  inbox->bell_fd = -1;
}

/* The worker writes `is_sleeping` before it looks at the queue, the producer writes the queue before it looks at
 * `is_sleeping`. Both sides do so with an exchange: the two exchanges have an order, and whoever is second sees what
 * the other did before. */
static void ring_if_sleeping(struct inbox *inbox) {
  if (!__atomic_exchange_n(&inbox->is_sleeping, false, __ATOMIC_ACQ_REL)) return;
  uint64_t one = 1;
  /* It fails only when the bell has been rung 2^64-2 times without being heard. */
  ssize_t ignored = write(inbox->bell_fd, &one, sizeof one);
  (void)ignored;
}

enum result inbox_put(struct inbox *inbox, const struct inbox_note *note, struct str_view payload) {
  struct inbox_note copy = *note;
  copy.payload_length = (uint32_t)payload.length;
  size_t slack = note->kind == INBOX_MESSAGE ? INBOX_SLACK_BYTES : 0;
  enum result result = ring_queue_push(&inbox->queue, &copy, sizeof copy, payload.data, payload.length + slack);
  if (result == RESULT_OK) ring_if_sleeping(inbox);
  return result;
}

void inbox_ring(struct inbox *inbox) {
  __atomic_store_n(&inbox->is_sleeping, true, __ATOMIC_RELEASE);
  ring_if_sleeping(inbox);
}

uint32_t inbox_fill_permille(const struct inbox *inbox) {
  uint64_t consumed = __atomic_load_n(&inbox->queue.consumed, __ATOMIC_RELAXED);
  uint64_t reserved = __atomic_load_n(&inbox->queue.reserved, __ATOMIC_RELAXED);
  return reserved > consumed ? (uint32_t)((reserved - consumed) * 1000 / inbox->queue.capacity) : 0;
}

const struct inbox_note *inbox_next(struct inbox *inbox, struct str_view *payload_out) {
  size_t length;
  const struct inbox_note *note = ring_queue_peek(&inbox->queue, &length);
  if (note) *payload_out = str_view_of((const char *)(note + 1), note->payload_length);
  return note;
}

void inbox_drop(struct inbox *inbox) {
  ring_queue_pop(&inbox->queue);
}

bool inbox_may_sleep(struct inbox *inbox) {
  (void)__atomic_exchange_n(&inbox->is_sleeping, true, __ATOMIC_ACQ_REL);
  size_t length;
  return ring_queue_peek(&inbox->queue, &length) == NULL;
}

void inbox_wake(struct inbox *inbox, bool has_rung) {
  __atomic_store_n(&inbox->is_sleeping, false, __ATOMIC_RELAXED);
  uint64_t count;
  if (has_rung) {
    ssize_t ignored = read(inbox->bell_fd, &count, sizeof count);
    (void)ignored;
  }
}
