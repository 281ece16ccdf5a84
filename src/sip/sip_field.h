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

/* A line with its folds, and the first thing wrong with it. */
struct sip_line {
  const char *end;  /* its CR, or the end of the bytes */
  const char *next; /* behind its LF, or the end of the bytes */
  enum sip_field_flaw flaw;
  const char *flaw_at;
};

/* The line at `start`, byte by byte to the letter; `start` is before `end`. */
struct sip_line sip_field_line(const char *start, const char *end) __attribute__((cold));

/* Reads the field at which `scan` stands, or skips what is none to the end of its line. False at the empty line, which
 * is skipped, and at the end of the bytes. Inlined, since each message comes through here some fifteen times; for the
 * same reason nothing here hands out a pointer to `scan` or the field. */
static inline bool sip_field_next(struct sip_scan *scan, struct sip_field *field_out) {
  const char *start = scan->at, *end = scan->end;
  if (start == end) return false;
  const char *cr = memchr(start, '\r', (size_t)(end - start));
  field_out->flaw = SIP_FIELD_GOOD;
  /* The usual line: behind it neither a fold nor the end of the bytes, no LF in it, and it is not empty. */
  if (cr && end - cr > 2 && cr[1] == '\n' && ((uint8_t)cr[2] > ' ' || cr[2] == '\r') && cr > start &&
      !memchr(start, '\n', (size_t)(cr - start))) {
    scan->at = cr + 2;
  } else if (cr == start && end - cr >= 2 && cr[1] == '\n') {
    scan->at = cr + 2;
    return false;
  } else {
    struct sip_line line = sip_field_line(start, end);
    scan->at = line.next;
    cr = line.end;
    field_out->flaw = line.flaw;
    field_out->flaw_at = line.flaw_at;
  }
  const char *name_end = sip_skip(start, cr, SIP_TOKEN), *colon = name_end;
  while (colon < cr && (*colon == ' ' || *colon == '\t'))
    colon++;
  if (colon == cr || *colon != ':' || name_end == start) {
    field_out->flaw = SIP_FIELD_NAMELESS;
    field_out->flaw_at = start;
    return true;
  }
  field_out->name = sip_view_between(start, name_end);
  field_out->header = sip_header_from_name(field_out->name);
  field_out->value = sip_trim(sip_view_between(colon + 1, cr));
  return true;
}

/* The line at which `scan` stands, without its CR LF, up to the end of the bytes when there is none. `*is_whole_out` is
 * false when it holds a CR or LF itself. */
struct str_view sip_field_take_line(struct sip_scan *scan, bool *is_whole_out);

#endif
