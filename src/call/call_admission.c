/* Who calls, and may he? A mapping gateway is known by its address, and so is a phone that has one; everybody else has
 * to be a phone of ours and prove it by digest, whatever From says. */
#include "call/call_private.h"
#include "directory/directory.h"
#include "parameters/parameters.h"
#include "sip/sip_uri.h"

static bool names_phone(struct call_step *step) {
  struct sip_name_addr from;
  if (sip_name_addr_parse(sip_message_header(step->message, SIP_HEADER_FROM), &from) != RESULT_OK) return false;
  struct str_view user = sip_uri_user_plain(&from.uri, step->context->arena);
  return directory_find_phone(step->context->directory, user) != NULL;
}

/* Known, or worth a challenge. A vendor takes calls and makes none, unless he is a customer too. */
bool call_is_known(struct call_step *step) {
  const struct directory *directory = step->context->directory;
  const struct sip_message *request = step->message;
  const struct address *source = &step->flow->remote;
  bool calls = request->method == SIP_METHOD_INVITE && request->to_tag.length == 0;
  return directory_find_caller(directory, source) || (!calls && directory_find_routing_gateway(directory, source)) ||
         sip_message_has(request, SIP_HEADER_AUTHORIZATION) ||
         sip_message_has(request, SIP_HEADER_PROXY_AUTHORIZATION) || names_phone(step) || call_is_inside(step);
}

static enum admission challenge(struct call_step *step, bool as_proxy, struct str_view lines) {
  call_respond(step, step->transaction, as_proxy ? 407 : 401, lines);
  return ADMISSION_ANSWERED;
}

enum admission call_admit(struct call_step *step, const struct device **device_out) {
  struct str_view lines = {0};
  bool as_proxy = step->context->parameters->SS_SIP_AUTHENTICATION_CODE == AUTHENTICATION_CODE_407;
  *device_out = directory_find_caller(step->context->directory, &step->flow->remote);
  if (*device_out) return ADMISSION_PASSED;
  switch (subscriber_auth_check(step->table->rooms.registrar, step->context, step->message, step->flow, as_proxy,
                                device_out, &lines)) {
  case AUTH_PASSED:
    registrar_note_proof(step->table->rooms.registrar, step->context, *device_out, step->message, step->flow);
    return ADMISSION_PASSED;
  case AUTH_CHALLENGED: return challenge(step, as_proxy, lines);
  case AUTH_WRONG:
    call_record_refused(step, END_REASON_authentication_failed, as_proxy ? 407 : 401, NULL);
    return challenge(step, as_proxy, lines);
  case AUTH_REFUSED: break;
  }
  call_record_refused(step, END_REASON_authentication_failed, 403, NULL);
  if (step->context->parameters->SS_REPLY_UNAUTHORIZED)
    call_respond(step, step->transaction, 403, (struct str_view){0});
  else
    transaction_disown(step->table->rooms.transactions, step->transaction);
  return ADMISSION_ANSWERED;
}
