/* Dialogs of one worker (RFC 3261 §12, RFC 3262, RFC 3311, RFC 6026 §7): who the two ends are, which way requests go,
 * and in what order they are numbered. One object per leg of a call, from the INVITE (sent or received) on; where a
 * request forks, further remote ends hang on it as branches, of which at most one is chosen.
 *
 * Our tag *is* the object: worker, slot, generation and 64 random bits as text. An in-dialog request is found by its To
 * tag, checked against the random bits, Call-ID and remote tag; nothing is hashed.
 *
 * A dialog knows nothing of sessions, bodies or calls. `owner` names the call leg it belongs to. */
#ifndef DIALOG_DIALOG_H
#define DIALOG_DIALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block_store.h"
#include "base/handle.h"
#include "base/packed.h"
#include "base/result.h"
#include "boundary/context.h"
#include "sip/sip_message.h"
#include "transaction/transaction.h"

struct dialog_table;

enum dialog_state {
  DIALOG_NONE = 0,
  DIALOG_TRYING, /* INVITE sent or received, no remote tag (as UAC) or no response with a tag (as UAS) yet */
  DIALOG_EARLY,
  DIALOG_CONFIRMED,
  DIALOG_ENDED, /* BYE sent or received, or the INVITE failed; kept until its owner gives it back */
};

size_t dialog_table_memory_bytes(uint32_t dialogs_max);
struct dialog_table *dialog_table_create(void *memory, uint32_t dialogs_max, struct block_store *blocks,
                                         struct transaction_layer *transactions);

/* --- birth and death --------------------------------------------------------------------------------------------- */

/* Makes the UAS side from a received INVITE (§12.1.1): route set from Record-Route, remote target from Contact, CSeq,
 * tags. Loose and strict routers are both handled when requests are built. RESULT_MALFORMED (no usable Contact, an
 * unreadable From …) or RESULT_FULL. `owner` is handed back by dialog_owner. */
enum result dialog_create_uas(struct dialog_table *table, struct context *context, const struct sip_message *invite,
                              const struct flow *flow, struct transaction_owner owner,
                              struct handle *dialog_out) MUST_USE;

/* What a new leg towards a device needs. Views are copied. */
struct dialog_invitation {
  struct str_view request_uri;   /* where the INVITE goes: sip:number@gateway, or a registration's Contact */
  struct str_view local_display; /* of From; quotes and escapes as they are to be sent, may be empty */
  struct str_view local_uri;     /* of From, without <> */
  struct str_view remote_uri;    /* of To, without <> */
  struct str_view route;         /* preloaded Route values (a registration's Path), may be empty */
  struct flow flow;              /* the way to the next hop */
  bool follow_flow;              /* behind NAT: requests always go to flow.remote, whatever Contact says */
};

/* Makes the UAC side. Call-ID is made so that it hashes home to this worker (local_identity_steer) and tells nothing of
 * the other leg. RESULT_FULL, or RESULT_MALFORMED (request_uri is neither sip: nor sips:, the first route cannot be
 * read). */
enum result dialog_create_uac(struct dialog_table *table, struct context *context,
                              const struct dialog_invitation *invitation, struct transaction_owner owner,
                              struct handle *dialog_out) MUST_USE;

/* Gives everything back, branches too. Handles and the tag become stale. Nothing is sent. */
void dialog_destroy(struct dialog_table *table, struct context *context, struct handle dialog);

/* --- what comes in ----------------------------------------------------------------------------------------------- */

/* The dialog a request or ACK belongs to, by its To tag, or when it has none (some devices lose it) by the user part of
 * its Request-URI, which in our Contact is the tag too. RESULT_NOT_FOUND: none of ours, wrong random bits, Call-ID or
 * remote tag (to be answered 481 when there is a To tag). As UAC the remote tag may be that of any branch until one has
 * answered, from then on only that one's. */
enum result dialog_find(struct dialog_table *table, const struct sip_message *request,
                        struct handle *dialog_out) MUST_USE;

/* Takes note of an in-dialog request: CSeq order (§12.2.2), flow (where the request came from becomes the way back when
 * the peer is behind NAT, follow_flow is set, or its Contact or route names a host instead of an address), Allow,
 * Supported, BYE (the dialog has ended). The Contact of a target refresh request becomes the remote target when
 * dialog_build_response begins its 2xx, and is forgotten when it begins a refusal (RFC 6141 §4.6). RESULT_OUT_OF_RANGE:
 * CSeq too low, answer 500 with Retry-After 0–10 s. RESULT_NOT_FOUND: a stale handle or another remote tag. ACK and
 * CANCEL are not numbered and always RESULT_OK. */
enum result dialog_receive_request(struct dialog_table *table, struct context *context, struct handle dialog,
                                   const struct sip_message *request, const struct flow *flow) MUST_USE;

/* Takes note of a response to our INVITE, re-INVITE, UPDATE or any other request in the dialog: early and confirmed
 * state, remote tag, route set (first time, and of the 2xx), remote target (a 2xx or reliable 1xx, RFC 6141 §4.7).
 * `branch_out` (UAC, response to the first INVITE): 0 for the first remote end, n for a further one. The first 2xx
 * makes its sender the dialog by itself; until then requests go to the first that answered (PRACK excepted, which names
 * its branch), and its facts are told. A 2xx of another branch later is for the caller to dismiss
 * (dialog_dismiss_branch), as often as it is repeated. A refusal of the first INVITE ends all its early dialogs and the
 * dialog, but INVITE may be sent again (credentials, 422): it starts anew with the same Call-ID and tag and a higher
 * CSeq. RESULT_FULL: too many branches (DIALOG_BRANCHES_MAX). RESULT_NOT_FOUND: a stale handle, or a provisional
 * response of a branch that did not win. */
enum result dialog_receive_response(struct dialog_table *table, struct context *context, struct handle dialog,
                                    const struct sip_message *response, unsigned *branch_out) MUST_USE;

/* ACK and BYE to a branch that was not chosen (§13.2.2.4); when its 2xx comes again, only the ACK. The BYE's answer is
 * nobody's news. Header lines are whole, with CRLF, and may be empty: credentials. */
struct dialog_dismissal {
  unsigned branch;
  uint32_t cseq; /* of the 2xx */
  struct str_view ack_headers, bye_headers;
};
void dialog_dismiss_branch(struct dialog_table *table, struct context *context, struct handle dialog,
                           const struct dialog_dismissal *dismissal);

/* Takes EVENT_RESOLVED: the addresses of the host name that the peer's first route or Contact names (RFC 3261 §8.1.2,
 * RFC 3263). From now on requests go to the first one that we can reach; until then, and when there are none, they go
 * where the peer was last met. */
struct address_list {
  const struct address *items;
  uint8_t count;
};
void dialog_resolved(struct dialog_table *table, struct context *context, struct handle dialog,
                     enum transport transport, struct address_list addresses);

/* --- requests inside the dialog ---------------------------------------------------------------------------------- */

/* What the caller wants in a request beyond what the dialog knows (request line, Via, Max-Forwards, From, To, Call-ID,
 * CSeq, Route, Contact, User-Agent). */
struct dialog_request {
  enum sip_method method; /* SIP_METHOD_UNKNOWN: method_text says */
  struct str_view method_text;
  uint8_t max_forwards;          /* 0: 70 */
  struct str_view extra_headers; /* whole lines with CRLF, made with sip_build; may be empty */
  struct str_view content_type;
  struct str_view body;
  struct transaction_owner owner;
};

/* Builds and sends a request as a client transaction, INVITE (first and re-) included; CSeq rises by one (not for ACK
 * and CANCEL, which are not sent this way: RESULT_UNSUPPORTED). RESULT_FULL, RESULT_NOT_FOUND (stale handle), or
 * RESULT_WRONG_STATE: the dialog has ended (BYE of one that was confirmed excepted), nobody has answered yet (INVITE
 * excepted), an INVITE while the first is unanswered, a BYE of ours as UAS before our 2xx (§15). A BYE that is sent
 * ends the dialog. */
enum result dialog_send_request(struct dialog_table *table, struct context *context, struct handle dialog,
                                const struct dialog_request *request, struct handle *transaction_out) MUST_USE;

/* The connection to the peer is gone. True when requests can go another way from now on: over a new connection, or by
 * datagrams, to the address that its first route or Contact names (RFC 3261 §12.2.1.1, §18.1.1). False for a peer
 * behind NAT, and when the way was no connection. */
bool dialog_find_another_way(struct dialog_table *table, struct context *context, struct handle dialog);

/* The ACK of a 2xx (§13.2.2.4). */
struct dialog_ack {
  uint32_t cseq;                /* of the INVITE */
  struct str_view credentials;  /* of the INVITE, header lines with CRLF: the ACK repeats them (§22.1) */
  struct str_view content_type; /* for late offers, mostly empty */
  struct str_view body;
};

/* Sends it and remembers what it said, so that dialog_resend_ack can answer a repeated 2xx with the same again,
 * whatever was sent meanwhile. RESULT_WRONG_STATE before a 2xx. RESULT_FULL with a body or credentials: sent, but not
 * kept. */
enum result dialog_send_ack(struct dialog_table *table, struct context *context, struct handle dialog,
                            const struct dialog_ack *ack) MUST_USE;
void dialog_resend_ack(struct dialog_table *table, struct context *context, struct handle dialog);

/* --- responses as UAS -------------------------------------------------------------------------------------------- */

/* Begins a response to a request of this dialog: as transaction_build_response, with our tag, and with our Contact and
 * the request's Record-Route for responses that make or refresh a dialog (1xx but 100, and 2xx, of INVITE; 2xx of
 * UPDATE, SUBSCRIBE, NOTIFY, REFER). A 2xx adopts the remote target that the request asked for. The caller adds the
 * rest, ends with sip_build_end, and calls transaction_respond. */
enum result dialog_build_response(struct dialog_table *table, struct context *context, struct handle dialog,
                                  struct handle transaction, enum sip_method method, unsigned status,
                                  struct str_view reason, struct text_builder *builder) MUST_USE;

/* Our final response to the first INVITE makes the dialog confirmed (2xx) or ended; a provisional one makes it early.
 * Called once the response is sent; to be called for re-INVITEs too, whose final responses end the resending of a
 * reliable provisional one. */
void dialog_note_response_sent(struct dialog_table *table, struct handle dialog, unsigned status);

/* --- reliable provisional responses (RFC 3262), reliable_provisional.c ------------------------------------------- */

/* UAS: sends `response` (built with dialog_build_response and Require: 100rel, *without* RSeq: it is added here)
 * reliably: RSeq rises by one, resent by T1 doubling until PRACK or 64*T1. One at a time: RESULT_WRONG_STATE while one
 * is unacknowledged (the caller waits or sends the next unreliably). RESULT_FULL: nothing was sent. The timer is
 * TIMER_CALL_LEG's business of `call/`: dialog_provisional_due, called at once, says for when to arm it. */
enum result dialog_send_reliable(struct dialog_table *table, struct context *context, struct handle dialog,
                                 struct handle transaction, unsigned status, struct str_view response) MUST_USE;

/* Resends the unacknowledged reliable response when it is time. `*again_out`: when to call next. RESULT_TIMED_OUT after
 * 64*T1 (the caller rejects the INVITE with 5xx, §3); RESULT_NOT_FOUND when nothing is to be resent. */
enum result dialog_provisional_due(struct dialog_table *table, struct context *context, struct handle dialog,
                                   struct mono_ms *again_out) MUST_USE;

/* A PRACK came: RESULT_OK when its RAck matches the unacknowledged response (answer 2xx), RESULT_NOT_FOUND otherwise
 * (481). */
enum result dialog_receive_prack(struct dialog_table *table, struct handle dialog,
                                 const struct sip_message *prack) MUST_USE;

/* True while a reliable response of ours waits for its PRACK: if it held a session description, the 2xx must wait too
 * (§3). */
bool dialog_provisional_is_pending(const struct dialog_table *table, struct handle dialog);

/* UAC: a 1xx came on `branch`, asked once for each: RESULT_OK: reliable and next in order, PRACK it
 * (dialog_send_prack); RESULT_EXISTS: seen before, or out of order: drop it; RESULT_UNSUPPORTED: not a reliable one;
 * RESULT_MALFORMED: reliable, but with no usable RSeq: to be taken as an unreliable one. */
enum result dialog_check_reliable(struct dialog_table *table, struct handle dialog, unsigned branch,
                                  const struct sip_message *response) MUST_USE;

/* Sends the PRACK with its RAck. `request` says the rest (body, owner; its method does not matter). */
enum result dialog_send_prack(struct dialog_table *table, struct context *context, struct handle dialog,
                              unsigned branch, const struct sip_message *response, const struct dialog_request *request,
                              struct handle *transaction_out) MUST_USE;

/* --- over a restart, dialog_keep.c ------------------------------------------------------------------------------- */

/* Appends a dialog as bytes, with slot and generation, which are part of its tag: a confirmed one, or one whose INVITE
 * of ours has not been answered at all. */
void dialog_save(const struct dialog_table *table, struct handle dialog, struct text_builder *builder);

/* Makes it again in a table that has not been used otherwise yet: the same handle and tag; CSeq raised beyond what may
 * have been sent since. Its connection is gone; the next request opens one. RESULT_MALFORMED: no such bytes, another
 * worker's, or no socket of that transport any more; RESULT_FULL: the slot is taken or beyond the table. */
enum result dialog_restore(struct dialog_table *table, struct context *context, struct packed_reader *reader,
                           struct transaction_owner owner, struct handle *dialog_out) MUST_USE;

/* Takes up again the INVITE that a restored dialog was waiting for the answer of: `reader` stands before what
 * transaction_save_client has written. It can be cancelled, and acknowledged when it is refused, but is not sent again.
 * `is_answered` and results as of transaction_restore_client. */
enum result dialog_restore_invite(struct dialog_table *table, struct context *context, struct handle dialog,
                                  struct packed_reader *reader, struct transaction_owner owner, bool is_answered,
                                  struct handle *transaction_out) MUST_USE;

/* Reads past a dialog's bytes. False: they are none. */
bool dialog_pass_over(struct packed_reader *reader) MUST_USE;

/* Raises CSeq further, by something that rises from one restart to the next: what was saved may be older than both. */
void dialog_raise_cseq(struct dialog_table *table, struct handle dialog, uint32_t by);

/* Ends the restoring. */
void dialog_table_restored(struct dialog_table *table);

/* --- what others want to know ------------------------------------------------------------------------------------ */

enum dialog_state dialog_state(const struct dialog_table *table, struct handle dialog);
struct transaction_owner dialog_owner(const struct dialog_table *table, struct handle dialog);
struct str_view dialog_local_tag(const struct dialog_table *table, struct context *context, struct handle dialog);
struct str_view dialog_call_id(const struct dialog_table *table, struct handle dialog);
struct str_view dialog_remote_tag(const struct dialog_table *table,
                                  struct handle dialog); /* empty: none yet, or null */
struct str_view dialog_remote_target(const struct dialog_table *table, struct handle dialog);
/* The Request-URI of our next request: the remote target, or a strict router (§12.2.1.1). */
struct str_view dialog_request_uri(const struct dialog_table *table, struct handle dialog);
/* And of a request to one branch; empty when it is not there. */
struct str_view dialog_branch_request_uri(const struct dialog_table *table, struct handle dialog, unsigned branch);
struct flow dialog_flow(const struct dialog_table *table, struct handle dialog);
/* Another number each time that target or address of our requests have changed; 0 for a dialog that was restored. */
uint8_t dialog_moves(const struct dialog_table *table, struct handle dialog);

/* What the peer said it can do, from Allow and Supported of the last message that had them. */
bool dialog_peer_allows(const struct dialog_table *table, struct handle dialog, enum sip_method method);
enum dialog_peer_option { DIALOG_PEER_TIMER = 1, DIALOG_PEER_100REL = 2, DIALOG_PEER_REPLACES = 4 };
bool dialog_peer_supports(const struct dialog_table *table, struct handle dialog, enum dialog_peer_option option);

/* The worker a tag of ours names, for steering. RESULT_MALFORMED when it is not ours. */
enum result dialog_tag_worker(struct str_view tag, uint8_t *worker_out) MUST_USE;

uint32_t dialog_count(const struct dialog_table *table);

/* Where they live, for whoever makes memory resident ahead of need. */
const struct pool *dialog_pool(const struct dialog_table *table);
bool dialog_table_check(const struct dialog_table *table, struct text_builder *problem);

#endif
