/* A request of ours that was refused for want of something we can give goes out once more, with a new CSeq and branch:
 * credentials (RFC 3261 §22.2), a longer interval (RFC 4028 §7.3). What else it said is taken from itself. */
#include "call/call_supervision.h"
#include "sip/sip_build.h"

#define HEADERS_BYTES 4096

/* Written by the dialog, or again here. */
static bool is_written_anew(enum sip_header header) {
  static const enum sip_header headers[] = {
      SIP_HEADER_VIA,
      SIP_HEADER_MAX_FORWARDS,
      SIP_HEADER_ROUTE,
      SIP_HEADER_FROM,
      SIP_HEADER_TO,
      SIP_HEADER_CALL_ID,
      SIP_HEADER_CSEQ,
      SIP_HEADER_CONTACT,
      SIP_HEADER_USER_AGENT,
      SIP_HEADER_CONTENT_TYPE,
      SIP_HEADER_CONTENT_LENGTH,
      SIP_HEADER_SESSION_EXPIRES,
      SIP_HEADER_AUTHORIZATION,
      SIP_HEADER_PROXY_AUTHORIZATION,
      SIP_HEADER_MIN_SE,
  };
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
    if (headers[i] == header) return true;
  return false;
}

static void copy_headers(const struct sip_message *request, struct text_builder *headers) {
  for (unsigned i = 0; i < request->header_count; i++)
    if (!is_written_anew((enum sip_header)request->fields[i].header))
      sip_build_other_header(headers, sip_message_field_name(request, i), sip_message_field_value(request, i));
}

static bool is_timed(enum sip_method method) {
  return method == SIP_METHOD_INVITE || method == SIP_METHOD_UPDATE;
}

static uint8_t hops_of(const struct sip_message *request) {
  uint32_t hops;
  bool is_right = str_view_to_u32(sip_message_header(request, SIP_HEADER_MAX_FORWARDS), &hops) && hops < 256;
  return (uint8_t)(is_right ? hops : 0);
}

static bool send_again(struct call_step *step, enum leg_purpose purpose, struct handle *transaction_out) {
  struct call_leg *leg = step->leg;
  struct sip_message old;
  struct sip_defect defect;
  if (step->request.length == 0 || sip_message_parse(step->request, &old, &defect) != RESULT_OK) return false;
  struct text_builder headers = arena_builder(step->context->arena, old.bytes.length + HEADERS_BYTES);
  copy_headers(&old, &headers);
  if (is_timed(old.method) && step->call) call_supervision_add_to_request(step, leg, old.method, &headers);
  uint32_t sent = call_credentials_add(step, leg, old.method_text, &headers);
  struct call_body body = call_body_of(&old);
  struct dialog_request request = {.method = old.method,
                                   .method_text = old.method_text,
                                   .max_forwards = hops_of(&old),
                                   .extra_headers = text_builder_view(&headers),
                                   .content_type = body.content_type,
                                   .body = body.bytes,
                                   .owner = call_leg_owner(step->table, leg, purpose)};
  request.owner.detail |= sent | (step->detail & (LEG_DETAIL_ASKS_OFFER | LEG_DETAIL_CHALLENGED));
  return !headers.overflowed && dialog_send_request(step->table->rooms.dialogs, step->context, leg->dialog, &request,
                                                    transaction_out) == RESULT_OK;
}

/* Nobody waits for it any more, or it is asked for what we do not have. */
static bool may_be_repeated(struct call_step *step, enum leg_purpose purpose) {
  const struct call_leg *leg = step->leg;
  switch (purpose) {
  case LEG_PURPOSE_INVITE: return step->call && leg->state == LEG_STATE_INVITED;
  case LEG_PURPOSE_CARRIED: return step->call && call_carried_is_awaited(step);
  case LEG_PURPOSE_BYE: return leg->state == LEG_STATE_LEAVING;
  case LEG_PURPOSE_PRACK: return step->call != NULL;
  case LEG_PURPOSE_REFRESH: break; /* the ladder decides */
  }
  return false;
}

static bool can_be_met(struct call_step *step) {
  if (step->status == 401 || step->status == 407) return call_credentials_take(step);
  return step->status == 422 && is_timed(step->method) && call_supervision_raise(step);
}

bool call_repeat(struct call_step *step, enum leg_purpose purpose) {
  struct handle transaction;
  if (!step->message || !may_be_repeated(step, purpose) || !can_be_met(step) ||
      !send_again(step, purpose, &transaction))
    return false;
  if (purpose == LEG_PURPOSE_INVITE) {
    step->leg->invite = transaction;
    call_keep_attempt(step);
  }
  if (purpose == LEG_PURPOSE_CARRIED) call_carried_moved(step, transaction);
  return true;
}
