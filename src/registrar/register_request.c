/* REGISTER, by the steps of RFC 3261 §10.3 in their order: each either answers the request, or lets the next one look.
 * Step 1 is empty: whatever domain phones are configured with, its registrar is we. */
#include "registrar/register_request.h"

#include "base/check.h"
#include "parameters/parameters.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"

enum step_result { STEP_DONE, STEP_NEXT };

static struct str_view new_to_tag(struct context *context) {
  struct text_builder builder = arena_builder(context->arena, 16);
  text_builder_add_hex(&builder, random_u64(context->random), 16);
  return text_builder_view(&builder);
}

static enum step_result answer(struct register_request *request, unsigned status, struct str_view extra_headers) {
  (void)transaction_respond_simple(request->registrar->transactions, request->context, request->transaction, status,
                                   new_to_tag(request->context), extra_headers);
  return STEP_DONE;
}

/* --- 2: extensions
 * ----------------------------------------------------------------------------------------------------- */

static enum step_result step_2_extensions(struct register_request *request) {
  if (!sip_message_has(request->message, SIP_HEADER_REQUIRE)) return STEP_NEXT;
  struct text_builder unsupported = arena_builder(request->context->arena, request->message->bytes.length + 32);
  struct sip_value_cursor cursor = {0};
  struct str_view option;
  while (sip_message_next_value(request->message, SIP_HEADER_REQUIRE, &cursor, &option))
    if (!str_view_equal_nocase(option, STR_VIEW("path")) && !str_view_equal_nocase(option, STR_VIEW("outbound")))
      sip_build_header(&unsupported, SIP_HEADER_UNSUPPORTED, option);
  return unsupported.length > 0 ? answer(request, 420, text_builder_view(&unsupported)) : STEP_NEXT;
}

/* --- 3: who is it?
 * ----------------------------------------------------------------------------------------------------- */

static enum step_result refuse_suspended(struct register_request *request) {
  counters_add(request->context->counters, strangers_refused);
  if (request->context->parameters->SS_REPLY_UNAUTHORIZED) return answer(request, 403, (struct str_view){0});
  transaction_disown(request->registrar->transactions, request->transaction);
  return STEP_DONE;
}

static enum step_result step_3_authenticate(struct register_request *request) {
  struct str_view challenge;
  switch (subscriber_auth_check(request->registrar, request->context, request->message, request->flow, false,
                                &request->phone, &challenge)) {
  case AUTH_PASSED: return STEP_NEXT;
  case AUTH_CHALLENGED:
  case AUTH_WRONG: return answer(request, 401, challenge);
  case AUTH_REFUSED: break;
  }
  return refuse_suspended(request);
}

/* --- 4 and 5: for whom?
 * ------------------------------------------------------------------------------------------------ */

/* A phone registers itself and nobody else. The user part alone is the index (step 5: parameters off, escapes
 * resolved), since there is one domain. */
static enum step_result step_4_and_5_address_of_record(struct register_request *request) {
  struct sip_name_addr to;
  if (sip_name_addr_parse(sip_message_header(request->message, SIP_HEADER_TO), &to) != RESULT_OK)
    return answer(request, 400, (struct str_view){0});
  struct str_view number = sip_uri_user_plain(&to.uri, request->context->arena);
  if (!str_view_equal(number, request->phone->name)) return answer(request, 403, (struct str_view){0});
  request->number = request->phone->name;
  return STEP_NEXT;
}

/* --- RFC 3327 §5.3: the path
 * ------------------------------------------------------------------------------------------- */

/* Taken also from devices that do not say `Supported: path`: proxies in front of switches add it for them. */
static enum step_result step_path(struct register_request *request) {
  if (!sip_message_has(request->message, SIP_HEADER_PATH)) return STEP_NEXT;
  struct text_builder path = arena_builder(request->context->arena, request->message->bytes.length);
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  while (sip_message_next_value(request->message, SIP_HEADER_PATH, &cursor, &value)) {
    struct sip_name_addr hop;
    if (sip_name_addr_parse(value, &hop) != RESULT_OK || hop.is_star) return answer(request, 400, (struct str_view){0});
    if (path.length > 0) text_builder_add_literal(&path, ", ");
    text_builder_add_literal(&path, "<");
    text_builder_add(&path, hop.uri_text);
    text_builder_add_literal(&path, ">");
    if (hop.parameters.length > 0) text_builder_add_literal(&path, ";");
    text_builder_add(&path, hop.parameters);
  }
  if (path.overflowed) return answer(request, 400, (struct str_view){0});
  request->path = text_builder_view(&path);
  return STEP_NEXT;
}

/* --- 6 and 7: the contacts
 * --------------------------------------------------------------------------------------------- */

static enum step_result refuse_brief(struct register_request *request) {
  struct text_builder least = arena_builder(request->context->arena, 32);
  sip_build_header_u32(&least, SIP_HEADER_MIN_EXPIRES, REGISTER_EXPIRES_LEAST_S);
  return answer(request, 423, text_builder_view(&least));
}

static enum step_result step_6_and_7_contacts(struct register_request *request) {
  const struct str_view nothing = {0};
  request->call_id_hash =
      siphash(&request->context->local->nonce_key, request->message->call_id.data, request->message->call_id.length);
  register_outbound_read(request);
  switch (register_contacts_plan(request)) {
  case CONTACT_FINE: register_contacts_commit(request); return STEP_NEXT;
  case CONTACT_MALFORMED: return answer(request, 400, nothing);
  case CONTACT_TOO_BRIEF: return refuse_brief(request);
  case CONTACT_OUT_OF_ORDER: return answer(request, 500, nothing);
  case CONTACT_TOO_MANY: return answer(request, 403, nothing);
  case CONTACT_WITHOUT_FLOW: return answer(request, 439, nothing);
  case CONTACT_NO_ROOM: break;
  }
  return answer(request, 503, STR_VIEW("Retry-After: 60\r\n"));
}

/* --- 8: what is bound now
 * ---------------------------------------------------------------------------------------------- */

static void add_q(struct text_builder *builder, unsigned thousandths) {
  if (thousandths == 1000) return;
  text_builder_add_literal(builder, ";q=0.");
  text_builder_add_u64(builder, thousandths / 100);
  text_builder_add_u64(builder, thousandths / 10 % 10);
  text_builder_add_u64(builder, thousandths % 10);
}

static void add_contact(struct register_request *request, struct text_builder *builder,
                        const struct registration *binding) {
  struct str_view uri = registration_texts(&request->registrar->locations, binding).contact;
  struct text_builder value = arena_builder(request->context->arena, uri.length + 64);
  text_builder_add_literal(&value, "<");
  text_builder_add(&value, uri);
  text_builder_add_literal(&value, ">;expires=");
  text_builder_add_u64(&value, registration_expires_in_s(binding, request->context->now));
  add_q(&value, binding->q_thousandths);
  sip_build_header(builder, SIP_HEADER_CONTACT, text_builder_view(&value));
}

/* "Sun, 22 Nov 2026 13:31:12 GMT" (RFC 3261 §20.17) from the digits of RFC 3339, which base/time.h writes. */
static void add_date(struct text_builder *builder, struct wall_us now) {
  static const char days[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"}; /* 1970 began on a Thursday */
  static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char memory[64], line[64];
  struct text_builder iso_builder = text_builder_over(memory, sizeof memory);
  struct text_builder value = text_builder_over(line, sizeof line);
  wall_us_to_text(now, &iso_builder);
  struct str_view iso = text_builder_view(&iso_builder);
  uint32_t month = 1;
  if (!str_view_to_u32(str_view_slice(iso, 5, 2), &month) || month < 1 || month > 12) return;
  text_builder_add(&value, str_view_from_c(days[now.value / 86400000000 % 7]));
  text_builder_add_literal(&value, ", ");
  text_builder_add(&value, str_view_slice(iso, 8, 2));
  text_builder_add_char(&value, ' ');
  text_builder_add(&value, str_view_from_c(months[month - 1]));
  text_builder_add_char(&value, ' ');
  text_builder_add(&value, str_view_slice(iso, 0, 4));
  text_builder_add_char(&value, ' ');
  text_builder_add(&value, str_view_slice(iso, 11, 8));
  text_builder_add_literal(&value, " GMT");
  sip_build_header(builder, SIP_HEADER_DATE, text_builder_view(&value));
}

static size_t answer_bytes_max(const struct register_request *request, const struct registration *first) {
  size_t bytes = request->message->bytes.length + request->path.length + 1024;
  for (const struct registration *binding = first; binding; binding = binding->next)
    bytes += binding->contact_length + 64u;
  return bytes;
}

static enum step_result step_8_answer(struct register_request *request) {
  struct context *context = request->context;
  struct transaction_layer *transactions = request->registrar->transactions;
  const struct registration *first = location_table_first(&request->registrar->locations, context, request->number);
  struct text_builder response = arena_builder(context->arena, answer_bytes_max(request, first));
  if (transaction_build_response(transactions, request->transaction, 200, (struct str_view){0}, new_to_tag(context),
                                 &response) != RESULT_OK)
    return STEP_DONE;
  for (const struct registration *binding = first; binding; binding = binding->next)
    add_contact(request, &response, binding);
  if (request->path.length > 0) sip_build_header(&response, SIP_HEADER_PATH, request->path);
  register_outbound_answer(request, &response);
  add_date(&response, context->wall_now);
  sip_build_end(&response, (struct str_view){0}, (struct str_view){0});
  if (response.overflowed) return answer(request, 500, (struct str_view){0});
  enum result result =
      transaction_respond(transactions, context, request->transaction, 200, text_builder_view(&response));
  /* Full: it is sent, and a device that did not get it registers again with the next CSeq. */
  expect_or(result == RESULT_OK || result == RESULT_FULL, return STEP_DONE);
  return STEP_DONE;
}

/* --- the whole
 * --------------------------------------------------------------------------------------------------------- */

static enum step_result (*const steps[])(struct register_request *request) = {
    step_2_extensions, step_3_authenticate,   step_4_and_5_address_of_record,
    step_path,         step_6_and_7_contacts, step_8_answer,
};

void registrar_receive_register(struct registrar *registrar, struct context *context, const struct sip_message *message,
                                const struct flow *flow, struct handle transaction) {
  struct register_request request = {
      .registrar = registrar, .context = context, .message = message, .flow = flow, .transaction = transaction};
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
    if (steps[i](&request) == STEP_DONE) return;
}
