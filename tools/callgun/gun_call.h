/* One end of a call, caller's or callee's; both live in the same pool. */
#ifndef CALLGUN_GUN_CALL_H
#define CALLGUN_GUN_CALL_H

#include "gun.h"

#define GUN_TEXT_BYTES  192 /* a Contact, tag or Call-ID; a longer one ends the call as unexpected */
#define GUN_ROUTE_BYTES 256
#define GUN_FINAL_BYTES 1600

enum gun_state {
  CALLER_INVITING, /* INVITE sent, resent until something comes back */
  CALLER_WAITING,  /* a provisional response came */
  CALLER_TALKING,
  CALLER_ENDING, /* BYE sent, resent until answered */
  CALLEE_RINGING,
  CALLEE_CANCELLED, /* 487 sent, resent until the ACK */
  CALLEE_ANSWERED,  /* 200 sent, resent until the ACK */
  CALLEE_TALKING,
};

struct gun_text {
  uint16_t length;
  char bytes[GUN_TEXT_BYTES];
};

struct gun_call {
  struct timer timer; /* first: the wheel hands it out */
  enum gun_state state;
  uint32_t cseq;
  uint32_t wait_ms; /* of the running retransmission */
  uint64_t due_us;  /* when what is waited for was to be sent first */
  uint64_t give_up_us;
  uint64_t number;
  uint64_t refresh_due_us; /* while it talks; 0: nobody watches */
  uint32_t refresh_cseq;   /* of the last one that came */
  struct gun_text call_id;

  /* Caller. */
  struct gun_text remote_tag, target;
  uint16_t route_length;
  char route[GUN_ROUTE_BYTES]; /* values for Route, in order, separated by commas */

  /* Callee. */
  uint64_t call_id_hash;
  struct address peer;                               /* where the INVITE came from */
  uint16_t final_length, block_offset, block_length; /* Via … CSeq within `final` */
  char final[GUN_FINAL_BYTES];                       /* the 200, or 487, to be sent again */
};

static inline struct str_view gun_text_view(const struct gun_text *text) {
  return str_view_of(text->bytes, text->length);
}

static inline bool gun_text_set(struct gun_text *text, struct str_view value) {
  if (value.length > sizeof text->bytes) return false;
  memcpy(text->bytes, value.data, value.length);
  text->length = (uint16_t)value.length;
  return true;
}

/* Arms the next retransmission. */
static inline void gun_call_arm_again(struct gun *gun, struct gun_call *call, enum gun_timer kind, bool is_capped) {
  call->wait_ms = gun_next_wait_ms(call->wait_ms, is_capped);
  gun_arm(gun, &call->timer, kind, call->wait_ms);
}

static inline void gun_call_wait_from(struct gun *gun, struct gun_call *call) {
  call->wait_ms = 0;
  call->give_up_us = gun->now_us + GUN_GIVE_UP_MS * 1000ull;
}

/* The answer of either end to a request inside a dialog: 200 with what a refresh or a re-INVITE needs, or an error. */
void gun_call_respond(struct gun *gun, struct gun_socket *socket, const struct sip_message *request,
                      const struct address *source, unsigned status);

/* The call is answered at this end: refreshes are due from now on. */
void gun_call_await_refreshes(struct gun *gun, struct gun_call *call);

/* A request inside the dialog that is no BYE has come, and been answered. */
void gun_call_note_refresh(struct gun *gun, struct gun_call *call, const struct sip_message *request);

/* Before what is held is hung up: counts the ends that have waited in vain. */
void gun_call_count_overdue(struct gun *gun);

/* Session-Expires and Require for a 2xx to `request`, the refresher stated (RFC 4028 section 9). */
void gun_call_add_timer(struct text_builder *builder, const struct sip_message *request);

#endif
