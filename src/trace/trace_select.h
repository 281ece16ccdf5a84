/* Which records an operator's question is about: whole calls with both legs, wherever one of them fits. The legs'
 * Call-IDs have nothing in common; what holds them together are the notes that the call has left. So the records are
 * walked over twice:
 *
 *   seek     every record: which Call-IDs fit? Whoever walks keeps what the notes say of legs (trace_link_read).
 *   link     those, until nothing is added: which calls are they of, and which other legs have these?
 *   takes    every record: is it one of them? */
#ifndef TRACE_TRACE_SELECT_H
#define TRACE_TRACE_SELECT_H

#include "trace/trace_message.h"

#define TRACE_ADDRESSES_MAX 16

/* All that is set must fit. All empty: everything fits. */
struct trace_filter {
  struct str_view call;                          /* the id of a call, or a leg's Call-ID */
  struct str_view number;                        /* of one of the two; "44*": all that begin so */
  struct address addresses[TRACE_ADDRESSES_MAX]; /* of a peer, one of them; port 0: any of its ports */
  uint8_t address_count;
  struct wall_us since, until; /* 0: from the beginning, to the end */
};

#define TRACE_KEYS_MAX 4096 /* Call-IDs of one answer */

struct trace_key_set {
  uint64_t slots[TRACE_KEYS_MAX * 2];
  uint32_t count;
};

/* Large: not for the stack. */
struct trace_selection {
  struct trace_filter filter;
  struct trace_key_set call_ids;
  struct trace_key_set calls;
  bool is_full; /* there was more than fits: the rest is left out */
};

/* The filter's views are borrowed. */
void trace_selection_init(struct trace_selection *selection, const struct trace_filter *filter);

/* True when everything within the time fits: seek and link can be left out. */
bool trace_selection_is_all(const struct trace_selection *selection);

bool trace_selection_is_in_time(const struct trace_selection *selection, struct wall_us wall);

void trace_selection_seek(struct trace_selection *selection, const struct trace_record *record);

/* A leg's Call-ID and its call, as keys. */
struct trace_link {
  uint64_t call, call_id;
};

/* False: the record is no note of a leg. */
bool trace_link_read(const struct trace_record *record, struct trace_link *link_out);

/* True when something was added. */
bool trace_selection_link(struct trace_selection *selection, const struct trace_link *link);

bool trace_selection_takes(const struct trace_selection *selection, const struct trace_record *record);

#endif
