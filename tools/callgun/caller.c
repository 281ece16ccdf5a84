/* The calling end: INVITE, ACK, talk, BYE. The Call-ID names the slot, so every answer finds its call. */
#include "gun_call.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"
#include "sip/sip_uri.h"

#define ROUTES_MAX      8
#define RING_LIMIT_MS   180000
#define CALLED_NUMBERS  10000000
#define METHODS_ALLOWED "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE"

static void add_called_uri(struct gun *gun, const struct gun_call *call, struct text_builder *builder) {
  text_builder_add_literal(builder, "sip:");
  text_builder_add(builder, str_view_from_c(gun->options.number_prefix));
  text_builder_add_u64(builder, call->number % CALLED_NUMBERS);
  text_builder_add_char(builder, '@');
  text_builder_add(builder, str_view_from_c(gun->target_text));
}

/* The first lines of each request of ours, as far as From, To and Call-ID. */
static void add_head(struct gun *gun, const struct gun_call *call, struct text_builder *builder) {
  char text[GUN_TEXT_BYTES + 256];
  sip_build_header_u32(builder, SIP_HEADER_MAX_FORWARDS, 70);
  struct text_builder value = text_builder_over(text, sizeof text);
  text_builder_add(&value, gun_socket_contact(&gun->caller));
  text_builder_add_literal(&value, ";tag=");
  gun_add_slot_name(gun, &value, call);
  sip_build_header(builder, SIP_HEADER_FROM, text_builder_view(&value));
  value = text_builder_over(text, sizeof text);
  text_builder_add_char(&value, '<');
  add_called_uri(gun, call, &value);
  text_builder_add_char(&value, '>');
  if (call->remote_tag.length) {
    text_builder_add_literal(&value, ";tag=");
    text_builder_add(&value, gun_text_view(&call->remote_tag));
  }
  sip_build_header(builder, SIP_HEADER_TO, text_builder_view(&value));
  sip_build_header(builder, SIP_HEADER_CALL_ID, gun_text_view(&call->call_id));
}

/* INVITE, or the ACK of a refusal, which belongs to the INVITE's transaction: same branch and Request-URI (RFC 3261
 * section 17.1.1.3). */
static void start_invite_request(struct gun *gun, struct gun_call *call, struct str_view method,
                                 struct text_builder *builder) {
  char uri[GUN_TEXT_BYTES];
  struct text_builder text = text_builder_over(uri, sizeof uri);
  add_called_uri(gun, call, &text);
  sip_build_request_line(builder, method, text_builder_view(&text));
  gun_add_via(gun, builder, 'i', 1, call);
  add_head(gun, call, builder);
  sip_build_cseq(builder, 1, method);
}

static void send_invite(struct gun *gun, struct gun_call *call) {
  struct text_builder builder = gun_socket_compose(&gun->caller);
  start_invite_request(gun, call, STR_VIEW("INVITE"), &builder);
  sip_build_header(&builder, SIP_HEADER_CONTACT, gun_socket_contact(&gun->caller));
  sip_build_header(&builder, SIP_HEADER_ALLOW, STR_VIEW(METHODS_ALLOWED));
  if (gun->options.session_expires_s) {
    sip_build_header(&builder, SIP_HEADER_SUPPORTED, STR_VIEW("timer"));
    sip_build_header_u32(&builder, SIP_HEADER_SESSION_EXPIRES, gun->options.session_expires_s);
    sip_build_header_u32(&builder, SIP_HEADER_MIN_SE, 90);
  }
  sip_build_end(&builder, STR_VIEW("application/sdp"), gun_socket_body(&gun->caller));
  gun_send(gun, &gun->caller, &gun->options.target, &builder);
}

/* ACK of a 2xx (CSeq 1) and BYE: to the Contact through the route set; the next hop is always the switch. */
static void send_in_dialog(struct gun *gun, struct gun_call *call, struct str_view method, uint32_t cseq) {
  struct text_builder builder = gun_socket_compose(&gun->caller);
  sip_build_request_line(&builder, method, gun_text_view(&call->target));
  gun_add_via(gun, &builder, method.data[0], cseq, call);
  add_head(gun, call, &builder);
  if (call->route_length) sip_build_header(&builder, SIP_HEADER_ROUTE, str_view_of(call->route, call->route_length));
  sip_build_cseq(&builder, cseq, method);
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun_send(gun, &gun->caller, &gun->options.target, &builder);
}

static bool caller_start(struct gun *gun, uint64_t due_us) {
  struct handle handle;
  struct gun_call *call = pool_take(&gun->slots, &handle);
  if (!call) return false;
  struct text_builder id = text_builder_over(call->call_id.bytes, sizeof call->call_id.bytes);
  gun_add_slot_name(gun, &id, call);
  call->call_id.length = (uint16_t)id.length;
  call->state = CALLER_INVITING;
  call->number = gun->offered;
  call->due_us = due_us;
  gun_call_wait_from(gun, call);
  send_invite(gun, call);
  gun_call_arm_again(gun, call, GUN_TIMER_CALLER, false);
  return true;
}

static const char *word_for(const struct gun *gun, const uint64_t *counter) {
  if (counter == &gun->counts.completed) return "completed";
  if (counter == &gun->counts.rejected) return "rejected";
  return counter == &gun->counts.timed_out ? "timed-out" : "hung-up-on";
}

static void end_call(struct gun *gun, struct gun_call *call, uint64_t *counter) {
  gun_log(gun, word_for(gun, counter), gun_text_view(&call->call_id));
  gun_count_end(gun, counter);
  gun_give_slot(gun, &call->timer, call);
}

/* Contact, tag and Record-Route (reversed) of the answer. */
static bool learn_way(struct gun_call *call, const struct sip_message *message) {
  struct sip_name_addr contact;
  if (sip_name_addr_parse(sip_message_header(message, SIP_HEADER_CONTACT), &contact) != RESULT_OK ||
      !gun_text_set(&call->target, contact.uri_text) || !gun_text_set(&call->remote_tag, message->to_tag))
    return false;
  struct str_view routes[ROUTES_MAX], value;
  unsigned count = 0;
  struct sip_value_cursor cursor = {0};
  while (sip_message_next_value(message, SIP_HEADER_RECORD_ROUTE, &cursor, &value)) {
    if (count == ROUTES_MAX) return false;
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
  if (call->state == CALLER_TALKING || call->state == CALLER_ENDING) { /* again: our ACK was lost or late */
    gun->counts.repeated++;
    send_in_dialog(gun, call, STR_VIEW("ACK"), 1);
    return;
  }
  if (!learn_way(call, message)) {
    gun->counts.unexpected++;
    end_call(gun, call, &gun->counts.rejected);
    return;
  }
  uint64_t setup_us = gun->now_us - call->due_us, ring_us = gun->options.ring_ms * 1000ull;
  latency_add(&gun->setup, setup_us > ring_us ? setup_us - ring_us : 0);
  gun->counts.answered++;
  gun_log(gun, "answered", gun_text_view(&call->call_id));
  send_in_dialog(gun, call, STR_VIEW("ACK"), 1);
  call->state = CALLER_TALKING;
  gun_call_await_refreshes(gun, call);
  if (gun->options.hold && !gun->is_stopping)
    timer_wheel_cancel(&gun->wheel, &call->timer);
  else
    gun_arm(gun, &call->timer, GUN_TIMER_CALLER, gun->options.talk_ms);
}

static void refused(struct gun *gun, struct gun_call *call, const struct sip_message *message) {
  (void)gun_text_set(&call->remote_tag, message->to_tag);
  struct text_builder builder = gun_socket_compose(&gun->caller);
  start_invite_request(gun, call, STR_VIEW("ACK"), &builder);
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun_send(gun, &gun->caller, &gun->options.target, &builder);
  end_call(gun, call, &gun->counts.rejected);
}

static void receive_invite_response(struct gun *gun, struct gun_call *call, const struct sip_message *message) {
  if (message->status >= 200 && message->status < 300) {
    answered(gun, call, message);
  } else if (call->state > CALLER_WAITING) {
    gun->counts.repeated++;
  } else if (message->status >= 300) {
    refused(gun, call, message);
  } else if (call->state == CALLER_INVITING) {
    call->state = CALLER_WAITING;
    gun_arm(gun, &call->timer, GUN_TIMER_CALLER, RING_LIMIT_MS);
  }
}

/* An answer to a call that is over is one that was on its way, or sent again: the call has been counted. */
static void receive_response(struct gun *gun, struct gun_call *call, const struct sip_message *message) {
  if (!call && gun_is_slot_name(gun, message->call_id)) {
    gun->counts.repeated++;
  } else if (call && message->method == SIP_METHOD_INVITE) {
    receive_invite_response(gun, call, message);
  } else if (call && message->method == SIP_METHOD_BYE && call->state == CALLER_ENDING) {
    if (message->status < 200) return;
    latency_add(&gun->bye, gun->now_us - call->due_us);
    end_call(gun, call, &gun->counts.completed);
  } else {
    gun->counts.unexpected++;
  }
}

static void caller_receive(struct gun *gun, const struct sip_message *message, const struct address *source) {
  struct gun_call *call = gun_find_slot(gun, message->call_id);
  if (!message->is_request) {
    receive_response(gun, call, message);
    return;
  }
  if (message->method == SIP_METHOD_ACK) return;
  gun_call_respond(gun, &gun->caller, message, source, call ? 200 : 481);
  if (!call) return;
  if (message->method == SIP_METHOD_BYE)
    end_call(gun, call, &gun->counts.ended_by_far_side);
  else
    gun_call_note_refresh(gun, call, message);
}

static void hang_up(struct gun *gun, struct gun_call *call) {
  call->state = CALLER_ENDING;
  call->cseq = 2;
  call->due_us = gun->now_us;
  gun_call_wait_from(gun, call);
  send_in_dialog(gun, call, STR_VIEW("BYE"), call->cseq);
  gun_call_arm_again(gun, call, GUN_TIMER_CALLER, true);
}

void caller_timer_due(struct gun *gun, struct timer *timer) {
  struct gun_call *call = (struct gun_call *)timer;
  if (call->state == CALLER_TALKING) {
    hang_up(gun, call);
  } else if (call->state == CALLER_WAITING || gun->now_us >= call->give_up_us) {
    end_call(gun, call, &gun->counts.timed_out);
  } else {
    gun->counts.retransmissions++;
    if (call->state == CALLER_INVITING)
      send_invite(gun, call);
    else
      send_in_dialog(gun, call, STR_VIEW("BYE"), call->cseq);
    gun_call_arm_again(gun, call, GUN_TIMER_CALLER, call->state == CALLER_ENDING);
  }
}

/* The calls that talk hang up at the rate at which they began. */
static void caller_release(struct gun *gun) {
  struct gun_call *call;
  gun_call_count_overdue(gun);
  double wait_ms = 0, step_ms = gun->options.rate > 0 ? 1000 / gun->options.rate : 0;
  for (uint32_t index = 0; (call = pool_next(&gun->slots, &index)) != NULL;) {
    if (call->state != CALLER_TALKING || timer_is_armed(&call->timer)) continue;
    gun_arm(gun, &call->timer, GUN_TIMER_CALLER, (uint32_t)wait_ms);
    wait_ms += step_ms;
  }
  gun->drain_from_us = gun->now_us + (uint64_t)(wait_ms * 1000);
}

const struct gun_player gun_caller = {"calls", sizeof(struct gun_call), caller_start, caller_receive, caller_release};
