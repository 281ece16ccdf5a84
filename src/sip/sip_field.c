#include "sip/sip_field.h"

static void flaw(struct sip_field *field, enum sip_field_flaw kind, const char *where) {
  if (field->flaw != SIP_FIELD_GOOD) return;
  field->flaw = kind;
  field->flaw_at = where;
}

static const char *find(const char *from, const char *end, char byte) {
  return from < end ? memchr(from, byte, (size_t)(end - from)) : NULL;
}

/* An LF without its CR, or one with it inside a line that is not folded there. */
static void check_line_feeds(struct sip_field *field, const char *start, const char *end) {
  for (const char *lf = find(start, end, '\n'); lf; lf = find(lf + 1, end, '\n'))
    if (lf == start || lf[-1] != '\r') flaw(field, SIP_FIELD_BARE_CR_LF, lf);
}

const char *sip_field_take_lines(struct sip_scan *scan, struct sip_field *field) {
  const char *start = scan->at, *from = start;
  for (;;) {
    const char *cr = find(from, scan->end, '\r');
    if (!cr || cr + 1 == scan->end) {
      flaw(field, SIP_FIELD_UNENDED, start);
      scan->at = scan->end;
      return scan->end;
    }
    from = cr + 1;
    if (cr[1] != '\n') {
      flaw(field, SIP_FIELD_BARE_CR_LF, cr);
    } else if (cr + 2 == scan->end || (cr[2] != ' ' && cr[2] != '\t')) {
      scan->at = cr + 2;
      check_line_feeds(field, start, cr);
      return cr;
    }
  }
}

struct str_view sip_field_take_line(struct sip_scan *scan) {
  const char *start = scan->at;
  for (const char *cr = find(start, scan->end, '\r'); cr; cr = find(cr + 1, scan->end, '\r')) {
    if (cr + 1 == scan->end || cr[1] != '\n') continue;
    scan->at = cr + 2;
    return sip_view_between(start, cr);
  }
  scan->at = scan->end;
  return sip_view_between(start, scan->end);
}
