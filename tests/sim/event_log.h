/* What happened in a world, as text that is the same, byte for byte, for the same seed:
 *
 *     12.345000  alice -> belfry      INVITE sip:4420123@10.0.0.1:5060  [1 INVITE 2f1c@192.168.1.2 z9hG4bK2]
 *     12.350000  alice => belfry      INVITE sip:4420123@10.0.0.1:5060  [1 INVITE 2f1c@192.168.1.2 z9hG4bK2]
 *     14.000000  vendor: answers
 *
 * `->` is a message that leaves, with its fate when the network does something to it, `=>` one that arrives. In
 * brackets: CSeq, Call-ID, branch of the topmost Via. Kept only when somebody wants to read it. */
#ifndef SIM_EVENT_LOG_H
#define SIM_EVENT_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/str_view.h"

struct world;

struct event_log {
  bool wanted;
  bool is_whole; /* messages with all their lines */
  char *text;
  size_t length, capacity;
};

/* A line with the time in front of it, as printf without the line's end. */
void log_line(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `arrow` is "->" or "=>"; `fate` is NULL or what became of the message ("lost"). */
void log_message(struct world *world, const char *from, const char *arrow, const char *to, struct str_view bytes,
                 const char *fate);

/* Prints the last `lines_max` lines (0: all), each with `prefix` before it. */
void event_log_print(const struct event_log *log, FILE *file, const char *prefix, unsigned lines_max);

void event_log_reset(struct event_log *log);

#endif
