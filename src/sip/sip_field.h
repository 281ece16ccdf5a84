/* One header field after another (RFC 3261 §7.3.1), for the parser and for the framing of streams alike, so that both
 * see a message end at the same byte. Private to this room. */
#ifndef SIP_SIP_FIELD_H
#define SIP_SIP_FIELD_H

#include "sip/sip_scan.h"

enum sip_field_flaw {
  SIP_FIELD_GOOD,
  SIP_FIELD_NAMELESS,   /* does not begin with a token and a colon */
  SIP_FIELD_BARE_CR_LF, /* holds a CR or LF that is no part of a fold */
  SIP_FIELD_UNENDED,    /* the bytes end before its line does */
};

struct sip_field {
  struct str_view name;
  struct str_view value; /* without blanks at its ends, folds inside */
  enum sip_field_flaw flaw;
  const char *flaw_at;
};

/* Reads the field at which `scan` stands, or skips what is none to the end of its line. False at the empty line, which
 * is skipped, and at the end of the bytes. */
bool sip_field_next(struct sip_scan *scan, struct sip_field *field_out);

/* The line at which `scan` stands, without its CR LF, up to the end of the bytes when there is none. */
struct str_view sip_field_take_line(struct sip_scan *scan);

#endif
