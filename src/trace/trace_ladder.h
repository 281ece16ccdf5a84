/* Records as a ladder: who said what to whom, in columns, the switch among them.
 *
 *                 caller            belfry            callee
 *         127.0.0.1:5070                      127.0.0.1:5080
 *   +0.000     |----- INVITE +SDP ------>|                 |
 *   +0.001     |                  |----- INVITE +SDP ----->|
 *              * callee leg: session timer armed, 600 s, next in 300.0 s */
#ifndef TRACE_TRACE_LADDER_H
#define TRACE_TRACE_LADDER_H

#include "trace/trace_message.h"

#define TRACE_COLUMNS_MAX 8
#define TRACE_LEGS_MAX    512

/* Column 0 to count − 1 from left to right: callers, the switch, callees. */
struct trace_column {
  struct address address; /* family NONE: the switch */
  uint8_t side;           /* enum note_side; NONE: the switch, or nobody knows */
};

struct trace_leg {
  uint64_t call_id;                   /* trace_key */
  const struct trace_record *told_by; /* the first note that says so; borrowed */
  uint8_t side;
};

struct trace_ladder {
  struct trace_column columns[TRACE_COLUMNS_MAX];
  uint8_t column_count;
  uint8_t switch_column;
  struct trace_leg legs[TRACE_LEGS_MAX];
  uint16_t leg_count;
};

/* Finds legs and columns of `count` records in their order; they must stay. */
void trace_ladder_build(struct trace_ladder *ladder, const struct trace_record *records, size_t count);

/* Of which side the message's leg is; NOTE_SIDE_NONE: nobody has said. */
unsigned trace_ladder_side(const struct trace_ladder *ladder, const struct sip_message *message);

/* From which column to which a record goes; for notes both are the switch's. */
void trace_ladder_ends(const struct trace_ladder *ladder, const struct trace_record *record, unsigned *from_out,
                       unsigned *to_out);

/* The widest line that the two below write, with all its bytes. */
#define TRACE_LADDER_LINE_BYTES_MAX 1024

/* Appends the lines above the ladder. */
void trace_ladder_write_head(const struct trace_ladder *ladder, struct text_builder *text);

/* Appends the line of one record; `start` is what "+0.000" means. Which Call-ID is of which leg is told once. */
void trace_ladder_write_record(const struct trace_ladder *ladder, const struct trace_record *record,
                               struct wall_us start, struct text_builder *text);

/* Appends the record as a paragraph: time, ways, and the whole message. */
void trace_text_write_record(const struct trace_record *record, struct text_builder *text);

#endif
