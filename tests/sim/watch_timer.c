/* Session timers (RFC 4028) as the network shows them: what an endpoint's messages say about them, who refreshes each
 * dialog, and until when a silent peer may be waited for. */
#include "sim/switch_node.h"
#include "sim/watcher.h"
#include "sim/world.h"

#define MINIMUM_S 90 /* RFC 4028 §4 */

struct words {
  uint32_t interval_s, min_se_s; /* 0: none */
  enum sip_refresher refresher;
  bool supports, requires;
};

static struct words read(const struct sip_message *message) {
  struct words words = {0};
  struct sip_session_expires expires;
  uint32_t min_se_s;
  words.supports = sip_message_lists_token(message, SIP_HEADER_SUPPORTED, STR_VIEW("timer"));
  words.requires = sip_message_lists_token(message, SIP_HEADER_REQUIRE, STR_VIEW("timer"));
  struct str_view value = sip_message_header(message, SIP_HEADER_SESSION_EXPIRES);
  if (value.data && sip_session_expires_parse(value, &expires) == RESULT_OK) {
    words.interval_s = expires.interval_s;
    words.refresher = expires.refresher;
  }
  value = sip_message_header(message, SIP_HEADER_MIN_SE);
  if (value.data && sip_delta_seconds_parse(value, &min_se_s) == RESULT_OK) words.min_se_s = min_se_s;
  return words;
}

static bool is_refresh(enum sip_method method) {
  return method == SIP_METHOD_INVITE || method == SIP_METHOD_UPDATE;
}

static uint32_t larger(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static void check_words(struct sighting *sighting, const struct words *words) {
  const struct sip_message *message = &sighting->message;
  bool has_any = sip_message_has(message, SIP_HEADER_SESSION_EXPIRES) || sip_message_has(message, SIP_HEADER_MIN_SE);
  if (!is_refresh(message->method)) {
    if (has_any) watcher_blame(sighting, "Session-Expires or Min-SE where they do not belong (RFC 4028 4)");
    return;
  }
  if (sip_message_has(message, SIP_HEADER_SESSION_EXPIRES) && words->interval_s < MINIMUM_S)
    watcher_blame(sighting, "a Session-Expires below 90 s (RFC 4028 4)");
  if (sip_message_has(message, SIP_HEADER_MIN_SE) && words->min_se_s < MINIMUM_S)
    watcher_blame(sighting, "a Min-SE below 90 s (RFC 4028 5)");
  if (words->interval_s > 0 && words->interval_s < words->min_se_s)
    watcher_blame(sighting, "a Session-Expires below its own Min-SE (RFC 4028 7.1)");
  if (words->interval_s > 0 && !words->supports)
    watcher_blame(sighting, "a Session-Expires without Supported: timer (RFC 4028 7.1)");
}

/* §7.1: each request but ACK; not towards devices whose timers are off. */
static void check_support(struct sighting *sighting, const struct watched_dialog *dialog, const struct words *words) {
  const struct watched_timer *timer = &dialog->timer;
  bool is_free = words->supports || !timer->is_timed;
  bool is_switched_off = switch_node_parameters(sighting->endpoint->owner)->SS_SIP_SESSION_TTL == 0;
  if (!is_free && !is_switched_off && timer->asked_s > 0)
    watcher_blame(sighting, "a request without Supported: timer (RFC 4028 7.1)");
}

/* Who refreshes is said again, the interval is not shortened behind its back, what 422s have asked for is minded
 * (§7.4). */
static void check_subsequent(struct sighting *sighting, const struct watched_dialog *dialog,
                             const struct words *words) {
  const struct watched_timer *timer = &dialog->timer;
  if (timer->min_se_s > 0 && words->interval_s > 0 && words->min_se_s < timer->min_se_s)
    watcher_blame(sighting, "Min-SE is not the largest that was heard in this dialog (RFC 4028 7.4)");
  if (!timer->is_timed || words->interval_s == 0) return;
  bool says_we = words->refresher == SIP_REFRESHER_UAC;
  if (words->refresher != SIP_REFRESHER_NONE && says_we != timer->we_refresh)
    watcher_blame(sighting, "it changes who refreshes (RFC 4028 7.4)");
}

/* What offers nothing new is a refresh: only the refresher sends one. */
static void check_need(struct sighting *sighting, const struct watched_dialog *dialog) {
  const struct sip_message *message = &sighting->message;
  bool is_bare = message->method == SIP_METHOD_UPDATE && message->body.length == 0;
  if (dialog->timer.is_timed && !dialog->timer.we_refresh && is_bare)
    watcher_blame(sighting, "a refresh where the peer is the refresher (RFC 4028 7.4)");
}

void watch_timer_request_said(struct sighting *sighting, struct watched_dialog *dialog) {
  struct words words = read(&sighting->message);
  struct watched_timer *timer = &dialog->timer;
  check_words(sighting, &words);
  bool is_proof = is_refresh(sighting->message.method) || sighting->message.method == SIP_METHOD_OPTIONS;
  if (timer->answered_us == 0) {
    if (timer->min_se_s > 0 && sighting->message.method == SIP_METHOD_INVITE && words.interval_s > 0 &&
        words.min_se_s < timer->min_se_s)
      watcher_blame(sighting, "an INVITE after 422 without the Min-SE that it named (RFC 4028 7.4)");
    return;
  }
  check_support(sighting, dialog, &words);
  if (!is_proof) return;
  check_subsequent(sighting, dialog, &words);
  check_need(sighting, dialog);
}

/* --- responses --------------------------------------------------------------------------------------------------- */

static void check_answer(struct sighting *sighting, const struct words *request, const struct words *answer) {
  if (answer->interval_s < MINIMUM_S) watcher_blame(sighting, "a 2xx with less than 90 s (RFC 4028 9)");
  if (answer->refresher == SIP_REFRESHER_NONE) watcher_blame(sighting, "a 2xx that names no refresher (RFC 4028 9)");
  if (request->interval_s > 0 && answer->interval_s > request->interval_s)
    watcher_blame(sighting, "a 2xx with more than was asked for (RFC 4028 9)");
  if (answer->interval_s < request->min_se_s)
    watcher_blame(sighting, "a 2xx with less than the request's Min-SE (RFC 4028 9)");
  if (!request->supports && answer->refresher == SIP_REFRESHER_UAC)
    watcher_blame(sighting, "one who knows no timers is to refresh (RFC 4028 9, table 2)");
  if (request->supports && request->refresher != SIP_REFRESHER_NONE && request->refresher != answer->refresher)
    watcher_blame(sighting, "the refresher that was asked for is another now (RFC 4028 9, table 2)");
  if (request->supports && !answer->requires)
    watcher_blame(sighting, "a 2xx with Session-Expires, without Require: timer (RFC 4028 9)");
  if (!request->supports && answer->requires)
    watcher_blame(sighting, "timer is required of one who does not support it (RFC 4028 9)");
}

static void check_response(struct sighting *sighting, const struct words *request, const struct words *answer) {
  const struct sip_message *message = &sighting->message;
  bool is_success = message->status >= 200 && message->status < 300;
  bool has_interval = sip_message_has(message, SIP_HEADER_SESSION_EXPIRES);
  if (has_interval && !(is_success && is_refresh(message->method)))
    watcher_blame(sighting, "a Session-Expires where it does not belong (RFC 4028 4)");
  if (sip_message_has(message, SIP_HEADER_MIN_SE) && message->status != 422)
    watcher_blame(sighting, "a Min-SE outside of 422 (RFC 4028 5)");
  if (has_interval && is_success) check_answer(sighting, request, answer);
  if (message->status != 422) return;
  if (answer->min_se_s < MINIMUM_S) watcher_blame(sighting, "a 422 without a Min-SE of 90 s or more (RFC 4028 6)");
  if (answer->min_se_s <= request->interval_s) watcher_blame(sighting, "a 422 although its Min-SE is met (RFC 4028 6)");
  if (!request->supports) watcher_blame(sighting, "a 422 to one who does not support timers (RFC 4028 9)");
}

static struct words words_of_request(const struct watched_transaction *transaction) {
  struct sip_message request;
  struct sip_defect defect;
  if (sip_message_parse(transaction->request, &request, &defect) != RESULT_OK) return (struct words){0};
  return read(&request);
}

/* The first 2xx of a transaction that refreshes, said or heard: the clock starts anew (§7.2, §9). */
static void settle(struct sighting *sighting, struct watched_dialog *dialog, bool is_client,
                   const struct words *request, const struct words *answer) {
  struct watched_timer *timer = &dialog->timer;
  bool is_answer = sighting->message.method == SIP_METHOD_INVITE && timer->answered_us == 0;
  if (timer->answered_us == 0 && !is_answer) return; /* UPDATE in an early dialog */
  if (is_answer) timer->answered_us = sighting->world->now_us;
  timer->proved_us = sighting->world->now_us;
  timer->refreshes += !is_answer;
  bool is_too_long = is_client && request->interval_s > 0 && answer->interval_s > request->interval_s;
  timer->is_timed = answer->interval_s > 0;
  timer->asked_s = request->interval_s;
  if (!timer->is_timed) return;
  timer->interval_s = is_too_long ? request->interval_s : larger(answer->interval_s, MINIMUM_S);
  timer->we_refresh = is_client == (answer->refresher != SIP_REFRESHER_UAS) || is_too_long;
}

void watch_timer_final_said(struct sighting *sighting, const struct watched_transaction *transaction) {
  struct words request = words_of_request(transaction), answer = read(&sighting->message);
  check_response(sighting, &request, &answer);
  if (!is_refresh(transaction->method)) return;
  struct watched_dialog *dialog = watcher_dialog(sighting);
  if (request.min_se_s > 0) dialog->timer.min_se_s = larger(dialog->timer.min_se_s, request.min_se_s);
  if (sighting->message.status < 300) settle(sighting, dialog, false, &request, &answer);
}

/* Before there is a dialog it is the INVITE without To tag that must mind it. */
static void note_min_se(struct sighting *sighting, const struct watched_transaction *transaction, uint32_t min_se_s) {
  struct sip_message request;
  struct sip_defect defect;
  struct sighting own = *sighting;
  if (sip_message_parse(transaction->request, &request, &defect) != RESULT_OK) return;
  if (request.to_tag.length == 0) own.message.to_tag = (struct str_view){0};
  struct watched_timer *timer = &watcher_dialog(&own)->timer;
  timer->min_se_s = larger(timer->min_se_s, min_se_s);
}

void watch_timer_final_heard(struct sighting *sighting, struct watched_transaction *transaction) {
  struct words request = words_of_request(transaction), answer = read(&sighting->message);
  struct watched_dialog *dialog = watcher_dialog(sighting);
  struct watched_timer *timer = &dialog->timer;
  unsigned status = sighting->message.status;
  if (is_refresh(transaction->method) && status < 300) {
    if (timer->answered_us == 0) timer->min_se_s = 0; /* §7.4: the dialog begins with nothing */
    settle(sighting, dialog, true, &request, &answer);
  } else if (status == 422 && is_refresh(transaction->method)) {
    note_min_se(sighting, transaction, answer.min_se_s);
  } else if (transaction->method == SIP_METHOD_OPTIONS && status != 408 && status != 481) {
    timer->proved_us = sighting->world->now_us;
  }
}
