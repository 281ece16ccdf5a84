/* The called end: rings, answers, acknowledges refreshes, waits for the BYE. The tag names the slot: "SLOT-GENERATION".
 */
#include "gun_call.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"

static const struct siphash_key table_key = {0x636c6c67756e31, 0x636c6c67756e32};

static void add_tag(struct gun *gun, const struct gun_call *call, struct text_builder *builder) {
  struct handle handle = pool_handle_of(&gun->calls, call);
  text_builder_add_u64(builder, handle.index);
  text_builder_add_char(builder, '-');
  text_builder_add_u64(builder, handle.generation);
}

static struct gun_call *find_by_tag(struct gun *gun, struct str_view tag) {
  struct handle handle;
  size_t dash = str_view_find(tag, '-');
  if (dash == tag.length || !str_view_to_u32(str_view_slice(tag, 0, dash), &handle.index) ||
      !str_view_to_u32(str_view_from(tag, dash + 1), &handle.generation))
    return NULL;
  return pool_get(&gun->calls, handle);
}

static struct gun_call *find_by_call_id(struct gun *gun, struct str_view call_id, uint64_t hash) {
  uint32_t index;
  for (uint32_t at = hash_table_first(&gun->callee_by_call_id, hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&gun->callee_by_call_id, hash, at, &index)) {
    struct gun_call *call = (struct gun_call *)(void *)(gun->calls.slots + (size_t)index * gun->calls.slot_bytes);
    if (str_view_equal(gun_text_view(&call->call_id), call_id)) return call;
  }
  return NULL;
}

static void send_to(struct gun *gun, const struct gun_call *call, struct str_view bytes) {
  gun_send(gun, gun->callee_fd, &call->peer, bytes);
}

/* 180 now, and the 200 built at once from the same request and kept until it is time. */
static void build_response(struct gun *gun, struct gun_call *call, const struct sip_message *invite, unsigned status,
                           struct text_builder *builder) {
  char tag[32], contact[96], sdp[512];
  struct text_builder text = text_builder_over(tag, sizeof tag);
  add_tag(gun, call, &text);
  sip_build_status_line(builder, status, STR_VIEW(""));
  sip_build_response_block(builder, invite, &call->peer, text_builder_view(&text));
  sip_build_copy_headers(builder, invite, SIP_HEADER_RECORD_ROUTE);
  text = text_builder_over(contact, sizeof contact);
  text_builder_add_literal(&text, "<sip:callee@");
  address_to_text(&gun->options.answer, &text);
  text_builder_add_char(&text, '>');
  sip_build_header(builder, SIP_HEADER_CONTACT, text_builder_view(&text));
  sip_build_header(builder, SIP_HEADER_ALLOW, STR_VIEW("INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE"));
  struct sip_session_expires expires;
  bool timer = gun->options.session_expires_s && status == 200 && sip_message_has(invite, SIP_HEADER_SESSION_EXPIRES) &&
               sip_session_expires_parse(sip_message_header(invite, SIP_HEADER_SESSION_EXPIRES), &expires) == RESULT_OK;
  if (timer) {
    char value[48];
    text = text_builder_over(value, sizeof value);
    text_builder_add_u64(&text, expires.interval_s);
    text_builder_add_literal(&text, ";refresher=uac");
    sip_build_header(builder, SIP_HEADER_SESSION_EXPIRES, text_builder_view(&text));
    sip_build_header(builder, SIP_HEADER_REQUIRE, STR_VIEW("timer"));
  }
  text = text_builder_over(sdp, sizeof sdp);
  if (status == 200) gun_build_sdp(&text, &gun->options.answer, call->number);
  sip_build_end(builder, status == 200 ? STR_VIEW("application/sdp") : STR_VIEW(""), text_builder_view(&text));
}

static void answer(struct gun *gun, struct gun_call *call) {
  call->state = CALLEE_ANSWERED;
  call->wait_ms = 0;
  call->give_up_us = gun->now_us + GUN_GIVE_UP_MS * 1000ull;
  send_to(gun, call, str_view_of(call->final, call->final_length));
  gun_arm_again(gun, call, GUN_TIMER_CALLEE, true);
}

static void receive_invite(struct gun *gun, const struct sip_message *message, const struct address *source) {
  uint64_t hash = siphash(&table_key, message->call_id.data, message->call_id.length);
  struct gun_call *call = find_by_call_id(gun, message->call_id, hash);
  char bytes[GUN_MESSAGE_BYTES];
  if (call) { /* again: our answer was lost */
    if (call->state == CALLEE_ANSWERED) send_to(gun, call, str_view_of(call->final, call->final_length));
    return;
  }
  struct handle handle;
  call = pool_take(&gun->calls, &handle);
  if (!call || !gun_text_set(&call->call_id, message->call_id) ||
      hash_table_insert(&gun->callee_by_call_id, hash, handle.index) != RESULT_OK) {
    if (call) pool_give(&gun->calls, call);
    gun->counts.unexpected++;
    return;
  }
  gun->counts.callee_seen++;
  call->call_id_hash = hash;
  call->peer = *source;
  call->state = CALLEE_RINGING;
  call->number = handle.index;
  struct text_builder builder = text_builder_over(bytes, sizeof bytes);
  build_response(gun, call, message, 180, &builder);
  send_to(gun, call, text_builder_view(&builder));
  struct text_builder final = text_builder_over(call->final, sizeof call->final);
  build_response(gun, call, message, 200, &final);
  call->final_length = (uint16_t) final.length;
  if (gun->options.ring_ms == 0)
    answer(gun, call);
  else
    gun_arm(gun, call, GUN_TIMER_CALLEE, gun->options.ring_ms);
}

static void forget(struct gun *gun, struct gun_call *call) {
  (void)!hash_table_remove(&gun->callee_by_call_id, call->call_id_hash, pool_handle_of(&gun->calls, call).index);
  gun_give(gun, call);
}

static void respond(struct gun *gun, const struct sip_message *request, const struct address *source, unsigned status) {
  char bytes[GUN_MESSAGE_BYTES];
  struct text_builder builder = text_builder_over(bytes, sizeof bytes);
  sip_build_status_line(&builder, status, STR_VIEW(""));
  sip_build_response_block(&builder, request, source, STR_VIEW("callee"));
  if (sip_message_has(request, SIP_HEADER_SESSION_EXPIRES) && status == 200) {
    sip_build_header(&builder, SIP_HEADER_SESSION_EXPIRES, sip_message_header(request, SIP_HEADER_SESSION_EXPIRES));
    sip_build_header(&builder, SIP_HEADER_REQUIRE, STR_VIEW("timer"));
  }
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun_send(gun, gun->callee_fd, source, text_builder_view(&builder));
}

static void end(struct gun *gun, struct gun_call *call) {
  if (call->state == CALLEE_ENDED) return;
  gun->counts.callee_ended++;
  call->state = CALLEE_ENDED;
  gun_arm(gun, call, GUN_TIMER_CALLEE, 100);
}

void callee_receive(struct gun *gun, const struct sip_message *message, const struct address *source) {
  if (!message->is_request) {
    gun->counts.unexpected++;
    return;
  }
  if (message->method == SIP_METHOD_INVITE && message->to_tag.length == 0) {
    receive_invite(gun, message, source);
    return;
  }
  if (message->method == SIP_METHOD_OPTIONS && message->to_tag.length == 0) {
    respond(gun, message, source, 200);
    return;
  }
  struct gun_call *call = find_by_tag(gun, message->to_tag);
  if (call && !str_view_equal(gun_text_view(&call->call_id), message->call_id)) call = NULL;
  if (message->method == SIP_METHOD_ACK) {
    if (call && call->state == CALLEE_ANSWERED) {
      call->state = CALLEE_TALKING;
      timer_wheel_cancel(&gun->wheel, &call->timer);
    }
    return;
  }
  respond(gun, message, source, call || message->method == SIP_METHOD_CANCEL ? 200 : 481);
  if (!call) return;
  if (message->method == SIP_METHOD_UPDATE || message->method == SIP_METHOD_OPTIONS) gun->counts.refreshes_answered++;
  if (message->method == SIP_METHOD_BYE) end(gun, call);
}

void callee_timer_due(struct gun *gun, struct timer *timer) {
  struct gun_call *call = (struct gun_call *)timer;
  if (call->state == CALLEE_RINGING) {
    answer(gun, call);
  } else if (call->state == CALLEE_ANSWERED && gun->now_us < call->give_up_us) {
    gun->counts.retransmissions++;
    send_to(gun, call, str_view_of(call->final, call->final_length));
    gun_arm_again(gun, call, GUN_TIMER_CALLEE, true);
  } else {
    if (call->state == CALLEE_ANSWERED) gun->counts.callee_no_ack++;
    forget(gun, call);
  }
}
