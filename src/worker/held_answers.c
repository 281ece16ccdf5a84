#include "worker/held_answers.h"

void held_answers_init(struct held_answers *held, void *memory) {
  *held = (struct held_answers){0};
  ring_queue_init(&held->queue, memory, HELD_ANSWERS_BYTES);
}

static void count(struct held_answers *held, uint32_t waiting) {
  __atomic_store_n(&held->waiting, waiting, __ATOMIC_SEQ_CST);
}

enum result held_answers_put(struct held_answers *held, const struct held_answer *answer, struct str_view bytes) {
  struct held_answer copy = *answer;
  copy.length = (uint32_t)bytes.length;
  enum result result = ring_queue_push(&held->queue, &copy, sizeof copy, bytes.data, bytes.length);
  if (result == RESULT_OK) count(held, held->waiting + 1);
  return result;
}

const struct held_answer *held_answers_first(struct held_answers *held, struct str_view *bytes_out) {
  size_t length;
  if (held->waiting == 0) return NULL;
  const struct held_answer *answer = ring_queue_peek(&held->queue, &length);
  *bytes_out = str_view_of((const char *)(answer + 1), answer->length);
  return answer;
}

void held_answers_drop(struct held_answers *held) {
  ring_queue_pop(&held->queue);
  count(held, held->waiting - 1);
}
