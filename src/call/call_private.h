/* What the files of this room share: the objects, the step that is taken, and the doors between the files. */
#ifndef CALL_CALL_PRIVATE_H
#define CALL_CALL_PRIVATE_H

#include "base/pool.h"
#include "call/call.h"
#include "cdr/cdr_record.h"
#include "routing/route_select.h"
#include "supervision/device_memory.h"
#include "supervision/duration_cap.h"
#include "supervision/liveness.h"
#include "supervision/session_timer.h"

/* --- names out of the tables ------------------------------------------------------------------------------------- */

enum call_state {
#define CALL_STATE(name, ...) CALL_STATE_##name,
#include "call/call_machine.def"
  CALL_STATE_COUNT
};

enum call_event {
  CALL_EVENT_NONE,
#define CALL_EVENT(name, ...) CALL_EVENT_##name,
#include "call/call_machine.def"
  CALL_EVENT_COUNT
};

enum leg_state {
#define LEG_STATE(name, ...) LEG_STATE_##name,
#include "call/leg_machine.def"
  LEG_STATE_COUNT
};

enum leg_event {
#define LEG_EVENT(name, ...) LEG_EVENT_##name,
#include "call/leg_machine.def"
  LEG_EVENT_COUNT
};

/* --- objects ----------------------------------------------------------------------------------------------------- */

enum call_side { CALL_CALLER, CALL_CALLEE };

/* Who owes whom an answer to a session description on a leg (RFC 3264 §4, RFC 3311 §5): at most one offer is open. */
enum leg_offer { LEG_OFFER_NONE, LEG_OFFER_OURS, LEG_OFFER_THEIRS };

enum end_direction { END_BY_SWITCH, END_BY_CALLER, END_BY_CALLEE };

/* How a call ended, or how an attempt failed. */
struct call_end {
  uint8_t reason;    /* enum end_reason */
  uint8_t cause;     /* enum end_cause */
  uint8_t direction; /* enum end_direction */
  uint8_t q850;      /* 1 to 127; 0: the reason's own */
  uint16_t status;   /* what the caller's INVITE is answered with */
};

/* One dialog with one device. */
struct call_leg {
  struct timer timer;
  struct handle call; /* HANDLE_NONE: the leg is on its own */
  struct handle dialog;
  struct handle invite;       /* the first INVITE: a server transaction (caller) until the ACK of our 2xx, a client
                               * transaction (callee) until its final response; later the peer's re-INVITE that we
                               * answered 2xx, until its ACK */
  struct block session;       /* what follows o= in the session description in force that we sent to this peer */
  struct block offered;       /* the same of the one we offered and that is not accepted yet */
  struct block asked;         /* the peer's offer in a 2xx, until our ACK answers it */
  struct block logins;        /* challenges and what they are answered with (call_credentials.c) */
  struct block held_response; /* callee: the reliable provisional response that waits for the caller's PRACK; caller:
                               * the 200 of a call taken up again, until the ACK (call_restore.c) */
  uint64_t origin_id;         /* sess-id of our o= lines on this leg */
  struct mono_ms resend_end;  /* when waiting for the ACK ends */
  uint32_t session_version, highest_version, offered_version; /* of our o= lines: in force, ever used, offered */
  uint32_t ack_cseq; /* of the last 2xx of the peer; its ACK waits for the other leg's, when `ack_owed` */
  uint32_t carried;  /* 1 + index of the first request of this peer's that is being carried; 0: none */
  uint16_t resend_ms;
  uint8_t state;               /* enum leg_state */
  uint8_t offer;               /* enum leg_offer */
  struct call_end leave;       /* why the leg is left */
  bool invited_with_offer : 1; /* our INVITE held a session description, so its ACK needs none */
  bool ack_owed : 1;
  bool wants_reliable : 1;   /* the peer's INVITE requires 100rel */
  bool reliable_session : 1; /* our last reliable provisional response held a session description */
  bool says_timer : 1;       /* our requests support timers */
  bool has_responded : 1;    /* on its own: the journal knows that our INVITE, still unanswered, may be cancelled */
  uint8_t side : 1;          /* enum call_side */
  uint8_t counted_role : 2;  /* 1 + enum session_role as it is counted in call_table; 0: it is not */
  /* Supervision (call_supervision.h). */
  struct session_timer session_timer;
  struct liveness alive;             /* last proof of life of the peer */
  uint64_t device_key;               /* device_memory_key */
  struct session_asked asked_terms;  /* what our last INVITE or UPDATE said about timers */
  struct session_words invite_words; /* what the peer's last INVITE said about them, for our 2xx */
  struct session_words update_words; /* and its last UPDATE */
  struct handle refresh;             /* our refresh or probe whose answer is awaited */
  struct handle refresh_invite;      /* one of ours that is an INVITE and still open */
  struct handle refresh_offer;       /* one of ours that offers the session in force and is still open */
  uint8_t device_kind;               /* enum device_kind */
  uint8_t branch;                    /* of a forked INVITE, the one that answered */
  uint8_t held_branch;               /* the one whose response is held */
  uint8_t origin_socket;             /* whose address stands in our o= lines on this leg */
  /* While it takes its leave (call_farewell.c). */
  struct journal_key owed_under; /* what the journal keeps of the call until the peer knows that it is over; or none */
  struct handle owed_with;       /* the call's other leg, which is owed a farewell, too */
};

#define CALL_NO_USAGE UINT32_MAX

/* Texts of a call that records and lists show, in one block: numbers before and after the rules, devices' names. */
enum call_text {
  CALL_TEXT_CALLER, /* as received */
  CALL_TEXT_CALLEE,
  CALL_TEXT_CALLER_NUMBER, /* after the rules of the caller's device: what the call is routed by */
  CALL_TEXT_CALLEE_NUMBER,
  CALL_TEXT_CALLER_OUT, /* as sent, after the rules of the callee's device */
  CALL_TEXT_CALLEE_OUT,
  CALL_TEXT_CALLER_DEVICE,
  CALL_TEXT_CALLEE_DEVICE,
  CALL_TEXT_DISPLAY,        /* the caller's display name as it is to be sent */
  CALL_TEXT_CALLEE_CALL_ID, /* of an attempt that is over */
  CALL_TEXT_END,            /* what the side that ended the call said */
  CALL_TEXT_COUNT
};

/* Which of a device's set-up stages is meant. */
enum call_stage {
  CALL_STAGE_INVITE,
  CALL_STAGE_TRYING,
  CALL_STAGE_SESSION_PROGRESS,
  CALL_STAGE_SESSION_PROGRESS_SDP,
  CALL_STAGE_RINGING,
  CALL_STAGE_COUNT
};

/* What a call needs only until it is answered: most of its life it does without. */
struct call_attempts {
  struct block invite_body;           /* the caller's, with its Content-Type */
  struct block contacts;              /* of the phone called, those not yet tried */
  struct route_search routes;         /* which gateways were tried */
  struct call_end failure;            /* the most telling failure so far */
  uint16_t stage_s[CALL_STAGE_COUNT]; /* of the callee's device */
  uint16_t tried_addresses;           /* of the gateway that is being tried, a bit for each */
};

struct call {
  struct timer timer;
  struct handle caller; /* legs */
  struct handle callee; /* HANDLE_NONE between two attempts */
  struct block texts;
  struct block carried_headers;   /* lines for the callee's INVITE; until the answer */
  struct call_attempts *attempts; /* until the answer; then NULL */
  struct wall_us started_at, ringing_at, answered_at, ended_at;
  struct wall_us restored_at; /* when it was taken up again after a restart; 0: it was not */
  struct wall_us kept_at;     /* when the journal was told last that it lives; 0: it knows of an attempt at most */
  int64_t kept_session_ends;  /* which ends of both sessions it knows of */
  uint64_t kept_terms;        /* and which terms and ways to both peers */
  struct liveness alive;      /* last proof of life of either side */
  struct duration_cap cap;
  struct mono_ms started, answered, ended;
  uint32_t pdd_ms;                     /* CDR_NUMBER_NONE cut to 32 bits: not yet */
  uint32_t caller_usage, callee_usage; /* of which device a call is taken; CALL_NO_USAGE: none */
  uint32_t caller_max_s;               /* longest talk time of the caller's device; 0: none */
  uint32_t max_duration_s;             /* the shorter of both devices'; 0: none */
  struct address caller_address, callee_address;
  struct call_end end;
  uint8_t state; /* enum call_state */
  uint8_t max_forwards;
  uint8_t alive_side; /* enum call_side */
  bool callee_is_phone : 1;
  bool ringing_seen : 1, sdp_seen : 1; /* in this attempt */
  bool has_failed : 1;                 /* at least one attempt has */
  bool anonymous : 1;                  /* the caller withholds his number from the callee */
  bool keep_again : 1;                 /* the journal must be told its state anew */
  bool note_again : 1;                 /* or that its state is alive */
  bool is_acknowledged : 1;            /* the caller has had our 2xx */
  bool attempt_is_kept : 1;            /* the journal knows of the attempt */
  bool attempt_rings : 1;              /* and that its callee has responded */
};

/* A request of one peer that waits for the other's answer (call_carried.c). */
struct call_carried {
  uint32_t next;                      /* 1 + index of the same leg's next one; 0: the last */
  uint8_t method;                     /* enum sip_method of the peer's request */
  uint8_t sent_as;                    /* enum sip_method of ours; SIP_METHOD_UPDATE may be carried as INVITE */
  bool has_offer;                     /* the peer's request held a session description */
  bool is_cancelled;                  /* by the peer, or by us: it is not sent again */
  bool is_given_up;                   /* by us: for too long it has been answered with provisional responses alone */
  struct handle from;                 /* the peer's request: server transaction */
  struct handle to;                   /* ours on the other leg: client transaction */
  struct mono_ms began, patience_end; /* where ours is an INVITE: when it is given up */
};

/* How many records of attempts that never became a call may still be written. */
struct record_bucket {
  struct mono_ms filled_at;
  uint32_t left;
};

/* A source of requests that cannot be read. */
struct malformed_source {
  struct record_bucket records;
  uint32_t unrecorded; /* attempts that no record tells of yet */
};

/* What is wanted of a device, kept until parameters or directory change. */
struct known_wishes {
  uint64_t device_key; /* 0: of none */
  struct session_wishes wishes;
};

#define CALL_KNOWN_WISHES  64
#define CALL_RECENT_STRAYS 64
#define CALL_UNPROVED_MAX  1024

struct call_table {
  struct pool calls;
  struct pool legs;
  struct pool attempts;
  struct pool carried;
  struct call_rooms rooms;
  struct record_bucket stranger_records, overload_records;
  uint64_t unrecorded;                        /* attempts refused for overload that no record tells of yet */
  uint64_t recent_strangers[64];              /* who had one lately */
  struct malformed_source malformed[64];      /* by address; some share one */
  uint64_t recent_strays[CALL_RECENT_STRAYS]; /* remote ends without a leg that had their BYE lately */
  uint32_t answered_count;
  struct handle unproved[CALL_UNPROVED_MAX]; /* calls taken up again whose answer may not have arrived */
  uint32_t unproved_count;
  bool draining;
  struct device_memory *devices;
  struct known_wishes known_wishes[CALL_KNOWN_WISHES];
  uint32_t legs_by_role[3]; /* answered legs by enum session_role */
  struct timer sweep;       /* TIMER_SESSION_SWEEP: changed parameters go round the calls */
  uint32_t swept;           /* calls below this index have heard of the change */
};

/* What a client transaction of a leg is for: transaction_owner.detail. */
enum leg_purpose {
  LEG_PURPOSE_INVITE = 1,
  LEG_PURPOSE_BYE,
  LEG_PURPOSE_CARRIED,
  LEG_PURPOSE_PRACK,
  LEG_PURPOSE_REFRESH
};

/* Beside the purpose: our INVITE held no offer, so that each 2xx brings one. */
#define LEG_DETAIL_ASKS_OFFER 0x100u
#define LEG_DETAIL_PURPOSE    0x0ffu
/* Beside it: credentials (call_credentials.c). Of servers; one bit to the left: of proxies. */
#define LEG_DETAIL_SENT       0x200u  /* it carries some */
#define LEG_DETAIL_ANSWERED   0x800u  /* it comes again because it was challenged */
#define LEG_DETAIL_STALE      0x2000u /* and once more because a nonce was too old */
#define LEG_DETAIL_CHALLENGED 0x3800u /* all that is remembered when it comes again */

/* --- the step ---------------------------------------------------------------------------------------------------- */

/* A destination that the call is going to. Texts live until the end of the event. */
struct call_destination {
  const struct device *device;
  struct str_view request_uri;
  struct str_view number; /* as it is sent */
  struct str_view caller; /* as it is sent */
  struct str_view route;
  struct flow flow;
  bool follow_flow;
};

/* One event on its way through the tables: what came, and to whom. Lives on the stack. */
struct call_step {
  struct call_table *table;
  struct context *context;
  struct call *call;                 /* NULL: the leg is on its own */
  struct call_leg *leg;              /* from which the event came; NULL: from none */
  const struct sip_message *message; /* NULL: a timer, an order, another worker */
  const struct flow *flow;
  struct handle transaction;   /* a request's server transaction, a response's client transaction */
  enum sip_method method;      /* of that client transaction */
  unsigned status;             /* of a response; of silence 408, of no way 503 */
  uint32_t detail;             /* of that client transaction's owner */
  struct str_view request;     /* that it was for, where it may be sent again (transaction_news) */
  unsigned branch;             /* of a forked response */
  bool is_reliable;            /* a provisional response that wants PRACK */
  enum call_state left;        /* the call's state before the row's */
  struct str_view leave_lines; /* header lines for BYE, CANCEL or final response of a leg that is left */
  uint32_t session_version;    /* of the description last made by call_body_for_leg */
  enum end_cause cause;        /* EXPIRED: why supervision ends the call */
  const struct location_answer *location;
  struct call_destination destination;
  struct str_view readable; /* the message's session description, when it has been found to be readable */
  struct str_view id;       /* of the call named by `id_of`, when somebody has asked for it */
  struct handle id_of;
};

/* --- call_machine.c, leg_machine.c ------------------------------------------------------------------------------- */

/* Takes `event` and what it raises through the call's table. Afterwards step->call may be gone (then it is NULL). */
void call_dispatch(struct call_step *step, enum call_event event);

/* Takes `event` through the table of step->leg, tells the call, and buries the leg when it is GONE (step->leg is then
 * NULL). */
void leg_dispatch(struct call_step *step, enum leg_event event);

/* Cancels an INVITE of ours on `leg`; `lines` say why, may be empty. */
void call_cancel(struct call_step *step, struct call_leg *leg, struct handle invite, struct str_view lines);

/* The limits of a call's talk time have changed. */
void call_rearm_talk(const struct call_table *table, struct context *context, struct call *call);

/* Actions of call_machine.def: may raise a further event. */
#define CALL_ACTION(name) enum call_event call_do_##name(struct call_step *step)
CALL_ACTION(nothing);
CALL_ACTION(find_callee);
CALL_ACTION(take_location);
CALL_ACTION(give_up_locating);
CALL_ACTION(invite_callee);
CALL_ACTION(pass_progress);
CALL_ACTION(pass_answer);
CALL_ACTION(pass_ack);
CALL_ACTION(weigh_refusal);
CALL_ACTION(weigh_silence);
CALL_ACTION(abandon_attempt);
CALL_ACTION(refuse_caller);
CALL_ACTION(end_cancelled);
CALL_ACTION(end_by_operator);
CALL_ACTION(end_by_bye);
CALL_ACTION(end_no_ack);
CALL_ACTION(end_no_prack);
CALL_ACTION(end_lost);
CALL_ACTION(end_broken);
CALL_ACTION(end_talk);
CALL_ACTION(end_supervised);
CALL_ACTION(record_again);

/* --- call_table.c: births, deaths and look-ups ------------------------------------------------------------------- */

/* A new call with its caller leg; NULL when there is no room. The leg has no dialog yet. */
struct call *call_create(struct call_table *table, struct context *context);
void call_destroy(struct call_table *table, struct context *context, struct call *call);

/* It is answered: no further attempt will be made. */
void call_drop_attempts(struct call_table *table, struct call *call);

/* A new leg of `call`. NULL when there is no room. */
struct call_leg *call_leg_create(struct call_table *table, struct call *call, enum call_side side);
void call_leg_destroy(struct call_table *table, struct context *context, struct call_leg *leg);

struct call *call_of_leg(const struct call_table *table, const struct call_leg *leg);
struct call_leg *call_leg_at(const struct call_table *table, struct handle leg);

/* The other leg of the same call; NULL when there is none (any more). */
struct call_leg *call_other_leg(const struct call_table *table, const struct call_leg *leg);

struct transaction_owner call_leg_owner(const struct call_table *table, const struct call_leg *leg,
                                        enum leg_purpose purpose);

/* Texts of a call; the empty view when not set. Setting may fail for want of room: then the text stays as it was. */
struct str_view call_text(const struct call_table *table, const struct call *call, enum call_text text);
void call_set_text(struct call_step *step, enum call_text text, struct str_view value);

/* All of them at once, CALL_TEXT_COUNT views. Loaded ones are valid until the next storing, which may take them. */
void call_load_texts(const struct call_table *table, const struct call *call, struct str_view *texts);
void call_store_texts(struct call_step *step, const struct str_view *texts);

/* The carried request with this number (1 + index), which must be one. */
struct call_carried *call_carried_at(const struct call_table *table, uint32_t number);

/* --- call_teardown.c --------------------------------------------------------------------------------------------- */

/* Lets a leg that the call has forgotten take its leave. */
void call_leave_leg(struct call_step *step, struct handle leg, const struct call_end *end);

/* Ends the call: both legs are told to leave, capacity is given back, the record is handed on. step->call is NULL
 * afterwards unless the record has to wait. */
void call_end(struct call_step *step, struct call_end end);

struct call_end call_end_of(enum end_reason reason, enum end_direction direction);

/* Gives back what is taken of the callee's (or caller's) capacity, once. */
void call_release_callee(struct call_step *step);

/* Reads what the peer says about its BYE, CANCEL or final response (Reason, RFC 3326) into the end. */
void call_read_reason(struct call_step *step, struct call_end *end);

/* --- call_record.c ----------------------------------------------------------------------------------------------- */

/* The record of step->call, which has ended, as bytes in the arena. */
struct str_view call_record_make(struct call_step *step);

/* Hands it on, with what is owed (outbox_record). RESULT_FULL: it is kept in the call and to be tried again. Where
 * nothing has room for it, it is counted as lost. */
enum result call_record_hand_on(struct call_step *step, struct str_view record, uint8_t owed) MUST_USE;

/* The record of an attempt that never became a call; `device` NULL: a stranger's, of whom not everyone has one. */
void call_record_refused(struct call_step *step, enum end_reason reason, unsigned status, const struct device *device);

/* One record for all attempts that were refused for overload and have none yet, if there are any. */
void call_record_unrecorded(struct call_step *step);

/* Fills a record from the call as it stands; texts live until the end of the event. */
void call_record_fill(struct call_step *step, struct cdr_record *record);

/* Only the last proof of life. */
void call_record_fill_life(struct call_step *step, struct cdr_record *record);

/* The id of a call: time, worker and handle in hexadecimal, so that it sorts by time and leads back to the call. */
struct str_view call_id_of(struct call_step *step);
struct call *call_find_by_id(const struct call_table *table, struct str_view id);

/* --- call_note.c: what the flight recorder is told; nothing is done while none runs ------------------------------ */

/* `leg` of step->call has its dialog: its Call-ID belongs to this call. Of long calls it is noted again with each
 * refresh and at the end, since the recorder forgets. */
void call_note_leg(struct call_step *step, const struct call_leg *leg);

/* An attempt that never became a call has a record with this id. */
void call_note_attempt(struct call_step *step, struct str_view id);

/* The leg's session timer has decided something; its terms and what is due next are added. `status`: what was answered,
 * 0: nothing; `text`: the method it is about, or empty: who refreshes. */
void call_note_session(struct call_step *step, const struct call_leg *leg, enum note_kind kind, unsigned status,
                       struct str_view text);

/* step->call has ended, as step->call->end says. */
void call_note_end(struct call_step *step);
/* --- call_list.c ------------------------------------------------------------------------------------------------- */

/* The state of a call as lists show it. */
struct str_view call_state_name(const struct call *call);

/* The wall clock as the call has it: what it was when the call began, counted on by the monotonic clock. So a clock
 * that is set in mid-call moves none of its stamps against another, and no silence looks longer or shorter than it is.
 */
static inline struct wall_us call_wall_now(const struct call *call, const struct context *context) {
  return (struct wall_us){call->started_at.value + mono_ms_since(context->now, call->started) * 1000};
}

/* --- call_keep.c ------------------------------------------------------------------------------------------------- */

/* Tells the journal the state of step->call, which has been answered; `answer` is the 200 to the caller, when it has
 * just been made. */
void call_keep(struct call_step *step, const struct outbox_entry *answer);

/* The call was taken up as the journal has it. */
void call_keep_taken_up(struct call_step *step);

#define CALL_RECORD_BYTES 8192

/* Tells it of step->call, which has just invited a callee, with a first INVITE or a further one. */
void call_keep_attempt(struct call_step *step);

/* The callee that step->call has invited last has responded: tells it so, once. */
void call_keep_rings(struct call_step *step);

/* The caller has acknowledged our 2xx: its answer has arrived. */
void call_keep_acknowledged(struct call_step *step);

/* At the end of an event: tells it the state of the call, if that is still there and has changed, or the last proof of
 * life, now and then. */
void call_keep_changes(struct call_table *table, struct context *context, struct handle call);

struct packed_reader;

/* The parts of a state: `rest` stands before what call_save has written. `boot_id` not 0: the monotonic clock under
 * which the call began at `started` (struct local_identity). False: it is none. */
struct kept_state {
  struct packed_reader rest;
  struct str_view record;
  uint64_t boot_id;
  struct mono_ms started;
};
bool call_kept_read(struct str_view bytes, struct kept_state *state_out);

/* The same of an attempt: `rest_out` stands before what call_cut_off_save has written. False: it is none, or one of
 * which only the record is kept. */
bool call_kept_read_attempt(struct str_view bytes, struct packed_reader *rest_out);

struct kept_note {
  struct wall_us alive_at;
  struct str_view alive_by;
  int64_t session_end_ms[2]; /* of both legs' sessions, by the wall clock; 0: unknown, or never */
  bool is_acknowledged;
};
struct kept_note call_kept_note_read(struct str_view bytes);

/* --- call_restore.c ---------------------------------------------------------------------------------------------- */

/* Appends the call and both legs. */
void call_save(struct call_step *step, struct text_builder *builder);

/* Appends the 200 to the caller: the one just made, or, when there is none, the one of a call that was taken up again;
 * after the legs. */
void call_save_answer(struct call_step *step, const struct outbox_entry *answer, struct text_builder *builder);

/* The INVITE in step->message is that of a call that was taken up again, and comes once more because its answer never
 * arrived: it is answered as it was, and true. */
bool call_restored_answer_again(struct call_step *step);

/* Sends the answer of a call that was taken up again once more; false: step->leg has none. */
bool call_restored_resend(struct call_step *step);

/* Reads past a leg's bytes; false: they are none. */
bool call_restore_passes_over(struct packed_reader *reader) MUST_USE;

/* Reads a leg that is owed a farewell out of a state, into a slot of the pool, with its dialog; NULL: it cannot be. */
struct call_leg *call_restore_lonely_leg(struct call_step *step, struct packed_reader *reader, enum call_side side);

/* Reads what stands before the legs of a state; step->call need not be in the pool. */
void call_restore_facts(struct call_step *step, struct kept_state *state);

/* --- call_cut_off.c ---------------------------------------------------------------------------------------------- */

/* Appends what it takes to end the attempt of step->call after a restart. */
void call_cut_off_save(struct call_step *step, struct text_builder *state);

/* step->call, which was never answered, is over, and its callee has been left: what is owed to that (outbox_record). */
uint8_t call_cut_off_owe(struct call_step *step, struct handle callee);

/* After a restart: both sides of an attempt are told soon that it is over, or who is owed that; the record is handed on
 * where there is none yet. `reader` stands before what call_cut_off_save has written. RESULT_MALFORMED: neither can be
 * told. */
enum result call_cut_off_restore(struct call_table *table, struct context *context, const struct journal_kept *kept,
                                 struct packed_reader *reader) MUST_USE;

/* --- call_farewell.c --------------------------------------------------------------------------------------------- */

/* The call is over and its legs have been left: notes which of them still have to hear of it, and returns that for the
 * record (outbox_record). */
uint8_t call_farewell_note(struct call_step *step, struct handle caller, struct handle callee);

/* step->leg is gone: when nothing is owed any more, the journal may forget the call. */
void call_farewell_done(struct call_step *step);

/* step->leg, which is on its own, has had a provisional response to its INVITE: the journal is told, once. */
void call_farewell_responded(struct call_step *step);

/* Who is still owed it (bits as above; both, where nothing has been said about that), and whether the callee of an
 * attempt is known to have responded (may be NULL). */
unsigned call_farewell_left(const struct journal_kept *kept, bool *has_responded_out);

/* After a restart: whoever is owed it is told that the call is over. */
enum result call_farewell_restore(struct call_table *table, struct context *context,
                                  const struct journal_kept *kept) MUST_USE;

/* --- call_requests.c --------------------------------------------------------------------------------------------- */

/* True when the request in step->message is in a dialog of ours. */
bool call_is_inside(struct call_step *step);

/* --- call_admission.c, call_destination.c ------------------------------------------------------------------------ */

enum admission {
  ADMISSION_PASSED,   /* `*device_out` calls */
  ADMISSION_ANSWERED, /* challenged or refused; the INVITE is answered */
};
enum admission call_admit(struct call_step *step, const struct device **device_out) MUST_USE;

/* True when the request in step->message comes from a device we know, or from somebody who is worth a challenge. */
bool call_is_known(struct call_step *step);

/* A new call: step->message is its INVITE. */
void call_receive_invite(struct call_step *step);

/* Finds out whom step->call reaches: fills step->destination and returns DESTINATION, or ASKED, or NOWHERE with
 * step->call->failure saying why. */
enum call_event call_destination_first(struct call_step *step);
enum call_event call_destination_located(struct call_step *step);
enum call_event call_destination_next(struct call_step *step);

/* A further address of the gateway that has just failed (RFC 3263 §4.3): DESTINATION, or NONE when there is none. */
enum call_event call_destination_other_address(struct call_step *step);

/* --- call_names.c: numbers, names and what a device overrides ---------------------------------------------------- */

/* Who calls whom, from the INVITE in step->message, after the rules of the caller's device. */
void call_name_caller(struct call_step *step, const struct device *device);

/* As what they appear at step->destination; fills its `number` and `caller`. */
void call_name_callee(struct call_step *step);

/* Longest talk time and, of the callee's device, set-up stages. */
void call_apply_overrides(struct call_step *step, const struct device *device, enum call_side side);

/* --- call_setup.c ------------------------------------------------------------------------------------------------ */

/* The body of the caller's INVITE, kept until the answer. */
struct call_body call_invite_body(const struct call_table *table, const struct call *call);

/* --- call_pass.c: responses of one side passed to the other ------------------------------------------------------ */

/* The callee's provisional response to the caller, reliably where it must or can be. */
void call_pass_provisional(struct call_step *step);

/* A 2xx to an INVITE: `transaction` is the other side's, on `to`. `is_offer`: its session description is an offer. */
enum result call_pass_answer(struct call_step *step, struct call_leg *to, struct handle transaction,
                             bool is_offer) MUST_USE;

/* 200 with `body` to an INVITE or re-INVITE of `to`'s peer; the leg then waits for the ACK. */
enum result call_send_answer(struct call_step *step, struct call_leg *to, struct handle transaction,
                             const struct call_body *body) MUST_USE;

/* --- call_bridge.c ----------------------------------------------------------------------------------------------- */

/* Makes the callee leg to step->destination and sends its INVITE. */
enum result call_bridge_invite(struct call_step *step) MUST_USE;

/* --- call_lines.c: header lines that we write ourselves ---------------------------------------------------------- */

void call_write_allow(struct text_builder *builder);
void call_write_supported(struct text_builder *builder, bool timer, bool reliable);
/* Allow, Supported, Accept: what an answer to OPTIONS says. */
void call_write_capabilities(struct text_builder *builder);
/* Reason with the Q.850 cause and the name of the end reason (RFC 3326, RFC 6432). */
void call_write_reason(struct text_builder *builder, const struct call_end *end);

/* --- call_credentials.c ------------------------------------------------------------------------------------------ */

/* Appends Authorization and Proxy-Authorization for a request that is about to be sent on `leg`, where its dialog has
 * been challenged before. Returns what is to be added to the detail of the request's owner. */
uint32_t call_credentials_add(struct call_step *step, struct call_leg *leg, struct str_view method,
                              struct text_builder *headers);

/* Header lines for the ACK of a 2xx: the credentials of our last INVITE on `leg`, which the ACK repeats (RFC 3261
 * §13.2.2.4, §22.1). In the arena. */
struct str_view call_credentials_of_ack(struct call_step *step, const struct call_leg *leg);

/* And for the ACK of a further branch of a fork: those of the INVITE that made the call. */
struct str_view call_credentials_of_branch_ack(struct call_step *step, const struct call_leg *leg);

/* And for a BYE that is sent to `request_uri` beside the dialog of `leg`: to a further branch of a fork. */
struct str_view call_credentials_of_bye(struct call_step *step, struct call_leg *leg, struct str_view request_uri);

/* The 401 or 407 in step->message to the request of step->leg that step->detail tells of: true when it is worth sending
 * again, with what call_credentials_add then writes and the step->detail that it leaves. */
bool call_credentials_take(struct call_step *step) MUST_USE;

/* --- call_repeat.c ----------------------------------------------------------------------------------------------- */

/* The refusal in step->message asks for what we have: the request goes out once more, and true. */
bool call_repeat(struct call_step *step, enum leg_purpose purpose) MUST_USE;

/* --- call_stray.c ------------------------------------------------------------------------------------------------ */

/* ACK to whoever sent the 2xx in step->message, a further branch of a forked INVITE, and BYE, unless it has had one
 * lately. `offers`: its session description is an offer, which the ACK declines. */
void call_dismiss_stray(struct call_step *step, bool offers);

/* ACK to the 2xx in step->message to a re-INVITE whose leg is gone: our BYE overtook it (RFC 3261 §13.2.2.4). `offers`
 * as above. */
void call_acknowledge_stray(struct call_step *step, bool offers);

/* Remembers for a while that the sender of the 2xx in step->message is hung up. False: it was already. */
bool call_stray_note(struct call_step *step);

/* --- call_carry.c ------------------------------------------------------------------------------------------------ */

enum carry_in { CARRY_IN_INVITE = 1, CARRY_IN_REQUEST = 2, CARRY_IN_RESPONSE = 4 };

/* Appends every header field of step->message, which is from the peer of step->leg, that may cross (call_carry.def). A
 * gateway's word about identities is taken, a phone's is not. */
void call_carry_headers(struct call_step *step, enum carry_in in, struct text_builder *builder);

/* --- call_offer_answer.c ----------------------------------------------------------------------------------------- */

/* A body with its type; both empty: none. */
struct call_body {
  struct str_view content_type;
  struct str_view bytes;
};
struct call_body call_body_of(const struct sip_message *message);

/* True when there is a session description in the body, alone or as a part. */
bool call_body_has_session(const struct call_body *body);

/* False when there is one that the switch cannot carry. `body` is the message's of this event. */
bool call_body_is_readable(struct call_step *step, const struct call_body *body);

/* What `leg`'s peer gets for a body of the other side: the session description rewritten with this leg's own origin,
 * all else as it came. `*changed_out` (may be NULL): the description differs from the one in force on this leg. */
enum result call_body_for_leg(struct call_step *step, struct call_leg *leg, const struct call_body *body,
                              struct call_body *body_out, bool *changed_out) MUST_USE;

/* Notes the description last made by call_body_for_leg: an offer waits for acceptance; an answer is in force at once.
 */
void call_session_offered(struct call_step *step, struct call_leg *leg, const struct call_body *sent);
void call_session_answered(struct call_step *step, struct call_leg *leg, const struct call_body *sent);

/* An answer shown in an unreliable provisional response: kept like an answer, but the 2xx will bring the answer itself.
 */
void call_session_previewed(struct call_step *step, struct call_leg *leg, const struct call_body *sent);

/* The peer accepted (or refused) what was offered last. Nothing happens when nothing was. */
void call_session_accepted(struct call_step *step, struct call_leg *leg);
void call_session_refused(struct call_step *step, struct call_leg *leg);

/* Beside that: the refusal is our guess, for nothing came. The peer may have taken it, and then what is in force, said
 * again, is another description for it: its version rises (RFC 3264 §8). */
void call_session_doubtful(struct call_step *step, struct call_leg *leg);

/* The leg begins to be a user agent of its own, met at this socket: what our o= lines say of it over the whole call
 * (RFC 3264 §8). */
void call_session_begin(struct call_step *step, struct call_leg *leg, uint16_t socket_index);

/* After a restart what is in force gets a new version. */
void call_session_restored(struct call_leg *leg);

/* The peer's 2xx in step->message has brought an offer that the other side answers in its ACK: ours waits for that. */
void call_ack_owe(struct call_step *step, struct call_leg *leg);

/* Sends the ACK of the 2xx numbered leg->ack_cseq. `body` answers an offer that came with it; NULL: there was none. */
void call_ack_send(struct call_step *step, struct call_leg *leg, const struct call_body *body);

/* Sends the ACK that `leg` owes, if it owes one, with an answer that declines every medium (RFC 3261 §13.2.2.4): the
 * call is over before the other side has answered. */
void call_ack_settle(struct call_step *step, struct call_leg *leg);

/* An answer that declines every medium of the offer in step->message, for a dialog without a leg; empty when there is
 * no readable offer. */
struct call_body call_session_declined(struct call_step *step);

/* The description in force as a body, byte for byte as it was sent first, in the arena; empty when there is none. */
struct call_body call_session_in_force(struct call_step *step, const struct call_leg *leg);
bool call_has_session(const struct call_table *table, const struct call_leg *leg);

/* --- call_carried.c ---------------------------------------------------------------------------------------------- */

/* True while an INVITE transaction inside the dialog is open on `leg`, ours or the peer's (RFC 3261 §14.1). */
bool call_invite_is_open(const struct call_table *table, const struct call_leg *leg);

void call_carry_request(struct call_step *step);
void call_renegotiate(struct call_step *step);
void call_refer(struct call_step *step);

/* True when the other side still waits for the answer to the request of ours that step->transaction was. */
bool call_carried_is_awaited(const struct call_step *step);

/* That request is `transaction` now: it was sent again. */
void call_carried_moved(struct call_step *step, struct handle transaction);

/* Remembers that the request of step->leg's peer, in step->transaction, went on to `to` as `transaction`. */
void call_carried_note(struct call_step *step, struct call_leg *to, enum sip_method sent_as, struct handle transaction,
                       bool has_offer);

/* The end of a carried request: a final response in step->message, or none with step->status saying why. step->leg is
 * the leg it was sent on. */
void call_carried_final(struct call_step *step);

/* The peer of step->leg cancels its re-INVITE. */
void call_carried_cancel(struct call_step *step);

/* When a re-INVITE of the call's that is being carried has been waited for long enough; `latest` when none is sooner.
 */
struct mono_ms call_carried_patience(const struct call_table *table, const struct call *call, struct mono_ms latest);

/* Cancels those that have been. */
void call_carried_give_up(struct call_step *step);

/* Answers everything of this leg's peer that is still being carried with `status` and forgets it. */
void call_carried_forget(struct call_step *step, struct call_leg *leg, unsigned status);

/* --- call_reliable.c --------------------------------------------------------------------------------------------- */

/* A reliable provisional response of the callee: true when it is to be passed on (new, in order); false: forget it. */
bool call_reliable_take(struct call_step *step);

/* PRACK for the callee's response in step->message, unless it waits for the caller's. */
void call_reliable_acknowledge(struct call_step *step, bool wait_for_caller);

/* Sends our provisional response, built without RSeq, reliably to the caller. */
void call_reliable_send(struct call_step *step, struct call_leg *caller, struct str_view response,
                        const struct call_body *sent);

/* True when the callee's 2xx must not be passed on yet. */
bool call_answer_must_wait(struct call_step *step);

/* PRACK from the caller. */
void call_reliable_prack(struct call_step *step);

/* --- call_responses.c -------------------------------------------------------------------------------------------- */

/* The status that one side gets for the other's (call_response.def). */
unsigned call_response_in_setup(unsigned status);
unsigned call_response_inside(unsigned status);

/* A response without body on step->transaction, a leg's or none's; `lines` are whole header lines. */
void call_respond(struct call_step *step, struct handle transaction, unsigned status, struct str_view lines);

/* 500 with a Retry-After of 0 to 10 s to the request in step->message, which comes at the wrong time (RFC 3261 §12.2.2,
 * §14.2). */
void call_respond_later(struct call_step *step);

#endif
