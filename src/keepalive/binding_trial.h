/* One silent gap being tried on one device: asked, left alone, and asked again.
 *
 *   asked ──answer──▶ silent ──the gap is over──▶ asked again ──answer──▶ the binding has lived
 *     │                 │                              └──3 × no answer──▶ it has not
 *     └──no answer      └──anything comes, or a call──▶ void: nothing is known
 */
#ifndef KEEPALIVE_BINDING_TRIAL_H
#define KEEPALIVE_BINDING_TRIAL_H

#include "base/handle.h"
#include "base/time.h"

/* Of one worker, at a time. */
#define BINDING_TRIALS_MAX 1024

/* No more than one device in so many is on trial at a time. */
#define BINDING_TRIAL_ONE_IN 100

enum binding_trial_state { BINDING_TRIAL_ASKED, BINDING_TRIAL_SILENT, BINDING_TRIAL_ASKED_AGAIN };

struct binding_trial {
  struct handle device;
  struct mono_ms due;   /* of the next thing to be done */
  struct mono_ms spoke; /* asked again: when it sent something; before the answer it was by itself. 0: not yet */
  uint32_t gap_s;
  uint16_t network;
  uint8_t state;      /* enum binding_trial_state */
  uint8_t sent_count; /* of the OPTIONS at the end */
};

#endif
