/* What came back for a rung, and what the timer makes of it: refresh_ladder.def says what an answer means and what is
 * done next; here are the pauses that this takes, and the events that it is to the machine. */
#include "supervision/session_guard.h"
#include "supervision/session_timer_private.h"

#define OBEY_MIN_MS      1000
#define KNOCK_MS         4000
#define PAUSE_MAX_MS     30000
#define CROSS_OWNER_LOW  210 /* RFC 3261 §14.1, in units of 10 ms */
#define CROSS_OWNER_HIGH 400
#define CROSS_OTHER_HIGH 200
#define CROSS_UNIT_MS    10

static int64_t cross_ms(struct session_step *step) {
  bool owner = step->evidence->owns_call_id;
  uint32_t units = owner ? random_between(step->context->random, CROSS_OWNER_LOW, CROSS_OWNER_HIGH)
                         : random_between(step->context->random, 0, CROSS_OTHER_HIGH);
  return units * CROSS_UNIT_MS;
}

static int64_t pause_ms(const struct session_step *step) {
  int64_t quarter_ms = session_timer_left_ms(step) / 4;
  return quarter_ms < PAUSE_MAX_MS ? quarter_ms : PAUSE_MAX_MS;
}

/* The last knock comes when a transaction would time out. */
static int64_t knock_ms(const struct session_step *step) {
  int64_t rest_ms = SESSION_TRANSACTION_MS - session_timer_tried_ms(step->session, step->context->now);
  return rest_ms < KNOCK_MS ? rest_ms : KNOCK_MS;
}

static int64_t obey_ms(const struct session_reply *reply) {
  return reply->retry_after_s == 0 ? OBEY_MIN_MS : 1000LL * reply->retry_after_s;
}

/* The pause that the answer would make. Requests that cross for ever must leave the time of a transaction to the next
 * rung. */
static int64_t told_ms(const struct session_step *step, enum refresh_answer answer, const struct session_reply *reply) {
  if (answer == REFRESH_ANSWER_BUSY) return obey_ms(reply);
  if (answer == REFRESH_ANSWER_PENDING) return CROSS_OWNER_HIGH * CROSS_UNIT_MS + SESSION_TRANSACTION_MS;
  return answer == REFRESH_ANSWER_OTHER ? pause_ms(step) : 0;
}

static enum session_event rest_for(struct session_step *step, int64_t milliseconds) {
  step->pause_ms = milliseconds;
  return SESSION_EVENT_REST;
}

static enum session_event accept(struct session_step *step, enum sip_method method, bool is_alive_only) {
  struct session_timer *session = step->session;
  session->refreshes++;
  session->method = (uint8_t)method;
  step->origin = SESSION_BY_ROUND;
  if (is_alive_only) {
    step->terms = session_timer_terms(session);
    return session_timer_event_of_terms(step);
  }
  session->is_renewing = 0;
  return session_timer_event_of_terms(step);
}

static enum session_event event_of_step(struct session_step *step, enum refresh_step next,
                                        const struct session_reply *reply) {
  switch (next) {
  case REFRESH_STEP_REFRESHED: return accept(step, reply->method, false);
  case REFRESH_STEP_ALIVE: return accept(step, reply->method, true);
  case REFRESH_STEP_NEXT: return SESSION_EVENT_CLIMB;
  case REFRESH_STEP_CROSS: return rest_for(step, cross_ms(step));
  case REFRESH_STEP_OBEY: return rest_for(step, obey_ms(reply));
  case REFRESH_STEP_PAUSE: return rest_for(step, pause_ms(step));
  case REFRESH_STEP_KNOCK: return rest_for(step, knock_ms(step));
  case REFRESH_STEP_RAISE: return SESSION_EVENT_AGAIN;
  case REFRESH_STEP_AUTHENTICATE:
    step->deed.with_credentials = step->evidence->has_credentials;
    return step->evidence->has_credentials ? SESSION_EVENT_AGAIN : SESSION_EVENT_CLIMB;
  case REFRESH_STEP_END_UNANSWERED: return SESSION_EVENT_SILENCE;
  case REFRESH_STEP_END_REJECTED: return SESSION_EVENT_REJECTED;
  case REFRESH_STEP_COUNT: break;
  }
  return SESSION_NO_EVENT;
}

/* A rung that was given up is answered after all: a 2xx to a request that refreshes does refresh (RFC 4028 §10), 481
 * ends. */
static enum session_event event_of_late(struct session_step *step, const struct session_reply *reply) {
  if (reply->status != 0 && reply->status != 408) session_timer_note_answered(step->session, reply->method);
  if (reply->status == 481) {
    step->session->last_status = 481;
    return SESSION_EVENT_REJECTED;
  }
  if (reply->status < 200 || reply->status >= 300 || reply->method == SIP_METHOD_OPTIONS) return SESSION_NO_EVENT;
  return accept(step, reply->method, false);
}

static enum session_event event_of_reply(struct session_step *step, const struct session_reply *reply) {
  struct session_timer *session = step->session;
  enum refresh_rung rung = (enum refresh_rung)session->rung;
  struct refresh_reply what = {.status = reply->status,
                               .unreachable = reply->unreachable,
                               .has_retry_after = reply->has_retry_after,
                               .method_answered = session_timer_has_answered(session, rung) && !reply->heard_meanwhile,
                               .repeats = session->repeats,
                               .raises = reply->raises,
                               .waited_ms = session_timer_tried_ms(session, step->context->now)};
  enum refresh_answer answer = refresh_ladder_read(&what);
  bool in_time = told_ms(step, answer, reply) + SESSION_ATTEMPT_MS <= session_timer_left_ms(step);
  refresh_ladder_learn(&session->experience, rung, answer);
  bool is_refusal = reply->status >= 300 && reply->status != 408;
  if (is_refusal) session->was_refused = 1;
  session->last_status = is_refusal ? reply->status : 0;
  bool comes_again = answer == REFRESH_ANSWER_OTHER || answer == REFRESH_ANSWER_PENDING;
  if (comes_again) session->repeats = (session->repeats + 1u) & 15u;
  return event_of_step(step, refresh_ladder_step(answer, rung, in_time), reply);
}

struct session_deed session_timer_answer(struct session_timer *session, struct context *context,
                                         const struct refresh_evidence *evidence, const struct session_reply *reply) {
  struct session_step step = {.session = session, .context = context, .evidence = evidence, .terms = reply->terms};
  bool is_late = reply->is_late || session->state != SESSION_STATE_ASKING;
  if (session->state == SESSION_STATE_IDLE) return step.deed;
  session_timer_dispatch(&step, is_late ? event_of_late(&step, reply) : event_of_reply(&step, reply));
  return step.deed;
}
