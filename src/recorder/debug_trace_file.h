/* What is known of a debug trace, kept beside its ring: DIR/about, one "NAME VALUE" a line. */
#ifndef RECORDER_DEBUG_TRACE_FILE_H
#define RECORDER_DEBUG_TRACE_FILE_H

#include "recorder/debug_traces.h"

/* Replaces the file as a whole. False: the disk refused. */
bool debug_trace_file_write(const char *dir, const struct debug_trace *trace);

/* Fills in all but the id. False: there is none, or it is none. */
bool debug_trace_file_read(const char *dir, struct debug_trace *trace);

/* Removes the directory with what is in it. */
void debug_trace_file_remove(const char *dir);

#endif
