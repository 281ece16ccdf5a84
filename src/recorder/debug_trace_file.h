/* What is known of a debug trace, kept beside its ring: DIR/about, one "NAME VALUE" a line. */
#ifndef RECORDER_DEBUG_TRACE_FILE_H
#define RECORDER_DEBUG_TRACE_FILE_H

#include "recorder/debug_traces.h"
#include "recorder/trace_query.h"

/* Replaces the file as a whole. `cursor`: up to where the recorder was looked at (recorder/trace_query.h), "": not yet.
 * False: the disk refused. */
bool debug_trace_file_write(const char *dir, const struct debug_trace *trace, const char *cursor);

/* Fills in all but the id. False: there is none, or it is none. */
bool debug_trace_file_read(const char *dir, struct debug_trace *trace, char cursor_out[TRACE_CURSOR_BYTES]);

/* Removes the directory with what is in it. */
void debug_trace_file_remove(const char *dir);

#endif
