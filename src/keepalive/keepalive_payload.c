#include "keepalive/keepalive_payload.h"

#include "parameters/parameters.h"
#include "sip/sip_build.h"

/* --- which ------------------------------------------------------------------------------------------------------- */

static uint32_t method_of(const struct parameters *parameters, unsigned method, bool is_behind_nat) {
  if (method != KEEPALIVE_USE_PARAMETER) return method;
  bool is_meant = is_behind_nat || parameters->BF_NAT_KEEP_ALIVE_WHO == KEEP_ALIVE_WHO_ALL;
  return is_meant ? parameters->BF_NAT_KEEP_ALIVE_METHOD : (uint32_t)KEEP_ALIVE_OFF;
}

bool keepalive_method_is_off(const struct parameters *parameters, unsigned method, bool is_behind_nat) {
  uint32_t used = method_of(parameters, method, is_behind_nat);
  bool has_text = parameters->SS_SIP_NAT_KEEP_ALIVE_MESSAGE.length > 0;
  return used == KEEP_ALIVE_OFF || (used == KEEP_ALIVE_MESSAGE && !has_text);
}

enum keepalive_kind keepalive_payload_kind(const struct keepalive_device *device, const struct parameters *parameters) {
  bool is_stream = transport_is_stream((enum transport)device->flow.transport);
  bool has_text = parameters->SS_SIP_NAT_KEEP_ALIVE_MESSAGE.length > 0;
  enum keepalive_kind text = is_stream || device->text_spoils ? KEEPALIVE_KIND_CRLF : KEEPALIVE_KIND_TEXT;
  if (is_stream && device->flow.connection == 0) return KEEPALIVE_KIND_NONE;
  switch ((enum keep_alive_method_choice)method_of(parameters, device->method, device->is_behind_nat)) {
  case KEEP_ALIVE_MESSAGE: return has_text ? text : KEEPALIVE_KIND_NONE;
  case KEEP_ALIVE_CRLF: return KEEPALIVE_KIND_CRLF;
  case KEEP_ALIVE_OPTIONS: return KEEPALIVE_KIND_OPTIONS;
  case KEEP_ALIVE_AUTO: return has_text && !device->has_climbed ? text : KEEPALIVE_KIND_OPTIONS;
  case KEEP_ALIVE_OFF: break;
  }
  return KEEPALIVE_KIND_NONE;
}

/* --- branches ---------------------------------------------------------------------------------------------------- */

#define COOKIE        "z9hG4bKka"
#define COOKIE_LENGTH (sizeof COOKIE - 1)
#define WORKER_DIGITS 2
#define WORD_DIGITS   8
#define SIGN_DIGITS   16
#define BRANCH_LENGTH (COOKIE_LENGTH + WORKER_DIGITS + 2 * WORD_DIGITS + SIGN_DIGITS)

static uint64_t sign(const struct context *context, uint8_t worker, struct handle device, uint32_t cseq,
                     const struct flow *flow) {
  static const char purpose[4] = {'p', 'i', 'n', 'g'}; /* the key signs other things too */
  uint8_t bytes[40] = {0};
  memcpy(bytes, purpose, 4);
  memcpy(bytes + 4, &device.index, 4);
  memcpy(bytes + 8, &device.generation, 4);
  memcpy(bytes + 12, &cseq, 4);
  memcpy(bytes + 16, flow->remote.ip, 16);
  memcpy(bytes + 32, &flow->remote.port, 2);
  bytes[34] = flow->remote.family;
  bytes[35] = flow->transport;
  bytes[36] = worker;
  return siphash(&context->local->nonce_key, bytes, sizeof bytes);
}

static bool read_hex(struct str_view *rest, unsigned digits, uint64_t *value_out) {
  if (!str_view_hex_to_u64(str_view_slice(*rest, 0, digits), value_out)) return false;
  *rest = str_view_from(*rest, digits);
  return true;
}

enum result keepalive_branch_read(struct str_view branch, struct keepalive_branch *branch_out) {
  uint64_t worker, index, generation;
  if (branch.length != BRANCH_LENGTH || !str_view_starts_with(branch, STR_VIEW(COOKIE))) return RESULT_MALFORMED;
  struct str_view rest = str_view_from(branch, COOKIE_LENGTH);
  if (!read_hex(&rest, WORKER_DIGITS, &worker) || !read_hex(&rest, WORD_DIGITS, &index) ||
      !read_hex(&rest, WORD_DIGITS, &generation) || !read_hex(&rest, SIGN_DIGITS, &branch_out->signature))
    return RESULT_MALFORMED;
  branch_out->worker = (uint8_t)worker;
  branch_out->device = (struct handle){(uint32_t)index, (uint32_t)generation};
  return RESULT_OK;
}

bool keepalive_branch_is_of(const struct context *context, const struct keepalive_branch *branch, uint32_t cseq,
                            const struct flow *flow) {
  return branch->signature == sign(context, branch->worker, branch->device, cseq, flow);
}

/* --- OPTIONS ----------------------------------------------------------------------------------------------------- */

#define TEXT_MAX 128

/* The texts of one OPTIONS. */
struct options_texts {
  char branch[BRANCH_LENGTH], target[TEXT_MAX], own[TEXT_MAX], tag[TEXT_MAX], call_id[TEXT_MAX];
};

static struct str_view write_uri(char memory[TEXT_MAX], bool is_sips, struct str_view user,
                                 const struct address *address, enum transport transport) {
  struct text_builder builder = text_builder_over(memory, TEXT_MAX);
  text_builder_add(&builder, is_sips ? STR_VIEW("sips:") : STR_VIEW("sip:"));
  text_builder_add(&builder, user);
  address_to_text(address, &builder);
  if (transport == TRANSPORT_TCP) text_builder_add_literal(&builder, ";transport=tcp");
  if (transport == TRANSPORT_TLS && !is_sips) text_builder_add_literal(&builder, ";transport=tls");
  return text_builder_view(&builder);
}

/* The device's own number among ours: it names Call-ID and tag, so that all keep-alives of a device are one series. */
static void add_device(struct text_builder *builder, const struct context *context, struct handle device) {
  text_builder_add_hex(builder, context->local->worker, WORKER_DIGITS);
  text_builder_add_hex(builder, device.index, WORD_DIGITS);
  text_builder_add_hex(builder, device.generation, WORD_DIGITS);
}

static struct str_view write_branch(const struct context *context, struct handle handle, uint32_t cseq,
                                    const struct flow *flow, char memory[BRANCH_LENGTH]) {
  struct text_builder builder = text_builder_over(memory, BRANCH_LENGTH);
  text_builder_add_literal(&builder, COOKIE);
  add_device(&builder, context, handle);
  text_builder_add_hex(&builder, sign(context, context->local->worker, handle, cseq, flow), SIGN_DIGITS);
  return text_builder_view(&builder);
}

static struct str_view write_tag(const struct context *context, struct handle handle, char memory[TEXT_MAX]) {
  struct text_builder builder = text_builder_over(memory, TEXT_MAX);
  text_builder_add_literal(&builder, "tag=ka");
  add_device(&builder, context, handle);
  return text_builder_view(&builder);
}

static struct str_view write_call_id(const struct context *context, struct handle handle, const struct address *own,
                                     char memory[TEXT_MAX]) {
  struct text_builder builder = text_builder_over(memory, TEXT_MAX);
  text_builder_add_literal(&builder, "ka-");
  add_device(&builder, context, handle);
  text_builder_add_char(&builder, '@');
  address_ip_to_text(own, &builder);
  return text_builder_view(&builder);
}

void keepalive_options_build(const struct context *context, const struct keepalive_device *device, struct handle handle,
                             const struct flow *flow, struct str_view contact, struct text_builder *builder) {
  static const struct str_view none = {0};
  struct options_texts texts;
  enum transport transport = (enum transport)flow->transport;
  const struct address *own = &context->local->sockets[flow->socket_index].advertised;
  bool is_sips = str_view_starts_with_nocase(contact, STR_VIEW("sips:"));
  struct str_view target = contact.length ? contact : write_uri(texts.target, false, none, &flow->remote, transport);
  struct str_view own_uri = write_uri(texts.own, is_sips, STR_VIEW("keepalive@"), own, transport);
  sip_build_request_line(builder, STR_VIEW("OPTIONS"), target);
  sip_build_via(builder, transport, own, write_branch(context, handle, device->sent_count, flow, texts.branch));
  sip_build_header_u32(builder, SIP_HEADER_MAX_FORWARDS, 70);
  sip_build_name_addr(builder, SIP_HEADER_FROM, none, own_uri, write_tag(context, handle, texts.tag));
  sip_build_name_addr(builder, SIP_HEADER_TO, none, target, none);
  sip_build_header(builder, SIP_HEADER_CALL_ID, write_call_id(context, handle, own, texts.call_id));
  sip_build_cseq(builder, device->sent_count, STR_VIEW("OPTIONS"));
  sip_build_name_addr(builder, SIP_HEADER_CONTACT, none, own_uri, none);
  sip_build_header(builder, SIP_HEADER_ACCEPT, STR_VIEW("application/sdp")); /* RFC 3261 §11.1: SHOULD */
  sip_build_header(builder, SIP_HEADER_USER_AGENT, STR_VIEW("Belfry"));
  sip_build_end(builder, none, none);
}
