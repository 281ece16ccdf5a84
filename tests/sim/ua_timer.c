/* Session timers of an actor that supports them (RFC 4028): what it asks for, what it agrees to, its refreshes, and the
 * end of a session that nobody refreshes. */
#include "sim/ua_call.h"
#include "sip/sip_header_values.h"

#define TRY_AGAIN_US  (2 * SECOND_US)
#define MARGIN_MAX_US (32 * SECOND_US)
#define RAISES_MAX    3

static const char *role_name(unsigned role) {
  return role == SIP_REFRESHER_UAC ? "uac" : "uas";
}

static const struct actor_session_traits *traits_of(const struct ua_call *call) {
  return &call->actor->traits.session;
}

void ua_timer_stop(struct ua_call *call) {
  world_cancel(&call->refresh);
  world_cancel(&call->expiry);
  call->session_s = 0;
}

static void session_expires(struct world *world, void *subject, void *detail) {
  struct ua_call *call = subject;
  (void)detail;
  call->expiry = NULL;
  log_line(world, "%s: the session has not been refreshed", call->actor->name);
  if (!traits_of(call)->never_gives_up) ua_call_hang_up(call);
}

static void refresh_due(struct world *world, void *subject, void *detail) {
  struct ua_call *call = subject;
  (void)detail;
  call->refresh = NULL;
  if (call->state == UA_UP && !traits_of(call)->never_refreshes && !ua_timer_refresh(call))
    call->refresh = world_at(world, world->now_us + TRY_AGAIN_US, refresh_due, call, NULL);
}

/* An UPDATE without a description, or a re-INVITE with the one in force (§7.4). */
bool ua_timer_refresh(struct ua_call *call) {
  struct str_view nothing = {0};
  if (call->state != UA_UP || call->session_refresh) return false;
  if (traits_of(call)->by_invite) return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SAME, UA_SAME);
  call->session_refresh = ua_call_request(call, SIP_METHOD_UPDATE, nothing, ua_timer_request_lines(call), nothing);
  return true;
}

/* The session runs from now on; the one who does not refresh gives up a little earlier (§10). */
static void agree(struct ua_call *call, uint32_t interval_s, bool we_refresh) {
  struct world *world = call->actor->world;
  int64_t interval_us = (int64_t)interval_s * SECOND_US;
  int64_t margin_us = interval_us / 3 < MARGIN_MAX_US ? interval_us / 3 : MARGIN_MAX_US;
  ua_timer_stop(call);
  call->session_s = interval_s;
  call->we_refresh = we_refresh;
  call->session_raises = 0;
  if (we_refresh) call->refresh = world_at(world, world->now_us + interval_us / 2, refresh_due, call, NULL);
  int64_t end_us = world->now_us + interval_us - (we_refresh ? 0 : margin_us);
  call->expiry = world_at(world, end_us, session_expires, call, NULL);
}

/* --- our requests ------------------------------------------------------------------------------------------------ */

static struct str_view expires_line(const struct ua_call *call, uint32_t interval_s, unsigned role) {
  const char *name = call->actor->traits.writes_compactly ? "x" : "Session-Expires";
  return sim_format_view(
      &call->actor->world->memory, "%s: %u%s%s\r\n", name, interval_s,
      role == SIP_REFRESHER_NONE ? "" : ";refresher=", role == SIP_REFRESHER_NONE ? "" : role_name(role));
}

static struct str_view joined(struct ua_call *call, struct str_view a, struct str_view b) {
  return sim_format_view(&call->actor->world->memory, "%.*s%.*s", (int)a.length, a.length ? a.data : "", (int)b.length,
                         b.length ? b.data : "");
}

static uint32_t larger(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

/* What is in force is said again, and the role stays (§7.4). */
struct str_view ua_timer_request_lines(struct ua_call *call) {
  const struct actor_session_traits *traits = traits_of(call);
  if (!call->actor->traits.supports_timer) return (struct str_view){0};
  uint32_t minimum_s = larger(traits->asks_min_s, call->session_min_s);
  uint32_t interval_s = call->session_s > 0 ? call->session_s : traits->asks_s;
  unsigned role = traits->asks_role;
  if (call->session_s > 0) role = call->we_refresh ? SIP_REFRESHER_UAC : SIP_REFRESHER_UAS;
  if (interval_s == 0) return (struct str_view){0};
  struct str_view minimum = {0};
  if (minimum_s > 0) minimum = sim_format_view(&call->actor->world->memory, "Min-SE: %u\r\n", minimum_s);
  return joined(call, expires_line(call, larger(interval_s, call->session_min_s), role), minimum);
}

bool ua_timer_raise(struct ua_call *call, const struct sip_message *response) {
  uint32_t minimum_s;
  if (traits_of(call)->never_raises) return false;
  if (!call->actor->traits.supports_timer || call->session_raises++ >= RAISES_MAX) return false;
  if (sip_delta_seconds_parse(sip_message_header(response, SIP_HEADER_MIN_SE), &minimum_s) != RESULT_OK) {
    ua_call_complain(call, "a 422 without Min-SE (RFC 4028 6)");
    return false;
  }
  call->session_min_s = larger(call->session_min_s, minimum_s);
  return true;
}

void ua_timer_take_response(struct ua_call *call, const struct sip_message *response) {
  struct sip_session_expires expires;
  struct str_view value = sip_message_header(response, SIP_HEADER_SESSION_EXPIRES);
  if (!call->actor->traits.supports_timer) {
    if (sip_message_lists_token(response, SIP_HEADER_REQUIRE, STR_VIEW("timer")))
      ua_call_complain(call, "timer is required of one who does not support it (RFC 4028 9)");
    return;
  }
  if (!value.data) {
    ua_timer_stop(call);
    return;
  }
  if (sip_session_expires_parse(value, &expires) != RESULT_OK || expires.refresher == SIP_REFRESHER_NONE)
    ua_call_complain(call, "a 2xx with a Session-Expires that names no refresher (RFC 4028 9)");
  else
    agree(call, expires.interval_s, expires.refresher == SIP_REFRESHER_UAC);
}

/* 422 raises, 405 and 501 leave UPDATE for re-INVITE, anything else is tried again a little later (§10). */
void ua_timer_refresh_answered(struct ua_call *call, const struct sip_message *response) {
  struct world *world = call->actor->world;
  unsigned status = response->status;
  call->session_refresh = NULL;
  if (status < 300) {
    ua_timer_take_response(call, response);
    return;
  }
  if (status == 481 || status == 408 || call->session_s == 0) return;
  if (status == 422 && !ua_timer_raise(call, response)) return;
  if (status == 405 || status == 501) call->actor->traits.session.by_invite = true;
  world_cancel(&call->refresh);
  call->refresh = world_at(world, world->now_us + TRY_AGAIN_US, refresh_due, call, NULL);
}

/* --- their requests ---------------------------------------------------------------------------------------------- */

bool ua_timer_refuse(struct ua_call *call, struct ua_transaction *transaction, const struct sip_message *request) {
  const struct actor_session_traits *traits = traits_of(call);
  struct sip_session_expires expires;
  struct str_view value = sip_message_header(request, SIP_HEADER_SESSION_EXPIRES);
  if (traits->smallest_s == 0 || sip_session_expires_parse(value, &expires) != RESULT_OK) return false;
  if (expires.interval_s >= traits->smallest_s) return false;
  struct str_view line = {0};
  if (!traits->hides_min_se) line = sim_format_view(&call->actor->world->memory, "Min-SE: %u\r\n", traits->smallest_s);
  if (request->body.length > 0 && call->session.heard.length)
    (void)ua_session_pass_over(&call->session, request->body, false);
  ua_call_respond(transaction, call, 422, line);
  return true;
}

/* RFC 4028 table 2; `asked` NULL: nothing was asked for. */
static unsigned agreed_role(const struct ua_call *call, const struct sip_session_expires *asked, bool they_can) {
  if (!they_can) return SIP_REFRESHER_UAS;
  if (asked && asked->refresher != SIP_REFRESHER_NONE) return asked->refresher;
  return traits_of(call)->agrees_role != SIP_REFRESHER_NONE ? traits_of(call)->agrees_role : SIP_REFRESHER_UAC;
}

struct str_view ua_timer_answer_lines(struct ua_call *call, const struct sip_message *request) {
  const struct actor_session_traits *traits = traits_of(call);
  struct sip_session_expires expires;
  struct str_view value = sip_message_header(request, SIP_HEADER_SESSION_EXPIRES);
  bool is_asked = sip_session_expires_parse(value, &expires) == RESULT_OK;
  if (!call->actor->traits.supports_timer) return (struct str_view){0};
  if (value.data && !is_asked) ua_call_complain(call, "a Session-Expires that cannot be read");
  if (traits->agrees_to_none || (!is_asked && traits->agrees_s == 0)) {
    ua_timer_stop(call);
    return (struct str_view){0};
  }
  bool they_can = sip_message_lists_token(request, SIP_HEADER_SUPPORTED, STR_VIEW("timer"));
  unsigned role = agreed_role(call, is_asked ? &expires : NULL, they_can);
  uint32_t interval_s = traits->agrees_s > 0 ? traits->agrees_s : expires.interval_s;
  agree(call, interval_s, role == SIP_REFRESHER_UAS);
  struct str_view require = they_can ? STR_VIEW("Require: timer\r\n") : (struct str_view){0};
  return joined(call, expires_line(call, interval_s, role), require);
}
