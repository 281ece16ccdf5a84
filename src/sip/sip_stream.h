/* Where a message ends in a stream (RFC 3261 §18.3, §7.5): framed by Content-Length. */
#ifndef SIP_SIP_STREAM_H
#define SIP_SIP_STREAM_H

#include "base/result.h"
#include "base/str_view.h"

enum sip_frame {
  SIP_FRAME_INCOMPLETE, /* wait for more */
  SIP_FRAME_MESSAGE,    /* the first `*length_out` bytes are one message */
  SIP_FRAME_PING,       /* CRLFCRLF: answer with CRLF (RFC 5626 §3.5.1); `*length_out` bytes of it */
  SIP_FRAME_PONG,       /* CRLF or other life signs between messages, skip `*length_out` bytes */
  SIP_FRAME_BROKEN,     /* no Content-Length, a broken one, or beyond the limits: answer if possible, close */
};

/* `searched` is where an earlier call with fewer bytes stopped looking for the end of headers; kept by the caller, 0 at
 * the start of each message, so that a slow sender costs no repeated scanning. */
enum sip_frame sip_stream_frame(struct str_view bytes, uint32_t *searched, uint32_t *length_out);

#endif
