/* Reading a message in three steps: the start line; an index of all header fields; the values every message needs. The
 * first defect found decides the verdict, but reading goes on behind it, so that the request can still be answered. */
#include "sip/sip_field.h"
#include "sip/sip_header_values.h"
#include "sip/sip_name_addr.h"
#include "sip/sip_scan.h"

#define REQUEST_URI_BYTES_MAX 2048

enum defect_row {
  DEFECT_NONE = 0,
#define SIP_DEFECT(name, status, rule) DEFECT_##name,
#include "sip/sip_defects.def"
#undef SIP_DEFECT
  DEFECT_COUNT
};

struct reader {
  struct sip_message *message;
  struct sip_scan scan;
  enum defect_row defect;
  uint32_t defect_offset;
};

static __attribute__((cold, noinline)) void note(struct reader *reader, enum defect_row defect, const char *where) {
  if (reader->defect != DEFECT_NONE) return;
  reader->defect = defect;
  reader->defect_offset = (uint32_t)(where - reader->message->bytes.data);
}

/* "SIP/" and two numbers. */
static bool is_version(struct str_view text) {
  return text.length >= 5 && sip_same_name(text.data, "SIP", 3) && text.data[3] == '/' &&
         sip_is(text.data[4], SIP_DIGIT);
}

static bool is_version_2_0(struct str_view text) {
  return text.length == 7 && memcmp(text.data + 4, "2.0", 3) == 0;
}

static bool has_blank(struct str_view text) {
  for (size_t i = 0; i < text.length; i++)
    if (sip_is(text.data[i], SIP_BLANK)) return true;
  return false;
}

static void read_request_uri(struct reader *reader, struct str_view text) {
  struct sip_uri uri;
  reader->message->request_uri = text;
  if (text.length > REQUEST_URI_BYTES_MAX)
    note(reader, DEFECT_REQUEST_URI_TOO_LONG, text.data);
  else if (sip_uri_parse(text, &uri) != RESULT_OK)
    note(reader, text.length == 0 || has_blank(text) ? DEFECT_REQUEST_LINE : DEFECT_REQUEST_URI, text.data);
  else if (uri.headers.data)
    note(reader, DEFECT_REQUEST_URI_HEADERS, text.data);
  else if (uri.scheme == SIP_URI_OTHER)
    note(reader, DEFECT_REQUEST_URI_SCHEME, text.data);
}

/* Method SP Request-URI SP SIP-Version. The URI is all between the first and the last space, so that one with blanks
 * inside is still recognised as a request. */
static void read_request_line(struct reader *reader, struct str_view line) {
  struct sip_message *message = reader->message;
  struct str_view trimmed = sip_trim(line);
  struct sip_scan scan = sip_scan_of(trimmed);
  struct str_view method = sip_scan_while(&scan, SIP_TOKEN);
  const char *version = trimmed.length ? memrchr(trimmed.data, ' ', trimmed.length) : NULL;
  struct str_view version_text = version ? sip_view_between(version + 1, scan.end) : (struct str_view){0};
  if (method.length == 0 || !sip_scan_byte(&scan, ' ') || version < scan.at || !is_version(version_text)) {
    note(reader, DEFECT_NOT_SIP, line.data);
    return;
  }
  message->is_request = true;
  message->method_text = method;
  message->method = sip_method_from_text(method);
  if (!is_version_2_0(version_text)) note(reader, DEFECT_VERSION, version);
  if (trimmed.length != line.length) note(reader, DEFECT_REQUEST_LINE, line.data);
  read_request_uri(reader, sip_view_between(scan.at, version));
}

/* SIP-Version SP Status-Code SP Reason-Phrase; without the second space where there is no phrase (RFC 4475 §3.1.1.13).
 */
static void read_status_line(struct reader *reader, struct str_view line) {
  struct sip_scan scan = sip_scan_of(line);
  struct str_view version = str_view_slice(line, 0, str_view_find(line, ' '));
  scan.at += version.length;
  if (!is_version_2_0(version)) note(reader, DEFECT_VERSION, line.data);
  sip_scan_byte(&scan, ' ');
  struct str_view code = sip_scan_while(&scan, SIP_DIGIT);
  uint32_t status;
  if (code.length != 3 || !str_view_to_u32(code, &status) || status < 100 || status > 699) {
    note(reader, DEFECT_STATUS_LINE, code.data);
    return;
  }
  reader->message->status = (uint16_t)status;
  if (sip_scan_byte(&scan, ' '))
    reader->message->reason_phrase = sip_scan_rest(&scan);
  else if (!sip_scan_at_end(&scan))
    note(reader, DEFECT_STATUS_LINE, scan.at);
}

static void read_start_line(struct reader *reader) {
  /* Empty lines before it are ignored (RFC 3261 §7.5). */
  while (sip_scan_rest(&reader->scan).length >= 2 && reader->scan.at[0] == '\r' && reader->scan.at[1] == '\n')
    reader->scan.at += 2;
  bool is_whole;
  struct str_view line = sip_field_take_line(&reader->scan, &is_whole);
  if (!is_whole) note(reader, DEFECT_BARE_CR_LF, line.data);
  if (is_version(line))
    read_status_line(reader, line);
  else
    read_request_line(reader, line);
}

/* A request with two values where one belongs is answered 400 (RFC 4475 §3.3.8). A response cannot be answered; there
 * only the fields that say what it belongs to and where it ends are held to it, and of others the first counts. */
static bool must_be_alone(const struct sip_message *message, enum sip_header header) {
  if (message->is_request) return true;
  return header == SIP_HEADER_FROM || header == SIP_HEADER_TO || header == SIP_HEADER_CALL_ID ||
         header == SIP_HEADER_CSEQ || header == SIP_HEADER_CONTENT_LENGTH;
}

static void add_field(struct reader *reader, enum sip_header header, struct str_view name, struct str_view value) {
  struct sip_message *message = reader->message;
  uint8_t *first = &message->first_field[header];
  if (name.length > UINT8_MAX) {
    note(reader, DEFECT_HEADER_NAME_TOO_LONG, name.data);
    return;
  }
  if (message->header_count == SIP_MESSAGE_HEADERS_MAX) {
    note(reader, DEFECT_TOO_MANY_HEADERS, name.data);
    return;
  }
  message->fields[message->header_count++] = (struct sip_header_field){
      .name_offset = (uint16_t)(name.data - message->bytes.data),
      .value_offset = (uint16_t)(value.data - message->bytes.data),
      .value_length = (uint16_t)value.length,
      .name_length = (uint8_t)name.length,
      .header = (uint8_t)header,
  };
  if (*first == 0)
    *first = (uint8_t)message->header_count;
  else if (sip_header_form(header) == SIP_ONCE && must_be_alone(message, header))
    note(reader, DEFECT_HEADER_TWICE, name.data);
}

static void read_fields(struct reader *reader) {
  static const uint8_t flaws[] = {
      [SIP_FIELD_GOOD] = DEFECT_NONE,
      [SIP_FIELD_NAMELESS] = DEFECT_HEADER_NAME,
      [SIP_FIELD_BARE_CR_LF] = DEFECT_BARE_CR_LF,
      [SIP_FIELD_UNENDED] = DEFECT_UNENDED,
  };
  struct sip_scan scan = reader->scan;
  struct sip_field field;
  const char *last = scan.at;
  while (sip_field_next(&scan, &field)) {
    if (field.flaw != SIP_FIELD_GOOD) note(reader, (enum defect_row)flaws[field.flaw], field.flaw_at);
    if (field.flaw != SIP_FIELD_NAMELESS) add_field(reader, field.header, field.name, field.value);
    last = scan.at;
  }
  if (last == scan.at) note(reader, DEFECT_UNENDED, last);
  reader->message->body = sip_scan_rest(&scan);
}

static enum defect_row check_via(struct sip_message *message, struct str_view value) {
  message->has_top_via = sip_via_scan_top(value, &message->top_via);
  return message->has_top_via ? DEFECT_NONE : DEFECT_VIA;
}

/* A From or To value with its tag, if it has one. */
static bool read_tagged(struct str_view value, struct str_view *tag_out) {
  struct sip_name_addr name_addr;
  if (sip_name_addr_read(value, &name_addr, tag_out) != RESULT_OK || name_addr.is_star) return false;
  return tag_out->data == NULL || tag_out->length > 0;
}

static enum defect_row check_from(struct sip_message *message, struct str_view value) {
  return read_tagged(value, &message->from_tag) ? DEFECT_NONE : DEFECT_FROM;
}

static enum defect_row check_to(struct sip_message *message, struct str_view value) {
  return read_tagged(value, &message->to_tag) ? DEFECT_NONE : DEFECT_TO;
}

static enum defect_row check_call_id(struct sip_message *message, struct str_view value) {
  struct sip_scan scan = sip_scan_of(value);
  message->call_id = sip_scan_while(&scan, SIP_CALL_ID);
  return message->call_id.length > 0 && sip_scan_at_end(&scan) ? DEFECT_NONE : DEFECT_CALL_ID;
}

static enum defect_row check_cseq(struct sip_message *message, struct str_view value) {
  struct sip_scan scan = sip_scan_of(value);
  bool cut;
  if (!sip_scan_u32(&scan, &message->cseq, &cut)) return DEFECT_CSEQ;
  bool has_blank_behind = !sip_scan_at_end(&scan) && sip_is(*scan.at, SIP_BLANK);
  sip_scan_blanks(&scan);
  struct str_view method = sip_scan_while(&scan, SIP_TOKEN);
  if (!has_blank_behind || method.length == 0 || !sip_scan_at_end(&scan)) return DEFECT_CSEQ;
  if (message->cseq > INT32_MAX) return DEFECT_CSEQ_NUMBER;
  if (!message->is_request) {
    message->method_text = method;
    message->method = sip_method_from_text(method);
  } else if (!str_view_equal(method, message->method_text)) {
    return message->method == SIP_METHOD_UNKNOWN ? DEFECT_CSEQ_METHOD_UNKNOWN : DEFECT_CSEQ_METHOD;
  }
  return DEFECT_NONE;
}

static enum defect_row check_content_length(struct sip_message *message, struct str_view value) {
  struct sip_scan scan = sip_scan_of(value);
  uint32_t length;
  bool cut;
  if (!sip_scan_u32(&scan, &length, &cut) || !sip_scan_at_end(&scan)) return DEFECT_CONTENT_LENGTH;
  /* Of a message in a stream that is too large only the beginning has come when it is refused. */
  size_t header_length = message->bytes.length - message->body.length;
  if (!cut && length > SIP_MESSAGE_BYTES_MAX - header_length) return DEFECT_TOO_LARGE;
  if (length > message->body.length) return DEFECT_CONTENT_LENGTH_BEYOND;
  message->body.length = length;
  return DEFECT_NONE;
}

/* The header fields that every message needs, or that decide where it ends. DEFECT_NONE: may be missing. */
static const struct {
  enum sip_header header;
  enum defect_row missing;
  enum defect_row (*check)(struct sip_message *message, struct str_view value);
} checks[] = {
    {SIP_HEADER_VIA, DEFECT_VIA_MISSING, check_via},    {SIP_HEADER_FROM, DEFECT_FROM_MISSING, check_from},
    {SIP_HEADER_TO, DEFECT_TO_MISSING, check_to},       {SIP_HEADER_CALL_ID, DEFECT_CALL_ID_MISSING, check_call_id},
    {SIP_HEADER_CSEQ, DEFECT_CSEQ_MISSING, check_cseq}, {SIP_HEADER_CONTENT_LENGTH, DEFECT_NONE, check_content_length},
};

static void check_fields(struct reader *reader) {
  struct sip_message *message = reader->message;
  /* Unrolled, the calls are direct ones: indirect ones cost more than some of the checks. */
#pragma GCC unroll 8
  for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
    enum defect_row defect = checks[i].missing;
    const char *where = message->bytes.data;
    if (sip_message_has(message, checks[i].header)) {
      struct str_view value = sip_message_header(message, checks[i].header);
      defect = checks[i].check(message, value);
      where = value.data;
    }
    if (defect != DEFECT_NONE) note(reader, defect, where);
  }
}

static enum result verdict(const struct reader *reader, struct sip_defect *defect) {
  static const struct {
    const char *rule;
    uint16_t status;
  } rows[DEFECT_COUNT] = {
#define SIP_DEFECT(name, code, text) [DEFECT_##name] = {.rule = text, .status = code},
#include "sip/sip_defects.def"
#undef SIP_DEFECT
  };
  const struct sip_message *message = reader->message;
  bool answerable = message->is_request && message->method != SIP_METHOD_ACK;
  if (reader->defect == DEFECT_NONE) return RESULT_OK;
  *defect = (struct sip_defect){
      .rule = rows[reader->defect].rule,
      .offset = reader->defect_offset,
      .status = answerable ? rows[reader->defect].status : 0,
  };
  return RESULT_MALFORMED;
}

/* Member by member: clearing all of it, the fields behind header_count among it, costs as much as reading two of them.
 */
static void reset(struct sip_message *message, struct str_view bytes) {
  const struct str_view none = {0};
  memset(message->first_field, 0, sizeof message->first_field);
  message->bytes = bytes;
  message->is_request = false;
  message->has_top_via = false;
  message->method = SIP_METHOD_UNKNOWN;
  message->status = 0;
  message->cseq = 0;
  message->header_count = 0;
  message->method_text = message->request_uri = message->reason_phrase = none;
  message->call_id = message->from_tag = message->to_tag = message->body = none;
}

enum result sip_message_parse(struct str_view bytes, struct sip_message *message, struct sip_defect *defect) {
  reset(message, bytes.length ? str_view_slice(bytes, 0, SIP_MESSAGE_BYTES_MAX) : STR_VIEW(""));
  struct reader reader = {.message = message, .scan = sip_scan_of(message->bytes)};
  if (bytes.length > SIP_MESSAGE_BYTES_MAX) note(&reader, DEFECT_TOO_LARGE, message->bytes.data);
  read_start_line(&reader);
  read_fields(&reader);
  check_fields(&reader);
  return verdict(&reader, defect);
}
