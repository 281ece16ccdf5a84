/* The calling end. Call-ID: "SLOT-GENERATION-RANDOM" in hexadecimal, so every answer names its call. */
#include "gun_call.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"
#include "sip/sip_uri.h"

size_t gun_call_bytes(void) {
  return sizeof(struct gun_call);
}

uint32_t gun_calls_open(const struct gun *gun) {
  return gun->calls.used;
}

static void add_address_uri(struct text_builder *builder, struct str_view user, const struct address *address) {
  text_builder_add_literal(builder, "sip:");
  text_builder_add(builder, user);
  if (user.length) text_builder_add_char(builder, '@');
  address_to_text(address, builder);
}

/* The branch carries the CSeq, so that each request is a transaction of its own. */
static void add_via(struct gun *gun, struct gun_call *call, struct text_builder *builder, const char *kind) {
  char branch[64];
  struct text_builder text = text_builder_over(branch, sizeof branch);
  text_builder_add_literal(&text, "z9hG4bK");
  text_builder_add(&text, str_view_from_c(kind));
  text_builder_add_u64(&text, call->cseq);
  text_builder_add_char(&text, '-');
  text_builder_add_u64(&text, call->number);
  sip_build_via(builder, TRANSPORT_UDP, &gun->options.local, text_builder_view(&text));
}

static void add_identity(struct gun *gun, struct gun_call *call, struct text_builder *builder) {
  char text[256];
  struct text_builder value = text_builder_over(text, sizeof text);
  text_builder_add_literal(&value, "<sip:caller@");
  address_to_text(&gun->options.local, &value);
  text_builder_add_literal(&value, ">;tag=c");
  text_builder_add_u64(&value, call->number);
  sip_build_header(builder, SIP_HEADER_FROM, text_builder_view(&value));
  value = text_builder_over(text, sizeof text);
  text_builder_add_literal(&value, "<");
  text_builder_add_literal(&value, "sip:");
  text_builder_add(&value, str_view_from_c(gun->options.number_prefix));
  text_builder_add_u64(&value, call->number % 10000000);
  text_builder_add_char(&value, '@');
  address_to_text(&gun->options.target, &value);
  text_builder_add_char(&value, '>');
  if (call->remote_tag.length) {
    text_builder_add_literal(&value, ";tag=");
    text_builder_add(&value, gun_text_view(&call->remote_tag));
  }
  sip_build_header(builder, SIP_HEADER_TO, text_builder_view(&value));
  sip_build_header(builder, SIP_HEADER_CALL_ID, gun_text_view(&call->call_id));
}

static void send_invite(struct gun *gun, struct gun_call *call) {
  char bytes[GUN_MESSAGE_BYTES], uri[128], sdp[512], contact[96];
  struct text_builder builder = text_builder_over(bytes, sizeof bytes);
  struct text_builder text = text_builder_over(uri, sizeof uri);
  text_builder_add_literal(&text, "sip:");
  text_builder_add(&text, str_view_from_c(gun->options.number_prefix));
  text_builder_add_u64(&text, call->number % 10000000);
  text_builder_add_char(&text, '@');
  address_to_text(&gun->options.target, &text);
  sip_build_request_line(&builder, STR_VIEW("INVITE"), text_builder_view(&text));
  add_via(gun, call, &builder, "i");
  sip_build_header_u32(&builder, SIP_HEADER_MAX_FORWARDS, 70);
  add_identity(gun, call, &builder);
  sip_build_cseq(&builder, call->cseq, STR_VIEW("INVITE"));
  text = text_builder_over(contact, sizeof contact);
  text_builder_add_char(&text, '<');
  add_address_uri(&text, STR_VIEW("caller"), &gun->options.local);
  text_builder_add_char(&text, '>');
  sip_build_header(&builder, SIP_HEADER_CONTACT, text_builder_view(&text));
  sip_build_header(&builder, SIP_HEADER_ALLOW, STR_VIEW("INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE"));
  if (gun->options.session_expires_s) {
    sip_build_header(&builder, SIP_HEADER_SUPPORTED, STR_VIEW("timer"));
    sip_build_header_u32(&builder, SIP_HEADER_SESSION_EXPIRES, gun->options.session_expires_s);
    sip_build_header_u32(&builder, SIP_HEADER_MIN_SE, 90);
  }
  text = text_builder_over(sdp, sizeof sdp);
  gun_build_sdp(&text, &gun->options.local, call->number);
  sip_build_end(&builder, STR_VIEW("application/sdp"), text_builder_view(&text));
  gun_send(gun, gun->caller_fd, &gun->options.target, text_builder_view(&builder));
}

/* ACK of a 2xx and BYE: to the Contact through the route set; on loopback the next hop is always the switch. */
static void send_in_dialog(struct gun *gun, struct gun_call *call, struct str_view method, uint32_t cseq) {
  char bytes[GUN_MESSAGE_BYTES];
  struct text_builder builder = text_builder_over(bytes, sizeof bytes);
  sip_build_request_line(&builder, method, gun_text_view(&call->target));
  add_via(gun, call, &builder, method.data[0] == 'A' ? "a" : "b");
  sip_build_header_u32(&builder, SIP_HEADER_MAX_FORWARDS, 70);
  if (call->route_length) sip_build_header(&builder, SIP_HEADER_ROUTE, str_view_of(call->route, call->route_length));
  add_identity(gun, call, &builder);
  sip_build_cseq(&builder, cseq, method);
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun_send(gun, gun->caller_fd, &gun->options.target, text_builder_view(&builder));
}

bool caller_start(struct gun *gun) {
  struct handle handle;
  struct gun_call *call = pool_take(&gun->calls, &handle);
  if (!call) return false;
  char id[64];
  struct text_builder text = text_builder_over(id, sizeof id);
  text_builder_add_hex(&text, handle.index, 8);
  text_builder_add_char(&text, '-');
  text_builder_add_hex(&text, handle.generation, 8);
  text_builder_add_char(&text, '-');
  text_builder_add_hex(&text, random_u64(&gun->random), 16);
  gun_text_set(&call->call_id, text_builder_view(&text));
  call->state = CALLER_INVITING;
  call->cseq = 1;
  call->number = gun->next_number++;
  call->sent_us = gun->now_us;
  call->give_up_us = gun->now_us + GUN_GIVE_UP_MS * 1000ull;
  send_invite(gun, call);
  gun_arm_again(gun, call, GUN_TIMER_CALLER, false);
  gun->counts.started++;
  return true;
}

static bool read_hex(struct str_view text, uint32_t *value_out) {
  uint32_t value = 0;
  for (size_t i = 0; i < text.length; i++) {
    char byte = text.data[i];
    uint32_t digit = byte >= '0' && byte <= '9' ? (uint32_t)(byte - '0') : (uint32_t)(byte - 'a' + 10);
    if (digit > 15) return false;
    value = value << 4 | digit;
  }
  *value_out = value;
  return true;
}

static struct gun_call *find_call(struct gun *gun, struct str_view call_id) {
  struct handle handle;
  if (call_id.length < 18 || !read_hex(str_view_slice(call_id, 0, 8), &handle.index) ||
      !read_hex(str_view_slice(call_id, 9, 8), &handle.generation))
    return NULL;
  struct gun_call *call = pool_get(&gun->calls, handle);
  return call && str_view_equal(gun_text_view(&call->call_id), call_id) ? call : NULL;
}

/* Contact and Record-Route (reversed) of the answer. */
static bool learn_way(struct gun_call *call, const struct sip_message *message) {
  struct sip_name_addr contact;
  if (sip_name_addr_parse(sip_message_header(message, SIP_HEADER_CONTACT), &contact) != RESULT_OK ||
      !gun_text_set(&call->target, contact.uri_text) || !gun_text_set(&call->remote_tag, message->to_tag))
    return false;
  struct str_view routes[8], value;
  unsigned count = 0;
  struct sip_value_cursor cursor = {0};
  while (sip_message_next_value(message, SIP_HEADER_RECORD_ROUTE, &cursor, &value)) {
    if (count == 8) return false;
    routes[count++] = value;
  }
  struct text_builder builder = text_builder_over(call->route, sizeof call->route);
  while (count > 0) {
    text_builder_add(&builder, routes[--count]);
    if (count) text_builder_add_char(&builder, ',');
  }
  call->route_length = (uint16_t)builder.length;
  return !builder.overflowed;
}

static void answered(struct gun *gun, struct gun_call *call, const struct sip_message *message) {
  if (call->state == CALLER_TALKING || call->state == CALLER_ENDING) { /* the 200 again: our ACK was lost */
    send_in_dialog(gun, call, STR_VIEW("ACK"), 1);
    return;
  }
  if (!learn_way(call, message)) {
    gun->counts.unexpected++;
    gun_give(gun, call);
    return;
  }
  latency_add(&gun->setup, gun->now_us - call->sent_us);
  gun->counts.answered++;
  send_in_dialog(gun, call, STR_VIEW("ACK"), call->cseq);
  call->state = CALLER_TALKING;
  gun_arm(gun, call, GUN_TIMER_CALLER, gun->options.talk_ms);
}

/* The ACK of a refusal belongs to the INVITE's transaction (RFC 3261 section 17.1.1.3): same branch, Request-URI and
 * Via. */
static void refused(struct gun *gun, struct gun_call *call, const struct sip_message *message) {
  gun_text_set(&call->remote_tag, message->to_tag);
  char bytes[GUN_MESSAGE_BYTES], uri[128];
  struct text_builder builder = text_builder_over(bytes, sizeof bytes), text = text_builder_over(uri, sizeof uri);
  text_builder_add_literal(&text, "sip:");
  text_builder_add(&text, str_view_from_c(gun->options.number_prefix));
  text_builder_add_u64(&text, call->number % 10000000);
  text_builder_add_char(&text, '@');
  address_to_text(&gun->options.target, &text);
  sip_build_request_line(&builder, STR_VIEW("ACK"), text_builder_view(&text));
  add_via(gun, call, &builder, "i");
  sip_build_header_u32(&builder, SIP_HEADER_MAX_FORWARDS, 70);
  add_identity(gun, call, &builder);
  sip_build_cseq(&builder, call->cseq, STR_VIEW("ACK"));
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun_send(gun, gun->caller_fd, &gun->options.target, text_builder_view(&builder));
  gun->counts.rejected++;
  gun_give(gun, call);
}

static void receive_response(struct gun *gun, struct gun_call *call, const struct sip_message *message) {
  bool is_bye = message->method == SIP_METHOD_BYE;
  if (is_bye && call->state == CALLER_ENDING && message->status >= 200) {
    latency_add(&gun->bye, gun->now_us - call->sent_us);
    gun->counts.completed++;
    gun_give(gun, call);
  } else if (message->method == SIP_METHOD_INVITE && message->status < 200) {
    if (call->state != CALLER_INVITING) return;
    call->state = CALLER_WAITING;
    gun_arm(gun, call, GUN_TIMER_CALLER, 180000);
  } else if (message->method == SIP_METHOD_INVITE && message->status < 300) {
    answered(gun, call, message);
  } else if (message->method == SIP_METHOD_INVITE && call->state <= CALLER_WAITING) {
    refused(gun, call, message);
  } else if (!is_bye) {
    gun->counts.unexpected++;
  }
}

static void respond(struct gun *gun, const struct sip_message *request, const struct address *source, unsigned status) {
  char bytes[GUN_MESSAGE_BYTES];
  struct text_builder builder = text_builder_over(bytes, sizeof bytes);
  sip_build_status_line(&builder, status, STR_VIEW(""));
  sip_build_response_block(&builder, request, source, STR_VIEW(""));
  if (request->method == SIP_METHOD_UPDATE && sip_message_has(request, SIP_HEADER_SESSION_EXPIRES)) {
    sip_build_header(&builder, SIP_HEADER_SESSION_EXPIRES, sip_message_header(request, SIP_HEADER_SESSION_EXPIRES));
    sip_build_header(&builder, SIP_HEADER_REQUIRE, STR_VIEW("timer"));
  }
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun_send(gun, gun->caller_fd, source, text_builder_view(&builder));
}

void caller_receive(struct gun *gun, const struct sip_message *message, const struct address *source) {
  struct gun_call *call = find_call(gun, message->call_id);
  if (!message->is_request) {
    if (call)
      receive_response(gun, call, message);
    else if (message->method != SIP_METHOD_BYE && message->method != SIP_METHOD_INVITE)
      gun->counts.unexpected++;
    return;
  }
  if (message->method == SIP_METHOD_ACK) return;
  respond(gun, message, source, call ? 200 : 481);
  if (!call) return;
  if (message->method == SIP_METHOD_UPDATE || message->method == SIP_METHOD_OPTIONS) gun->counts.refreshes_answered++;
  if (message->method != SIP_METHOD_BYE) return;
  gun->counts.ended_by_far_side++;
  gun_give(gun, call);
}

void caller_timer_due(struct gun *gun, struct timer *timer) {
  struct gun_call *call = (struct gun_call *)timer; /* the timer is the first member */
  if (call->state == CALLER_TALKING) {
    call->state = CALLER_ENDING;
    call->cseq++;
    call->sent_us = gun->now_us;
    call->give_up_us = gun->now_us + GUN_GIVE_UP_MS * 1000ull;
    call->wait_ms = 0;
    send_in_dialog(gun, call, STR_VIEW("BYE"), call->cseq);
    gun_arm_again(gun, call, GUN_TIMER_CALLER, true);
  } else if (call->state == CALLER_WAITING || gun->now_us >= call->give_up_us) {
    gun->counts.timed_out++;
    gun_give(gun, call);
  } else {
    gun->counts.retransmissions++;
    if (call->state == CALLER_INVITING)
      send_invite(gun, call);
    else
      send_in_dialog(gun, call, STR_VIEW("BYE"), call->cseq);
    gun_arm_again(gun, call, GUN_TIMER_CALLER, call->state == CALLER_ENDING);
  }
}
