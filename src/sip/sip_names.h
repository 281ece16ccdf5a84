/* The words SIP has names for, as the parser needs them. Private to this room. */
#ifndef SIP_SIP_NAMES_H
#define SIP_SIP_NAMES_H

#include "sip/sip_message.h"

/* How a header field's values relate to its fields. */
enum sip_header_form {
  SIP_LIST, /* commas separate values; the field may be repeated */
  SIP_ROWS, /* one value a field, commas belong to it; the field may be repeated */
  SIP_ONCE, /* one value, one field */
};

/* A name as it stands in a message, long or compact, without case. */
enum sip_header sip_header_from_name(struct str_view name);

enum sip_header_form sip_header_form(enum sip_header header);

#endif
