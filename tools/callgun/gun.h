/* callgun: a SIP load generator that goes far past SIPp's rate from one thread. It plays both ends of a call (caller
 * and callee on two sockets), so every message can be accounted for: what was sent, what came back, after how long, and
 * what should not have come.
 *
 *   callgun caller socket ──INVITE──▶ switch ──INVITE──▶ callgun callee socket
 *
 * One loop: start what the rate asks for, send the batch, wait, receive a batch, handle it, let due timers run. Calls
 * live in a pool; the caller's Call-ID and the callee's tag name the slot, so nothing is looked up by hash but the
 * first INVITE at the callee.
 *
 * The pace is honest: with a rate, the n-th start is due n/rate seconds after the first, whatever the switch does, and
 * times are measured from that moment, so that a generator that falls behind shows in the figures (and in `lag`)
 * instead of hiding in them. */
#ifndef CALLGUN_GUN_H
#define CALLGUN_GUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "arrivals.h"
#include "base/hash_table.h"
#include "base/pool.h"
#include "base/text_builder.h"
#include "base/time.h"
#include "base/timer_wheel.h"
#include "boundary/address.h"
#include "gun_socket.h"
#include "latency.h"
#include "sip/sip_message.h"

#define GUN_T1_MS         500
#define GUN_T2_MS         4000
#define GUN_GIVE_UP_MS    32000
#define GUN_RUN_BYTES     12
#define GUN_ENDED_CALLS   (1u << 18) /* of which a late INVITE is known; a power of two */
#define GUN_ADDRESS_BYTES 64

/* COUNT(name, text): everything that is counted; printed in this order. */
#define GUN_COUNTS                                                                                                     \
  COUNT(started, "started")                                                                                            \
  COUNT(answered, "answered")                                                                                          \
  COUNT(completed, "completed")                                                                                        \
  COUNT(rejected, "rejected")                                                                                          \
  COUNT(timed_out, "timed out")                                                                                        \
  COUNT(unfinished, "unfinished at the end")                                                                           \
  COUNT(skipped, "not started in time")                                                                                \
  COUNT(callee_seen, "reached the callee")                                                                             \
  COUNT(callee_ended, "ended at the callee")                                                                           \
  COUNT(callee_cancelled, "cancelled at the callee")                                                                   \
  COUNT(callee_no_ack, "never acknowledged at the callee")                                                             \
  COUNT(ended_by_far_side, "ended by the switch")                                                                      \
  COUNT(challenged, "challenged")                                                                                      \
  COUNT(refreshes_answered, "refreshes answered")                                                                      \
  COUNT(retransmissions, "retransmissions sent")                                                                       \
  COUNT(repeated, "repeated messages received")                                                                        \
  COUNT(received, "messages received")                                                                                 \
  COUNT(sent, "messages sent")                                                                                         \
  COUNT(pings, "keep-alives received")                                                                                 \
  COUNT(pings_answered, "keep-alives answered (OPTIONS)")                                                              \
  COUNT(unexpected, "unexpected messages")

struct gun_counts {
#define COUNT(name, text) uint64_t name;
  GUN_COUNTS
#undef COUNT
};

enum gun_work { GUN_CALLS, GUN_OPTIONS, GUN_REGISTER, GUN_ANSWER };

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
  double refresh_every_s;     /* calls: each end is to be refreshed so often; 0: nobody watches */
  uint32_t users;             /* register: so many phones, each in its turn; 0: as many as `count` */
  uint32_t expires_s;         /* register */
  bool hold;                  /* calls talk, registrations are kept, until a signal says otherwise */
  const char *number_prefix;  /* of the called numbers; the call's own number follows */
  const char *user, *password;
  uint32_t time_limit_s; /* the run ends at the latest then */
  uint32_t drain_s;      /* and so long after the last start */
  bool apart;            /* register: each phone at an address of its own, on one socket */
  bool spin;             /* never sleep */
  bool json;
  const char *log_path; /* where each answer and end is written, a line each; NULL: nowhere */
};

/* All callees ring equally long, so those that ring stand in a row, and answer to the microsecond. */
struct gun_ringing {
  struct handle call;
  uint64_t answer_us;
};

struct gun {
  struct gun_options options;
  struct gun_socket caller, callee;
  int epoll_fd, signal_fd;
  FILE *log;
  struct udp_inbound *inbound;
  struct timer_wheel wheel;
  struct mono_ms now;
  uint64_t now_us;
  struct gun_counts counts;
  struct latency setup, bye, answer; /* INVITE → 200 less ringing, BYE → 200, others → final */
  struct latency lag;                /* a start's due time → its sending */
  struct arrivals pings;             /* register: what keeps the phones reachable */
  struct arrivals refreshes;         /* calls that are held, each end by itself */
  struct pool slots;                 /* struct gun_call (both ends), gun_probe or gun_phone */
  struct hash_table callee_by_call_id;
  struct gun_ringing *ringing; /* as many as slots, round and round */
  uint64_t ringing_first, ringing_end;
  uint64_t *ended_calls;   /* hashes of the callee's last Call-IDs, so that a late INVITE starts nothing */
  char run[GUN_RUN_BYTES]; /* random: what two runs send from one port has nothing in common */
  char target_text[GUN_ADDRESS_BYTES];
  uint64_t start_us;
  uint64_t paced_from_us, paced_from; /* start number `paced_from` was due then, the others follow at the rate */
  uint64_t drain_from_us;             /* the last start, or hanging up of what was held */
  uint64_t offered;                   /* started or skipped */
  uint64_t open;                      /* started and without end */
  bool is_holding, is_stopping, is_over;
};

enum gun_timer { GUN_TIMER_CALLER = 1, GUN_TIMER_CALLEE, GUN_TIMER_PROBE, GUN_TIMER_PHONE };

/* What a kind of work consists of. `start` begins one more at `due_us` and says whether it could; `receive` takes what
 * comes to the caller's socket; `release` ends what is held, at the rate. */
struct gun_player {
  const char *name;
  uint32_t slot_bytes;
  bool (*start)(struct gun *gun, uint64_t due_us);
  void (*receive)(struct gun *gun, const struct sip_message *message, const struct address *source);
  void (*release)(struct gun *gun);
};
extern const struct gun_player gun_caller, gun_prober, gun_phones, gun_answerer;

void caller_timer_due(struct gun *gun, struct timer *timer);
void callee_timer_due(struct gun *gun, struct timer *timer);
void probe_timer_due(struct gun *gun, struct timer *timer);
void phone_timer_due(struct gun *gun, struct timer *timer);

/* A datagram that came to one of the phones' addresses, when each has its own. True when it was a keep-alive. */
bool phone_take_ping(struct gun *gun, const struct many_datagram *datagram);

/* How many phones have got at least `least` keep-alives since all were registered. */
uint64_t phone_count_pinged(const struct gun *gun, uint32_t least);

void callee_receive(struct gun *gun, const struct sip_message *message, const struct address *source);

/* Answers the calls that have rung long enough. */
void callee_answer_due(struct gun *gun);

/* --- gun_loop.c -------------------------------------------------------------------------------------------------- */

/* Opens sockets and memory for gun->options; ends the process with a message when that fails. */
void gun_open(struct gun *gun);

/* Runs until everything started is over, or the time limit; `hold`: until a signal has come and all has been hung up.
 */
void gun_run(struct gun *gun);

/* --- gun_report.c ------------------------------------------------------------------------------------------------ */

/* Writes "WORD NAME MICROSECONDS" to the log, if there is one: wall time since 1970. */
void gun_log(const struct gun *gun, const char *word, struct str_view name);

/* Prints counts and percentiles to standard output, as text or as one JSON object in a line. */
void gun_report(const struct gun *gun);

/* Says, in a line of its own, that everything held is there. */
void gun_report_holding(const struct gun *gun);

/* One that was started has come to its end, counted in `counter`. */
static inline void gun_count_end(struct gun *gun, uint64_t *counter) {
  (*counter)++;
  gun->open--;
}

/* Sends what was composed on this socket; what did not fit into a message is not sent and counted as unexpected. */
static inline void gun_send(struct gun *gun, struct gun_socket *socket, const struct address *to,
                            const struct text_builder *builder) {
  if (builder->overflowed) {
    gun->counts.unexpected++;
    return;
  }
  gun->counts.sent++;
  gun_socket_send(socket, to, builder->length);
}

/* --- gun_name.c -------------------------------------------------------------------------------------------------- */

/* A Via whose branch is this request's alone: `kind` is unique among the requests of a slot with the same CSeq. */
void gun_add_via(struct gun *gun, struct text_builder *builder, char kind, uint32_t cseq, const void *slot);

/* The slot's name in Call-IDs, tags and branches of ours, and back; NULL when the slot has gone on since. */
void gun_add_slot_name(const struct gun *gun, struct text_builder *builder, const void *slot);
void *gun_find_slot(const struct gun *gun, struct str_view name);

/* Whether the name is one of this run's, of a slot that may have gone on since. */
bool gun_is_slot_name(const struct gun *gun, struct str_view name);

/* --- timers ------------------------------------------------------------------------------------------------------ */

/* The wait before the next retransmission: doubling from T1, at most T2 where RFC 3261 caps it (all but INVITE). */
static inline uint32_t gun_next_wait_ms(uint32_t wait_ms, bool is_capped) {
  uint32_t next_ms = wait_ms == 0 ? GUN_T1_MS : wait_ms * 2;
  return is_capped && next_ms > GUN_T2_MS ? GUN_T2_MS : next_ms;
}

static inline void gun_arm(struct gun *gun, struct timer *timer, enum gun_timer kind, uint32_t wait_ms) {
  timer_wheel_arm(&gun->wheel, timer, (uint8_t)kind, mono_ms_add(gun->now, wait_ms));
}

/* `timer` is the slot's own. */
static inline void gun_give_slot(struct gun *gun, struct timer *timer, void *slot) {
  timer_wheel_cancel(&gun->wheel, timer);
  pool_give(&gun->slots, slot);
}

#endif
