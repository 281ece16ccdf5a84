/* The called end: rings, answers, acknowledges refreshes, waits for the BYE. Its tag names the slot. */
#include "base/siphash.h"
#include "gun_call.h"
#include "sip/sip_build.h"

#define METHODS_ALLOWED "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE"

static const struct siphash_key table_key = {0x636c6c67756e31, 0x636c6c67756e32};

static struct gun_call *find_by_call_id(struct gun *gun, struct str_view call_id, uint64_t hash) {
  uint32_t index;
  for (uint32_t at = hash_table_first(&gun->callee_by_call_id, hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&gun->callee_by_call_id, hash, at, &index)) {
    struct gun_call *call = (struct gun_call *)(void *)(gun->slots.slots + (size_t)index * gun->slots.slot_bytes);
    if (str_view_equal(gun_text_view(&call->call_id), call_id)) return call;
  }
  return NULL;
}

static void start_response(struct gun *gun, const struct gun_call *call, const struct sip_message *invite,
                           unsigned status, struct text_builder *builder) {
  char tag[64];
  struct text_builder text = text_builder_over(tag, sizeof tag);
  gun_add_slot_name(gun, &text, call);
  sip_build_status_line(builder, status, STR_VIEW(""));
  sip_build_response_block(builder, invite, &call->peer, text_builder_view(&text));
}

static void add_way(struct gun *gun, const struct sip_message *invite, struct text_builder *builder) {
  sip_build_copy_headers(builder, invite, SIP_HEADER_RECORD_ROUTE);
  sip_build_header(builder, SIP_HEADER_CONTACT, gun_socket_contact(&gun->callee));
}

static void send_ringing(struct gun *gun, const struct gun_call *call, const struct sip_message *invite) {
  struct text_builder builder = gun_socket_compose(&gun->callee);
  start_response(gun, call, invite, 180, &builder);
  add_way(gun, invite, &builder);
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun_send(gun, &gun->callee, &call->peer, &builder);
}

/* The 200 is built at once, while the request is at hand, and kept until it is time. */
static bool keep_final(struct gun *gun, struct gun_call *call, const struct sip_message *invite) {
  struct text_builder builder = text_builder_over(call->final, sizeof call->final);
  start_response(gun, call, invite, 200, &builder);
  call->block_offset = sizeof "SIP/2.0 200 OK\r\n" - 1;
  call->block_length = (uint16_t)(builder.length - call->block_offset);
  add_way(gun, invite, &builder);
  sip_build_header(&builder, SIP_HEADER_ALLOW, STR_VIEW(METHODS_ALLOWED));
  if (gun->options.session_expires_s) {
    sip_build_header(&builder, SIP_HEADER_SUPPORTED, STR_VIEW("timer"));
    gun_call_add_timer(&builder, invite);
  }
  sip_build_end(&builder, STR_VIEW("application/sdp"), gun_socket_body(&gun->callee));
  call->final_length = (uint16_t)builder.length;
  return !builder.overflowed;
}

static void send_final(struct gun *gun, const struct gun_call *call) {
  struct text_builder builder = gun_socket_compose(&gun->callee);
  text_builder_add(&builder, str_view_of(call->final, call->final_length));
  gun_send(gun, &gun->callee, &call->peer, &builder);
}

static void start_final(struct gun *gun, struct gun_call *call, enum gun_state state) {
  call->state = state;
  if (state == CALLEE_ANSWERED) gun_call_await_refreshes(gun, call);
  gun_call_wait_from(gun, call);
  send_final(gun, call);
  gun_call_arm_again(gun, call, GUN_TIMER_CALLEE, true);
}

static struct gun_call *take_call(struct gun *gun, struct str_view call_id, uint64_t hash) {
  struct handle handle;
  struct gun_call *call = pool_take(&gun->slots, &handle);
  if (!call) return NULL;
  if (gun_text_set(&call->call_id, call_id) &&
      hash_table_insert(&gun->callee_by_call_id, hash, handle.index) == RESULT_OK) {
    call->call_id_hash = hash;
    return call;
  }
  pool_give(&gun->slots, call);
  return NULL;
}

static void forget(struct gun *gun, struct gun_call *call) {
  (void)!hash_table_remove(&gun->callee_by_call_id, call->call_id_hash, pool_handle_of(&gun->slots, call).index);
  gun->ended_calls[call->call_id_hash % GUN_ENDED_CALLS] = call->call_id_hash;
  gun_give_slot(gun, &call->timer, call);
}

static void receive_invite_again(struct gun *gun, struct gun_call *call, const struct sip_message *message) {
  gun->counts.repeated++;
  if (call->state == CALLEE_RINGING)
    send_ringing(gun, call, message);
  else if (call->state != CALLEE_TALKING)
    send_final(gun, call);
}

static void receive_invite(struct gun *gun, const struct sip_message *message, const struct address *source) {
  uint64_t hash = siphash(&table_key, message->call_id.data, message->call_id.length);
  struct gun_call *call = find_by_call_id(gun, message->call_id, hash);
  if (call) {
    receive_invite_again(gun, call, message);
    return;
  }
  if (gun->ended_calls[hash % GUN_ENDED_CALLS] == hash) {
    gun->counts.repeated++;
    return;
  }
  call = take_call(gun, message->call_id, hash);
  if (!call) {
    gun->counts.unexpected++;
    return;
  }
  call->peer = *source;
  call->state = CALLEE_RINGING;
  if (!keep_final(gun, call, message)) {
    gun->counts.unexpected++;
    forget(gun, call);
    return;
  }
  gun->counts.callee_seen++;
  send_ringing(gun, call, message);
  gun->ringing[gun->ringing_end++ % gun->slots.capacity] =
      (struct gun_ringing){pool_handle_of(&gun->slots, call), gun->now_us + gun->options.ring_ms * 1000ull};
}

void callee_answer_due(struct gun *gun) {
  for (; gun->ringing_first < gun->ringing_end; gun->ringing_first++) {
    const struct gun_ringing *ringing = &gun->ringing[gun->ringing_first % gun->slots.capacity];
    if (ringing->answer_us > gun->now_us) return;
    struct gun_call *call = pool_get(&gun->slots, ringing->call);
    if (call && call->state == CALLEE_RINGING) start_final(gun, call, CALLEE_ANSWERED);
  }
}

/* A CANCEL names its INVITE by Call-ID; the INVITE gets a 487 (RFC 3261 section 9.2). */
static void receive_cancel(struct gun *gun, const struct sip_message *message, const struct address *source) {
  uint64_t hash = siphash(&table_key, message->call_id.data, message->call_id.length);
  struct gun_call *call = find_by_call_id(gun, message->call_id, hash);
  gun_call_respond(gun, &gun->callee, message, source, call ? 200 : 481);
  if (!call || call->state != CALLEE_RINGING) return;
  char block[GUN_FINAL_BYTES];
  memcpy(block, call->final + call->block_offset, call->block_length);
  struct text_builder builder = text_builder_over(call->final, sizeof call->final);
  sip_build_status_line(&builder, 487, STR_VIEW(""));
  text_builder_add(&builder, str_view_of(block, call->block_length));
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  call->final_length = (uint16_t)builder.length;
  start_final(gun, call, CALLEE_CANCELLED);
}

static void receive_ack(struct gun *gun, struct gun_call *call) {
  if (call && call->state == CALLEE_ANSWERED) {
    call->state = CALLEE_TALKING;
    timer_wheel_cancel(&gun->wheel, &call->timer);
  } else if (call && call->state == CALLEE_CANCELLED) {
    gun->counts.callee_cancelled++;
    forget(gun, call);
  } else {
    gun->counts.repeated++;
  }
}

/* A BYE that comes again after its call is over is answered as the first was. */
static void receive_in_dialog(struct gun *gun, struct gun_call *call, const struct sip_message *message,
                              const struct address *source) {
  bool is_bye = message->method == SIP_METHOD_BYE;
  bool is_again = !call && is_bye && gun_is_slot_name(gun, message->to_tag);
  gun_call_respond(gun, &gun->callee, message, source, call || is_again ? 200 : 481);
  if (is_again) {
    gun->counts.repeated++;
  } else if (!call) {
    gun->counts.unexpected++;
  } else if (is_bye) {
    gun->counts.callee_ended++;
    forget(gun, call);
  } else {
    gun_call_note_refresh(gun, call, message);
  }
}

void callee_receive(struct gun *gun, const struct sip_message *message, const struct address *source) {
  if (!message->is_request) {
    gun->counts.unexpected++;
  } else if (message->method == SIP_METHOD_CANCEL) {
    receive_cancel(gun, message, source);
  } else if (message->to_tag.length == 0) {
    if (message->method == SIP_METHOD_INVITE)
      receive_invite(gun, message, source);
    else
      gun_call_respond(gun, &gun->callee, message, source, message->method == SIP_METHOD_OPTIONS ? 200 : 501);
  } else {
    struct gun_call *call = gun_find_slot(gun, message->to_tag);
    if (call && !str_view_equal(gun_text_view(&call->call_id), message->call_id)) call = NULL;
    if (message->method == SIP_METHOD_ACK)
      receive_ack(gun, call);
    else
      receive_in_dialog(gun, call, message, source);
  }
}

void callee_timer_due(struct gun *gun, struct timer *timer) {
  struct gun_call *call = (struct gun_call *)timer;
  if (gun->now_us < call->give_up_us) {
    gun->counts.retransmissions++;
    send_final(gun, call);
    gun_call_arm_again(gun, call, GUN_TIMER_CALLEE, true);
  } else {
    gun->counts.callee_no_ack++;
    forget(gun, call);
  }
}

/* Nothing is started: somebody else calls. */
static bool answerer_start(struct gun *gun, uint64_t due_us) {
  (void)gun, (void)due_us;
  return false;
}

static void answerer_receive(struct gun *gun, const struct sip_message *message, const struct address *source) {
  (void)message, (void)source;
  gun->counts.unexpected++;
}

static void answerer_release(struct gun *gun) {
  (void)gun;
}

const struct gun_player gun_answerer = {"answer", sizeof(struct gun_call), answerer_start, answerer_receive,
                                        answerer_release};
