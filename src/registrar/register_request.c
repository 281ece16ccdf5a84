/* REGISTER, by the steps of RFC 3261 §10.3 in their order: each either answers the request, or lets the next one look.
 * Step 1 is empty: whatever domain phones are configured with, its registrar is we.
 *
 * Two answers, which are nearly all, need no transaction. A challenge is given anew to whoever asks again (§8.2.7), and
 * the 200 that binds something can be written again from what is bound: the binding knows which request made it. All
 * others are kept by a transaction, so that what they have done is done once. */
#include "registrar/register_request.h"

#include "base/check.h"
#include "parameters/parameters.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"

/* Timer J: so long a transaction would answer a request that comes again (RFC 3261 §17.2.2). */
#define COMES_AGAIN_MS 32000

#define TAG_DIGITS        16
#define ANSWER_ROOM_BYTES 1024

enum step_result { STEP_DONE, STEP_NEXT };

/* The same for the same request. */
static struct str_view to_tag(const struct register_request *request) {
  const uint32_t parts[] = {request->call_id_hash, request->branch_hash, request->message->cseq, SIP_METHOD_REGISTER};
  struct text_builder builder = arena_builder(request->context->arena, TAG_DIGITS);
  text_builder_add_hex(&builder, siphash(&request->context->local->nonce_key, parts, sizeof parts), TAG_DIGITS);
  return text_builder_view(&builder);
}

/* False: there can be none, and the request has been answered. */
static bool keep_transaction(struct register_request *request) {
  return !handle_is_none(request->transaction) ||
         transaction_accept(request->registrar->transactions, request->context, request->message, request->flow,
                            &request->transaction) == RESULT_OK;
}

static enum step_result answer(struct register_request *request, unsigned status, struct str_view extra_headers) {
  if (keep_transaction(request))
    (void)transaction_respond_simple(request->registrar->transactions, request->context, request->transaction, status,
                                     to_tag(request), extra_headers);
  return STEP_DONE;
}

static enum step_result send_stateless(struct register_request *request, struct text_builder *response) {
  sip_build_end(response, (struct str_view){0}, (struct str_view){0});
  if (!response->overflowed)
    transaction_send_stateless(request->context, request->message, request->flow, text_builder_view(response));
  return STEP_DONE;
}

static enum step_result answer_stateless(struct register_request *request, unsigned status,
                                         struct str_view extra_headers) {
  struct context *context = request->context;
  struct text_builder response =
      arena_builder(context->arena, request->message->bytes.length + extra_headers.length + ANSWER_ROOM_BYTES);
  transaction_build_stateless(context, request->message, request->flow, status, to_tag(request), &response);
  text_builder_add(&response, extra_headers);
  counters_add(context->counters, responses_sent);
  return send_stateless(request, &response);
}

/* --- 2: extensions ----------------------------------------------------------------------------------------------- */

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

/* --- 3: who is it? ----------------------------------------------------------------------------------------------- */

static enum step_result refuse_suspended(struct register_request *request) {
  counters_add(request->context->counters, strangers_refused);
  if (request->context->parameters->SS_REPLY_UNAUTHORIZED) return answer(request, 403, (struct str_view){0});
  if (keep_transaction(request)) transaction_disown(request->registrar->transactions, request->transaction);
  return STEP_DONE;
}

static enum step_result step_3_authenticate(struct register_request *request) {
  struct str_view challenge;
  switch (subscriber_auth_check(request->registrar, request->context, request->message, request->flow, false,
                                &request->phone, &challenge)) {
  case AUTH_PASSED: return STEP_NEXT;
  case AUTH_CHALLENGED: return answer_stateless(request, 401, challenge);
  case AUTH_WRONG: return answer(request, 401, challenge); /* counted once, however often it comes */
  case AUTH_REFUSED: break;
  }
  return refuse_suspended(request);
}

/* --- 4 and 5: for whom? ------------------------------------------------------------------------------------------ */

/* Whom the request is about; read once. False: To cannot be read. */
static bool read_to(struct register_request *request) {
  struct sip_name_addr to;
  if (request->to_is_read) return true;
  if (sip_name_addr_parse(sip_message_header(request->message, SIP_HEADER_TO), &to) != RESULT_OK) return false;
  request->to_number = sip_uri_user_plain(&to.uri, request->context->arena);
  request->to_is_read = true;
  return true;
}

/* A phone registers itself and nobody else. The user part alone is the index (step 5: parameters off, escapes
 * resolved), since there is one domain. */
static enum step_result step_4_and_5_address_of_record(struct register_request *request) {
  if (!read_to(request)) return answer(request, 400, (struct str_view){0});
  if (!str_view_equal(request->to_number, request->phone->name)) return answer(request, 403, (struct str_view){0});
  request->number = request->phone->name;
  return STEP_NEXT;
}

/* --- RFC 3327 §5.3: the path ------------------------------------------------------------------------------------- */

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

/* --- 6 and 7: the contacts --------------------------------------------------------------------------------------- */

static enum step_result refuse_brief(struct register_request *request) {
  struct text_builder least = arena_builder(request->context->arena, 32);
  sip_build_header_u32(&least, SIP_HEADER_MIN_EXPIRES, REGISTER_EXPIRES_LEAST_S);
  return answer(request, 423, text_builder_view(&least));
}

/* What only removes or asks leaves nothing behind that knows the request, but a transaction. */
static enum step_result commit(struct register_request *request) {
  bool will_be_known = request->branch_hash != 0 && register_contacts_add_any(request);
  if (!will_be_known && !keep_transaction(request)) return STEP_DONE;
  register_contacts_commit(request);
  return STEP_NEXT;
}

static enum step_result step_6_and_7_contacts(struct register_request *request) {
  const struct str_view nothing = {0};
  register_outbound_read(request);
  switch (register_contacts_plan(request)) {
  case CONTACT_FINE: return commit(request);
  case CONTACT_MALFORMED: return answer(request, 400, nothing);
  case CONTACT_TOO_BRIEF: return refuse_brief(request);
  case CONTACT_OUT_OF_ORDER: return answer(request, 500, nothing);
  case CONTACT_TOO_MANY: return answer(request, 403, nothing);
  case CONTACT_WITHOUT_FLOW: return answer(request, 439, nothing);
  case CONTACT_NO_ROOM: break;
  }
  return answer(request, 503, STR_VIEW("Retry-After: 60\r\n"));
}

/* --- 8: what is bound now ---------------------------------------------------------------------------------------- */

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
  text_builder_add_u64(&value, registration_expires_in_s(binding, request->as_of));
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
  size_t bytes = request->message->bytes.length + request->path.length + ANSWER_ROOM_BYTES;
  for (const struct registration *binding = first; binding; binding = binding->next)
    bytes += binding->contact_length + 64u;
  return bytes;
}

static void add_bindings(struct register_request *request, const struct registration *first,
                         struct text_builder *response) {
  struct context *context = request->context;
  int64_t ago_ms = mono_ms_since(context->now, request->as_of);
  for (const struct registration *binding = first; binding; binding = binding->next)
    add_contact(request, response, binding);
  if (request->path.length > 0) sip_build_header(response, SIP_HEADER_PATH, request->path);
  register_outbound_answer(request, response);
  add_date(response, (struct wall_us){context->wall_now.value - ago_ms * 1000});
}

static enum step_result answer_from_bindings(struct register_request *request, const struct registration *first) {
  struct text_builder response = arena_builder(request->context->arena, answer_bytes_max(request, first));
  transaction_build_stateless(request->context, request->message, request->flow, 200, to_tag(request), &response);
  add_bindings(request, first, &response);
  return send_stateless(request, &response);
}

static enum step_result step_8_answer(struct register_request *request) {
  struct context *context = request->context;
  struct transaction_layer *transactions = request->registrar->transactions;
  const struct registration *first = register_contacts_first(request);
  if (handle_is_none(request->transaction)) {
    counters_add(context->counters, responses_sent);
    return answer_from_bindings(request, first);
  }
  struct text_builder response = arena_builder(context->arena, answer_bytes_max(request, first));
  if (transaction_build_response(transactions, request->transaction, 200, (struct str_view){0}, to_tag(request),
                                 &response) != RESULT_OK)
    return STEP_DONE;
  add_bindings(request, first, &response);
  sip_build_end(&response, (struct str_view){0}, (struct str_view){0});
  if (response.overflowed) return answer(request, 500, (struct str_view){0});
  enum result result =
      transaction_respond(transactions, context, request->transaction, 200, text_builder_view(&response));
  /* Full: it is sent, and a device that did not get it registers again with the next CSeq. */
  expect_or(result == RESULT_OK || result == RESULT_FULL, return STEP_DONE);
  return STEP_DONE;
}

/* --- the same once more ------------------------------------------------------------------------------------------ */

static bool is_of_this_request(const struct register_request *request, const struct registration *binding) {
  return binding->call_id_hash == request->call_id_hash && binding->branch_hash == request->branch_hash &&
         binding->cseq == request->message->cseq &&
         mono_ms_since(request->context->now, registration_refreshed_at(binding, request->context->now)) <
             COMES_AGAIN_MS &&
         flow_equal(&binding->device->flow, request->flow);
}

/* The request whose answer was lost is answered again, as of when it was answered first. That comes before its
 * credentials are looked at, whose nonce count would be used up; what has never bound anything has none. */
static enum step_result step_again(struct register_request *request) {
  struct context *context = request->context;
  if (request->branch_hash == 0 || !sip_message_has(request->message, SIP_HEADER_AUTHORIZATION) || !read_to(request))
    return STEP_NEXT;
  request->first = location_table_first(&request->registrar->locations, context, request->to_number);
  request->first_is_known = true; /* and of nobody else, or step 5 refuses */
  const struct registration *binding = request->first;
  while (binding && !is_of_this_request(request, binding))
    binding = binding->next;
  if (!binding) return STEP_NEXT;
  request->as_of = registration_refreshed_at(binding, context->now);
  request->has_flow = binding->reg_id != 0;
  register_outbound_read(request);
  if (step_path(request) == STEP_DONE) return STEP_DONE;
  request->comes_again = true;
  counters_add(context->counters, retransmissions_sent);
  return answer_from_bindings(request, request->first);
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

static enum step_result (*const steps[])(struct register_request *request) = {
    step_2_extensions,     step_again,    step_3_authenticate, step_4_and_5_address_of_record, step_path,
    step_6_and_7_contacts, step_8_answer,
};

static uint32_t hash_of(const struct context *context, struct str_view text) {
  return (uint32_t)siphash(&context->local->nonce_key, text.data, text.length);
}

void registrar_receive_register(struct registrar *registrar, struct context *context, const struct sip_message *message,
                                const struct flow *flow) {
  struct register_request request;
  memset(&request, 0, offsetof(struct register_request, changes));
  request.registrar = registrar;
  request.context = context;
  request.message = message;
  request.flow = flow;
  request.as_of = context->now;
  struct str_view branch = message->top_via.branch;
  request.call_id_hash = hash_of(context, message->call_id);
  /* Without the magic cookie a branch names nothing (RFC 3261 §8.1.1.7). */
  if (str_view_starts_with_nocase(branch, STR_VIEW("z9hG4bK"))) request.branch_hash = hash_of(context, branch) | 1;
  for (size_t i = 0; i < sizeof steps / sizeof steps[0] && steps[i](&request) == STEP_NEXT;)
    i++;
  if (request.comes_again)
    counters_add(context->counters, retransmissions_received);
  else
    counters_add(context->counters, requests_received);
}
