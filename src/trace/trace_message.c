#include "trace/trace_message.h"

#include "base/siphash.h"
#include "sip/sip_header_values.h"

#define SHOWN_MAX 60

uint64_t trace_key(struct str_view text) {
  static const struct siphash_key key = {UINT64_C(0x62656c66727920), UINT64_C(0x7472616365)};
  uint64_t hash = siphash(&key, text.data, text.length);
  return hash ? hash : 1;
}

bool trace_message_read(const struct trace_record *record, struct sip_message *message_out) {
  struct sip_defect defect;
  if (record->kind == TRACE_NOTE || record->payload.length == 0) return false;
  (void)!sip_message_parse(record->payload, message_out, &defect);
  return message_out->call_id.length > 0;
}

/* What stands behind "Call-ID:" or "i:" in that line; false: it is another. */
static bool is_call_id_line(struct str_view line, struct str_view *value_out) {
  bool is_long = str_view_starts_with_nocase(line, STR_VIEW("call-id"));
  if (!is_long && !str_view_starts_with_nocase(line, STR_VIEW("i"))) return false;
  struct str_view rest = str_view_trim(str_view_from(line, is_long ? 7 : 1));
  if (rest.length == 0 || rest.data[0] != ':') return false;
  *value_out = str_view_trim(str_view_from(rest, 1));
  return true;
}

struct str_view trace_message_call_id(const struct trace_record *record) {
  struct str_view rest = record->payload, value = {0};
  struct sip_message message;
  bool is_found = false;
  if (record->kind == TRACE_NOTE) return value;
  while (rest.length > 0 && !is_found) {
    size_t length = str_view_find(rest, '\n');
    struct str_view line = str_view_slice(rest, 0, length);
    if (line.length <= 1) break; /* the headers end */
    rest = str_view_from(rest, length + 1);
    is_found = is_call_id_line(line, &value);
  }
  /* A value that goes on in the next line, or is not there, is for who knows the rules. */
  bool goes_on = rest.length > 0 && (rest.data[0] == ' ' || rest.data[0] == '\t');
  if (is_found && value.length > 0 && !goes_on) return value;
  return trace_message_read(record, &message) ? message.call_id : (struct str_view){0};
}

/* --- a line of each ---------------------------------------------------------------------------------------------- */

static void add_session_expires(const struct sip_message *message, struct text_builder *text) {
  struct str_view value = sip_message_header(message, SIP_HEADER_SESSION_EXPIRES);
  struct sip_session_expires session;
  if (value.length == 0 || sip_session_expires_parse(value, &session) != RESULT_OK) return;
  text_builder_add_literal(text, " SE ");
  text_builder_add_u64(text, session.interval_s);
  if (session.refresher == SIP_REFRESHER_UAC) text_builder_add_literal(text, ";refresher=uac");
  if (session.refresher == SIP_REFRESHER_UAS) text_builder_add_literal(text, ";refresher=uas");
}

static bool is_session(const struct sip_message *message) {
  return str_view_starts_with_nocase(sip_message_header(message, SIP_HEADER_CONTENT_TYPE), STR_VIEW("application/sdp"));
}

/* Appends "INVITE", "180 Ringing", "200 OK", and what supervision wants to see: "+SDP", "SE 600;refresher=uas". */
static void add_message_summary(const struct sip_message *message, struct text_builder *text) {
  if (message->is_request) {
    text_builder_add(text, str_view_slice(message->method_text, 0, SHOWN_MAX));
  } else {
    text_builder_add_u64(text, message->status);
    text_builder_add_char(text, ' ');
    text_builder_add(text, str_view_slice(message->reason_phrase, 0, SHOWN_MAX));
    if (message->method != SIP_METHOD_INVITE) {
      text_builder_add_literal(text, " (");
      text_builder_add(text, str_view_slice(message->method_text, 0, SHOWN_MAX));
      text_builder_add_char(text, ')');
    }
  }
  if (message->body.length > 0 && is_session(message)) text_builder_add_literal(text, " +SDP");
  add_session_expires(message, text);
}

/* Appends a life sign: "HELLO", "CRLF", "STUN", "4 bytes". */
static void add_life_sign_summary(struct str_view bytes, struct text_builder *text) {
  bool is_text = bytes.length > 0 && bytes.length <= SHOWN_MAX, is_break = bytes.length > 0;
  for (size_t i = 0; i < bytes.length; i++) {
    is_text = is_text && bytes.data[i] >= 0x20 && bytes.data[i] < 0x7f;
    is_break = is_break && (bytes.data[i] == '\r' || bytes.data[i] == '\n');
  }
  if (is_text) {
    text_builder_add(text, bytes);
  } else if (is_break) {
    for (size_t i = 0; i < bytes.length && i < SHOWN_MAX; i += 2)
      text_builder_add_literal(text, "CRLF");
  } else if (bytes.length >= 20 && (uint8_t)bytes.data[0] < 2) {
    text_builder_add_literal(text, "STUN");
  } else {
    text_builder_add_u64(text, bytes.length);
    text_builder_add_literal(text, " bytes");
  }
}

static void add_seconds(struct text_builder *text, int64_t ms) {
  text_builder_add_i64(text, ms / 1000);
  text_builder_add_char(text, '.');
  text_builder_add_i64(text, ms % 1000 / 100);
  text_builder_add_literal(text, " s");
}

static bool is_timer(const struct note *note) {
  return note->kind >= NOTE_TIMER_ARMED && note->kind <= NOTE_TIMER_STOPPED;
}

/* Appends "callee leg: session timer armed, 600 s, next in 300.0 s (we refresh by UPDATE)". */
static void add_note_summary(const struct note *note, struct text_builder *text) {
  struct str_view side = trace_side_name(note->side);
  if (note->kind == NOTE_CALL_ENDED) {
    text_builder_add_literal(text, "call ended by the ");
    text_builder_add(text, side.length ? side : STR_VIEW("switch"));
    text_builder_add_literal(text, ": ");
    text_builder_add(text, note->text);
    return;
  }
  if (side.length > 0) {
    text_builder_add(text, side);
    text_builder_add_literal(text, " leg: ");
  }
  if (is_timer(note)) text_builder_add_literal(text, "session timer ");
  if (note->kind != NOTE_LEG) text_builder_add(text, trace_note_word(note->kind));
  if (note->seconds > 0) {
    text_builder_add_literal(text, ", ");
    text_builder_add_u64(text, note->seconds);
    text_builder_add_literal(text, " s");
  }
  if (note->status > 0) {
    text_builder_add_literal(text, ", answered ");
    text_builder_add_u64(text, note->status);
  }
  if (note->due_in_ms > 0) {
    text_builder_add_literal(text, ", next in ");
    add_seconds(text, note->due_in_ms);
  }
  if (note->text.length == 0) return;
  text_builder_add(text, note->kind == NOTE_LEG ? STR_VIEW("Call-ID ") : STR_VIEW(" ("));
  text_builder_add(text, note->text);
  if (note->kind != NOTE_LEG) text_builder_add_char(text, ')');
}

void trace_summary(const struct trace_record *record, const struct sip_message *message, struct text_builder *text) {
  struct note note;
  if (record->kind == TRACE_NOTE && trace_note_decode(record->payload, &note) == RESULT_OK)
    add_note_summary(&note, text);
  else if (message)
    add_message_summary(message, text);
  else
    add_life_sign_summary(record->payload, text);
}

/* --- numbers ----------------------------------------------------------------------------------------------------- */

static bool is_number(struct str_view uri_text, struct str_view number) {
  struct sip_uri uri;
  char memory[256];
  struct arena arena;
  arena_init(&arena, memory, sizeof memory);
  if (sip_uri_parse(uri_text, &uri) != RESULT_OK) return false;
  struct str_view user = sip_uri_user_plain(&uri, &arena);
  if (number.length > 0 && number.data[number.length - 1] == '*')
    return str_view_starts_with(user, str_view_slice(number, 0, number.length - 1));
  return str_view_equal(user, number);
}

static bool field_names(const struct sip_message *message, enum sip_header header, struct str_view number) {
  struct sip_name_addr name_addr;
  return sip_name_addr_parse(sip_message_header(message, header), &name_addr) == RESULT_OK &&
         is_number(name_addr.uri_text, number);
}

bool trace_message_names(const struct sip_message *message, struct str_view number) {
  return field_names(message, SIP_HEADER_FROM, number) || field_names(message, SIP_HEADER_TO, number) ||
         (message->is_request && is_number(message->request_uri, number));
}
