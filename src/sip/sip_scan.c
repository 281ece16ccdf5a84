#include "sip/sip_scan.h"

/* The productions of RFC 3261 §25.1, by what their bytes have in common. */
#define PRINTABLE  (SIP_CALL_ID | SIP_QUOTED)
#define VALUE      (PRINTABLE | SIP_VALUE | SIP_DISPLAY)
#define UNRESERVED (VALUE | SIP_USER | SIP_PASSWORD | SIP_URI_PARAMETER | SIP_URI_HEADER | SIP_ANY_URI)
#define LETTER     (UNRESERVED | SIP_TOKEN | SIP_HOST)
#define HEX_LETTER (LETTER | SIP_HEX | SIP_TEL)
#define NUMERAL    (LETTER | SIP_HEX | SIP_TEL | SIP_DIGIT)

const uint16_t sip_characters[256] = {
    ['\t'] = SIP_BLANK | SIP_QUOTED,
    ['\n'] = SIP_BLANK | SIP_QUOTED,
    ['\r'] = SIP_BLANK | SIP_QUOTED,
    [' '] = SIP_BLANK | SIP_QUOTED,
    ['!'] = UNRESERVED | SIP_TOKEN,
    ['"'] = SIP_CALL_ID,
    /* Not allowed in a user part unless escaped, but phones dial feature codes as sip:*21#@host. */
    ['#'] = VALUE | SIP_USER | SIP_TEL,
    ['$'] = UNRESERVED,
    /* In URIs only as an escape: sip_scan_escaped. */
    ['%'] = VALUE | SIP_TOKEN,
    ['&'] = UNRESERVED,
    ['\''] = UNRESERVED | SIP_TOKEN,
    ['('] = UNRESERVED | SIP_TEL,
    [')'] = UNRESERVED | SIP_TEL,
    ['*'] = UNRESERVED | SIP_TOKEN | SIP_TEL,
    ['+'] = UNRESERVED | SIP_TOKEN,
    [','] = PRINTABLE | SIP_USER | SIP_PASSWORD | SIP_ANY_URI,
    ['-'] = LETTER | SIP_TEL,
    ['.'] = LETTER | SIP_TEL,
    ['/'] = VALUE | SIP_USER | SIP_URI_PARAMETER | SIP_URI_HEADER | SIP_ANY_URI,
    ['0' ... '9'] = NUMERAL,
    /* Not in a display name: "sip:a <sip:b>" is no name. */
    [':'] = PRINTABLE | SIP_VALUE | SIP_URI_PARAMETER | SIP_URI_HEADER | SIP_ANY_URI,
    [';'] = PRINTABLE | SIP_USER | SIP_ANY_URI,
    ['<'] = PRINTABLE,
    ['='] = VALUE | SIP_USER | SIP_PASSWORD | SIP_URI_HEADER | SIP_ANY_URI,
    ['>'] = PRINTABLE,
    ['?'] = VALUE | SIP_USER | SIP_URI_HEADER | SIP_ANY_URI,
    ['@'] = VALUE | SIP_ANY_URI,
    ['A' ... 'F'] = HEX_LETTER,
    ['G' ... 'Z'] = LETTER,
    ['['] = VALUE | SIP_URI_PARAMETER | SIP_URI_HEADER | SIP_ANY_URI,
    ['\\'] = SIP_CALL_ID,
    [']'] = VALUE | SIP_URI_PARAMETER | SIP_URI_HEADER | SIP_ANY_URI,
    ['^'] = VALUE,
    /* Not allowed in a hostname, but machines are named so. */
    ['_'] = LETTER,
    ['`'] = VALUE | SIP_TOKEN,
    ['a' ... 'f'] = HEX_LETTER,
    ['g' ... 'z'] = LETTER,
    ['{'] = VALUE,
    ['|'] = VALUE,
    ['}'] = VALUE,
    ['~'] = UNRESERVED | SIP_TOKEN,
    /* Parameter values and names for people hold UTF-8; phones leave the quotes away. */
    [0x80 ... 0xff] = SIP_VALUE | SIP_DISPLAY | SIP_QUOTED,
};

bool sip_scan_quoted(struct sip_scan *scan) {
  const char *end = scan->end, *at = sip_skip(scan->at + 1, end, SIP_QUOTED);
  /* A quoted-pair may hold any byte but CR and LF. */
  while (end - at >= 2 && *at == '\\' && at[1] != '\r' && at[1] != '\n')
    at = sip_skip(at + 2, end, SIP_QUOTED);
  if (at == end || *at != '"') return false;
  scan->at = at + 1;
  return true;
}

struct str_view sip_unquoted(struct str_view text) {
  if (text.length < 2 || text.data[0] != '"' || text.data[text.length - 1] != '"') return text;
  return str_view_slice(text, 1, text.length - 2);
}

bool sip_scan_escaped(struct sip_scan *scan, unsigned flags) {
  const char *at = sip_skip(scan->at, scan->end, flags), *end = scan->end;
  while (at < end && *at == '%') {
    if (end - at < 3 || !sip_is(at[1], SIP_HEX) || !sip_is(at[2], SIP_HEX)) return false;
    at = sip_skip(at + 3, end, flags);
  }
  scan->at = at;
  return true;
}

bool sip_scan_u32(struct sip_scan *scan, uint32_t *value_out, bool *cut_out) {
  const char *start = scan->at;
  uint64_t value = 0;
  *cut_out = false;
  for (; scan->at < scan->end && sip_is(*scan->at, SIP_DIGIT); scan->at++) {
    value = value * 10 + (uint64_t)(*scan->at - '0');
    if (value > UINT32_MAX) {
      value = UINT32_MAX;
      *cut_out = true;
    }
  }
  *value_out = (uint32_t)value;
  return scan->at != start;
}

static bool scan_ipv6(struct sip_scan *scan, struct str_view *host_out) {
  const char *start = scan->at;
  unsigned colons = 0;
  for (; scan->at < scan->end; scan->at++) {
    if (*scan->at == ':')
      colons++;
    else if (!sip_is(*scan->at, SIP_HEX) && *scan->at != '.')
      break;
  }
  *host_out = sip_view_between(start, scan->at);
  return colons >= 2 && sip_scan_byte(scan, ']');
}

bool sip_scan_host(struct sip_scan *scan, struct str_view *host_out, bool *is_ipv6_out) {
  *is_ipv6_out = sip_scan_byte(scan, '[');
  if (*is_ipv6_out) return scan_ipv6(scan, host_out);
  *host_out = sip_scan_while(scan, SIP_HOST);
  return host_out->length > 0;
}

bool sip_scan_port(struct sip_scan *scan, uint16_t *port_out) {
  uint32_t port = 0;
  const char *at = scan->at;
  for (unsigned digit; at < scan->end && (digit = (unsigned char)(*at - '0')) <= 9; at++) {
    port = port * 10 + digit;
    if (port > UINT16_MAX) return false;
  }
  scan->at = at;
  *port_out = (uint16_t)port;
  return port != 0;
}

static bool scan_value(struct sip_scan *scan, struct str_view *value_out) {
  sip_scan_blanks(scan);
  if (scan->at < scan->end && *scan->at == '"') {
    const char *start = scan->at;
    if (!sip_scan_quoted(scan)) return false;
    *value_out = sip_view_between(start, scan->at);
    return true;
  }
  *value_out = sip_scan_while(scan, SIP_VALUE);
  return value_out->length > 0;
}

enum sip_parameter_step sip_scan_parameter(struct sip_scan *scan, struct str_view *name_out,
                                           struct str_view *value_out) {
  sip_scan_blanks(scan);
  if (!sip_scan_byte(scan, ';')) return SIP_PARAMETER_NONE;
  sip_scan_blanks(scan);
  *name_out = sip_scan_while(scan, SIP_TOKEN);
  *value_out = str_view_of(scan->at, 0);
  if (name_out->length == 0) return SIP_PARAMETER_BROKEN;
  sip_scan_blanks(scan);
  if (sip_scan_byte(scan, '=')) {
    if (!scan_value(scan, value_out)) return SIP_PARAMETER_BROKEN;
    sip_scan_blanks(scan);
  }
  return SIP_PARAMETER;
}

bool sip_scan_parameters(struct sip_scan *scan, struct str_view *parameters_out) {
  struct str_view name, value;
  enum sip_parameter_step step;
  sip_scan_blanks(scan);
  *parameters_out = (struct str_view){0};
  if (sip_scan_at_end(scan)) return true;
  const char *start = scan->at + 1;
  do {
    step = sip_scan_parameter(scan, &name, &value);
  } while (step == SIP_PARAMETER);
  if (step == SIP_PARAMETER_BROKEN || !sip_scan_at_end(scan)) return false;
  *parameters_out = sip_trim(sip_view_between(start, scan->end));
  return true;
}
