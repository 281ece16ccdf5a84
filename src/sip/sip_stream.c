#include "sip/sip_stream.h"

#include "sip/sip_field.h"

/* `*searched` says one of two things: how far no end of the headers was found, or, with this bit, how long the message
 * is. */
#define LENGTH_KNOWN 0x80000000u

/* What stands between messages: CR LF twice is a ping that wants its pong, once is a pong; zero bytes are sent by
 * devices that keep a NAT binding alive in their own way. */
static enum sip_frame frame_life_sign(struct str_view bytes, uint32_t *length_out) {
  static const char ping[4] = "\r\n\r\n";
  if (bytes.data[0] == '\0') {
    while (*length_out < bytes.length && bytes.data[*length_out] == '\0')
      ++*length_out;
    return SIP_FRAME_PONG;
  }
  size_t same = 0;
  while (same < 4 && same < bytes.length && bytes.data[same] == ping[same])
    same++;
  if (same == 4) {
    *length_out = 4;
    return SIP_FRAME_PING;
  }
  /* A lone CR LF at the end of what came is taken as a pong; behind it the second half of a ping may be under way,
   * which whoever reads the stream has to remember. */
  if (same == bytes.length && same != 2) return SIP_FRAME_INCOMPLETE;
  if (same < 2) return SIP_FRAME_BROKEN;
  *length_out = 2;
  return SIP_FRAME_PONG;
}

/* The bytes of body that Content-Length announces, false when it is missing, no number or there twice: where this
 * message ends and the next begins is then unknown (RFC 3261 §18.3, RFC 4475 §3.3.9). */
static bool content_length(struct str_view headers, uint32_t *length_out) {
  struct sip_scan scan = sip_scan_of(headers), digits;
  struct sip_field field;
  unsigned count = 0;
  bool cut;
  (void)sip_field_take_line(&scan, &cut);
  while (sip_field_next(&scan, &field)) {
    if (field.flaw == SIP_FIELD_NAMELESS || field.header != SIP_HEADER_CONTENT_LENGTH) continue;
    digits = sip_scan_of(field.value);
    count++;
    if (!sip_scan_u32(&digits, length_out, &cut) || !sip_scan_at_end(&digits)) return false;
  }
  return count == 1;
}

/* Looks for the empty line from where the last look ended, and keeps the length of the message once it is known. */
static enum sip_frame find_length(struct str_view bytes, uint32_t *searched) {
  size_t from = *searched < bytes.length ? *searched : 0;
  const char *end = memmem(bytes.data + from, bytes.length - from, "\r\n\r\n", 4);
  if (!end) {
    *searched = bytes.length > 3 ? (uint32_t)bytes.length - 3 : 0;
    return bytes.length > SIP_MESSAGE_BYTES_MAX ? SIP_FRAME_BROKEN : SIP_FRAME_INCOMPLETE;
  }
  uint32_t header_length = (uint32_t)(end + 4 - bytes.data), body_length;
  if (header_length > SIP_MESSAGE_BYTES_MAX) return SIP_FRAME_BROKEN;
  if (!content_length(str_view_of(bytes.data, header_length), &body_length)) return SIP_FRAME_BROKEN;
  if (body_length > SIP_MESSAGE_BYTES_MAX - header_length) return SIP_FRAME_BROKEN;
  *searched = LENGTH_KNOWN | (header_length + body_length);
  return SIP_FRAME_MESSAGE;
}

enum sip_frame sip_stream_frame(struct str_view bytes, uint32_t *searched, uint32_t *length_out) {
  *length_out = 0;
  if (bytes.length == 0) return SIP_FRAME_INCOMPLETE;
  if (*searched == 0) {
    if (bytes.data[0] == '\r' || bytes.data[0] == '\0') return frame_life_sign(bytes, length_out);
    /* Whoever speaks TLS or HTTP/2 here is sent away at the first byte. */
    if (!sip_is(bytes.data[0], SIP_TOKEN)) return SIP_FRAME_BROKEN;
  }
  if (!(*searched & LENGTH_KNOWN)) {
    enum sip_frame frame = find_length(bytes, searched);
    if (frame != SIP_FRAME_MESSAGE) return frame;
  }
  uint32_t length = *searched & ~LENGTH_KNOWN;
  if (length > bytes.length) return SIP_FRAME_INCOMPLETE;
  *length_out = length;
  *searched = 0;
  return SIP_FRAME_MESSAGE;
}
