/* Reading a name-addr and its tag in one go. Private to this room. */
#ifndef SIP_SIP_NAME_ADDR_H
#define SIP_SIP_NAME_ADDR_H

#include "sip/sip_uri.h"

/* As sip_name_addr_parse; `*tag_out` is the value of the tag parameter, with data NULL when there is none. */
enum result sip_name_addr_read(struct str_view text, struct sip_name_addr *name_addr_out,
                               struct str_view *tag_out) MUST_USE;

#endif
