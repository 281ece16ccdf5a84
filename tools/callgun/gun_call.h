/* One end of a call, caller's or callee's; both live in the same pool. */
#ifndef CALLGUN_GUN_CALL_H
#define CALLGUN_GUN_CALL_H

#include "gun.h"

enum gun_state {
  CALLER_INVITING, /* INVITE sent, resent until something comes back */
  CALLER_WAITING,  /* a provisional response came */
  CALLER_TALKING,
  CALLER_ENDING, /* BYE sent, resent until answered */
  CALLEE_RINGING,
  CALLEE_ANSWERED, /* 200 sent, resent until the ACK */
  CALLEE_TALKING,
  CALLEE_ENDED, /* BYE answered; kept a while for retransmissions */
};

struct gun_text {
  uint16_t length;
  char bytes[GUN_TEXT_BYTES];
};

struct gun_call {
  struct timer timer;
  enum gun_state state;
  uint32_t cseq;
  uint32_t wait_ms; /* of the running retransmission */
  uint64_t sent_us; /* first sending of what is waited for */
  uint64_t talk_until_us;
  uint64_t number;
  uint64_t give_up_us;
  uint64_t call_id_hash; /* callee */
  struct address peer;   /* callee: where the INVITE came from */
  struct gun_text call_id, remote_tag, target;
  struct gun_text from, to; /* callee: the values of From and To without our tag */
  uint16_t route_length;
  char route[GUN_ROUTE_BYTES]; /* values for Route, in order, separated by commas */
  uint16_t final_length;
  char final[1400]; /* callee: the 200, to be sent again */
};

#define GUN_T1_MS      500
#define GUN_T2_MS      4000
#define GUN_GIVE_UP_MS 32000

static inline struct str_view gun_text_view(const struct gun_text *text) {
  return str_view_of(text->bytes, text->length);
}

static inline bool gun_text_set(struct gun_text *text, struct str_view value) {
  if (value.length > sizeof text->bytes) return false;
  memcpy(text->bytes, value.data, value.length);
  text->length = (uint16_t)value.length;
  return true;
}

static inline void gun_arm(struct gun *gun, struct gun_call *call, enum gun_timer kind, uint32_t wait_ms) {
  timer_wheel_arm(&gun->wheel, &call->timer, (uint8_t)kind, mono_ms_add(gun->now, wait_ms));
}

/* Arms the next retransmission: doubling, at most T2 where the RFC caps it. */
static inline void gun_arm_again(struct gun *gun, struct gun_call *call, enum gun_timer kind, bool capped) {
  call->wait_ms = call->wait_ms == 0 ? GUN_T1_MS : call->wait_ms * 2;
  if (capped && call->wait_ms > GUN_T2_MS) call->wait_ms = GUN_T2_MS;
  gun_arm(gun, call, kind, call->wait_ms);
}

static inline void gun_give(struct gun *gun, struct gun_call *call) {
  timer_wheel_cancel(&gun->wheel, &call->timer);
  pool_give(&gun->calls, call);
}

/* A session description that offers one audio stream at `address`. */
static inline void gun_build_sdp(struct text_builder *builder, const struct address *address, uint64_t id) {
  text_builder_add_literal(builder, "v=0\r\no=callgun ");
  text_builder_add_u64(builder, id + 1);
  text_builder_add_literal(builder, " 1 IN IP4 ");
  address_ip_to_text(address, builder);
  text_builder_add_literal(builder, "\r\ns=-\r\nc=IN IP4 ");
  address_ip_to_text(address, builder);
  text_builder_add_literal(builder, "\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
                                    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
                                    "a=ptime:20\r\na=sendrecv\r\n");
}

#endif
