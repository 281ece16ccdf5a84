#include "worker/pace.h"

static int64_t window_at(int64_t now_ns) {
  return now_ns / (PACE_WINDOW_MS * INT64_C(1000000));
}

void pace_note_round(struct pace *pace, int64_t now_ns) {
  int64_t window = window_at(now_ns);
  if (window != pace->window) {
    pace->messages_before = window == pace->window + 1 ? pace->messages : 0;
    pace->messages = 0;
    pace->window = window;
  }
  pace->round_ns = now_ns;
  pace->round_messages = 0;
}

int64_t pace_rest_until_ns(const struct pace *pace, int64_t now_ns) {
  bool is_dense = pace->messages > PACE_DENSE_MESSAGES || pace->messages_before > PACE_DENSE_MESSAGES;
  if (!is_dense || pace->round_messages >= PACE_BATCH_GOOD) return 0;
  int64_t until_ns = pace->round_ns + PACE_REST_US * INT64_C(1000);
  return now_ns < until_ns ? until_ns : 0;
}
