/* What other threads want of a worker: messages of calls that live here, bytes for connections that are open here,
 * questions and answers about phones, orders. A bounded queue and a bell: the bell (an eventfd) is rung only for a
 * worker that sleeps, so a busy one costs its neighbours no system call. */
#ifndef WORKER_INBOX_H
#define WORKER_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/handle.h"
#include "base/result.h"
#include "base/ring_queue.h"
#include "base/str_view.h"
#include "boundary/address.h"
#include "boundary/event.h"

struct directory;
struct parameters;

#define INBOX_BYTES       (4 << 20)
#define INBOX_SLACK_BYTES 64

enum inbox_kind {
  INBOX_MESSAGE,           /* flow, payload: the message */
  INBOX_CONNECTION_CLOSED, /* flow */
  INBOX_STREAM_SEND,       /* flow: a connection of the receiving worker; payload */
  INBOX_STREAM_CLOSE,      /* flow */
  INBOX_LOCATION_ASKED,    /* payload: the number; asker, asker_worker */
  INBOX_LOCATION_ANSWER,   /* payload: location_letter.h */
  INBOX_DEVICE_HEARD,      /* flow, sign; payload: mostly empty, or the proof of who it was */
  INBOX_DEVICE_LEARNT,     /* payload: a line of OUTBOX_KEEP_DEVICE */
  INBOX_RESOLVED,          /* payload: array of struct address; asker; flow: the transport only */
  INBOX_ORDER,             /* order, order_id; payload: target and who ordered, target_length says where to cut */
  INBOX_DIRECTORY,         /* directory, order_id */
  INBOX_PARAMETERS,        /* parameters, order_id */
};

/* Copied byte for byte into the queue. Only the members named above count for a kind. */
struct inbox_note {
  enum inbox_kind kind;
  enum order_kind order;
  struct flow flow;
  struct handle asker;
  uint64_t order_id;
  const struct directory *directory;
  const struct parameters *parameters;
  uint32_t target_length;
  uint32_t payload_length; /* set by inbox_put */
  uint8_t asker_worker;
  uint8_t sign;
};

struct inbox {
  struct ring_queue queue;
  int bell_fd;
  _Alignas(64) bool is_sleeping; /* atomic */
};

/* `memory` of INBOX_BYTES, zero-filled. False with errno when there is no descriptor for the bell. */
bool inbox_open(struct inbox *inbox, void *memory);
void inbox_close(struct inbox *inbox);

/* --- any thread -------------------------------------------------------------------------------------------------- */

/* Copies note and payload. The payload of an INBOX_MESSAGE must have INBOX_SLACK_BYTES readable bytes behind it (they
 * are copied too). RESULT_FULL: the caller has a defined answer. */
enum result inbox_put(struct inbox *inbox, const struct inbox_note *note, struct str_view payload) MUST_USE;

/* Wakes the worker without a note. */
void inbox_ring(struct inbox *inbox);

/* How full the queue is, in per mille. */
uint32_t inbox_fill_permille(const struct inbox *inbox);

/* --- its worker only --------------------------------------------------------------------------------------------- */

/* The oldest note with its payload (in the queue's memory), or NULL; inbox_drop forgets it. */
const struct inbox_note *inbox_next(struct inbox *inbox, struct str_view *payload_out);
void inbox_drop(struct inbox *inbox);

/* Says that the worker is going to sleep. False: something has come in meanwhile, it must not. */
bool inbox_may_sleep(struct inbox *inbox);

/* Says that it is awake; `has_rung`: the bell was what woke it. */
void inbox_wake(struct inbox *inbox, bool has_rung);

#endif
