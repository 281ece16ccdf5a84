/* A ring of the flight recorder in a file: mapped by its one writer, so that what has been recorded is there when the
 * process has been killed, and read by anybody with pread. Its blocks are allocated when it is opened: a full disk is
 * noticed then, and not as a signal in the middle of a call. */
#ifndef RECORDER_RING_FILE_H
#define RECORDER_RING_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "trace/trace_ring.h"

#define RING_PATH_BYTES 1024

/* The mapping that a writer holds. */
struct ring_file {
  void *memory; /* NULL: none */
  size_t bytes;
};

/* Opens DIR/`name`.ring, or makes it. What an earlier process has left in a ring of the same size is gone on with; a
 * ring of another size is replaced. False with a sentence in `problem`. True with a sentence in `problem`: what was
 * there was no ring; it is kept as `name`.broken, and a new one begun. */
bool ring_file_open(struct ring_file *file, struct trace_ring *ring, const char *dir, const char *name,
                    uint32_t block_count, char *problem, size_t problem_bytes);

/* The ring that wrote into it must not be used any more. */
void ring_file_close(struct ring_file *file);

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct ring_reader {
  int fd;
  struct trace_ring_view view; /* as of the last refresh */
  char *block;                 /* the copy of one, TRACE_BLOCK_BYTES and some slack; heap */
};

/* Opens a ring for reading while its writer may be at work. False with a sentence in `problem`. */
bool ring_reader_open(struct ring_reader *reader, const char *path, char *problem, size_t problem_bytes);
void ring_reader_close(struct ring_reader *reader);

/* Looks where the writer is. False: the file is no ring any more. */
bool ring_reader_refresh(struct ring_reader *reader);

/* Copies a block and opens it for walking. RESULT_NOT_FOUND: its place has been taken. RESULT_MALFORMED: what stands
 * there is not that block. */
enum result ring_reader_take(struct ring_reader *reader, uint64_t block, struct trace_block_cursor *cursor) MUST_USE;

/* When a block was begun, without copying it; false: it is not there any more. */
bool ring_reader_block_started(struct ring_reader *reader, uint64_t block, struct wall_us *started_out);

#endif
