/* Phones that register: each answers its challenge and keeps it, so that its next REGISTER carries credentials already
 * (nonce count raised) and is challenged again only when the nonce has become too old. A phone is a slot that stays;
 * the Call-ID names it, and its CSeq rises over all its registrations. */
#include "gun.h"
#include "sip/sip_build.h"
#include "sip/sip_digest_compute.h"
#include "sip/sip_header_values.h"

#define CHALLENGE_BYTES       256
#define CHALLENGES_IN_A_ROUND 2
#define REFUSALS_IN_A_ROUND   20
#define PATIENCE_MS           1000
#define CNONCE                STR_VIEW("63616c6c67756e")

struct gun_phone {
  struct timer timer; /* first: the wheel hands it out */
  uint64_t due_us, give_up_us;
  uint64_t number;
  uint32_t cseq, wait_ms;
  uint32_t nonce_count; /* of the challenge kept; 0: none is kept */
  uint8_t challenges;   /* in this round */
  uint8_t refusals;     /* in this round: 503, for a switch that has too much to do */
  bool is_patient;      /* it waits to try again after one */
  uint64_t ping_us;     /* the latest keep-alive, after all phones were registered; 0: none yet */
  uint32_t ping_count;
  bool is_busy;
  bool has_qop;
  uint8_t algorithm; /* enum sip_digest_algorithm */
  uint16_t realm_length, nonce_length, opaque_length;
  char challenge[CHALLENGE_BYTES]; /* realm, nonce, opaque */
  struct sip_digest_hex ha1;
};

static void add_user(const struct gun *gun, const struct gun_phone *phone, struct text_builder *builder) {
  text_builder_add(builder, str_view_from_c(gun->options.user));
  text_builder_add_u64(builder, phone->number);
}

static void add_uri(const struct gun *gun, struct text_builder *builder) {
  text_builder_add_literal(builder, "sip:");
  text_builder_add(builder, str_view_from_c(gun->target_text));
}

static void add_quoted(struct text_builder *builder, const char *name, struct str_view value) {
  text_builder_add(builder, str_view_from_c(name));
  text_builder_add_literal(builder, "=\"");
  text_builder_add(builder, value);
  text_builder_add_literal(builder, "\", ");
}

/* RFC 7616 section 3.4; without qop RFC 2069. */
static void add_credentials(const struct gun *gun, const struct gun_phone *phone, struct text_builder *builder) {
  char user_text[96], uri_text[96], count_text[8];
  struct text_builder user = text_builder_over(user_text, sizeof user_text),
                      uri = text_builder_over(uri_text, sizeof uri_text),
                      count = text_builder_over(count_text, sizeof count_text);
  add_user(gun, phone, &user);
  add_uri(gun, &uri);
  text_builder_add_hex(&count, phone->nonce_count, 8);
  struct sip_digest digest = {
      .username = text_builder_view(&user),
      .realm = str_view_of(phone->challenge, phone->realm_length),
      .nonce = str_view_of(phone->challenge + phone->realm_length, phone->nonce_length),
      .opaque = str_view_of(phone->challenge + phone->realm_length + phone->nonce_length, phone->opaque_length),
      .uri = text_builder_view(&uri),
      .algorithm = (enum sip_digest_algorithm)phone->algorithm,
  };
  if (phone->has_qop) {
    digest.qop = STR_VIEW("auth");
    digest.cnonce = CNONCE;
    digest.nonce_count = phone->nonce_count;
    digest.nonce_count_text = text_builder_view(&count);
    digest.has_nonce_count = true;
  }
  struct sip_digest_hex response =
      sip_digest_response(&digest, str_view_of(phone->ha1.text, phone->ha1.length), STR_VIEW("REGISTER"));
  text_builder_add_literal(builder, "Authorization: Digest ");
  add_quoted(builder, "username", digest.username);
  add_quoted(builder, "realm", digest.realm);
  add_quoted(builder, "nonce", digest.nonce);
  add_quoted(builder, "uri", digest.uri);
  add_quoted(builder, "response", str_view_of(response.text, response.length));
  if (digest.opaque.length) add_quoted(builder, "opaque", digest.opaque);
  if (phone->has_qop) {
    add_quoted(builder, "cnonce", digest.cnonce);
    text_builder_add_literal(builder, "qop=auth, nc=");
    text_builder_add(builder, digest.nonce_count_text);
    text_builder_add_literal(builder, ", ");
  }
  text_builder_add_literal(builder, "algorithm=");
  text_builder_add(builder, digest.algorithm == SIP_DIGEST_SHA256 ? STR_VIEW("SHA-256") : STR_VIEW("MD5"));
  text_builder_add_literal(builder, "\r\n");
}

/* Where it is, as it believes itself: with addresses of their own phones stand behind NAT. */
static struct address address_of(const struct gun *gun, const struct gun_phone *phone) {
  struct address address = gun->caller.local;
  if (!gun->options.apart) return address;
  uint32_t n = (uint32_t)phone->number;
  address.ip[0] = 10;
  for (unsigned i = 1; i < 4; i++)
    address.ip[i] = (uint8_t)(n >> (24 - 8 * i));
  address.port = 5060;
  return address;
}

static void leave_from(struct gun *gun, const struct gun_phone *phone) {
  if (gun->options.apart) gun->caller.from = many_address(gun->caller.many, (uint32_t)phone->number);
}

/* Byte for byte the same when it is sent again: CSeq and nonce count rise in next_request alone. */
static void send_register(struct gun *gun, struct gun_phone *phone) {
  struct text_builder builder = gun_socket_compose(&gun->caller);
  char text[256];
  struct text_builder value = text_builder_over(text, sizeof text);
  struct address address = address_of(gun, phone);
  leave_from(gun, phone);
  add_uri(gun, &value);
  sip_build_request_line(&builder, STR_VIEW("REGISTER"), text_builder_view(&value));
  gun_add_via(gun, &builder, 'r', phone->cseq, phone);
  sip_build_header_u32(&builder, SIP_HEADER_MAX_FORWARDS, 70);
  value = text_builder_over(text, sizeof text);
  text_builder_add_literal(&value, "<sip:");
  add_user(gun, phone, &value);
  text_builder_add_char(&value, '@');
  text_builder_add(&value, str_view_from_c(gun->target_text));
  text_builder_add_char(&value, '>');
  sip_build_header(&builder, SIP_HEADER_TO, text_builder_view(&value));
  text_builder_add_literal(&value, ";tag=r");
  text_builder_add_u64(&value, phone->cseq);
  sip_build_header(&builder, SIP_HEADER_FROM, text_builder_view(&value));
  value = text_builder_over(text, sizeof text);
  gun_add_slot_name(gun, &value, phone);
  sip_build_header(&builder, SIP_HEADER_CALL_ID, text_builder_view(&value));
  sip_build_cseq(&builder, phone->cseq, STR_VIEW("REGISTER"));
  value = text_builder_over(text, sizeof text);
  text_builder_add_literal(&value, "<sip:");
  add_user(gun, phone, &value);
  text_builder_add_char(&value, '@');
  address_to_text(&address, &value);
  text_builder_add_char(&value, '>');
  sip_build_header(&builder, SIP_HEADER_CONTACT, text_builder_view(&value));
  sip_build_header_u32(&builder, SIP_HEADER_EXPIRES, gun->options.expires_s);
  if (phone->nonce_count) add_credentials(gun, phone, &builder);
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun_send(gun, &gun->caller, &gun->options.target, &builder);
}

static void next_request(struct gun *gun, struct gun_phone *phone) {
  phone->cseq++;
  phone->wait_ms = GUN_T1_MS;
  phone->give_up_us = gun->now_us + GUN_GIVE_UP_MS * 1000ull;
  send_register(gun, phone);
  gun_arm(gun, &phone->timer, GUN_TIMER_PHONE, GUN_T1_MS);
}

/* Phones take slots 0, 1, 2 … and never give them back, so that the n-th start is phone n modulo their number. */
static struct gun_phone *phone_of(struct gun *gun, uint64_t number) {
  if (number < gun->slots.used) return (struct gun_phone *)(void *)(gun->slots.slots + number * gun->slots.slot_bytes);
  struct handle handle;
  struct gun_phone *phone = pool_take(&gun->slots, &handle);
  if (phone) phone->number = handle.index;
  return phone;
}

static bool phone_start(struct gun *gun, uint64_t due_us) {
  struct gun_phone *phone = phone_of(gun, gun->offered % gun->options.users);
  if (!phone || phone->is_busy) return false;
  phone->is_busy = true;
  phone->challenges = phone->refusals = 0;
  phone->due_us = due_us;
  if (phone->nonce_count) phone->nonce_count++;
  next_request(gun, phone);
  return true;
}

static void finish(struct gun *gun, struct gun_phone *phone, uint64_t *counter) {
  timer_wheel_cancel(&gun->wheel, &phone->timer);
  phone->is_busy = false;
  gun_count_end(gun, counter);
}

/* Keeps the first challenge that we know how to answer (RFC 8760 section 2.3: the first is the one preferred). */
static bool keep_challenge(struct gun *gun, struct gun_phone *phone, const struct sip_message *message) {
  struct sip_digest digest;
  struct str_view value;
  struct sip_value_cursor cursor = {0};
  bool is_known = false;
  while (!is_known && sip_message_next_value(message, SIP_HEADER_WWW_AUTHENTICATE, &cursor, &value))
    is_known = sip_digest_parse(value, &digest) == RESULT_OK && digest.algorithm != SIP_DIGEST_UNKNOWN;
  struct text_builder kept = text_builder_over(phone->challenge, sizeof phone->challenge);
  if (!is_known) return false;
  text_builder_add(&kept, digest.realm);
  text_builder_add(&kept, digest.nonce);
  text_builder_add(&kept, digest.opaque);
  phone->realm_length = (uint16_t)digest.realm.length;
  phone->nonce_length = (uint16_t)digest.nonce.length;
  phone->opaque_length = (uint16_t)digest.opaque.length;
  phone->algorithm = (uint8_t)digest.algorithm;
  phone->has_qop = digest.qop.length > 0;
  phone->nonce_count = 1;
  char text[96];
  struct text_builder user = text_builder_over(text, sizeof text);
  add_user(gun, phone, &user);
  phone->ha1 =
      sip_digest_ha1(digest.algorithm, text_builder_view(&user), digest.realm, str_view_from_c(gun->options.password));
  return !kept.overflowed;
}

static void phone_receive(struct gun *gun, const struct sip_message *message, const struct address *source) {
  (void)source;
  struct gun_phone *phone = message->is_request ? NULL : gun_find_slot(gun, message->call_id);
  if (!phone) {
    gun->counts.unexpected++;
  } else if (!phone->is_busy || phone->is_patient || message->cseq != phone->cseq) {
    gun->counts.repeated++;
  } else if (message->status == 401 && phone->challenges < CHALLENGES_IN_A_ROUND &&
             keep_challenge(gun, phone, message)) {
    phone->challenges++;
    gun->counts.challenged++;
    next_request(gun, phone);
  } else if (message->status == 503 && gun->options.apart && phone->refusals < REFUSALS_IN_A_ROUND) {
    phone->refusals++;
    phone->is_patient = true;
    gun_arm(gun, &phone->timer, GUN_TIMER_PHONE, PATIENCE_MS);
  } else if (message->status >= 200) {
    latency_add(&gun->answer, gun->now_us - phone->due_us);
    finish(gun, phone, message->status < 300 ? &gun->counts.completed : &gun->counts.rejected);
  }
}

void phone_timer_due(struct gun *gun, struct timer *timer) {
  struct gun_phone *phone = (struct gun_phone *)timer;
  if (phone->is_patient) {
    phone->is_patient = false;
    next_request(gun, phone);
    return;
  }
  if (gun->now_us >= phone->give_up_us) {
    finish(gun, phone, &gun->counts.timed_out);
    return;
  }
  gun->counts.retransmissions++;
  send_register(gun, phone);
  phone->wait_ms = gun_next_wait_ms(phone->wait_ms, true);
  gun_arm(gun, &phone->timer, GUN_TIMER_PHONE, phone->wait_ms);
}

/* --- keep-alives ------------------------------------------------------------------------------------------------- */

static void note_ping(struct gun *gun, struct gun_phone *phone) {
  gun->counts.pings++;
  if (gun->pings.from_us == 0) return;
  arrivals_count(&gun->pings, gun->now_us);
  if (phone->ping_us != 0) latency_add(&gun->pings.gap, gun->now_us - phone->ping_us);
  phone->ping_us = gun->now_us;
  phone->ping_count++;
}

static void answer_options(struct gun *gun, const struct many_datagram *datagram) {
  struct sip_message message;
  struct sip_defect defect;
  if (sip_message_parse(datagram->bytes, &message, &defect) != RESULT_OK) return;
  struct text_builder builder = gun_socket_compose(&gun->caller);
  gun->caller.from = datagram->destination;
  sip_build_status_line(&builder, 200, STR_VIEW(""));
  sip_build_response_block(&builder, &message, &datagram->source, STR_VIEW("phone"));
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun->counts.pings_answered++;
  gun_send(gun, &gun->caller, &datagram->source, &builder);
}

bool phone_take_ping(struct gun *gun, const struct many_datagram *datagram) {
  uint32_t number = many_address_number(&datagram->destination);
  if (str_view_starts_with(datagram->bytes, STR_VIEW("SIP/2.0")) || number >= gun->slots.used) return false;
  note_ping(gun, phone_of(gun, number));
  if (str_view_starts_with(datagram->bytes, STR_VIEW("OPTIONS "))) answer_options(gun, datagram);
  return true;
}

uint64_t phone_count_pinged(const struct gun *gun, uint32_t least) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < gun->slots.used; i++) {
    const struct gun_phone *phone = (const void *)(gun->slots.slots + (size_t)i * gun->slots.slot_bytes);
    count += phone->ping_count >= least;
  }
  return count;
}

static void phone_release(struct gun *gun) {
  (void)gun;
}

const struct gun_player gun_phones = {"register", sizeof(struct gun_phone), phone_start, phone_receive, phone_release};
