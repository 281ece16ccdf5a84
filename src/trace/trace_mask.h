/* Copies messages with what nobody may read masked: each such byte becomes '*', so that every length stays true.
 *
 * In Authorization and Proxy-Authorization of requests: every value but username, realm, uri, algorithm, qop and nc; of
 * a scheme other than Digest everything. In session descriptions: the keys of a=crypto, a=key-mgmt and k= (RFC 4568,
 * RFC 4567). Looked for in all of the bytes, in whatever part of a message they stand. */
#ifndef TRACE_TRACE_MASK_H
#define TRACE_TRACE_MASK_H

#include "base/str_view.h"

/* `place` has room for `bytes`. What is secret is never written there, not even for a moment. */
void trace_mask_copy(struct str_view bytes, char *place);

#endif
