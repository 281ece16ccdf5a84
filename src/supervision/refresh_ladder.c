#include "supervision/refresh_ladder.h"

#include "supervision/session_guard.h"
#include "supervision/session_offer.h"

#define RUNGS_MAX    4
#define CROSSES_MAX  7 /* 491s after which another rung is tried */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- the tables -------------------------------------------------------------------------------------------------- */

static const struct {
  uint8_t method;
  bool has_session;
} rungs[REFRESH_RUNG_COUNT] = {
#define REFRESH_RUNG(name, method, has_session, ...) [REFRESH_RUNG_##name] = {SIP_METHOD_##method, has_session},
#include "supervision/refresh_ladder.def"
};

static const uint8_t ladders[REFRESH_LADDER_COUNT][RUNGS_MAX] = {
#define REFRESH_LADDER(name, a, b, c, d, ...)                                                                          \
  [REFRESH_LADDER_##name] = {REFRESH_RUNG_##a, REFRESH_RUNG_##b, REFRESH_RUNG_##c, REFRESH_RUNG_##d},
#include "supervision/refresh_ladder.def"
};

static const struct {
  uint16_t first, last;
  uint8_t answer;
} statuses[] = {
#define REFRESH_STATUS(first, last, answer, ...) {first, last, REFRESH_ANSWER_##answer},
#include "supervision/refresh_ladder.def"
};

static const struct {
  uint8_t in_time, too_late;
} steps[REFRESH_ANSWER_COUNT][REFRESH_RUNG_COUNT] = {
#define REFRESH_ROW(answer, rung, in_time, too_late)                                                                   \
  [REFRESH_ANSWER_##answer][REFRESH_RUNG_##rung] = {REFRESH_STEP_##in_time, REFRESH_STEP_##too_late},
#include "supervision/refresh_ladder.def"
};

enum sip_method refresh_rung_method(enum refresh_rung rung) {
  return rung < REFRESH_RUNG_COUNT ? (enum sip_method)rungs[rung].method : SIP_METHOD_UNKNOWN;
}

bool refresh_rung_has_session(enum refresh_rung rung) {
  return rung < REFRESH_RUNG_COUNT && rungs[rung].has_session;
}

/* --- choosing a rung --------------------------------------------------------------------------------------------- */

static bool is_update(enum refresh_rung rung) {
  return refresh_rung_method(rung) == SIP_METHOD_UPDATE;
}

/* A re-INVITE is understood by every device; UPDATE by those that say so, or have shown it. */
static bool is_usable(enum refresh_rung rung, const struct refresh_evidence *evidence,
                      const struct refresh_experience *experience) {
  uint8_t bit = REFRESH_BIT(rung);
  if (refresh_rung_has_session(rung) && !evidence->has_session) return false;
  if (!is_update(rung)) return true;
  if (experience->failed & bit) return false;
  bool has_worked = experience->worked == rung + 1u || (evidence->device_worked & bit);
  return has_worked || (evidence->allows_update && !(evidence->device_failed & bit));
}

static enum refresh_rung first_usable(const uint8_t *ladder, uint8_t tried, const struct refresh_evidence *evidence,
                                      const struct refresh_experience *experience) {
  for (unsigned i = 0; i < RUNGS_MAX && ladder[i] != REFRESH_RUNG_NONE; i++) {
    enum refresh_rung rung = (enum refresh_rung)ladder[i];
    if (!(tried & REFRESH_BIT(rung)) && is_usable(rung, evidence, experience)) return rung;
  }
  return REFRESH_RUNG_NONE;
}

static bool is_in(const uint8_t *ladder, enum refresh_rung rung) {
  for (unsigned i = 0; i < RUNGS_MAX; i++)
    if (ladder[i] == rung) return true;
  return false;
}

/* OPTIONS refreshes nothing: a leg with a timer goes back to what may refresh it. */
enum refresh_rung refresh_ladder_first(enum refresh_ladder ladder, const struct refresh_evidence *evidence,
                                       const struct refresh_experience *experience) {
  if (experience->worked != 0) {
    enum refresh_rung worked = (enum refresh_rung)(experience->worked - 1);
    bool refreshes = ladder != REFRESH_LADDER_TIMER || worked != REFRESH_RUNG_OPTIONS;
    if (refreshes && is_in(ladders[ladder], worked) && is_usable(worked, evidence, experience)) return worked;
  }
  return first_usable(ladders[ladder], 0, evidence, experience);
}

enum refresh_rung refresh_ladder_next(enum refresh_ladder ladder, uint8_t tried,
                                      const struct refresh_evidence *evidence,
                                      const struct refresh_experience *experience) {
  return first_usable(ladders[ladder], tried, evidence, experience);
}

/* --- reading an answer ------------------------------------------------------------------------------------------- */

static enum refresh_answer status_answer(unsigned status) {
  for (size_t i = 0; i < COUNT(statuses); i++)
    if (status >= statuses[i].first && status <= statuses[i].last) return (enum refresh_answer)statuses[i].answer;
  return REFRESH_ANSWER_OTHER;
}

static enum refresh_answer silence(const struct refresh_reply *reply) {
  return reply->method_answered ? REFRESH_ANSWER_SILENT : REFRESH_ANSWER_SWALLOWED;
}

enum refresh_answer refresh_ladder_read(const struct refresh_reply *reply) {
  if (reply->unreachable && reply->waited_ms < SESSION_TRANSACTION_MS) return REFRESH_ANSWER_UNREACHABLE;
  if (reply->status == 0 || reply->unreachable) return silence(reply);
  if (reply->has_retry_after && (reply->status == 500 || reply->status == 503)) return REFRESH_ANSWER_BUSY;
  enum refresh_answer answer = status_answer(reply->status);
  if (answer == REFRESH_ANSWER_SILENT) return silence(reply);
  if (answer == REFRESH_ANSWER_TOO_SMALL && reply->raises >= SESSION_RAISES_MAX) return REFRESH_ANSWER_STILL_TOO_SMALL;
  if (answer == REFRESH_ANSWER_PENDING && reply->repeats >= CROSSES_MAX) return REFRESH_ANSWER_STILL_PENDING;
  if (answer == REFRESH_ANSWER_OTHER && reply->repeats > 0) return REFRESH_ANSWER_OTHER_AGAIN;
  return answer;
}

enum refresh_step refresh_ladder_step(enum refresh_answer answer, enum refresh_rung rung, bool in_time) {
  return (enum refresh_step)(in_time ? steps[answer][rung].in_time : steps[answer][rung].too_late);
}

/* --- learning ---------------------------------------------------------------------------------------------------- */

static uint8_t bits_of_method(enum sip_method method) {
  uint8_t bits = 0;
  for (unsigned rung = 0; rung < REFRESH_RUNG_COUNT; rung++)
    if (rungs[rung].method == method) bits |= REFRESH_BIT(rung);
  return bits;
}

void refresh_ladder_learn(struct refresh_experience *experience, enum refresh_rung rung, enum refresh_answer answer) {
  uint8_t method_bits = bits_of_method(refresh_rung_method(rung));
  bool is_silence = answer == REFRESH_ANSWER_SILENT || answer == REFRESH_ANSWER_SWALLOWED;
  if (!is_silence && answer != REFRESH_ANSWER_UNREACHABLE) experience->answered |= method_bits;
  if (answer == REFRESH_ANSWER_ACCEPTED) {
    experience->worked = (uint8_t)(rung + 1);
    experience->failed &= (uint8_t)~REFRESH_BIT(rung);
  }
  /* UPDATE of either form: a method that is not known, or swallowed, is so whatever it carries. */
  if (answer == REFRESH_ANSWER_METHOD_REFUSED || answer == REFRESH_ANSWER_SWALLOWED) experience->failed |= method_bits;
  if (answer == REFRESH_ANSWER_FORM_REFUSED) experience->failed |= REFRESH_BIT(rung);
}

void refresh_ladder_note_answered(struct refresh_experience *experience, enum sip_method method) {
  experience->answered |= bits_of_method(method);
}
