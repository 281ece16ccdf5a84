/* Debug traces as operators know them: everything that is said by a number or an address, for so many minutes, kept in
 * a file of its own beyond what the flight recorder's ring holds. A thread looks every few seconds at what the recorder
 * has got and copies what fits, masked as it is there, into a ring of fixed size, DIR/debug/ID/kept.ring, which is
 * asked like the recorder's own (recorder/trace_query.h). A trace that has filled its ring ends: its beginning is not
 * lost. Traces outlive a restart of the switch; those that run go on. */
#ifndef RECORDER_DEBUG_TRACES_H
#define RECORDER_DEBUG_TRACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/time.h"
#include "trace/trace_select.h"

#define DEBUG_TRACES_MAX        16 /* running and ended ones */
#define DEBUG_TRACE_BLOCKS      32 /* of TRACE_BLOCK_BYTES each: 8 MiB of disk for each trace */
#define DEBUG_TRACE_MINUTES_MAX 1440
#define DEBUG_TRACE_ID_BYTES    17
#define DEBUG_TRACE_TEXT_BYTES  128

enum debug_trace_state {
  DEBUG_TRACE_RUNNING,
  DEBUG_TRACE_DONE,    /* its minutes are over */
  DEBUG_TRACE_STOPPED, /* by an operator */
  DEBUG_TRACE_FULL,    /* its room is used up */
  DEBUG_TRACE_STATE_COUNT,
};

/* What is to be kept. `number` and `addresses` by the rules of struct trace_filter; one of them must be there. */
struct debug_trace_wish {
  char number[DEBUG_TRACE_TEXT_BYTES];
  char label[DEBUG_TRACE_TEXT_BYTES]; /* what the operator said: a device's name, an address; may be empty */
  char by[DEBUG_TRACE_TEXT_BYTES];
  struct address addresses[TRACE_ADDRESSES_MAX];
  uint8_t address_count;
  uint32_t minutes;
};

struct debug_trace {
  char id[DEBUG_TRACE_ID_BYTES];
  struct debug_trace_wish wish;
  struct wall_us started_at, ends_at, ended_at; /* ended_at 0: it runs */
  uint8_t state;                                /* enum debug_trace_state */
  uint64_t records, bytes;                      /* kept so far */
};

struct debug_traces;

/* Takes up what DIR/debug holds and starts the thread. `wall_now` is the switch's clock. NULL: no memory, no thread. */
struct debug_traces *debug_traces_open(const char *data_dir, struct wall_us (*wall_now)(void *context), void *context);

/* Ends the thread, after a last look, and frees everything; files stay. */
void debug_traces_close(struct debug_traces **traces);

/* Begins one and copies it to `*started_out`. RESULT_OUT_OF_RANGE: minutes; RESULT_MALFORMED: neither number nor
 * address; RESULT_FULL: there are DEBUG_TRACES_MAX, all running; RESULT_FAILED: the disk. The oldest ended one makes
 * room for it. */
enum result debug_traces_begin(struct debug_traces *traces, const struct debug_trace_wish *wish,
                               struct debug_trace *started_out) MUST_USE;

/* Ends one that runs and keeps what it has. RESULT_NOT_FOUND; RESULT_WRONG_STATE: it has ended already. */
enum result debug_traces_end(struct debug_traces *traces, const char *id) MUST_USE;

/* Removes one, with its files. RESULT_NOT_FOUND. */
enum result debug_traces_remove(struct debug_traces *traces, const char *id) MUST_USE;

/* Copies all of them, the newest first; how many there are. */
size_t debug_traces_list(struct debug_traces *traces, struct debug_trace list_out[DEBUG_TRACES_MAX]);

/* The directory to ask with trace_query_run. RESULT_NOT_FOUND: there is no such trace. */
enum result debug_traces_directory(struct debug_traces *traces, const char *id, char *dir_out,
                                   size_t dir_bytes) MUST_USE;

/* Looks at the recorder now, whatever the thread does; for tests. */
void debug_traces_collect(struct debug_traces *traces);

const char *debug_trace_state_name(enum debug_trace_state state);

#endif
