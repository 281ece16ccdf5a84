/* A SIP message as slices into the bytes it was read from (RFC 3261 §7, §20, §25). Reading one finds every header
 * field's name and value and checks what every message must have; all else is read when somebody asks. Nothing is
 * copied.
 *
 *   bytes:   INVITE sip:1002@example.org SIP/2.0\r\nVia: SIP/2.0/UDP …\r\nv: …\r\n\r\nv=0…
 *   headers: [VIA → value][VIA → value]…          in the order of the message, 8 bytes each
 *
 * The struct is about 1.6 KiB and meant for the stack; it must not outlive the bytes. */
#ifndef SIP_SIP_MESSAGE_H
#define SIP_SIP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str_view.h"
#include "boundary/address.h"

#define SIP_MESSAGE_BYTES_MAX   65535
#define SIP_MESSAGE_HEADERS_MAX 128

enum sip_method {
  SIP_METHOD_UNKNOWN = 0,
#define SIP_METHOD(name) SIP_METHOD_##name,
#include "sip/sip_methods.def"
#undef SIP_METHOD
  SIP_METHOD_COUNT
};

enum sip_header {
  SIP_HEADER_OTHER = 0,
#define SIP_HEADER(name, text, compact, form) SIP_HEADER_##name,
#include "sip/sip_headers.def"
#undef SIP_HEADER
  SIP_HEADER_COUNT
};

/* One header field. Offsets into the message's bytes; the value is without surrounding blanks, folding still inside. */
struct sip_header_field {
  uint16_t name_offset;
  uint16_t value_offset;
  uint16_t value_length;
  uint8_t name_length;
  uint8_t header; /* enum sip_header */
};

/* One Via value (RFC 3261 §20.42, RFC 3581). */
struct sip_via {
  enum transport transport; /* TRANSPORT_NONE: one we do not know */
  struct str_view transport_text;
  struct str_view sent_by; /* host and port as written */
  struct str_view host;    /* IPv6 without brackets */
  uint16_t port;           /* 0: none */
  struct str_view branch;
  struct str_view received;
  struct str_view maddr;
  bool has_rport;
  uint16_t rport; /* 0: rport without value */
  struct str_view parameters;
};

struct sip_message {
  struct str_view bytes;
  bool is_request;
  enum sip_method method; /* of the request line, or of CSeq in a response */
  struct str_view method_text;
  struct str_view request_uri; /* requests */
  uint16_t status;             /* responses: 100–699 */
  struct str_view reason_phrase;
  uint32_t cseq;
  struct str_view call_id;
  struct str_view from_tag; /* empty: none */
  struct str_view to_tag;   /* empty: none */
  struct str_view body;     /* cut to Content-Length */
  bool has_top_via;         /* else there is none, or it cannot be read */
  struct sip_via top_via;
  uint16_t header_count;
  uint8_t first_field[SIP_HEADER_COUNT]; /* 1 + index of the first field of that kind; 0: none */
  struct sip_header_field fields[SIP_MESSAGE_HEADERS_MAX];
};

/* What is wrong with a message: the rule it broke, where, and how it is to be answered. */
struct sip_defect {
  const char *rule; /* static text such as "CSeq number exceeds 2^31-1 (RFC 3261 8.1.1.5)" */
  uint32_t offset;  /* into the bytes */
  uint16_t status; /* the response it deserves when it is a request: 400, 413, 414, 416, 505, 513 …; 0: drop silently */
};

/* Reads one whole message (a datagram, or one framed message of a stream). RESULT_OK: usable. RESULT_MALFORMED:
 * `*defect` says why; `*message` holds as much as was understood: when message->first_field[] of VIA, FROM, TO, CALL_ID
 * and CSEQ are set, the request can be answered with defect->status. The bytes must have 64 readable bytes behind them.
 * Checked: start line, version, header grammar, limits, exactly one From, To, Call-ID, CSeq, at least one Via that
 * parses, CSeq's number below 2^31 and its method equal to the request's, Content-Length not beyond the bytes
 * (datagram). */
enum result sip_message_parse(struct str_view bytes, struct sip_message *message, struct sip_defect *defect) MUST_USE;

/* The first field of that kind, or an empty view with data NULL when there is none (an empty field has data set). */
struct str_view sip_message_header(const struct sip_message *message, enum sip_header header);

static inline bool sip_message_has(const struct sip_message *message, enum sip_header header) {
  return message->first_field[header] != 0;
}

/* The first field with that name among those the table does not know (X-…), compared without case. */
struct str_view sip_message_other_header(const struct sip_message *message, struct str_view name);

static inline struct str_view sip_message_field_name(const struct sip_message *message, unsigned index) {
  return str_view_of(message->bytes.data + message->fields[index].name_offset, message->fields[index].name_length);
}

static inline struct str_view sip_message_field_value(const struct sip_message *message, unsigned index) {
  return str_view_of(message->bytes.data + message->fields[index].value_offset, message->fields[index].value_length);
}

/* Walks over the values of all fields of one kind, splitting at commas outside quotes and <>. Header fields in which a
 * comma does not separate (Date, WWW-Authenticate …) are given as they are. Start with {0}. */
struct sip_value_cursor {
  uint16_t field;  /* next field to look at */
  uint16_t offset; /* next offset in the current field's value, 0 at its start */
  bool in_field;
};
bool sip_message_next_value(const struct sip_message *message, enum sip_header header, struct sip_value_cursor *cursor,
                            struct str_view *value_out);

/* True when a comma-separated list (Supported, Require, Allow …) in any of its fields holds `token`, without case. */
bool sip_message_lists_token(const struct sip_message *message, enum sip_header header, struct str_view token);

enum sip_method sip_method_from_text(struct str_view text);
struct str_view sip_method_text(enum sip_method method);
struct str_view sip_header_text(enum sip_header header);

/* The default reason phrase of a status code, "Unknown" where there is none. */
struct str_view sip_status_text(unsigned status);

#endif
