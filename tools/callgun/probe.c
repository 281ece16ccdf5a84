/* OPTIONS and REGISTER: one request, one final answer, then the slot asks again. Call-ID names slot and generation. */
#include "gun_call.h"
#include "sip/sip_build.h"
#include "sip/sip_digest_compute.h"
#include "sip/sip_header_values.h"

struct gun_probe {
  struct timer timer;
  uint64_t sent_us, first_us, give_up_us;
  uint64_t number;
  uint32_t cseq, wait_ms;
  bool with_credentials;
  uint16_t credentials_length;
  char credentials[512];
};

size_t gun_probe_bytes(void) {
  return sizeof(struct gun_probe);
}

static void add_user(struct gun *gun, const struct gun_probe *probe, struct text_builder *builder) {
  text_builder_add(builder, str_view_from_c(gun->options.user));
  text_builder_add_u64(builder, probe->number);
}

static void send_probe(struct gun *gun, struct gun_probe *probe) {
  struct handle handle = pool_handle_of(&gun->calls, probe);
  bool is_register = gun->options.work == GUN_REGISTER;
  struct str_view method = is_register ? STR_VIEW("REGISTER") : STR_VIEW("OPTIONS");
  char bytes[GUN_MESSAGE_BYTES], value[256];
  struct text_builder builder = text_builder_over(bytes, sizeof bytes), text = text_builder_over(value, sizeof value);
  text_builder_add_literal(&text, "sip:");
  address_to_text(&gun->options.target, &text);
  sip_build_request_line(&builder, method, text_builder_view(&text));
  text = text_builder_over(value, sizeof value);
  text_builder_add_literal(&text, "z9hG4bKp");
  text_builder_add_u64(&text, probe->number);
  text_builder_add_char(&text, '-');
  text_builder_add_u64(&text, probe->cseq);
  text_builder_add_char(&text, '-');
  text_builder_add_u64(&text, handle.generation);
  sip_build_via(&builder, TRANSPORT_UDP, &gun->options.local, text_builder_view(&text));
  sip_build_header_u32(&builder, SIP_HEADER_MAX_FORWARDS, 70);
  text = text_builder_over(value, sizeof value);
  text_builder_add_literal(&text, "<sip:");
  add_user(gun, probe, &text);
  text_builder_add_char(&text, '@');
  address_ip_to_text(&gun->options.target, &text);
  text_builder_add_literal(&text, ">");
  struct str_view aor = text_builder_view(&text);
  sip_build_header(&builder, SIP_HEADER_TO, aor);
  text_builder_add_literal(&text, ";tag=p");
  text_builder_add_u64(&text, probe->number);
  sip_build_header(&builder, SIP_HEADER_FROM, text_builder_view(&text));
  text = text_builder_over(value, sizeof value);
  text_builder_add_u64(&text, handle.index);
  text_builder_add_char(&text, '-');
  text_builder_add_u64(&text, handle.generation);
  text_builder_add_literal(&text, "@callgun");
  sip_build_header(&builder, SIP_HEADER_CALL_ID, text_builder_view(&text));
  sip_build_cseq(&builder, probe->cseq, method);
  if (is_register) {
    text = text_builder_over(value, sizeof value);
    text_builder_add_literal(&text, "<sip:");
    add_user(gun, probe, &text);
    text_builder_add_char(&text, '@');
    address_to_text(&gun->options.local, &text);
    text_builder_add_char(&text, '>');
    sip_build_header(&builder, SIP_HEADER_CONTACT, text_builder_view(&text));
    sip_build_header_u32(&builder, SIP_HEADER_EXPIRES, 3600);
    if (probe->with_credentials)
      sip_build_header(&builder, SIP_HEADER_AUTHORIZATION, str_view_of(probe->credentials, probe->credentials_length));
  }
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  probe->sent_us = gun->now_us;
  gun_send(gun, gun->caller_fd, &gun->options.target, text_builder_view(&builder));
}

bool probe_start(struct gun *gun) {
  struct handle handle;
  struct gun_probe *probe = pool_take(&gun->calls, &handle);
  if (!probe) return false;
  probe->number = gun->next_number++;
  probe->cseq = 1;
  probe->first_us = gun->now_us;
  probe->give_up_us = gun->now_us + GUN_GIVE_UP_MS * 1000ull;
  probe->wait_ms = GUN_T1_MS;
  send_probe(gun, probe);
  timer_wheel_arm(&gun->wheel, &probe->timer, GUN_TIMER_PROBE, mono_ms_add(gun->now, GUN_T1_MS));
  gun->counts.started++;
  return true;
}

static void finish(struct gun *gun, struct gun_probe *probe) {
  timer_wheel_cancel(&gun->wheel, &probe->timer);
  pool_give(&gun->calls, probe);
}

static struct gun_probe *find_probe(struct gun *gun, struct str_view call_id) {
  struct handle handle;
  size_t dash = str_view_find(call_id, '-'), at = str_view_find(call_id, '@');
  if (at <= dash || !str_view_to_u32(str_view_slice(call_id, 0, dash), &handle.index) ||
      !str_view_to_u32(str_view_slice(call_id, dash + 1, at - dash - 1), &handle.generation))
    return NULL;
  return pool_get(&gun->calls, handle);
}

static void add_quoted(struct text_builder *builder, const char *name, struct str_view value) {
  text_builder_add(builder, str_view_from_c(name));
  text_builder_add_literal(builder, "=\"");
  text_builder_add(builder, value);
  text_builder_add_literal(builder, "\", ");
}

/* Answers the first challenge (RFC 7616 section 3.4, qop auth). */
static bool answer_challenge(struct gun *gun, struct gun_probe *probe, const struct sip_message *message) {
  struct sip_digest digest;
  if (probe->with_credentials ||
      sip_digest_parse(sip_message_header(message, SIP_HEADER_WWW_AUTHENTICATE), &digest) != RESULT_OK)
    return false;
  char user[64], uri[96];
  struct text_builder user_text = text_builder_over(user, sizeof user), uri_text = text_builder_over(uri, sizeof uri);
  add_user(gun, probe, &user_text);
  text_builder_add_literal(&uri_text, "sip:");
  address_to_text(&gun->options.target, &uri_text);
  struct str_view name = text_builder_view(&user_text), address = text_builder_view(&uri_text);
  struct str_view cnonce = STR_VIEW("63616c6c67756e"), count = STR_VIEW("00000001"), qop = STR_VIEW("auth");
  struct sip_digest_hex ha1 =
      sip_digest_ha1(digest.algorithm, name, digest.realm, str_view_from_c(gun->options.password));
  struct sip_digest_hex ha2 = sip_digest_hash(digest.algorithm, (struct str_view[]){STR_VIEW("REGISTER"), address}, 2);
  struct sip_digest_hex response =
      sip_digest_hash(digest.algorithm,
                      (struct str_view[]){str_view_of(ha1.text, ha1.length), digest.nonce, count, cnonce, qop,
                                          str_view_of(ha2.text, ha2.length)},
                      6);
  struct text_builder text = text_builder_over(probe->credentials, sizeof probe->credentials);
  text_builder_add_literal(&text, "Digest ");
  add_quoted(&text, "username", name);
  add_quoted(&text, "realm", digest.realm);
  add_quoted(&text, "nonce", digest.nonce);
  add_quoted(&text, "uri", address);
  add_quoted(&text, "response", str_view_of(response.text, response.length));
  add_quoted(&text, "cnonce", cnonce);
  text_builder_add_literal(&text, "qop=auth, nc=00000001, algorithm=");
  text_builder_add(&text, digest.algorithm == SIP_DIGEST_SHA256 ? STR_VIEW("SHA-256") : STR_VIEW("MD5"));
  probe->credentials_length = (uint16_t)text.length;
  probe->with_credentials = true;
  return !text.overflowed;
}

void probe_receive(struct gun *gun, const struct sip_message *message) {
  struct gun_probe *probe = message->is_request ? NULL : find_probe(gun, message->call_id);
  if (!probe || message->cseq != probe->cseq) {
    gun->counts.unexpected++;
    return;
  }
  if (message->status < 200) return;
  if (message->status == 401 && answer_challenge(gun, probe, message)) {
    probe->cseq++;
    send_probe(gun, probe);
    return;
  }
  latency_add(&gun->work, gun->now_us - probe->first_us);
  if (message->status < 300)
    gun->counts.completed++;
  else
    gun->counts.rejected++;
  finish(gun, probe);
}

void probe_timer_due(struct gun *gun, struct timer *timer) {
  struct gun_probe *probe = (struct gun_probe *)timer;
  if (gun->now_us >= probe->give_up_us) {
    gun->counts.timed_out++;
    finish(gun, probe);
    return;
  }
  gun->counts.retransmissions++;
  send_probe(gun, probe);
  probe->wait_ms = probe->wait_ms * 2 < GUN_T2_MS ? probe->wait_ms * 2 : GUN_T2_MS;
  timer_wheel_arm(&gun->wheel, &probe->timer, GUN_TIMER_PROBE, mono_ms_add(gun->now, probe->wait_ms));
}
