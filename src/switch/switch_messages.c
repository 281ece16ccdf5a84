/* A message comes in: a life sign, something that breaks the grammar, a stranger's, or news for a room. */
#include "keepalive/life_sign.h"
#include "switch/switch_private.h"

#define REPLY_BYTES 256

/* --- what is not SIP --------------------------------------------------------------------------------------------- */

static bool take_life_sign(struct switch_core *core, struct context *context, const struct event *event) {
  char memory[REPLY_BYTES];
  struct text_builder reply = text_builder_over(memory, sizeof memory);
  enum life_sign sign = life_sign_read(event->bytes, &event->flow.remote, &reply);
  if (sign == LIFE_SIGN_NONE) return false;
  counters_add(context->counters, life_signs_received);
  (void)keepalive_heard(core->keepalive, context, &event->flow,
                        sign == LIFE_SIGN_PONG ? KEEPALIVE_SIGN_PONG : KEEPALIVE_SIGN_PING);
  if (reply.length > 0) outbox_send(context->outbox, &event->flow, text_builder_view(&reply));
  return true;
}

/* A request that can be answered is; a broken response or ACK is only counted. */
static void refuse_malformed(struct switch_core *core, struct context *context, const struct sip_message *message,
                             const struct sip_defect *defect, const struct flow *flow) {
  static const enum sip_header needed[] = {SIP_HEADER_VIA, SIP_HEADER_FROM, SIP_HEADER_TO, SIP_HEADER_CALL_ID,
                                           SIP_HEADER_CSEQ};
  counters_add(context->counters, messages_malformed);
  if (!message->is_request || message->method == SIP_METHOD_ACK || defect->status == 0) return;
  if (!call_note_malformed(core->calls, context, message, defect, flow)) return;
  for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
    if (!sip_message_has(message, needed[i])) return;
  transaction_respond_stateless(context, message, flow, defect->status, (struct str_view){0});
}

/* --- what is ----------------------------------------------------------------------------------------------------- */

static void take_request(struct switch_core *core, struct context *context, const struct transaction_news *news,
                         const struct sip_message *request, const struct flow *flow) {
  if (request->method == SIP_METHOD_REGISTER && request->to_tag.length == 0)
    registrar_receive_register(core->registrar, context, request, flow);
  else if (trunk_trial_owns(core->trials, request))
    trunk_trial_receive_request(core->trials, context, request, flow, news->transaction);
  else
    call_receive_request(core->calls, context, request, flow, news->transaction);
}

void switch_tell(struct switch_core *core, struct context *context, const struct transaction_news *news,
                 const struct sip_message *message, const struct flow *flow) {
  switch (news->kind) {
  case TRANSACTION_NEWS_NONE: return;
  case TRANSACTION_NEWS_REQUEST: take_request(core, context, news, message, flow); return;
  case TRANSACTION_NEWS_ACK: call_receive_ack(core->calls, context, message, flow); return;
  case TRANSACTION_NEWS_REFUSED: call_note_refused(core->calls, context, message, flow); return;
  case TRANSACTION_NEWS_CANCEL:
  case TRANSACTION_NEWS_PROVISIONAL:
  case TRANSACTION_NEWS_FINAL:
  case TRANSACTION_NEWS_TIMED_OUT:
  case TRANSACTION_NEWS_STRANDED:
  case TRANSACTION_NEWS_UNREACHABLE:
  case TRANSACTION_NEWS_ACK_MISSING: break;
  }
  if (news->owner.kind == TRANSACTION_OWNER_CALL) call_receive_news(core->calls, context, news, message, flow);
  if (news->owner.kind == TRANSACTION_OWNER_TRUNK) trunk_trial_receive_news(core->trials, context, news, message);
}

void switch_receive_message(struct switch_core *core, struct context *context, const struct event *event) {
  struct sip_message message;
  struct sip_defect defect;
  if (take_life_sign(core, context, event)) return;
  (void)keepalive_heard(core->keepalive, context, &event->flow, KEEPALIVE_SIGN_MESSAGE);
  if (sip_message_parse(event->bytes, &message, &defect) != RESULT_OK) {
    refuse_malformed(core, context, &message, &defect, &event->flow);
    return;
  }
  bool is_response = !message.is_request;
  if (is_response && keepalive_receive_response(core->keepalive, context, &message, &event->flow)) return;
  if (message.is_request && call_refuse_stranger(core->calls, context, &message, &event->flow)) return;
  if (message.is_request) keepalive_gateways_note_request(&core->gateways, context, &event->flow);
  struct transaction_news news = transaction_receive(core->transactions, context, &message, &event->flow);
  switch_tell(core, context, &news, &message, &event->flow);
}

void switch_core_refuse(struct switch_core *core, struct context *context, const struct flow *flow,
                        struct str_view bytes) {
  struct sip_message message;
  struct sip_defect defect;
  if (sip_message_parse(str_view_slice(bytes, 0, SIP_MESSAGE_BYTES_MAX), &message, &defect) == RESULT_OK)
    defect =
        (struct sip_defect){.rule = "no Content-Length tells where the message ends (RFC 3261 18.3)", .status = 400};
  refuse_malformed(core, context, &message, &defect, flow);
  arena_reset(context->arena);
}
