#include "supervision/duration_cap.h"

#define CHANGE_SPREAD_MS (60 * 1000)
#define CAP_MASK         0x7fffffffu

static struct mono_ms end_after(struct mono_ms answered, uint32_t seconds) {
  return seconds == 0 ? (struct mono_ms){0} : mono_ms_add(answered, seconds * 1000LL);
}

void duration_cap_start(struct duration_cap *cap, struct mono_ms answered, uint32_t limit_s, uint32_t no_timer_cap_s) {
  cap->limit_s = limit_s;
  cap->no_timer_cap_s = no_timer_cap_s & CAP_MASK;
  cap->has_passed = 0;
  cap->limit_end = end_after(answered, limit_s);
  cap->no_timer_end = end_after(answered, cap->no_timer_cap_s);
}

/* The first end after `now` in whole caps from the one that there is. */
static void pass(struct duration_cap *cap, struct mono_ms now) {
  int64_t cap_ms = cap->no_timer_cap_s * 1000LL, late_ms = mono_ms_since(now, cap->no_timer_end);
  cap->has_passed = 1;
  if (late_ms >= 0) cap->no_timer_end = mono_ms_add(cap->no_timer_end, (late_ms / cap_ms + 1) * cap_ms);
}

void duration_cap_resume(struct duration_cap *cap, struct mono_ms answered, struct mono_ms alive) {
  cap->no_timer_end = end_after(answered, cap->no_timer_cap_s);
  if (cap->has_passed && cap->no_timer_cap_s != 0) pass(cap, alive);
}

/* An end that lies in the past already comes within a minute. */
static struct mono_ms changed_end(struct mono_ms answered, struct mono_ms now, uint32_t seconds,
                                  struct random *random) {
  struct mono_ms end = end_after(answered, seconds);
  if (end.value == 0 || mono_ms_before(now, end)) return end;
  return mono_ms_add(now, random_between(random, 0, CHANGE_SPREAD_MS));
}

void duration_cap_change(struct duration_cap *cap, struct mono_ms answered, struct mono_ms now, uint32_t no_timer_cap_s,
                         struct random *random) {
  if (cap->no_timer_cap_s == no_timer_cap_s) return;
  cap->no_timer_cap_s = no_timer_cap_s & CAP_MASK;
  cap->no_timer_end = changed_end(answered, now, cap->no_timer_cap_s, random);
}

void duration_cap_change_limit(struct duration_cap *cap, struct mono_ms answered, struct mono_ms now, uint32_t limit_s,
                               struct random *random) {
  if (cap->limit_s == limit_s) return;
  cap->limit_s = limit_s;
  cap->limit_end = changed_end(answered, now, limit_s, random);
}

bool duration_cap_would_end(const struct duration_cap *cap, struct mono_ms answered, struct mono_ms now,
                            uint32_t no_timer_cap_s) {
  struct mono_ms end = end_after(answered, no_timer_cap_s);
  return cap->no_timer_cap_s != no_timer_cap_s && end.value != 0 && !mono_ms_before(now, end);
}

struct mono_ms duration_cap_next(const struct duration_cap *cap, struct mono_ms none) {
  struct mono_ms next = none;
  if (cap->limit_end.value != 0 && mono_ms_before(cap->limit_end, next)) next = cap->limit_end;
  if (cap->no_timer_end.value != 0 && mono_ms_before(cap->no_timer_end, next)) next = cap->no_timer_end;
  return next;
}

enum duration_verdict duration_cap_due(struct duration_cap *cap, struct mono_ms now, bool caller_is_timed) {
  if (cap->limit_end.value != 0 && !mono_ms_before(now, cap->limit_end)) return DURATION_LIMIT_REACHED;
  if (cap->no_timer_end.value == 0 || mono_ms_before(now, cap->no_timer_end)) return DURATION_GOES_ON;
  if (!caller_is_timed) return DURATION_NO_TIMER_CAP_REACHED;
  pass(cap, now);
  return DURATION_GOES_ON;
}
