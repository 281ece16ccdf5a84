/* Which bytes may stand where in SIP's grammar (RFC 3261 §25.1), as one table of flags, and a cursor to read with it.
 * Private to this room. */
#ifndef SIP_SIP_SCAN_H
#define SIP_SIP_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_view.h"

enum {
  SIP_TOKEN = 1,              /* token */
  SIP_USER = 1 << 1,          /* user of a URI, a bare '#' included */
  SIP_PASSWORD = 1 << 2,      /* password of a URI */
  SIP_URI_PARAMETER = 1 << 3, /* paramchar */
  SIP_URI_HEADER = 1 << 4,    /* hnv-unreserved / unreserved / escaped, '=' and '&' included */
  SIP_HOST = 1 << 5,          /* hostname or IPv4 address */
  SIP_DIGIT = 1 << 6,
  SIP_HEX = 1 << 7,
  SIP_VALUE = 1 << 8,    /* unquoted value of a header parameter */
  SIP_CALL_ID = 1 << 9,  /* Call-ID */
  SIP_BLANK = 1 << 10,   /* space, tab; CR and LF of a fold */
  SIP_ANY_URI = 1 << 11, /* absoluteURI */
  SIP_DISPLAY = 1 << 12, /* unquoted display name, blanks aside */
  SIP_TEL = 1 << 13,     /* number of a tel: URI behind its '+' */
  SIP_QUOTED = 1 << 14,  /* qdtext of a quoted string */
};

/* Hidden, so that position-independent code need not look its address up in every loop. */
extern const uint16_t sip_characters[256] __attribute__((visibility("hidden")));

static inline bool sip_is(char byte, unsigned flags) {
  return (sip_characters[(uint8_t)byte] & flags) != 0;
}

/* The value of a hexadecimal digit; 0 for any other byte. */
static inline unsigned sip_hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return (unsigned)(digit - '0');
  return sip_is(digit, SIP_HEX) ? (unsigned)((digit | 0x20) - 'a' + 10) : 0;
}

/* What is still to be read. `at` never passes `end`. */
struct sip_scan {
  const char *at;
  const char *end;
};

static inline struct sip_scan sip_scan_of(struct str_view text) {
  return (struct sip_scan){text.data, text.length ? text.data + text.length : text.data};
}

static inline bool sip_scan_at_end(const struct sip_scan *scan) {
  return scan->at == scan->end;
}

/* True, and the byte skipped, when it is the next one. */
static inline bool sip_scan_byte(struct sip_scan *scan, char byte) {
  if (scan->at == scan->end || *scan->at != byte) return false;
  scan->at++;
  return true;
}

/* The first byte from `at` on that has none of `flags`, or `end`. */
static inline const char *sip_skip(const char *at, const char *end, unsigned flags) {
  for (; end - at >= 4; at += 4) {
    if (!sip_is(at[0], flags)) return at;
    if (!sip_is(at[1], flags)) return at + 1;
    if (!sip_is(at[2], flags)) return at + 2;
    if (!sip_is(at[3], flags)) return at + 3;
  }
  while (at < end && sip_is(*at, flags))
    at++;
  return at;
}

/* Everything up to the first byte that has none of `flags`; may be empty. */
static inline struct str_view sip_scan_while(struct sip_scan *scan, unsigned flags) {
  const char *start = scan->at;
  scan->at = sip_skip(start, scan->end, flags);
  return str_view_of(start, (size_t)(scan->at - start));
}

static inline void sip_scan_blanks(struct sip_scan *scan) {
  while (scan->at < scan->end && sip_is(*scan->at, SIP_BLANK))
    scan->at++;
}

/* What is left, as a view. */
static inline struct str_view sip_scan_rest(const struct sip_scan *scan) {
  return str_view_of(scan->at, (size_t)(scan->end - scan->at));
}

static inline struct str_view sip_view_between(const char *start, const char *end) {
  return str_view_of(start, (size_t)(end - start));
}

/* Without blanks at both ends, inlined for the parser's way. */
static inline struct str_view sip_trim(struct str_view text) {
  while (text.length && sip_is(text.data[0], SIP_BLANK)) {
    text.data++;
    text.length--;
  }
  while (text.length && sip_is(text.data[text.length - 1], SIP_BLANK))
    text.length--;
  return text;
}

struct sip_via;

/* Reads the first value of a Via field; false when it cannot be read. */
bool sip_via_scan_top(struct str_view field, struct sip_via *via);

/* Skips a quoted string (RFC 3261 §25.1) at whose opening quote `scan` stands. False when it does not end. */
bool sip_scan_quoted(struct sip_scan *scan);

/* Skips bytes with one of `flags` and escapes ("%41"). False at a '%' without two hexadecimal digits. */
bool sip_scan_escaped(struct sip_scan *scan, unsigned flags);

/* Without the quotes around it, if there are any; escapes inside stay. */
struct str_view sip_unquoted(struct str_view text);

/* Reads decimal digits; leading zeros count for nothing; beyond 32 bits: UINT32_MAX and `*cut_out` true. False when
 * there is no digit. */
bool sip_scan_u32(struct sip_scan *scan, uint32_t *value_out, bool *cut_out);

/* Reads host (RFC 3261 §25.1); an IPv6 reference is given without its brackets. Of that only the bytes are looked at:
 * RFC 5118 §4.10 wants a colon too many to be tolerated, and whoever needs the number reads it with address_parse_ip.
 */
bool sip_scan_host(struct sip_scan *scan, struct str_view *host_out, bool *is_ipv6_out);

/* Reads a port from 1 to 65535. */
bool sip_scan_port(struct sip_scan *scan, uint16_t *port_out);

enum sip_parameter_step { SIP_PARAMETER, SIP_PARAMETER_NONE, SIP_PARAMETER_BROKEN };

/* Reads one header parameter: SWS SEMI generic-param SWS (RFC 3261 §25.1). Without value `*value_out` is empty; quotes
 * are kept. SIP_PARAMETER_NONE: no ';' is next, `scan` stands behind the blanks. */
enum sip_parameter_step sip_scan_parameter(struct sip_scan *scan, struct str_view *name_out,
                                           struct str_view *value_out);

/* Reads all header parameters to the end of `scan`. False when the grammar is broken. `*parameters_out` is what stands
 * behind the first ';', without blanks at its ends. */
bool sip_scan_parameters(struct sip_scan *scan, struct str_view *parameters_out);

/* True when both, `length` long, are the same without case. Where `name` has a letter (bit 0x40), bit 0x20 does not
 * count. Inlined with a constant name, so that words of eight bytes are compared with constants. */
static inline __attribute__((always_inline)) bool sip_same_8(const char *bytes, const char *name) {
  uint64_t left, right;
  memcpy(&left, bytes, sizeof left);
  memcpy(&right, name, sizeof right);
  uint64_t letters = (right & 0x4040404040404040u) >> 1;
  return (left | letters) == (right | letters);
}

static inline __attribute__((always_inline)) bool sip_same_4(const char *bytes, const char *name) {
  uint32_t left, right;
  memcpy(&left, bytes, sizeof left);
  memcpy(&right, name, sizeof right);
  uint32_t letters = (right & 0x40404040u) >> 1;
  return (left | letters) == (right | letters);
}

static inline __attribute__((always_inline)) bool sip_same_name(const char *bytes, const char *name, size_t length) {
  if (length >= 8) {
    for (size_t at = 0; at + 8 < length; at += 8)
      if (!sip_same_8(bytes + at, name + at)) return false;
    return sip_same_8(bytes + length - 8, name + length - 8);
  }
  if (length >= 4) return sip_same_4(bytes, name) && sip_same_4(bytes + length - 4, name + length - 4);
  for (size_t at = 0; at < length; at++)
    if ((bytes[at] | (name[at] & 0x40) >> 1) != (name[at] | (name[at] & 0x40) >> 1)) return false;
  return true;
}

/* True when `text` is this word, a literal, without case. */
#define sip_is_word(text, word)                                                                                        \
  ((text).length == sizeof(word) - 1 && sip_same_name((text).data, "" word, sizeof(word) - 1))

#endif
