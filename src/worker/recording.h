/* The worker's flight recorder: what it receives and sends, and what the middle notes, goes into rings in files (one
 * for calls, one for keep-alives, so that a million devices' keep-alives do not push out what was said in calls). */
#ifndef WORKER_RECORDING_H
#define WORKER_RECORDING_H

#include "boundary/context.h"
#include "recorder/ring_file.h"

enum recording_ring { RECORDING_CALLS, RECORDING_KEEPALIVES, RECORDING_RINGS };

/* Copied as a whole when the recorder's size is changed. All zero: nothing is recorded. */
struct recording {
  struct trace_ring rings[RECORDING_RINGS];
  struct ring_file files[RECORDING_RINGS];
};

/* Opens the rings of a worker in `dir`: its share of `size_mib` for all workers; 0: nothing is recorded. False with a
 * sentence in `problem`: nothing is recorded either. True with a sentence in `problem`: see ring_file_open. */
bool recording_open(struct recording *recording, const char *dir, const struct local_identity *local, uint32_t size_mib,
                    char *problem, size_t problem_bytes);
void recording_close(struct recording *recording);

static inline bool recording_is_on(const struct recording *recording) {
  return recording->rings[RECORDING_CALLS].header != NULL;
}

/* One message of `flow`, received or sent. */
void recording_add_message(struct recording *recording, const struct context *context, enum trace_direction direction,
                           const struct flow *flow, struct str_view bytes);

void recording_add_note(struct recording *recording, const struct context *context, const struct note *note);

/* Whenever the outbox is empty: what the middle had to note of the messages so far is there. */
void recording_settle(struct recording *recording);

#endif
