/* What the files of this room share: the object, the step that is taken, and the doors between the files. */
#ifndef TRUNK_TRUNK_PRIVATE_H
#define TRUNK_TRUNK_PRIVATE_H

#include "base/pool.h"
#include "cdr/cdr_record.h"
#include "directory/directory.h"
#include "parameters/parameters.h"
#include "supervision/device_memory.h"
#include "supervision/session_offer.h"
#include "trunk/trunk_trial.h"

enum trunk_check {
#define TRUNK_CHECK(name, ...) TRUNK_CHECK_##name,
#include "trunk/trunk_checks.def"
#undef TRUNK_CHECK
  TRUNK_CHECK_COUNT,
  TRUNK_CHECK_NONE = TRUNK_CHECK_COUNT,
};

enum trunk_state {
#define TRUNK_STATE(name, ...) TRUNK_STATE_##name,
#include "trunk/trunk_trial.def"
  TRUNK_STATE_COUNT
};

enum trunk_event {
  TRUNK_EVENT_NONE,
#define TRUNK_EVENT(name, ...) TRUNK_EVENT_##name,
#include "trunk/trunk_trial.def"
  TRUNK_EVENT_COUNT
};

enum trunk_verdict {
  TRUNK_NOT_TRIED,
  TRUNK_WAITING,
  TRUNK_WORKS,
  TRUNK_REFUSED,
  TRUNK_UNANSWERED,
  TRUNK_VERDICT_COUNT,
};

struct trunk_finding {
  uint8_t verdict; /* enum trunk_verdict */
  uint16_t status; /* of its final response; 0: none */
  uint32_t answered_in_ms;
  struct mono_ms asked;
};

/* What a trial understands of the far side's requests, or sends itself. */
#define TRUNK_ALLOW STR_VIEW("INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK")

#define TRUNK_WORDS_BYTES 256
#define TRUNK_SDP_BYTES   512

/* A text in an object, cut where it is too long. */
struct trunk_text {
  uint16_t length;
  char bytes[TRUNK_WORDS_BYTES];
};

struct trunk_trial {
  struct timer timer;
  uint8_t state; /* enum trunk_state */
  bool is_started, has_call, callee_hung_up;
  bool supports_timer, supports_100rel, is_reliable, allows_update, is_answered;
  uint32_t usage; /* of whose capacity a line is taken; UINT32_MAX: none */
  struct flow flow;
  struct handle dialog;
  struct handle waiting;       /* the transaction that the state waits for */
  struct handle invite, prack; /* the first INVITE; the PRACK whose answer is awaited */
  uint32_t ack_cseq;           /* of the 2xx acknowledged last */
  struct session_asked asked;
  struct session_terms terms;
  uint32_t min_se_s; /* what the far side named; 0: nothing */
  uint64_t device_key;
  struct wall_us started_at, ringing_at, answered_at, ended_at;
  struct mono_ms started, answered, ended;
  uint32_t ringing_after_ms; /* UINT32_MAX: it did not */
  uint16_t invite_status;
  struct trunk_finding findings[TRUNK_CHECK_COUNT];
  char id[CDR_ID_LENGTH];
  struct trunk_text gateway, number, caller, user_agent, allow, supported, phrase, call_id;
  uint16_t sdp_length;
  char sdp[TRUNK_SDP_BYTES]; /* offered, and from then on in force: the same bytes in every message */
};

struct trunk_trials {
  struct pool pool; /* of struct trunk_trial */
  struct trunk_rooms rooms;
  uint32_t running;
};

/* One event on its way through the table. Lives on the stack. */
struct trunk_step {
  struct trunk_trials *trials;
  struct context *context;
  struct trunk_trial *trial;
  const struct sip_message *message; /* NULL: a timer or an order */
  unsigned branch;                   /* of a forked response */
};

void trunk_text_set(struct trunk_text *text, struct str_view value);
struct str_view trunk_text_view(const struct trunk_text *text);

/* Asks OPTIONS outside of any call. False: it could not be sent. */
bool trunk_ask_options(struct trunk_step *step);

/* ACK for the 2xx in step->message to an INVITE of ours, or the hanging up of a further branch. */
void trunk_acknowledge(struct trunk_step *step);

/* Notes what step->message says about the far side. */
void trunk_note_words(struct trunk_step *step);

/* Ends the trial: everything is given back but the report. */
void trunk_end(struct trunk_step *step);

/* Actions of trunk_trial.def: may raise a further event. */
#define TRUNK_ACTION(name) enum trunk_event trunk_do_##name(struct trunk_step *step)
TRUNK_ACTION(nothing);
TRUNK_ACTION(place_call);
TRUNK_ACTION(take_progress);
TRUNK_ACTION(ask_longer);
TRUNK_ACTION(take_answer);
TRUNK_ACTION(cancel);
TRUNK_ACTION(update);
TRUNK_ACTION(update_session);
TRUNK_ACTION(reinvite);
TRUNK_ACTION(hang_up);
TRUNK_ACTION(finish);

/* trunk_report.c: what was found, as JSON, and as a record. */
void trunk_write_report(const struct trunk_trial *trial, struct context *context, struct text_builder *json);
void trunk_hand_on_record(struct trunk_step *step);

/* Tells the journal, so that the test has its record even when the switch is killed meanwhile. */
void trunk_keep_attempt(struct trunk_step *step);

#endif
