/* With what a session is refreshed, and what an answer means: refresh_ladder.def as functions. A round begins on the
 * best rung that this peer is known to take, and climbs on until one works; what worked is remembered for the dialog
 * and the device. */
#ifndef SUPERVISION_REFRESH_LADDER_H
#define SUPERVISION_REFRESH_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#include "sip/sip_message.h"

enum refresh_rung {
#define REFRESH_RUNG(name, ...) REFRESH_RUNG_##name,
#include "supervision/refresh_ladder.def"
  REFRESH_RUNG_COUNT,
  REFRESH_RUNG_NONE = REFRESH_RUNG_COUNT,
};

enum refresh_ladder {
#define REFRESH_LADDER(name, ...) REFRESH_LADDER_##name,
#include "supervision/refresh_ladder.def"
  REFRESH_LADDER_COUNT
};

enum refresh_answer {
#define REFRESH_ANSWER(name, ...) REFRESH_ANSWER_##name,
#include "supervision/refresh_ladder.def"
  REFRESH_ANSWER_COUNT
};

enum refresh_step {
#define REFRESH_STEP(name, ...) REFRESH_STEP_##name,
#include "supervision/refresh_ladder.def"
  REFRESH_STEP_COUNT
};

/* Bits by rung. */
#define REFRESH_BIT(rung) ((uint8_t)(1u << (rung)))

/* What is known of a peer when a rung is chosen. */
struct refresh_evidence {
  bool allows_update;    /* its Allow names UPDATE */
  bool supports_timer;   /* its Supported names timer */
  bool has_session;      /* there is a session description in force */
  bool has_credentials;  /* a challenge can be answered, and has not been */
  bool owns_call_id;     /* we made the Call-ID: the leg is the callee's */
  uint8_t device_worked; /* of earlier dialogs with this device, bits by rung */
  uint8_t device_failed;
};

/* What this dialog has shown. */
struct refresh_experience {
  uint8_t worked;   /* 1 + the rung that worked last; 0: none yet */
  uint8_t failed;   /* bits by rung: refused for its own reason, or swallowed */
  uint8_t answered; /* bits by rung: its method has been answered */
};

/* What came back for one attempt: a status (0: no answer at all, or no way), what it says, and what went before. */
struct refresh_reply {
  uint16_t status;
  bool unreachable; /* the network refused; `waited_ms` decides what it is */
  bool has_retry_after;
  bool method_answered; /* this dialog has answered the method before */
  uint8_t repeats;      /* how often this rung was refused before in this round, and tried again */
  uint8_t raises;       /* 422s before this one in this round */
  int64_t waited_ms;    /* since the rung was first tried */
};

enum sip_method refresh_rung_method(enum refresh_rung rung);
bool refresh_rung_has_session(enum refresh_rung rung);

/* The rung a round begins with; NONE when nothing can be sent (no rung is usable). */
enum refresh_rung refresh_ladder_first(enum refresh_ladder ladder, const struct refresh_evidence *evidence,
                                       const struct refresh_experience *experience);

/* The next one of those that are not in `tried` (bits). After silence on UPDATE no other form of UPDATE is tried. */
enum refresh_rung refresh_ladder_next(enum refresh_ladder ladder, uint8_t tried,
                                      const struct refresh_evidence *evidence,
                                      const struct refresh_experience *experience);

/* What the reply is (REFRESH_STATUS, and the moment). */
enum refresh_answer refresh_ladder_read(const struct refresh_reply *reply);

/* REFRESH_ROW. */
enum refresh_step refresh_ladder_step(enum refresh_answer answer, enum refresh_rung rung, bool in_time);

/* Notes in `experience` that `rung` brought `answer`. */
void refresh_ladder_learn(struct refresh_experience *experience, enum refresh_rung rung, enum refresh_answer answer);

/* Notes that the peer has answered a request of this method for another reason: silence on it is final from now on. */
void refresh_ladder_note_answered(struct refresh_experience *experience, enum sip_method method);

#endif
