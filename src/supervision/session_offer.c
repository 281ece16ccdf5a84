#include "supervision/session_offer.h"

#include "sip/sip_build.h"

#define TIMER_OPTION        STR_VIEW("timer")
#define RAISED_UNTOLD_S     1800 /* what §4 recommends */
#define COUNT(array)        (sizeof(array) / sizeof((array)[0]))
#define SESSION_VALUE_BYTES 48

/* --- the tables -------------------------------------------------------------------------------------------------- */

enum wish {
  WISH_US = SESSION_REFRESHER_US,
  WISH_THEM = SESSION_REFRESHER_THEM,
  WISH_PEER = SESSION_REFRESHER_PEER,
  WISH_ANY
};
enum supports { SUPPORTS_NO, SUPPORTS_YES };
enum timers { TIMERS_OFF, TIMERS_ON };
enum said { SAID_UAC, SAID_UAS, SAID_UNSTATED, SAID_TOO_LONG, SAID_MISSING, SAID_UNASKED };

static const struct {
  uint8_t supports, refresher, wish, role;
} answer_rows[] = {
#define SESSION_ANSWER(supports, refresher, wish, role, why)                                                           \
  {SUPPORTS_##supports, SIP_REFRESHER_##refresher, WISH_##wish, SESSION_ROLE_##role},
#include "supervision/session_offer.def"
};

static const struct {
  uint8_t role, wish, refresher;
} ask_rows[] = {
#define SESSION_ASK(role, wish, refresher, why) {SESSION_ROLE_##role, WISH_##wish, SIP_REFRESHER_##refresher},
#include "supervision/session_offer.def"
};

static const struct {
  uint8_t timers, said, wish, role;
} conclude_rows[] = {
#define SESSION_CONCLUDE(timers, said, wish, role, why)                                                                \
  {TIMERS_##timers, SAID_##said, WISH_##wish, SESSION_ROLE_##role},
#include "supervision/session_offer.def"
};

static bool wish_fits(uint8_t row, uint8_t wish) {
  return row == WISH_ANY || row == wish;
}

static enum session_role answer_role(const struct session_words *request, uint8_t wish) {
  for (size_t i = 0; i < COUNT(answer_rows); i++)
    if (answer_rows[i].supports == request->supports && answer_rows[i].refresher == request->refresher &&
        wish_fits(answer_rows[i].wish, wish))
      return (enum session_role)answer_rows[i].role;
  return SESSION_ROLE_OURS;
}

static enum sip_refresher asked_refresher(uint8_t role, uint8_t wish) {
  for (size_t i = 0; i < COUNT(ask_rows); i++)
    if (ask_rows[i].role == role && wish_fits(ask_rows[i].wish, wish)) return (enum sip_refresher)ask_rows[i].refresher;
  return SIP_REFRESHER_NONE;
}

static enum session_role concluded_role(enum said said, const struct session_wishes *wishes) {
  uint8_t timers = wishes->ttl_s == 0 ? TIMERS_OFF : TIMERS_ON;
  for (size_t i = 0; i < COUNT(conclude_rows); i++)
    if (conclude_rows[i].timers == timers && conclude_rows[i].said == said &&
        wish_fits(conclude_rows[i].wish, wishes->refresher))
      return (enum session_role)conclude_rows[i].role;
  return SESSION_ROLE_NONE;
}

/* --- wishes and words -------------------------------------------------------------------------------------------- */

struct session_wishes session_wishes_of(const struct parameters *parameters, const struct device_overrides *overrides) {
  struct session_wishes wishes = {.ttl_s = parameters->SS_SIP_SESSION_TTL,
                                  .min_se_s = parameters->BF_SESSION_MIN_SE,
                                  .refresher = (uint8_t)parameters->BF_SESSION_REFRESHER};
  if (!overrides) return wishes;
  if (!overrides->sip_timer) wishes.ttl_s = 0;
  if (overrides->refresher != DEVICE_USE_PARAMETER) wishes.refresher = (uint8_t)overrides->refresher;
  return wishes;
}

struct session_words session_words_read(const struct sip_message *message) {
  struct session_words words = session_words_of_answer(message);
  words.supports = sip_message_lists_token(message, SIP_HEADER_SUPPORTED, TIMER_OPTION) ||
                   sip_message_lists_token(message, SIP_HEADER_REQUIRE, TIMER_OPTION);
  return words;
}

struct session_words session_words_of_answer(const struct sip_message *message) {
  struct session_words words = {0};
  struct sip_session_expires expires;
  uint32_t min_se_s;
  if (sip_session_expires_parse(sip_message_header(message, SIP_HEADER_SESSION_EXPIRES), &expires) == RESULT_OK) {
    words.has_interval = true;
    words.interval_s = expires.interval_s;
    words.refresher = (uint8_t)expires.refresher;
  }
  if (sip_delta_seconds_parse(sip_message_header(message, SIP_HEADER_MIN_SE), &min_se_s) == RESULT_OK)
    words.min_se_s = min_se_s < SESSION_INTERVAL_MIN_S ? SESSION_INTERVAL_MIN_S : min_se_s;
  return words;
}

static uint32_t larger(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

static uint32_t smaller(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* --- as UAS ------------------------------------------------------------------------------------------------------ */

static struct session_verdict untimed(void) {
  return (struct session_verdict){.judgement = SESSION_UNTIMED};
}

static struct session_verdict timed(uint32_t interval_s, enum session_role role, bool supports) {
  /* Beyond a day it would be no supervision: no timer is agreed on, and the leg is probed. */
  if (interval_s > SESSION_INTERVAL_MAX_S) return untimed();
  return (struct session_verdict){
      .judgement = SESSION_TIMED, .terms = {interval_s, (uint8_t)role}, .require = supports};
}

/* §9: "the UAS MAY reduce its value but MUST NOT set it to a duration lower than the value in the Min-SE header field",
 * and "MUST NOT increase". */
static struct session_verdict judge_interval(const struct session_words *request, const struct session_wishes *wishes) {
  if (request->interval_s < wishes->min_se_s)
    return request->supports ? (struct session_verdict){.judgement = SESSION_TOO_SMALL, .min_se_s = wishes->min_se_s}
                             : untimed();
  uint32_t most_s = larger(wishes->ttl_s, request->min_se_s);
  return timed(smaller(request->interval_s, most_s), answer_role(request, wishes->refresher), request->supports);
}

struct session_verdict session_offer_judge(const struct session_words *request, const struct session_wishes *wishes,
                                           const struct session_terms *in_force) {
  if (wishes->ttl_s == 0) return untimed();
  if (request->has_interval) return judge_interval(request, wishes);
  if (!request->supports) return untimed();
  uint32_t wished_s =
      in_force && in_force->role != SESSION_ROLE_NONE ? smaller(in_force->interval_s, wishes->ttl_s) : wishes->ttl_s;
  enum session_role role = in_force ? SESSION_ROLE_OURS : answer_role(request, wishes->refresher);
  return timed(larger(wished_s, request->min_se_s), role, true);
}

static void write_interval(uint32_t interval_s, enum sip_refresher refresher, struct text_builder *headers) {
  char memory[SESSION_VALUE_BYTES];
  struct text_builder value = text_builder_over(memory, sizeof memory);
  text_builder_add_u64(&value, interval_s);
  if (refresher != SIP_REFRESHER_NONE)
    text_builder_add(&value, refresher == SIP_REFRESHER_UAC ? STR_VIEW(";refresher=uac") : STR_VIEW(";refresher=uas"));
  sip_build_plain_header(headers, SIP_HEADER_SESSION_EXPIRES, text_builder_view(&value));
}

void session_offer_write_answer(const struct session_verdict *verdict, struct text_builder *headers) {
  if (verdict->judgement != SESSION_TIMED) return;
  bool theirs = verdict->terms.role == SESSION_ROLE_THEIRS;
  write_interval(verdict->terms.interval_s, theirs ? SIP_REFRESHER_UAC : SIP_REFRESHER_UAS, headers);
  if (verdict->require) sip_build_header(headers, SIP_HEADER_REQUIRE, TIMER_OPTION);
}

/* --- as UAC ------------------------------------------------------------------------------------------------------ */

void session_offer_ask(struct session_asked *asked, const struct session_wishes *wishes,
                       const struct session_terms *in_force, bool renew) {
  bool is_timed = in_force && in_force->role != SESSION_ROLE_NONE;
  uint8_t role = is_timed ? in_force->role : SESSION_ROLE_NONE;
  asked->refresher = (uint8_t)asked_refresher(role, wishes->refresher);
  if (asked->raises > 0 && asked->interval_s == 0) return; /* 422 wants more than we would wait for */
  if (is_timed && !renew && wishes->ttl_s != 0)
    asked->interval_s = in_force->interval_s;
  else
    asked->interval_s = !in_force || renew ? wishes->ttl_s : 0;
  if (asked->interval_s != 0) asked->interval_s = larger(asked->interval_s, larger(asked->min_se_s, wishes->min_se_s));
}

bool session_offer_raise(struct session_asked *asked, uint32_t min_se_s) {
  if (asked->interval_s == 0 || asked->raises >= SESSION_RAISES_MAX) return false;
  asked->raises++;
  uint32_t wanted_s = min_se_s > asked->interval_s ? min_se_s : larger(RAISED_UNTOLD_S, 2 * asked->interval_s);
  if (wanted_s > SESSION_INTERVAL_MAX_S) {
    asked->interval_s = 0;
    return true;
  }
  asked->interval_s = asked->min_se_s = wanted_s;
  return true;
}

void session_offer_note_min_se(struct session_asked *asked, uint32_t min_se_s) {
  if (min_se_s <= SESSION_INTERVAL_MAX_S) asked->min_se_s = larger(asked->min_se_s, min_se_s);
}

void session_offer_establish(struct session_asked *asked) {
  asked->min_se_s = 0;
  asked->raises = 0;
}

void session_offer_write_request(const struct session_asked *asked, const struct session_wishes *wishes,
                                 struct text_builder *headers) {
  if (asked->interval_s == 0) return;
  write_interval(asked->interval_s, (enum sip_refresher)asked->refresher, headers);
  sip_build_header_u32(headers, SIP_HEADER_MIN_SE, larger(asked->min_se_s, wishes->min_se_s));
}

static enum said what_is_said(const struct session_asked *asked, const struct session_words *answer) {
  bool asked_for = asked->interval_s != 0;
  if (!answer->has_interval || answer->interval_s == 0) return asked_for ? SAID_MISSING : SAID_UNASKED;
  if (answer->refresher == SIP_REFRESHER_UAC) return SAID_UAC;
  if (answer->refresher == SIP_REFRESHER_NONE) return SAID_UNSTATED;
  uint32_t most_s = asked_for ? asked->interval_s : SESSION_INTERVAL_MAX_S;
  return answer->interval_s > most_s ? SAID_TOO_LONG : SAID_UAS;
}

struct session_terms session_offer_conclude(const struct session_asked *asked, const struct session_words *answer,
                                            const struct session_wishes *wishes) {
  enum session_role role = concluded_role(what_is_said(asked, answer), wishes);
  if (role == SESSION_ROLE_NONE) return (struct session_terms){0};
  uint32_t most_s = asked->interval_s != 0 ? asked->interval_s : SESSION_INTERVAL_MAX_S;
  uint32_t interval_s = answer->has_interval && answer->interval_s != 0 ? smaller(answer->interval_s, most_s) : most_s;
  /* Below 90 s breaks §4, and would leave no time for a transaction. */
  return (struct session_terms){larger(interval_s, SESSION_INTERVAL_MIN_S), (uint8_t)role};
}
