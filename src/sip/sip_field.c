#include "sip/sip_field.h"

static void flaw(struct sip_field *field, enum sip_field_flaw kind, const char *where) {
  if (field->flaw != SIP_FIELD_GOOD) return;
  field->flaw = kind;
  field->flaw_at = where;
}

static const char *find(const char *from, const char *end, char byte) {
  return from < end ? memchr(from, byte, (size_t)(end - from)) : NULL;
}

/* An LF without its CR, or one with it inside a value that is not folded there. */
static void check_line_feeds(struct sip_field *field, const char *start, const char *end) {
  for (const char *lf = find(start, end, '\n'); lf; lf = find(lf + 1, end, '\n'))
    if (lf == start || lf[-1] != '\r') flaw(field, SIP_FIELD_BARE_CR_LF, lf);
}

/* The value up to the CR LF that no blank follows. */
static struct str_view take_value(struct sip_scan *scan, struct sip_field *field) {
  const char *start = scan->at, *from = start;
  for (;;) {
    const char *cr = find(from, scan->end, '\r');
    if (!cr || cr + 1 == scan->end) {
      flaw(field, SIP_FIELD_UNENDED, start);
      scan->at = scan->end;
      return sip_view_between(start, scan->end);
    }
    from = cr + 1;
    if (cr[1] != '\n') {
      flaw(field, SIP_FIELD_BARE_CR_LF, cr);
    } else if (cr + 2 == scan->end || (cr[2] != ' ' && cr[2] != '\t')) {
      scan->at = cr + 2;
      check_line_feeds(field, start, cr);
      return sip_view_between(start, cr);
    }
  }
}

bool sip_field_next(struct sip_scan *scan, struct sip_field *field_out) {
  if (scan->end - scan->at >= 2 && scan->at[0] == '\r' && scan->at[1] == '\n') {
    scan->at += 2;
    return false;
  }
  if (sip_scan_at_end(scan)) return false;
  field_out->flaw = SIP_FIELD_GOOD;
  field_out->flaw_at = NULL;
  field_out->name = sip_scan_while(scan, SIP_TOKEN);
  while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t'))
    scan->at++;
  if (field_out->name.length == 0 || !sip_scan_byte(scan, ':'))
    flaw(field_out, SIP_FIELD_NAMELESS, field_out->name.data);
  field_out->value = sip_trim(take_value(scan, field_out));
  return true;
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
