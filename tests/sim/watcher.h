/* An independent observer on the network. It sees each SIP message that a watched endpoint says or hears, keeps books
 * of its own about transactions and dialogs, and says where the rules are broken: how often and when something is sent
 * again, who acknowledges what, in what order requests are numbered, that nothing of one side reaches the other. It
 * trusts nothing that the endpoint says about itself.
 *
 *   watcher.c        the books; what is looked up in them
 *   watch_message.c  each message by itself
 *   watch_client.c   requests that an endpoint sends, and what it hears back
 *   watch_server.c   requests that it hears, and what it answers
 *   watch_timer.c    session timers
 *   watch_end.c      what must be settled when the world has run out */
#ifndef SIM_WATCHER_H
#define SIM_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/network.h"
#include "sip/sip_header_values.h"
#include "sip/sip_message.h"

struct world;

#define WATCHER_BUCKETS 1024
#define WATCHER_WAITS   32

/* A 2xx to an INVITE of the endpoint's: several where it forked. */
struct watched_answer {
  struct str_view to_tag;
  unsigned acks;
  unsigned after_ack; /* heard after the first ACK: each wants one more */
  bool is_over;       /* of a re-INVITE, heard after our BYE was answered: the dialog is no more; or heard first 64*T1
                       * after another branch's: nobody waits for it any more (RFC 3261 §13.2.2.4) */
  struct watched_answer *next;
};

/* One transaction as the network shows it. Times are 0 where nothing has happened yet. */
struct watched_transaction {
  struct endpoint *endpoint;
  bool is_client; /* the endpoint sent the request */
  bool is_stream;
  enum sip_method method;
  uint32_t cseq;
  struct str_view method_text, branch, call_id, own_tag, request;
  struct address remote; /* client: where it was sent to */

  int64_t first_us, last_us; /* request: said (client) or heard (server) */
  unsigned count;            /* of the request */
  int64_t provisional_us;    /* the first one */
  int64_t final_us, last_final_us;
  int64_t cancel_us; /* client: CANCEL said */
  unsigned status;   /* the final one; 0: none yet */
  struct str_view final, final_to_tag;
  unsigned final_count;
  unsigned acks; /* said by the client, heard by the server */
  int64_t first_ack_us;
  struct watched_answer *answers; /* client: 2xx to INVITE */
  unsigned final_unowed;          /* client: refusals heard too late to be acknowledged */
  unsigned repeats_owed;          /* server: repeated requests not yet answered again */
  int64_t repeated_us;            /* server: when the last of them came */
  unsigned timed_sends;           /* server: the final response sent again by timer */
  int64_t last_timed_us;
  bool is_excused;     /* refused by the network, or forgotten in good time: nothing is owed any more */
  bool is_recalled;    /* from before a restart */
  bool is_turned_away; /* server: 503 with Retry-After at once, of which the server keeps nothing */
  struct watched_transaction *next_in_bucket, *next;
};

/* The session timer of one side of a dialog (RFC 4028), as its messages have made it. */
struct watched_timer {
  int64_t answered_us; /* the 2xx to the INVITE; 0: none yet */
  int64_t proved_us;   /* the last 2xx that refreshes, or other proof that was asked for */
  uint32_t interval_s, asked_s, min_se_s;
  unsigned refreshes;
  bool is_timed, we_refresh; /* we: the endpoint */
};

/* One side of a dialog; of one that is not made yet while `remote_tag` is empty. */
struct watched_dialog {
  struct endpoint *endpoint;
  struct str_view call_id, own_tag, remote_tag;
  uint32_t cseq_said;                                /* the highest */
  int64_t bye_said_us, bye_heard_us, bye_settled_us; /* settled: ours was answered */
  bool bye_challenged;                               /* with 401 or 407 */
  struct watched_transaction *invite;                /* the last one said */
  struct watched_timer timer;
  struct watched_dialog *next_in_bucket, *older;
};

struct watcher {
  struct watched_transaction *transactions[WATCHER_BUCKETS], *first, *last;
  struct watched_dialog *dialogs[WATCHER_BUCKETS], *newest_dialog;
  uint32_t waits_ms[WATCHER_WAITS]; /* of the switch: SS_SIP_RESEND_INTERVAL */
  unsigned wait_count;              /* 0: RFC 3261 */
  bool strangers_get_silence;
  bool was_stalled; /* the switch has been kept from working: what was due together is counted with care */
  uint64_t messages_seen;
};

void watcher_create(struct world *world);

void watcher_said(struct world *world, struct endpoint *endpoint, const struct address *to, enum transport transport,
                  struct str_view bytes);
void watcher_heard(struct world *world, struct endpoint *endpoint, const struct arrival *arrival);

/* The network has told the endpoint that `remote` cannot be reached. */
void watcher_refused(struct world *world, struct endpoint *endpoint, const struct address *remote);

/* The endpoint has been killed and started again: what was before is nobody's business any more. */
void watcher_forget(struct world *world, struct endpoint *endpoint);

/* When the world has run out: everything must be settled. */
void watcher_check_end(struct world *world);

/* --- between the files of the watcher ---------------------------------------------------------------------------- */

/* One message being looked at. */
struct sighting {
  struct world *world;
  struct endpoint *endpoint;
  struct str_view bytes; /* lives as long as the world */
  struct sip_message message;
  struct sip_via via;
  enum transport transport;
  struct address remote;
  bool is_said;
  bool is_cut_off; /* heard when its connection was gone already: no answer can go back */
};

struct watched_transaction *watcher_find(const struct sighting *sighting, bool is_client, enum sip_method method);
struct watched_transaction *watcher_add(struct sighting *sighting, bool is_client);

/* The INVITE of this branch that its endpoint knew before it was killed, and may know still by its journal: it is in
 * the books again, but nothing is owed. NULL: there is none. */
struct watched_transaction *watcher_recall(struct sighting *sighting, bool is_client);
bool watcher_was_known(struct sighting *sighting, bool is_client); /* the same, but it stays forgotten */

/* The dialog of this message, made when there is none. */
struct watched_dialog *watcher_dialog(struct sighting *sighting);

/* A broken rule. */
void watcher_blame(struct sighting *sighting, const char *rule);
void watcher_blame_transaction(struct world *world, const struct watched_transaction *transaction, const char *rule);

/* True while lateness is the world's fault, because the switch was kept from working. */
bool watcher_is_lenient(const struct world *world);

/* True when `value_us` is `wanted_us`, give or take what a timer wheel's ticks make of it. */
bool watcher_is_about(int64_t value_us, int64_t wanted_us);

void watch_message_said(struct sighting *sighting);

/* A new request; the first final response to one that is said, or heard. */
void watch_timer_request_said(struct sighting *sighting, struct watched_dialog *dialog);
void watch_timer_final_said(struct sighting *sighting, const struct watched_transaction *transaction);
void watch_timer_final_heard(struct sighting *sighting, struct watched_transaction *transaction);

void watch_request_said(struct sighting *sighting);
void watch_response_heard(struct sighting *sighting);
void watch_request_heard(struct sighting *sighting);
void watch_response_said(struct sighting *sighting);

#endif
