/* Bodies, as far as a switch looks into them: to find the session description, alone or within multipart (RFC 5621 §3).
 */
#ifndef SIP_SIP_BODY_H
#define SIP_SIP_BODY_H

#include "base/str_view.h"

/* The first part of a body that has this media type ("application/sdp", compared without case and without parameters):
 * all of `body` when `content_type` says so, one of its parts when that says multipart, down to three levels. A view
 * into `body`, so that it can be replaced there; data NULL when there is none. */
struct str_view sip_body_find(struct str_view content_type, struct str_view body, struct str_view media_type);

#endif
