/* A request or an item of news comes in: whose is it, is it sane (RFC 3261 §8.2), and which table takes it. */
#include "call/call_private.h"
#include "call/call_supervision.h"
#include "directory/directory.h"
#include "parameters/parameters.h"
#include "sip/sip_build.h"
#include "sip/sip_uri.h"

enum outside_rule {
  OUTSIDE_UNKNOWN,
  OUTSIDE_CALL,
  OUTSIDE_ANSWER,
  OUTSIDE_NO_DIALOG,
  OUTSIDE_NOT_ALLOWED,
  OUTSIDE_ELSEWHERE
};
enum inside_rule {
  INSIDE_UNKNOWN,
  INSIDE_RENEGOTIATE,
  INSIDE_CARRY,
  INSIDE_ANSWER,
  INSIDE_BYE,
  INSIDE_PRACK,
  INSIDE_REFER,
  INSIDE_NOT_ALLOWED
};

static const struct {
  uint8_t outside, inside;
} method_rules[SIP_METHOD_COUNT] = {
#define METHOD_RULE(name, offered, outside, inside) [SIP_METHOD_##name] = {OUTSIDE_##outside, INSIDE_##inside},
#include "call/method_rules.def"
#undef METHOD_RULE
};

/* --- sanity ------------------------------------------------------------------------------------------------------ */

static void refuse_method(struct call_step *step, unsigned status) {
  char memory[256];
  struct text_builder lines = text_builder_over(memory, sizeof memory);
  call_write_allow(&lines);
  call_respond(step, step->transaction, status, text_builder_view(&lines));
}

/* An INVITE that is refused for what it is was an attempt all the same, and leaves its record; that of somebody who has
 * not yet proved who he is only as often as a stranger's. */
static void refuse(struct call_step *step, unsigned status, struct str_view lines) {
  if (step->message->method == SIP_METHOD_INVITE && step->message->to_tag.length == 0) {
    counters_add(step->context->counters, calls_attempted);
    call_record_refused(step, END_REASON_protocol_error, status,
                        directory_find_caller(step->context->directory, &step->flow->remote));
  }
  call_respond(step, step->transaction, status, lines);
}

static bool is_understood(struct str_view option) {
  return str_view_equal_nocase(option, STR_VIEW("100rel")) || str_view_equal_nocase(option, STR_VIEW("timer"));
}

/* §8.2.2.3: what is required and not understood is named in Unsupported. Proxy-Require is looked at too: a call that
 * passes through us passes no proxy that could. */
static bool refuse_extensions(struct call_step *step) {
  static const enum sip_header headers[] = {SIP_HEADER_REQUIRE, SIP_HEADER_PROXY_REQUIRE};
  struct text_builder lines = arena_builder(step->context->arena, 2 * step->message->bytes.length + 64);
  for (unsigned i = 0; i < 2; i++) {
    struct sip_value_cursor cursor = {0};
    struct str_view option;
    while (sip_message_next_value(step->message, headers[i], &cursor, &option))
      if (!is_understood(option)) sip_build_header(&lines, SIP_HEADER_UNSUPPORTED, option);
  }
  if (lines.length == 0) return false;
  refuse(step, 420, text_builder_view(&lines));
  return true;
}

/* §8.1.1.6, §16.3: a B2BUA passes requests on, so their hops count. */
static bool refuse_hops(struct call_step *step) {
  uint32_t hops;
  struct str_view value = sip_message_header(step->message, SIP_HEADER_MAX_FORWARDS);
  if (!str_view_to_u32(value, &hops) || hops > 0) return false;
  refuse(step, 483, (struct str_view){0});
  return true;
}

static bool takes_sessions(struct str_view media_range) {
  struct str_view type = str_view_trim(str_view_slice(media_range, 0, str_view_find(media_range, ';')));
  return str_view_equal_nocase(type, STR_VIEW("application/sdp")) ||
         str_view_equal_nocase(type, STR_VIEW("application/*")) || str_view_equal(type, STR_VIEW("*/*"));
}

/* §21.4.7: who takes no session description cannot be told the answer. An empty Accept, which would forbid every body,
 * is passed over: it is written by mistake. */
static bool refuse_accept(struct call_step *step) {
  struct sip_value_cursor cursor = {0};
  struct str_view media_range;
  bool has_any = false;
  while (sip_message_next_value(step->message, SIP_HEADER_ACCEPT, &cursor, &media_range)) {
    if (takes_sessions(media_range)) return false;
    has_any = has_any || media_range.length > 0;
  }
  if (has_any) refuse(step, 406, (struct str_view){0});
  return has_any;
}

static bool refuse_scheme(struct call_step *step) {
  struct sip_uri uri;
  enum result result = sip_uri_parse(step->message->request_uri, &uri);
  if (result == RESULT_OK && uri.scheme != SIP_URI_OTHER) return false;
  refuse(step, result == RESULT_OK ? 416 : 400, (struct str_view){0}); /* §8.2.2.1 */
  return true;
}

static void answer_options(struct call_step *step) {
  char memory[512];
  struct text_builder lines = text_builder_over(memory, sizeof memory);
  call_write_capabilities(&lines);
  call_respond(step, step->transaction, 200, text_builder_view(&lines));
}

/* --- outside of dialogs ------------------------------------------------------------------------------------------ */

static void receive_outside(struct call_step *step) {
  enum outside_rule rule = (enum outside_rule)method_rules[step->message->method].outside;
  switch (rule) {
  case OUTSIDE_UNKNOWN: refuse_method(step, 501); return;
  case OUTSIDE_NOT_ALLOWED: refuse_method(step, 405); return;
  case OUTSIDE_NO_DIALOG: call_respond(step, step->transaction, 481, (struct str_view){0}); return;
  case OUTSIDE_ELSEWHERE: return;
  case OUTSIDE_CALL:
  case OUTSIDE_ANSWER: break;
  }
  if (refuse_scheme(step) || refuse_extensions(step)) return;
  if (rule == OUTSIDE_ANSWER) {
    answer_options(step);
    return;
  }
  if (!refuse_hops(step) && !refuse_accept(step)) call_receive_invite(step);
}

bool call_refuse_stranger(struct call_table *table, struct context *context, const struct sip_message *request,
                          const struct flow *flow) {
  struct call_step step = {.table = table, .context = context, .message = request, .flow = flow};
  bool replies = context->parameters->SS_REPLY_UNAUTHORIZED;
  if (request->method == SIP_METHOD_ACK || request->method == SIP_METHOD_CANCEL ||
      request->method == SIP_METHOD_REGISTER || call_is_known(&step))
    return false;
  if (request->method == SIP_METHOD_OPTIONS && replies) return false; /* whether we are there is no secret then */
  counters_add(context->counters, strangers_refused);
  /* With a To tag it is no attempt to call, but part of a call that is gone: after a restart, say (RFC 3261 §12.2.2).
   */
  bool is_left_over = request->to_tag.length > 0;
  if (request->method == SIP_METHOD_INVITE && !is_left_over)
    call_record_refused(&step, END_REASON_illegal_call, 403, NULL);
  if (replies) transaction_respond_stateless(context, request, flow, is_left_over ? 481 : 403, (struct str_view){0});
  return true;
}

/* --- inside a dialog --------------------------------------------------------------------------------------------- */

static void receive_inside(struct call_step *step) {
  enum inside_rule rule = (enum inside_rule)method_rules[step->message->method].inside;
  bool is_over = !step->call;
  if (is_over && rule != INSIDE_BYE) {
    call_respond(step, step->transaction, 481, (struct str_view){0});
    return;
  }
  if (refuse_extensions(step)) return;
  switch (rule) {
  case INSIDE_UNKNOWN: refuse_method(step, 501); return;
  case INSIDE_NOT_ALLOWED: refuse_method(step, 405); return;
  case INSIDE_ANSWER: answer_options(step); return;
  case INSIDE_BYE: leg_dispatch(step, LEG_EVENT_BYE); return;
  case INSIDE_PRACK: call_reliable_prack(step); return;
  case INSIDE_RENEGOTIATE:
  case INSIDE_CARRY:
  case INSIDE_REFER: break;
  }
  if (refuse_hops(step)) return;
  if (rule == INSIDE_RENEGOTIATE && call_supervision_refuse(step, NULL)) return;
  if (rule == INSIDE_RENEGOTIATE)
    call_renegotiate(step);
  else if (rule == INSIDE_REFER)
    call_refer(step);
  else
    call_carry_request(step);
}

/* The leg whose dialog the request is in. */
static bool find_leg(struct call_step *step) {
  struct handle dialog;
  if (dialog_find(step->table->rooms.dialogs, step->message, &dialog) != RESULT_OK) return false;
  struct transaction_owner owner = dialog_owner(step->table->rooms.dialogs, dialog);
  if (owner.kind != TRANSACTION_OWNER_CALL) return false;
  step->leg = call_leg_at(step->table, owner.handle);
  if (!step->leg) return false;
  step->call = call_of_leg(step->table, step->leg);
  return true;
}

bool call_is_inside(struct call_step *step) {
  struct handle dialog;
  return dialog_find(step->table->rooms.dialogs, step->message, &dialog) == RESULT_OK;
}

static struct handle handle_of(const struct call_step *step) {
  return step->call ? pool_handle_of(&step->table->calls, step->call) : HANDLE_NONE;
}

void call_receive_request(struct call_table *table, struct context *context, const struct sip_message *request,
                          const struct flow *flow, struct handle transaction) {
  struct call_step step = {
      .table = table, .context = context, .message = request, .flow = flow, .transaction = transaction};
  if (!find_leg(&step)) {
    if (request->to_tag.length > 0)
      call_respond(&step, transaction, 481, (struct str_view){0}); /* §12.2.2 */
    else
      receive_outside(&step);
    return;
  }
  enum result result = dialog_receive_request(table->rooms.dialogs, context, step.leg->dialog, request, flow);
  if (result == RESULT_OUT_OF_RANGE) {
    call_supervision_hear_minimum(&step);
    call_respond_later(&step);
    return;
  }
  struct handle call = handle_of(&step);
  call_supervision_note(&step, step.leg);
  if (step.call) call_keep_acknowledged(&step);
  /* Its Contact may be a new one. */
  if (step.call && (request->method == SIP_METHOD_INVITE || request->method == SIP_METHOD_UPDATE))
    step.call->keep_again = true;
  receive_inside(&step);
  call_keep_changes(table, context, call);
}

void call_receive_ack(struct call_table *table, struct context *context, const struct sip_message *ack,
                      const struct flow *flow) {
  struct call_step step = {.table = table, .context = context, .message = ack, .flow = flow};
  if (!find_leg(&step)) return;
  (void)!dialog_receive_request(table->rooms.dialogs, context, step.leg->dialog, ack, flow);
  struct handle call = handle_of(&step);
  call_supervision_note(&step, step.leg);
  leg_dispatch(&step, LEG_EVENT_ACK);
  if (step.call && step.leg) call_keep_acknowledged(&step);
  call_keep_changes(table, context, call);
}

/* --- news of our own transactions -------------------------------------------------------------------------------- */

static void receive_invite_response(struct call_step *step) {
  if (!step->message) {
    leg_dispatch(step, LEG_EVENT_SILENCE);
  } else if (step->status < 200) {
    if (call_reliable_take(step)) leg_dispatch(step, LEG_EVENT_PROGRESS);
  } else if (step->status >= 300) {
    leg_dispatch(step, LEG_EVENT_REFUSAL);
  } else if (!call_answer_must_wait(step)) {
    leg_dispatch(step, LEG_EVENT_ANSWER);
  }
}

/* An INVITE that is over and done with (its leg has got its 2xx) can only repeat it. */
static void receive_final(struct call_step *step, enum leg_purpose purpose) {
  if (call_repeat(step, purpose)) return; /* for the call the same attempt */
  bool decided = step->leg->state != LEG_STATE_INVITED && step->leg->state != LEG_STATE_CANCELLING &&
                 step->leg->state != LEG_STATE_CUT_OFF_CALLEE;
  switch (purpose) {
  case LEG_PURPOSE_INVITE:
    if (!decided || (step->message && step->status >= 200 && step->status < 300)) receive_invite_response(step);
    return;
  case LEG_PURPOSE_BYE: leg_dispatch(step, LEG_EVENT_BYE_DONE); return;
  case LEG_PURPOSE_CARRIED: call_carried_final(step); return;
  case LEG_PURPOSE_PRACK: return;
  case LEG_PURPOSE_REFRESH: call_refresh_final(step); return;
  }
}

/* Where the peer's connection broke there may be another way to it, which an earlier request may have found already. */
static void go_another_way(struct call_step *step) {
  const struct call_rooms *rooms = &step->table->rooms;
  (void)dialog_find_another_way(rooms->dialogs, step->context, step->leg->dialog);
  struct flow way = dialog_flow(rooms->dialogs, step->leg->dialog);
  /* Where there is none, TRANSACTION_NEWS_UNREACHABLE follows. */
  (void)!transaction_reroute(rooms->transactions, step->context, step->transaction, &way);
}

static void receive_cancel(struct call_step *step, enum leg_purpose purpose) {
  if (purpose == LEG_PURPOSE_INVITE)
    leg_dispatch(step, LEG_EVENT_CANCEL);
  else
    call_carried_cancel(step);
}

/* Notes the response in its dialog; false: it is to be forgotten (a branch that did not win, or one too many). */
static bool note_response(struct call_step *step) {
  if (!step->message) return true;
  step->status = step->message->status;
  enum result result = dialog_receive_response(step->table->rooms.dialogs, step->context, step->leg->dialog,
                                               step->message, &step->branch);
  call_supervision_note(step, step->leg);
  return result == RESULT_OK;
}

static void take_news(struct call_step *step, const struct transaction_news *news, enum leg_purpose purpose) {
  switch (news->kind) {
  case TRANSACTION_NEWS_CANCEL: receive_cancel(step, purpose); return;
  case TRANSACTION_NEWS_PROVISIONAL:
    if (purpose == LEG_PURPOSE_INVITE) call_keep_rings(step);
    if (!note_response(step)) return;
    if (purpose == LEG_PURPOSE_INVITE) receive_invite_response(step);
    if (purpose == LEG_PURPOSE_REFRESH) call_refresh_provisional(step);
    return;
  case TRANSACTION_NEWS_FINAL:
    if (note_response(step)) receive_final(step, purpose);
    return;
  case TRANSACTION_NEWS_TIMED_OUT:
    step->message = NULL;
    step->status = 408;
    receive_final(step, purpose);
    return;
  case TRANSACTION_NEWS_UNREACHABLE:
    step->message = NULL;
    step->status = 503;
    receive_final(step, purpose);
    return;
  case TRANSACTION_NEWS_STRANDED: go_another_way(step); return;
  case TRANSACTION_NEWS_NONE:
  case TRANSACTION_NEWS_REQUEST:
  case TRANSACTION_NEWS_ACK:
  case TRANSACTION_NEWS_REFUSED:
  case TRANSACTION_NEWS_ACK_MISSING: return; /* a refusal that was never acknowledged ends nothing that is not over */
  }
}

/* What else a leg leaves behind needs nobody: the first INVITE's 2xx, repeated, ends with its dialog. */
static void take_stray(struct call_step *step, const struct transaction_news *news, enum leg_purpose purpose) {
  const struct sip_message *message = step->message;
  bool offers = news->owner.detail & LEG_DETAIL_ASKS_OFFER;
  if (news->is_fork && purpose == LEG_PURPOSE_INVITE)
    call_dismiss_stray(step, offers);
  else if (news->kind == TRANSACTION_NEWS_FINAL && news->method == SIP_METHOD_INVITE && message &&
           message->status < 300 && purpose != LEG_PURPOSE_INVITE)
    call_acknowledge_stray(step, offers);
}

void call_receive_news(struct call_table *table, struct context *context, const struct transaction_news *news,
                       const struct sip_message *message, const struct flow *flow) {
  struct call_step step = {
      .table = table, .context = context, .message = message, .flow = flow, .transaction = news->transaction};
  step.method = news->method;
  step.detail = news->owner.detail;
  step.request = news->request;
  enum leg_purpose purpose = (enum leg_purpose)(news->owner.detail & LEG_DETAIL_PURPOSE);
  step.leg = call_leg_at(table, news->owner.handle);
  if (!step.leg) {
    take_stray(&step, news, purpose);
    return;
  }
  step.call = call_of_leg(table, step.leg);
  struct handle call = handle_of(&step);
  take_news(&step, news, purpose);
  call_keep_changes(table, context, call);
}
