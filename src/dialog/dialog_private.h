/* What the files of this room share. A dialog has one remote end that its requests go to, and, while an INVITE of ours
 * is out, further ones:
 *
 *   dialog ── end            the current remote end, requests go there
 *     └─ forks ── end ── end the INVITE as it was first sent (number REMOTE_END_INVITED), other branches of a forked
 * INVITE
 *
 * What is said about a remote end is one block of text, written anew only when target or route set change, so that a
 * request in the dialog is a few copies. It holds values only: the names of header fields are the same in each dialog,
 * and our tag is made from numbers.
 *
 *   [Request-URI][From, without our tag][To][Call-ID][Route][route set, only behind a strict router] */
#ifndef DIALOG_DIALOG_PRIVATE_H
#define DIALOG_DIALOG_PRIVATE_H

#include "base/pool.h"
#include "dialog/dialog.h"

#define DIALOG_TEXT_BYTES_MAX 16384
#define DIALOG_BRANCHES_MAX   32  /* remote ends that one INVITE may reach, dismissed ones among them */
#define REMOTE_END_INVITED    255 /* `number` of an end that has not answered: what the INVITE said */

struct remote_end {
  struct block text;
  struct flow flow; /* where the next request goes */
  uint16_t request_uri_length, local_length, remote_length, call_id_length, routes_length; /* in this order */
  uint16_t remote_tag_offset, remote_tag_length;                                           /* inside To's value */
  uint16_t remote_target_length; /* the Request-URI, or behind a strict router the last route's URI */
  uint16_t allowed_methods;      /* bit n: enum sip_method n; bit 0 gathers those we do not know */
  uint32_t remote_cseq;
  uint32_t received_rseq; /* the last reliable provisional response taken in order; 0: none */
  uint8_t supported_options;
  uint8_t number; /* as told by branch_out */
  bool has_remote_cseq : 1;
  bool is_translated : 1; /* behind NAT: the received address wins */
  bool is_dismissed : 1;
  bool is_strict : 1; /* behind a strict router (RFC 3261 §12.2.1.1) */
};

struct dialog_fork {
  struct remote_end end;
  struct dialog_fork *next;
};

/* A reliable provisional response of ours, or only its numbers when it needs no resending any more. */
struct dialog_provisional {
  struct block response;
  struct handle transaction;
  uint32_t rseq;
  uint32_t cseq;
  uint16_t status;
  bool is_unacknowledged;
  struct mono_ms sent_at;
  struct mono_ms resend_at;
};

struct dialog {
  struct remote_end end;
  struct dialog_fork *forks;
  struct dialog_provisional *provisional;
  uint64_t random_bits;        /* of our tag */
  struct handle owner;         /* with the two below: struct transaction_owner, which would have a hole here */
  struct block pending_target; /* of a target refresh request that is not answered yet */
  struct block ack;            /* one with a body or credentials, as it was sent; another is written anew */
  uint32_t local_cseq;         /* of the last request we sent; 0: none */
  uint32_t invite_cseq;        /* of the INVITE we sent that makes the dialog; 0: we are UAS */
  uint32_t remote_invite_cseq; /* of the last INVITE received */
  uint32_t ack_cseq;           /* of the last ACK sent; 0: none */
  uint32_t owner_detail;
  uint8_t owner_kind;
  uint8_t state; /* enum dialog_state */
  uint8_t worker;
  uint8_t branch_count;
  uint8_t pending_method; /* enum sip_method */
  uint8_t names_awaited;  /* questions for host names that are not answered yet */
  uint8_t moves;          /* dialog_moves */
  bool is_uac : 1;
  bool is_secure : 1; /* Contact is a sips: URI */
  bool follow_flow : 1;
  bool was_confirmed : 1;
  bool was_refused : 1; /* ended by a refusal of our INVITE, which may be sent again */
  bool echo_record_route : 1;
  bool name_is_asked_again : 1; /* several questions crossed: none of their answers counts */
};

struct dialog_table {
  struct pool dialogs;
  struct pool forks;
  struct pool provisionals;
  struct block_store *blocks;
  struct transaction_layer *transactions;
};

void dialog_set_owner(struct dialog *dialog, struct transaction_owner owner);

/* NULL for a stale handle. */
struct dialog *dialog_at(const struct dialog_table *table, struct handle handle);

enum dialog_event {
  DIALOG_EVENT_PROGRESS, /* a provisional response with a tag, sent or received */
  DIALOG_EVENT_ANSWER,   /* a 2xx to the INVITE */
  DIALOG_EVENT_REFUSAL,  /* any other final response to it */
  DIALOG_EVENT_GOODBYE,  /* BYE sent or received */
  DIALOG_EVENT_RETRY,    /* a refused INVITE goes out again */
};
void dialog_happens(struct dialog *dialog, enum dialog_event event);

/* Writes our tag: 2 digits of worker, 8 of slot, 8 of generation, 16 random, all hexadecimal. */
#define DIALOG_TAG_LENGTH 34
#define TAG_PARAMETER     ";tag="
void dialog_write_tag(const struct dialog_table *table, const struct dialog *dialog, struct text_builder *builder);

/* --- remote_end.c ------------------------------------------------------------------------------------------------ */

/* What the text of a remote end is made of: values of header fields, without line breaks. */
struct remote_end_words {
  struct str_view local;      /* From, without our tag */
  struct str_view remote;     /* To */
  struct str_view remote_tag; /* inside `remote`, or empty */
  struct str_view call_id;
  struct str_view remote_target;
  struct str_view route_set;
};

/* Views into the end's block. */
struct remote_end_words remote_end_words(const struct dialog_table *table, const struct remote_end *end);

/* The Request-URI of the next request. */
struct str_view remote_end_request_uri(const struct dialog_table *table, const struct remote_end *end);

/* Room for the lines that remote_end_add_lines appends. */
size_t remote_end_lines_bytes(const struct remote_end *end);

/* Appends From with our tag, To, Call-ID and Route. */
void remote_end_add_lines(const struct dialog_table *table, const struct remote_end *end, struct str_view local_tag,
                          struct text_builder *builder);

/* Writes the block anew; on failure the end is as it was. RESULT_MALFORMED: an unreadable route, or all of it is longer
 * than DIALOG_TEXT_BYTES_MAX. RESULT_FULL: no block. `words` may be views into the end's present block. */
enum result remote_end_write(struct dialog_table *table, struct arena *arena, struct remote_end *end,
                             const struct remote_end_words *words) MUST_USE;

/* The remote target that a message's Contact gives, fit for a Request-URI. RESULT_NOT_FOUND: no Contact;
 * RESULT_MALFORMED: one that cannot be a target (RFC 3261 §12.1.1 wants sip: or sips:). */
enum result remote_end_target_of(const struct sip_message *message, struct arena *arena,
                                 struct str_view *target_out) MUST_USE;

/* Puts another remote target in; nothing is written when it is the same. RESULT_FULL: the old one stays. */
enum result remote_end_retarget(struct dialog_table *table, struct context *context, struct dialog *dialog,
                                struct remote_end *end, struct str_view target);

/* Computes anew where the end's requests go, `end->flow` being where it was last met. A host name is asked for; its
 * addresses come with dialog_resolved. */
void remote_end_aim(struct dialog_table *table, struct context *context, struct dialog *dialog, struct remote_end *end);

/* Notes Allow and Supported when the message has them. */
void remote_end_note_abilities(struct remote_end *end, const struct sip_message *message);

/* The end of that number or remote tag, the current one or a fork; NULL when there is none. */
struct remote_end *remote_end_by_number(struct dialog *dialog, unsigned number);
struct remote_end *remote_end_by_tag(const struct dialog_table *table, struct dialog *dialog, struct str_view tag);

/* Writes the end with target and route set of a response to our INVITE (§12.1.2; the route set is that of the last such
 * response, §13.2.2.4). A Contact or Record-Route that cannot be used leaves the target of `words`, or no route set:
 * the call may still go, and refusing what the other side believes in would leave it ringing. */
enum result remote_end_learn(struct dialog_table *table, struct context *context, struct remote_end *end,
                             struct remote_end_words *words, const struct sip_message *response) MUST_USE;

/* Makes a further end for a response to our INVITE from what the INVITE said. RESULT_FULL. */
enum result remote_end_fork(struct dialog_table *table, struct context *context, struct dialog *dialog,
                            const struct sip_message *response, struct remote_end **end_out) MUST_USE;

/* Makes `end` (a fork, or already the current one) the current end. */
void remote_end_make_current(struct dialog *dialog, struct remote_end *end);

/* Gives back all ends but the current one. */
void remote_end_drop_forks(struct dialog_table *table, struct dialog *dialog);

/* --- others ------------------------------------------------------------------------------------------------------ */

/* dialog_receive.c: adopts or forgets the target that a request of `method` asked for, when it is answered (RFC 6141
 * §4.6). */
void dialog_settle_target(struct dialog_table *table, struct context *context, struct dialog *dialog,
                          enum sip_method method, bool accepted);

/* dialog_request.c: the ACK of `response` and a BYE to `end`. */
enum result dialog_send_ack_to(struct dialog_table *table, struct context *context, struct dialog *dialog,
                               struct remote_end *end, const struct dialog_ack *ack);
enum result dialog_send_to(struct dialog_table *table, struct context *context, struct dialog *dialog,
                           const struct remote_end *end, const struct dialog_request *request,
                           struct handle *transaction_out) MUST_USE;

/* reliable_provisional.c */
void dialog_provisional_stop(struct dialog_table *table, struct dialog *dialog);
void dialog_provisional_give(struct dialog_table *table, struct dialog *dialog);

/* True for methods that refresh the remote target: INVITE (RFC 3261 §12.2), UPDATE (RFC 3311 §5.1), SUBSCRIBE and
 * NOTIFY (RFC 6665 §3.1, §3.2), and REFER, whose Contact RFC 3515 §2 makes mandatory in request and 2xx because it is
 * used so. */
bool dialog_method_refreshes_target(enum sip_method method);

#endif
