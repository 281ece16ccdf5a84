#include "trace/trace_ladder.h"

#define TIME_WIDTH   11
#define COLUMN_WIDTH 38
#define LABEL_MAX    200

/* --- legs -------------------------------------------------------------------------------------------------------- */

static void add_leg(struct trace_ladder *ladder, const struct trace_record *record, const struct note *note) {
  uint64_t call_id = trace_key(note->text);
  for (unsigned i = 0; i < ladder->leg_count; i++)
    if (ladder->legs[i].call_id == call_id) return;
  if (ladder->leg_count == TRACE_LEGS_MAX) return;
  ladder->legs[ladder->leg_count++] = (struct trace_leg){call_id, record, note->side};
}

static void find_legs(struct trace_ladder *ladder, const struct trace_record *records, size_t count) {
  struct note note;
  for (size_t i = 0; i < count; i++)
    if (records[i].kind == TRACE_NOTE && trace_note_decode(records[i].payload, &note) == RESULT_OK &&
        note.kind == NOTE_LEG)
      add_leg(ladder, &records[i], &note);
}

unsigned trace_ladder_side(const struct trace_ladder *ladder, const struct sip_message *message) {
  uint64_t call_id = trace_key(message->call_id);
  for (unsigned i = 0; i < ladder->leg_count; i++)
    if (ladder->legs[i].call_id == call_id) return ladder->legs[i].side;
  return NOTE_SIDE_NONE;
}

/* --- columns ----------------------------------------------------------------------------------------------------- */

static bool find_column(const struct trace_ladder *ladder, const struct address *address, unsigned *column_out) {
  for (unsigned i = 0; i < ladder->column_count; i++) {
    if (i == ladder->switch_column || !address_equal(&ladder->columns[i].address, address)) continue;
    *column_out = i;
    return true;
  }
  return false;
}

/* Callers are put left of the switch, everybody else right of it. */
static void add_column(struct trace_ladder *ladder, const struct address *address, unsigned side) {
  unsigned at = side == NOTE_SIDE_CALLER ? ladder->switch_column : ladder->column_count;
  if (find_column(ladder, address, &(unsigned){0})) return;
  if (ladder->column_count == TRACE_COLUMNS_MAX) return; /* the last one stands for the rest */
  memmove(&ladder->columns[at + 1], &ladder->columns[at], (ladder->column_count - at) * sizeof ladder->columns[0]);
  ladder->columns[at] = (struct trace_column){*address, (uint8_t)side};
  ladder->column_count++;
  if (side == NOTE_SIDE_CALLER) ladder->switch_column++;
}

void trace_ladder_build(struct trace_ladder *ladder, const struct trace_record *records, size_t count) {
  struct sip_message message;
  memset(ladder, 0, sizeof *ladder);
  ladder->column_count = 1;
  find_legs(ladder, records, count);
  for (size_t i = 0; i < count; i++) {
    if (records[i].kind == TRACE_NOTE || find_column(ladder, &records[i].remote, &(unsigned){0})) continue;
    bool is_read = trace_message_read(&records[i], &message);
    unsigned side = is_read ? trace_ladder_side(ladder, &message) : NOTE_SIDE_NONE;
    /* Who is heard first and is of no call we know asks us for something: a caller. */
    if (side == NOTE_SIDE_NONE && records[i].direction == TRACE_RECEIVED && records[i].kind == TRACE_SIP)
      side = NOTE_SIDE_CALLER;
    add_column(ladder, &records[i].remote, side);
  }
}

void trace_ladder_ends(const struct trace_ladder *ladder, const struct trace_record *record, unsigned *from_out,
                       unsigned *to_out) {
  unsigned peer = ladder->switch_column;
  if (record->kind != TRACE_NOTE && !find_column(ladder, &record->remote, &peer)) peer = ladder->column_count - 1U;
  *from_out = record->direction == TRACE_SENT ? ladder->switch_column : peer;
  *to_out = record->direction == TRACE_SENT ? peer : ladder->switch_column;
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

static void add_many(struct text_builder *text, char byte, size_t count) {
  for (size_t i = 0; i < count; i++)
    text_builder_add_char(text, byte);
}

static void add_centred(struct text_builder *text, struct str_view word, char fill, size_t width) {
  word = str_view_slice(word, 0, width);
  size_t before = (width - word.length) / 2;
  add_many(text, fill, before);
  text_builder_add(text, word);
  add_many(text, fill, width - word.length - before);
}

void trace_ladder_write_head(const struct trace_ladder *ladder, struct text_builder *text) {
  for (unsigned row = 0; row < 2; row++) {
    add_many(text, ' ', TIME_WIDTH);
    for (unsigned i = 0; i < ladder->column_count; i++) {
      char memory[64];
      struct text_builder word = text_builder_over(memory, sizeof memory);
      const struct trace_column *column = &ladder->columns[i];
      bool is_switch = i == ladder->switch_column;
      if (row == 0 && is_switch) text_builder_add_literal(&word, "belfry");
      if (row == 0 && !is_switch) text_builder_add(&word, trace_side_name(column->side));
      if (row == 1 && !is_switch) address_to_text(&column->address, &word);
      add_centred(text, text_builder_view(&word), ' ', COLUMN_WIDTH);
    }
    text_builder_add_char(text, '\n');
  }
}

static void write_time(struct wall_us wall, struct wall_us start, struct text_builder *text) {
  char memory[32];
  struct text_builder time = text_builder_over(memory, sizeof memory);
  int64_t since_ms = (wall.value - start.value) / 1000;
  text_builder_add_char(&time, since_ms < 0 ? '-' : '+');
  if (since_ms < 0) since_ms = -since_ms;
  text_builder_add_i64(&time, since_ms / 1000);
  text_builder_add_char(&time, '.');
  text_builder_add_u64(&time, (uint64_t)(since_ms % 1000 / 100));
  text_builder_add_u64(&time, (uint64_t)(since_ms % 100 / 10));
  text_builder_add_u64(&time, (uint64_t)(since_ms % 10));
  text_builder_add(text, text_builder_view(&time));
  add_many(text, ' ', time.length < TIME_WIDTH ? TIME_WIDTH - time.length : 1);
}

/* "|", what stands between two columns, "|" … with the arrow from the left of both columns to the right one. */
static void write_arrow(const struct trace_ladder *ladder, unsigned from, unsigned to, struct str_view label,
                        struct text_builder *text) {
  unsigned left = from < to ? from : to, right = from < to ? to : from;
  add_many(text, ' ', COLUMN_WIDTH / 2);
  for (unsigned i = 0; i < ladder->column_count; i++) {
    text_builder_add_char(text, '|');
    if (i + 1 == ladder->column_count) break;
    if (i != left || left == right) {
      add_many(text, ' ', COLUMN_WIDTH - 1);
      continue;
    }
    char memory[LABEL_MAX + 2];
    struct text_builder padded = text_builder_over(memory, sizeof memory);
    text_builder_add_char(&padded, ' ');
    text_builder_add(&padded, str_view_slice(label, 0, LABEL_MAX));
    text_builder_add_char(&padded, ' ');
    if (to < from) text_builder_add_char(text, '<');
    add_centred(text, text_builder_view(&padded), '-', (right - left) * COLUMN_WIDTH - 2);
    if (from < to) text_builder_add_char(text, '>');
    i = right - 1;
  }
}

static void write_note(const struct trace_ladder *ladder, struct str_view label, struct text_builder *text) {
  add_many(text, ' ', COLUMN_WIDTH / 2 + (size_t)ladder->switch_column * COLUMN_WIDTH);
  text_builder_add_literal(text, "* ");
  text_builder_add(text, label);
}

/* A note that says again what an earlier one has said of a leg. */
static bool is_told(const struct trace_ladder *ladder, const struct trace_record *record) {
  struct note note;
  if (record->kind != TRACE_NOTE || trace_note_decode(record->payload, &note) != RESULT_OK || note.kind != NOTE_LEG)
    return false;
  for (unsigned i = 0; i < ladder->leg_count; i++)
    if (ladder->legs[i].call_id == trace_key(note.text)) return ladder->legs[i].told_by != record;
  return false;
}

void trace_ladder_write_record(const struct trace_ladder *ladder, const struct trace_record *record,
                               struct wall_us start, struct text_builder *text) {
  struct sip_message message;
  char memory[LABEL_MAX];
  struct text_builder label = text_builder_over(memory, sizeof memory);
  unsigned from, to;
  if (is_told(ladder, record)) return;
  bool is_read = trace_message_read(record, &message);
  trace_summary(record, is_read ? &message : NULL, &label);
  trace_ladder_ends(ladder, record, &from, &to);
  write_time(record->wall, start, text);
  if (record->kind == TRACE_NOTE)
    write_note(ladder, text_builder_view(&label), text);
  else
    write_arrow(ladder, from, to, text_builder_view(&label), text);
  text_builder_add_char(text, '\n');
}

void trace_text_write_record(const struct trace_record *record, struct text_builder *text) {
  bool is_sent = record->direction == TRACE_SENT;
  wall_us_to_text(record->wall, text);
  if (record->kind == TRACE_NOTE) {
    text_builder_add_literal(text, " note: ");
    trace_summary(record, NULL, text);
    text_builder_add_literal(text, "\n\n");
    return;
  }
  text_builder_add(text, is_sent ? STR_VIEW(" sent over ") : STR_VIEW(" received over "));
  text_builder_add(text, transport_name((enum transport)record->transport));
  text_builder_add_literal(text, " from ");
  address_to_text(is_sent ? &record->local : &record->remote, text);
  text_builder_add_literal(text, " to ");
  address_to_text(is_sent ? &record->remote : &record->local, text);
  text_builder_add_literal(text, ":\n");
  text_builder_add(text, record->payload);
  text_builder_add_literal(text, "\n\n");
}
