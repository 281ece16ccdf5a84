/* One leg's timer against a clock that is turned by hand: the test plays the call and the peer. */
#ifndef SUPERVISION_SESSION_TIMER_RIG_H
#define SUPERVISION_SESSION_TIMER_RIG_H

#include <stdlib.h>
#include <tap.h>

#include "base/check.h"
#include "supervision/session_guard.h"
#include "supervision/session_timer.h"

#define START_MS 5000000

struct rig {
  struct session_timer session;
  struct context context;
  struct timer_wheel wheel;
  struct random random;
  struct counters counters;
  struct parameters parameters;
  struct refresh_evidence evidence;
  struct session_deed deed; /* the last one that was to be done */
};

static const struct session_terms ours = {600, SESSION_ROLE_OURS}, theirs = {600, SESSION_ROLE_THEIRS}, none = {0};

static inline struct rig *rig_create(void) {
  struct rig *rig = calloc(1, sizeof *rig);
  random_seed(&rig->random, (struct siphash_key){3, 4});
  parameters_set_defaults(&rig->parameters);
  rig->evidence = (struct refresh_evidence){.allows_update = true, .has_session = true, .owns_call_id = true};
  rig->context = (struct context){.now = {START_MS},
                                  .random = &rig->random,
                                  .wheel = &rig->wheel,
                                  .counters = &rig->counters,
                                  .parameters = &rig->parameters};
  timer_wheel_init(&rig->wheel, rig->context.now);
  return rig;
}

/* A leg that has answered the INVITE, as the callee's has, with these terms. */
static inline struct rig *rig_of(struct session_terms terms) {
  struct rig *rig = rig_create();
  session_timer_note_answered(&rig->session, SIP_METHOD_INVITE);
  session_timer_begin(&rig->session, &rig->context, terms, SESSION_BY_ANSWER, SIP_METHOD_INVITE);
  return rig;
}

static inline int64_t rig_ms(const struct rig *rig) {
  return rig->context.now.value - START_MS;
}

static inline struct rig *rig_of_interval(uint32_t interval_s, enum session_role role) {
  return rig_of((struct session_terms){interval_s, (uint8_t)role});
}

static inline void rig_destroy(struct rig *rig) {
  session_timer_stop(&rig->session, &rig->context);
  expect_int(rig->wheel.armed_count, ==, 0);
  expect_int(rig->counters.invariants_broken, ==, 0);
  free(rig);
}

static inline void take(struct rig *rig, struct session_deed deed) {
  if (deed.kind != SESSION_DEED_NONE) rig->deed = deed;
}

/* Turns the clock to `until_ms`, or to the first deed before. */
static inline bool advance_to(struct rig *rig, int64_t until_ms) {
  rig->deed = (struct session_deed){0};
  while (rig_ms(rig) < until_ms) {
    int64_t next = timer_wheel_next_wake(&rig->wheel).value;
    if (next > START_MS + until_ms) next = START_MS + until_ms;
    if (next <= rig->context.now.value) next = rig->context.now.value + 1;
    rig->context.now.value = next;
    timer_wheel_advance(&rig->wheel, rig->context.now);
    while (timer_wheel_next_due(&rig->wheel))
      take(rig, session_timer_due(&rig->session, &rig->context, &rig->evidence));
    if (rig->deed.kind != SESSION_DEED_NONE) return true;
  }
  return false;
}

/* The wheel has ticks of 10 ms. */
static inline void expect_at_in(const struct rig *rig, int64_t ms, const char *file, int line) {
  char text[64];
  if (rig_ms(rig) >= ms && rig_ms(rig) <= ms + 10) return;
  snprintf(text, sizeof text, "expected at %lld ms, is %lld", (long long)ms, (long long)rig_ms(rig));
  tap_fail(file, line, text);
}

static inline void expect_rung_in(struct rig *rig, int64_t ms, enum refresh_rung rung, const char *file, int line) {
  advance_to(rig, ms + 100000000);
  expect_at_in(rig, ms, file, line);
  if (rig->deed.kind != SESSION_DEED_SEND || rig->deed.rung != rung) tap_fail(file, line, "another deed or rung");
}

static inline void expect_end_in(struct rig *rig, int64_t ms, enum end_cause cause, const char *file, int line) {
  if (rig->deed.kind != SESSION_DEED_END) advance_to(rig, ms + 100000000);
  expect_at_in(rig, ms, file, line);
  if (rig->deed.kind != SESSION_DEED_END || rig->deed.cause != cause) tap_fail(file, line, "another deed or cause");
  expect(!timer_is_armed(&rig->session.timer));
}

#define expect_at(rig, ms)         expect_at_in((rig), (ms), __FILE__, __LINE__)
#define expect_rung(rig, ms, rung) expect_rung_in((rig), (ms), REFRESH_RUNG_##rung, __FILE__, __LINE__)
#define expect_end(rig, ms, cause) expect_end_in((rig), (ms), END_CAUSE_##cause, __FILE__, __LINE__)

static inline enum sip_method method_of(const struct rig *rig) {
  return refresh_rung_method((enum refresh_rung)rig->session.rung);
}

static inline void reply(struct rig *rig, struct session_reply what) {
  what.method = method_of(rig);
  rig->deed = (struct session_deed){0};
  take(rig, session_timer_answer(&rig->session, &rig->context, &rig->evidence, &what));
}

static inline void accept(struct rig *rig, struct session_terms terms) {
  reply(rig, (struct session_reply){.status = 200, .terms = terms});
}

static inline void refuse(struct rig *rig, uint16_t status) {
  reply(rig, (struct session_reply){.status = status});
}

/* Nobody answers for `after_ms`. */
static inline void stay_silent(struct rig *rig, int64_t after_ms) {
  advance_to(rig, rig_ms(rig) + after_ms);
  if (rig->deed.kind == SESSION_DEED_NONE) reply(rig, (struct session_reply){.status = 0});
}

static inline void expect_sent(const struct rig *rig, enum refresh_rung rung) {
  expect_int(rig->deed.kind, ==, SESSION_DEED_SEND);
  expect_int(rig->deed.rung, ==, rung);
}

#endif
