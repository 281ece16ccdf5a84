/* What the middle tells the flight recorder beside the messages themselves: which legs belong to which call, and what a
 * leg's timers decide. Handed on with outbox_note, which does nothing while no recorder runs. */
#ifndef BOUNDARY_NOTE_H
#define BOUNDARY_NOTE_H

#include <stdint.h>

#include "base/str_view.h"

enum note_kind {
  NOTE_NONE = 0,
#define NOTE(name, word, sentence) NOTE_##name,
#include "boundary/note_kinds.def"
#undef NOTE
  NOTE_KIND_COUNT
};

enum note_side { NOTE_SIDE_NONE = 0, NOTE_SIDE_CALLER, NOTE_SIDE_CALLEE };

/* Fields that a kind does not need are zero. */
struct note {
  uint8_t kind;         /* enum note_kind */
  uint8_t side;         /* enum note_side: of which leg */
  uint16_t status;      /* the SIP status that decided; 0: none */
  uint32_t seconds;     /* the session interval, or the limit that was reached */
  int64_t due_in_ms;    /* when the timer is due next; 0: it waits for nothing */
  struct str_view call; /* the call's id, as in its record */
  struct str_view text; /* LEG: the leg's Call-ID; timers: a few words ("we refresh by UPDATE"); ENDED: the reason */
};

#define NOTE_TEXTS_MAX 1024 /* longer ones are cut */

#endif
