#include "supervision/session_guard.h"

#define TIMEOUT_SLACK_MS 500 /* the transaction says by itself that it timed out, and says it first */

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

int64_t session_guard_recommended_ms(uint32_t interval_s) {
  return smaller(SESSION_TRANSACTION_MS, interval_s * 1000LL / 3);
}

int64_t session_guard_early_ms(const struct parameters *parameters, uint32_t interval_s) {
  uint32_t early_s = parameters->SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP;
  if (early_s == PARAMETER_AUTO) return session_guard_recommended_ms(interval_s);
  return smaller(early_s * 1000LL, interval_s * 1000LL / 3);
}

struct mono_ms session_guard_due(const struct parameters *parameters, struct mono_ms refreshed_at,
                                 uint32_t interval_s) {
  return mono_ms_add(refreshed_at, interval_s * 1000LL - session_guard_early_ms(parameters, interval_s));
}

int64_t session_guard_period_ms(const struct parameters *parameters, uint32_t interval_s) {
  int64_t guard_ms = interval_s * 1000LL - session_guard_early_ms(parameters, interval_s);
  return smaller(interval_s * 1000LL / parameters->SS_SIP_SESSION_UPDATE_SEGMENT, guard_ms - SESSION_TRANSACTION_MS);
}

struct mono_ms session_guard_next(struct mono_ms previous, int64_t period_ms, struct mono_ms now) {
  int64_t periods = mono_ms_since(now, previous) / period_ms;
  return mono_ms_add(previous, (periods < 0 ? 0 : periods + 1) * period_ms);
}

struct mono_ms session_guard_spread(struct random *random, struct mono_ms now, int64_t period_ms) {
  return mono_ms_add(now, random_between(random, 0, (uint32_t)period_ms));
}

int64_t session_guard_patience_ms(int64_t left_ms) {
  return smaller(left_ms / 2, SESSION_TRANSACTION_MS + TIMEOUT_SLACK_MS);
}
