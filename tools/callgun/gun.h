/* callgun: a SIP load generator that goes far past SIPp's rate from one thread. It plays both ends of a call (caller
 * and callee on two sockets), so every message can be accounted for: what was sent, what came back, after how long, and
 * what should not have come.
 *
 *   callgun caller socket ──INVITE──▶ switch ──INVITE──▶ callgun callee socket
 *
 * One loop: receive a batch, handle it, let due timers run, start what the rate asks for, flush. Calls live in a pool;
 * the caller's Call-ID and the callee's tag name the slot, so nothing is looked up by hash but the first INVITE at the
 * callee. */
#ifndef CALLGUN_GUN_H
#define CALLGUN_GUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash_table.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/text_builder.h"
#include "base/time.h"
#include "base/timer_wheel.h"
#include "boundary/address.h"
#include "latency.h"
#include "net/udp.h"
#include "sip/sip_message.h"

#define GUN_MESSAGE_BYTES 4096
#define GUN_TEXT_BYTES    192 /* a Contact, tag or Call-ID; longer ones end the call as unexpected */
#define GUN_ROUTE_BYTES   256

/* COUNT(name, text): everything that is counted; printed in this order. */
#define GUN_COUNTS                                                                                                     \
  COUNT(started, "started")                                                                                            \
  COUNT(answered, "answered")                                                                                          \
  COUNT(completed, "completed")                                                                                        \
  COUNT(rejected, "rejected")                                                                                          \
  COUNT(timed_out, "timed out")                                                                                        \
  COUNT(callee_seen, "reached the callee")                                                                             \
  COUNT(callee_ended, "ended at the callee")                                                                           \
  COUNT(callee_no_ack, "never acknowledged at the callee")                                                             \
  COUNT(ended_by_far_side, "ended by the switch")                                                                      \
  COUNT(refreshes_answered, "refreshes answered")                                                                      \
  COUNT(retransmissions, "retransmissions sent")                                                                       \
  COUNT(received, "messages received")                                                                                 \
  COUNT(sent, "messages sent")                                                                                         \
  COUNT(unexpected, "unexpected messages")                                                                             \
  COUNT(skipped, "not started in time")

struct gun_counts {
#define COUNT(name, text) uint64_t name;
  GUN_COUNTS
#undef COUNT
};

enum gun_work { GUN_CALLS, GUN_OPTIONS, GUN_REGISTER };

struct gun_options {
  enum gun_work work;
  struct address target;      /* the switch */
  struct address local;       /* caller, registrant */
  struct address answer;      /* callee; family ADDRESS_NONE: somebody else answers */
  double rate;                /* per second; 0: as fast as the window allows */
  uint32_t window;            /* most at once */
  uint64_t count;             /* to start in all */
  uint32_t ring_ms, talk_ms;  /* callee rings so long, then answers; caller talks so long, then hangs up */
  uint32_t session_expires_s; /* 0: callee and caller know no timers */
  const char *number_prefix;  /* of the called numbers; the call's own number follows */
  const char *user, *password, *realm_hint;
  uint32_t time_limit_s; /* the run ends at the latest then */
  bool json;
};

struct gun {
  struct gun_options options;
  int caller_fd, callee_fd, epoll_fd;
  struct udp_inbound *inbound;
  struct udp_outbound *outbound;
  struct timer_wheel wheel;
  struct random random;
  struct mono_ms now;
  uint64_t now_us;
  struct gun_counts counts;
  struct latency setup, bye, work; /* INVITE → 200, BYE → 200, OPTIONS or REGISTER → final */
  struct pool calls;               /* struct gun_call: both ends */
  struct hash_table callee_by_call_id;
  uint64_t start_us;
  uint64_t next_number;
};

enum gun_timer { GUN_TIMER_CALLER = 1, GUN_TIMER_CALLEE, GUN_TIMER_PROBE };

uint64_t gun_now_us(void);

/* Sends from the caller's or the callee's socket. */
void gun_send(struct gun *gun, int fd, const struct address *to, struct str_view bytes);

/* --- caller.c, callee.c: the two ends --- */
bool caller_start(struct gun *gun);
void caller_receive(struct gun *gun, const struct sip_message *message, const struct address *source);
void caller_timer_due(struct gun *gun, struct timer *timer);
void callee_receive(struct gun *gun, const struct sip_message *message, const struct address *source);
void callee_timer_due(struct gun *gun, struct timer *timer);
size_t gun_call_bytes(void);
uint32_t gun_calls_open(const struct gun *gun);

/* --- probe.c: OPTIONS and REGISTER --- */
bool probe_start(struct gun *gun);
void probe_receive(struct gun *gun, const struct sip_message *message);
void probe_timer_due(struct gun *gun, struct timer *timer);
size_t gun_probe_bytes(void);

#endif
