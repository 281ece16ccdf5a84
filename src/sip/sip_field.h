/* One header field after another (RFC 3261 §7.3.1), for the parser and for the framing of streams alike, so that both
 * see a message end at the same byte. Private to this room. */
#ifndef SIP_SIP_FIELD_H
#define SIP_SIP_FIELD_H

#include "sip/sip_names.h"
#include "sip/sip_scan.h"

enum sip_field_flaw {
  SIP_FIELD_GOOD,
  SIP_FIELD_NAMELESS,   /* does not begin with a token and a colon */
  SIP_FIELD_BARE_CR_LF, /* holds a CR or LF that is no part of a fold */
  SIP_FIELD_UNENDED,    /* the bytes end before its line does */
};

struct sip_field {
  enum sip_header header;
  struct str_view name;
  struct str_view value; /* without blanks at its ends, folds inside */
  enum sip_field_flaw flaw;
  const char *flaw_at;
};

/* The end of the line at which `scan` stands, folds included; notes what is wrong with it. */
const char *sip_field_take_lines(struct sip_scan *scan, struct sip_field *field);

/* header-name HCOLON; only a name that is not known has to be looked at byte by byte. */
static inline bool sip_field_read_name(const char *start, const char *colon, struct sip_field *field) {
  while (colon > start && (colon[-1] == ' ' || colon[-1] == '\t'))
    colon--;
  field->name = sip_view_between(start, colon);
  field->header = sip_header_from_name(field->name);
  return field->header != SIP_HEADER_OTHER || (colon > start && sip_skip(start, colon, SIP_TOKEN) == colon);
}

/* Reads the field at which `scan` stands, or skips what is none to the end of its line. False at the empty line, which
 * is skipped, and at the end of the bytes. Inlined: each message comes through here some fifteen times. */
static inline bool sip_field_next(struct sip_scan *scan, struct sip_field *field_out) {
  const char *start = scan->at, *end = scan->end;
  if (start == end) return false;
  if (end - start >= 2 && start[0] == '\r' && start[1] == '\n') {
    scan->at += 2;
    return false;
  }
  const char *cr = memchr(start, '\r', (size_t)(end - start));
  bool is_plain = cr && end - cr > 2 && cr[1] == '\n' && cr[2] != ' ' && cr[2] != '\t' && cr > start &&
                  !memchr(start, '\n', (size_t)(cr - start));
  field_out->flaw = SIP_FIELD_GOOD;
  field_out->flaw_at = NULL;
  if (is_plain)
    scan->at = cr + 2;
  else
    cr = sip_field_take_lines(scan, field_out);
  const char *colon = cr > start ? memchr(start, ':', (size_t)(cr - start)) : NULL;
  if (!colon || !sip_field_read_name(start, colon, field_out)) {
    field_out->flaw = SIP_FIELD_NAMELESS;
    field_out->flaw_at = start;
    return true;
  }
  field_out->value = sip_trim(sip_view_between(colon + 1, cr));
  return true;
}

/* The line at which `scan` stands, without its CR LF, up to the end of the bytes when there is none. */
struct str_view sip_field_take_line(struct sip_scan *scan);

#endif
