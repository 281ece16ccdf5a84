/* Who calls whom: numbers before and after the devices' rules, the name shown, and what a device overrides. */
#include "call/call_supervision.h"
#include "directory/directory.h"
#include "parameters/parameters.h"
#include "routing/number_transform.h"
#include "sip/sip_uri.h"

/* RFC 3261 §8.1.1.3, RFC 3323 §4.1.1.3 */
static bool is_anonymous(const struct sip_uri *from) {
  return str_view_equal_nocase(from->user, STR_VIEW("anonymous")) ||
         str_view_equal_nocase(from->host, STR_VIEW("anonymous.invalid"));
}

static struct str_view user_in(struct call_step *step, enum sip_header header) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  struct sip_name_addr name_addr;
  if (!sip_message_next_value(step->message, header, &cursor, &value) ||
      sip_name_addr_parse(value, &name_addr) != RESULT_OK)
    return (struct str_view){0};
  return sip_uri_user_plain(&name_addr.uri, step->context->arena);
}

/* A phone's number is the one it proved to be; a gateway's word is taken, also about callers who hide behind it. */
static struct str_view caller_number(struct call_step *step, const struct device *device) {
  if (device->kind == DEVICE_PHONE) return device->name;
  struct str_view asserted =
      step->call->anonymous ? user_in(step, SIP_HEADER_P_ASSERTED_IDENTITY) : (struct str_view){0};
  return asserted.length > 0 ? asserted : user_in(step, SIP_HEADER_FROM);
}

static struct str_view callee_number(struct call_step *step) {
  struct sip_uri uri;
  if (sip_uri_parse(step->message->request_uri, &uri) != RESULT_OK) return (struct str_view){0};
  return sip_uri_user_plain(&uri, step->context->arena);
}

/* A quoted string (RFC 3261 §25.1). */
static struct str_view quoted(struct call_step *step, struct str_view text) {
  struct text_builder builder = arena_builder(step->context->arena, 2 * text.length + 2);
  text_builder_add_char(&builder, '"');
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] == '"' || text.data[i] == '\\') text_builder_add_char(&builder, '\\');
    text_builder_add_char(&builder, text.data[i]);
  }
  text_builder_add_char(&builder, '"');
  return builder.overflowed ? (struct str_view){0} : text_builder_view(&builder);
}

void call_name_caller(struct call_step *step, const struct device *device) {
  struct str_view texts[CALL_TEXT_COUNT] = {0};
  struct sip_name_addr from;
  struct arena *arena = step->context->arena;
  bool readable = sip_name_addr_parse(sip_message_header(step->message, SIP_HEADER_FROM), &from) == RESULT_OK;
  step->call->anonymous = readable && is_anonymous(&from.uri);
  texts[CALL_TEXT_CALLER] = caller_number(step, device);
  texts[CALL_TEXT_CALLEE] = callee_number(step);
  texts[CALL_TEXT_CALLER_NUMBER] =
      number_transform(texts[CALL_TEXT_CALLER], device->caller_rules, device->caller_rule_count, arena);
  texts[CALL_TEXT_CALLEE_NUMBER] =
      number_transform(texts[CALL_TEXT_CALLEE], device->callee_rules, device->callee_rule_count, arena);
  texts[CALL_TEXT_CALLER_DEVICE] = device->name;
  if (readable) texts[CALL_TEXT_DISPLAY] = from.display;
  if (device->display.length > 0 && !step->call->anonymous) texts[CALL_TEXT_DISPLAY] = quoted(step, device->display);
  call_store_texts(step, texts);
}

void call_name_callee(struct call_step *step) {
  struct call_destination *destination = &step->destination;
  const struct device *device = destination->device;
  struct str_view texts[CALL_TEXT_COUNT];
  struct arena *arena = step->context->arena;
  call_load_texts(step->table, step->call, texts);
  struct str_view caller = arena_copy(arena, texts[CALL_TEXT_CALLER_NUMBER]);
  struct str_view callee = arena_copy(arena, texts[CALL_TEXT_CALLEE_NUMBER]);
  destination->caller = number_transform(caller, device->caller_rules, device->caller_rule_count, arena);
  destination->number = number_transform(callee, device->callee_rules, device->callee_rule_count, arena);
  texts[CALL_TEXT_CALLER_OUT] = destination->caller;
  texts[CALL_TEXT_CALLEE_OUT] = destination->number;
  texts[CALL_TEXT_CALLEE_DEVICE] = device->name;
  call_store_texts(step, texts);
}

/* --- overrides --------------------------------------------------------------------------------------------------- */

uint32_t call_shorter(uint32_t a, uint32_t b) {
  if (a == 0 || b == 0) return a + b;
  return a < b ? a : b;
}

static uint16_t stage_s(int32_t override_s, uint32_t parameter_s) {
  uint32_t seconds = override_s == DEVICE_USE_PARAMETER ? parameter_s : (uint32_t)override_s;
  return (uint16_t)(seconds < UINT16_MAX ? seconds : UINT16_MAX);
}

void call_apply_overrides(struct call_step *step, const struct device *device, enum call_side side) {
  struct call *call = step->call;
  const struct parameters *parameters = step->context->parameters;
  const struct device_overrides *own = &device->overrides;
  uint32_t longest_s = own->max_duration_s > 0 ? (uint32_t)own->max_duration_s : 0;
  if (side == CALL_CALLER) call->caller_max_s = longest_s;
  call->max_duration_s = call_shorter(call->caller_max_s, longest_s);
  call->attempts->stage_s[CALL_STAGE_INVITE] = stage_s(own->timeout_invite_s, parameters->SS_SIP_TIMEOUT_INVITE);
  call->attempts->stage_s[CALL_STAGE_TRYING] = stage_s(own->timeout_trying_s, parameters->SS_SIP_TIMEOUT_TRYING);
  call->attempts->stage_s[CALL_STAGE_SESSION_PROGRESS] =
      stage_s(own->timeout_session_progress_s, parameters->SS_SIP_TIMEOUT_SESSION_PROGRESS);
  call->attempts->stage_s[CALL_STAGE_SESSION_PROGRESS_SDP] =
      stage_s(own->timeout_session_progress_sdp_s, parameters->SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP);
  call->attempts->stage_s[CALL_STAGE_RINGING] = stage_s(own->timeout_ringing_s, parameters->SS_SIP_TIMEOUT_RINGING);
}
