#include "sip/sip_field.h"

static const char *find(const char *from, const char *end, char byte) {
  return from < end ? memchr(from, byte, (size_t)(end - from)) : NULL;
}

static void note(struct sip_line *line, enum sip_field_flaw flaw, const char *where) {
  if (line->flaw != SIP_FIELD_GOOD) return;
  line->flaw = flaw;
  line->flaw_at = where;
}

/* An LF without its CR. */
static void check_line_feeds(struct sip_line *line, const char *start) {
  for (const char *lf = find(start, line->end, '\n'); lf; lf = find(lf + 1, line->end, '\n'))
    if (lf == start || lf[-1] != '\r') note(line, SIP_FIELD_BARE_CR_LF, lf);
}

struct sip_line sip_field_line(const char *start, const char *end) {
  struct sip_line line = {.end = end, .next = end};
  const char *cr = find(start, end, '\r');
  for (; cr && cr + 1 < end; cr = find(cr + 1, end, '\r')) {
    if (cr[1] != '\n') {
      note(&line, SIP_FIELD_BARE_CR_LF, cr);
    } else if (cr + 2 == end || (cr[2] != ' ' && cr[2] != '\t')) {
      line.end = cr;
      line.next = cr + 2;
      break;
    }
  }
  if (line.end == end) note(&line, SIP_FIELD_UNENDED, start);
  check_line_feeds(&line, start);
  return line;
}

struct str_view sip_field_take_line(struct sip_scan *scan, bool *is_whole_out) {
  const char *start = scan->at, *cr = find(start, scan->end, '\r');
  *is_whole_out = true;
  while (cr && (cr + 1 == scan->end || cr[1] != '\n')) {
    *is_whole_out = false;
    cr = find(cr + 1, scan->end, '\r');
  }
  const char *end = cr ? cr : scan->end;
  scan->at = cr ? cr + 2 : scan->end;
  if (find(start, end, '\n')) *is_whole_out = false;
  return sip_view_between(start, end);
}
