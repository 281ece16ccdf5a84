#include "trace/trace_record.h"

#include "trace/trace_mask.h"

#define RECORD_MARK   0xbe1f7ace
#define SHORTEST_SIP  16  /* bytes */
#define LIFE_SIGN_MAX 512 /* as keepalive/life_sign.c has it */

struct record_header {
  uint32_t check;
  uint32_t payload_length;
  uint64_t position;
  struct wall_us wall;
  struct mono_ms mono;
  struct address remote, local;
  uint8_t kind, direction, transport, worker;
  uint32_t reserved;
};
_Static_assert(sizeof(struct record_header) % 8 == 0, "payloads are aligned");

/* Not against malice, but against what an interrupted or older writing left. */
static uint32_t check_of(uint64_t position, uint32_t payload_length, uint32_t kinds) {
  uint64_t mixed = (position ^ ((uint64_t)payload_length << 32 | kinds)) * UINT64_C(0x9e3779b97f4a7c15);
  return ((uint32_t)(mixed >> 32) ^ RECORD_MARK) | 1; /* never 0, which marks the end of a block */
}

static uint32_t kinds_of(const struct record_header *header) {
  return (uint32_t)header->kind | (uint32_t)header->direction << 8 | (uint32_t)header->transport << 16;
}

size_t trace_record_bytes(size_t payload_length) {
  return (sizeof(struct record_header) + payload_length + sizeof(uint32_t) + 7) & ~(size_t)7;
}

void trace_record_write(const struct trace_record *record, void *place) {
  struct record_header header = {.payload_length = (uint32_t)record->payload.length,
                                 .position = record->position,
                                 .wall = record->wall,
                                 .mono = record->mono,
                                 .remote = record->remote,
                                 .local = record->local,
                                 .kind = record->kind,
                                 .direction = record->direction,
                                 .transport = record->transport,
                                 .worker = record->worker};
  header.check = check_of(header.position, header.payload_length, kinds_of(&header));
  char *payload = (char *)place + sizeof header;
  if (record->kind != TRACE_NOTE)
    trace_mask_copy(record->payload, payload);
  else
    memcpy(payload, record->payload.data, record->payload.length);
  memcpy(place, &header, sizeof header);
  uint32_t end = ~header.check;
  memcpy(payload + record->payload.length, &end, sizeof end);
}

enum result trace_record_read(const void *place, size_t available, uint64_t position, struct trace_record *record_out,
                              size_t *bytes_out) {
  struct record_header header;
  uint32_t end;
  if (available < trace_record_bytes(0)) return RESULT_MALFORMED;
  memcpy(&header, place, sizeof header);
  if (header.position != position || header.payload_length > TRACE_PAYLOAD_BYTES_MAX ||
      header.check != check_of(header.position, header.payload_length, kinds_of(&header)) ||
      trace_record_bytes(header.payload_length) > available || header.kind < TRACE_SIP || header.kind > TRACE_NOTE)
    return RESULT_MALFORMED;
  const char *payload = (const char *)place + sizeof header;
  memcpy(&end, payload + header.payload_length, sizeof end);
  if (end != ~header.check) return RESULT_MALFORMED;
  *record_out = (struct trace_record){.wall = header.wall,
                                      .mono = header.mono,
                                      .remote = header.remote,
                                      .local = header.local,
                                      .kind = header.kind,
                                      .direction = header.direction,
                                      .transport = header.transport,
                                      .worker = header.worker,
                                      .position = position,
                                      .payload = str_view_of(payload, header.payload_length)};
  *bytes_out = trace_record_bytes(header.payload_length);
  return RESULT_OK;
}

/* Our OPTIONS and what answers them are told by their branch (keepalive/keepalive_payload.h), in the first field, which
 * everybody writes and returns as Via. */
static bool is_of_keepalive(struct str_view message) {
  struct str_view rest = str_view_from(message, str_view_find(message, '\n') + 1);
  struct str_view line = str_view_slice(rest, 0, str_view_find(rest, '\n'));
  for (size_t at = str_view_find(line, ';'); at < line.length;) {
    line = str_view_from(line, at + 1);
    if (str_view_starts_with(line, STR_VIEW("branch=")))
      return str_view_starts_with(line, STR_VIEW("branch=z9hG4bKka"));
    at = str_view_find(line, ';');
  }
  return false;
}

static bool begins_with(struct str_view message, const char *eight) {
  return memcmp(message.data, eight, 8) == 0;
}

/* "SIP/2.0 200 OK", or "INVITE … SIP/2.0" up to the first line end. What is long is no life sign in any case: one that
 * names another version, or has lost its line ends, is SIP that somebody will look for. */
enum trace_kind trace_kind_of(enum trace_direction direction, struct str_view datagram) {
  if (datagram.length < SHORTEST_SIP) return TRACE_KEEPALIVE;
  bool is_response = begins_with(datagram, "SIP/2.0 ");
  bool may_be_ours =
      is_response ? direction == TRACE_RECEIVED : direction == TRACE_SENT && begins_with(datagram, "OPTIONS ");
  if (may_be_ours && is_of_keepalive(datagram)) return TRACE_KEEPALIVE;
  if (is_response || datagram.length > LIFE_SIGN_MAX) return TRACE_SIP;
  struct str_view line = str_view_slice(datagram, 0, str_view_find(datagram, '\n'));
  if (line.length > 0 && line.data[line.length - 1] == '\r') line.length--;
  bool is_request =
      line.length > 8 && str_view_starts_with_nocase(str_view_from(line, line.length - 8), STR_VIEW(" SIP/"));
  return is_request || str_view_starts_with_nocase(line, STR_VIEW("SIP/")) ? TRACE_SIP : TRACE_KEEPALIVE;
}

/* --- notes ------------------------------------------------------------------------------------------------------- */

struct note_header {
  int64_t due_in_ms;
  uint32_t seconds;
  uint16_t status, call_length, text_length;
  uint8_t kind, side;
};
_Static_assert(sizeof(struct note_header) <= 32, "TRACE_NOTE_BYTES_MAX");

struct str_view trace_note_encode(const struct note *note, void *memory) {
  struct str_view call = str_view_slice(note->call, 0, NOTE_TEXTS_MAX);
  struct str_view text = str_view_slice(note->text, 0, NOTE_TEXTS_MAX);
  struct note_header header = {.due_in_ms = note->due_in_ms,
                               .seconds = note->seconds,
                               .status = note->status,
                               .call_length = (uint16_t)call.length,
                               .text_length = (uint16_t)text.length,
                               .kind = note->kind,
                               .side = note->side};
  struct text_builder builder = text_builder_over(memory, TRACE_NOTE_BYTES_MAX);
  text_builder_add(&builder, str_view_of((const char *)&header, sizeof header));
  text_builder_add(&builder, call);
  text_builder_add(&builder, text);
  return text_builder_view(&builder);
}

enum result trace_note_decode(struct str_view payload, struct note *note_out) {
  struct note_header header;
  if (payload.length < sizeof header) return RESULT_MALFORMED;
  memcpy(&header, payload.data, sizeof header);
  if (payload.length != sizeof header + header.call_length + header.text_length || header.kind == NOTE_NONE ||
      header.kind >= NOTE_KIND_COUNT || header.side > NOTE_SIDE_CALLEE)
    return RESULT_MALFORMED;
  *note_out = (struct note){.kind = header.kind,
                            .side = header.side,
                            .status = header.status,
                            .seconds = header.seconds,
                            .due_in_ms = header.due_in_ms,
                            .call = str_view_slice(payload, sizeof header, header.call_length),
                            .text = str_view_slice(payload, sizeof header + header.call_length, header.text_length)};
  return RESULT_OK;
}

static const struct str_view note_words[NOTE_KIND_COUNT] = {
#define NOTE(name, word_text, sentence_text) [NOTE_##name] = STR_VIEW_LITERAL(word_text),
#include "boundary/note_kinds.def"
#undef NOTE
};

struct str_view trace_note_word(unsigned kind) {
  return kind < NOTE_KIND_COUNT ? note_words[kind] : (struct str_view){0};
}

struct str_view trace_side_name(unsigned side) {
  static const struct str_view names[] = {
      [NOTE_SIDE_NONE] = STR_VIEW_LITERAL(""),
      [NOTE_SIDE_CALLER] = STR_VIEW_LITERAL("caller"),
      [NOTE_SIDE_CALLEE] = STR_VIEW_LITERAL("callee"),
  };
  return side <= NOTE_SIDE_CALLEE ? names[side] : names[0];
}
