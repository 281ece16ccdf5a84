#include "trace/trace_json.h"

#include "base/json_text.h"

#define OTHER_BYTES_MAX 4096

size_t trace_json_bytes_max(size_t payload_length) {
  return payload_length * 8 + OTHER_BYTES_MAX + 6 * 2 * NOTE_TEXTS_MAX;
}

static void field_address(struct text_builder *json, const char *name, const struct address *address) {
  char memory[64];
  struct text_builder text = text_builder_over(memory, sizeof memory);
  if (address->family == ADDRESS_NONE) return;
  address_to_text(address, &text);
  json_text_field_string(json, name, text_builder_view(&text));
}

static void field_or_null(struct text_builder *json, const char *name, struct str_view value) {
  if (value.length > 0)
    json_text_field_string(json, name, value);
  else
    json_text_field_null(json, name);
}

static void write_note(const struct note *note, struct text_builder *json) {
  json_text_field_string(json, "note", trace_note_word(note->kind));
  field_or_null(json, "call", note->call);
  field_or_null(json, "leg", trace_side_name(note->side));
  if (note->kind == NOTE_LEG) json_text_field_string(json, "call_id", note->text);
  if (note->seconds) json_text_field_u64(json, "seconds", note->seconds);
  if (note->status) json_text_field_u64(json, "status", note->status);
  if (note->due_in_ms) json_text_field_i64(json, "due_in_ms", note->due_in_ms);
  if (note->kind != NOTE_LEG && note->text.length > 0) json_text_field_string(json, "detail", note->text);
}

static void write_message(const struct trace_ladder *ladder, const struct sip_message *message,
                          struct text_builder *json) {
  json_text_field_string(json, "call_id", message->call_id);
  field_or_null(json, "leg", trace_side_name(trace_ladder_side(ladder, message)));
  json_text_field_string(json, "method", message->method_text);
  if (!message->is_request) json_text_field_u64(json, "status", message->status);
  json_text_field_u64(json, "cseq", message->cseq);
}

static const char *kind_name(unsigned kind) {
  return kind == TRACE_SIP ? "sip" : kind == TRACE_NOTE ? "note" : "keepalive";
}

static const char *direction_name(unsigned direction) {
  return direction == TRACE_RECEIVED ? "in" : direction == TRACE_SENT ? "out" : "inside";
}

void trace_json_write_record(const struct trace_ladder *ladder, const struct trace_record *record, struct str_view id,
                             struct text_builder *json) {
  struct sip_message message;
  struct note note;
  char memory[512];
  struct text_builder summary = text_builder_over(memory, sizeof memory);
  unsigned from, to;
  bool is_read = trace_message_read(record, &message);
  trace_summary(record, is_read ? &message : NULL, &summary);
  trace_ladder_ends(ladder, record, &from, &to);
  json_text_open_object(json);
  json_text_field_string(json, "id", id);
  json_text_field_stamp(json, "at", record->wall);
  json_text_field_i64(json, "at_us", record->wall.value);
  json_text_field_string(json, "kind", str_view_from_c(kind_name(record->kind)));
  json_text_field_string(json, "direction", str_view_from_c(direction_name(record->direction)));
  json_text_field_u64(json, "from", from);
  json_text_field_u64(json, "to", to);
  json_text_field_string(json, "summary", text_builder_view(&summary));
  if (record->kind == TRACE_NOTE) {
    if (trace_note_decode(record->payload, &note) == RESULT_OK) write_note(&note, json);
  } else {
    json_text_field_string(json, "transport", transport_name((enum transport)record->transport));
    field_address(json, "remote", &record->remote);
    field_address(json, "local", &record->local);
    if (is_read) write_message(ladder, &message, json);
    json_text_field_string(json, "text", record->payload);
  }
  json_text_close_object(json);
}

void trace_json_write_columns(const struct trace_ladder *ladder, struct text_builder *json) {
  json_text_open_array(json);
  for (unsigned i = 0; i < ladder->column_count; i++) {
    const struct trace_column *column = &ladder->columns[i];
    bool is_switch = i == ladder->switch_column;
    json_text_open_object(json);
    json_text_field_string(json, "name", is_switch ? STR_VIEW("belfry") : trace_side_name(column->side));
    field_address(json, "address", &column->address);
    json_text_close_object(json);
  }
  json_text_close_array(json);
}
