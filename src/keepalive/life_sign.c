#include "keepalive/life_sign.h"

#include "keepalive/stun_binding.h"

/* As long as SS_SIP_NAT_KEEP_ALIVE_MESSAGE may be, so that another switch's keep-alive is known as one. */
#define LIFE_SIGN_TEXT_MAX 512

static bool is_line_break(uint8_t byte) {
  return byte == '\r' || byte == '\n';
}

static bool is_blank(uint8_t byte) {
  return is_line_break(byte) || byte == 0 || byte == ' ' || byte == '\t';
}

static bool all_bytes(struct str_view text, bool (*is_such)(uint8_t byte)) {
  for (size_t i = 0; i < text.length; i++)
    if (!is_such((uint8_t)text.data[i])) return false;
  return true;
}

static bool is_text(uint8_t byte) {
  return is_blank(byte) || (byte >= 0x20 && byte != 0x7F);
}

/* Each SIP message names its version in its start line, in any case (RFC 3261 §7.1, §7.2); a broken version belongs to
 * the parser all the same, which answers 505. */
static bool names_sip(struct str_view text) {
  for (size_t slash = str_view_find(text, '/'); slash < text.length;) {
    if (slash >= 3 && str_view_equal_nocase(str_view_slice(text, slash - 3, 3), STR_VIEW("SIP"))) return true;
    slash += 1 + str_view_find(str_view_from(text, slash + 1), '/');
  }
  return false;
}

enum life_sign life_sign_read(struct str_view datagram, const struct address *source, struct text_builder *reply) {
  if (datagram.length <= 1) return LIFE_SIGN_PING;
  uint8_t first = (uint8_t)datagram.data[0];
  /* The quick way out for nearly all that comes: a start line begins with a letter, and is longer than any life sign.
   */
  if (datagram.length > LIFE_SIGN_TEXT_MAX && first > ' ') return LIFE_SIGN_NONE;
  if (all_bytes(datagram, is_blank)) {
    /* RFC 5626 §4.4.1 knows the ping over streams only; devices send it over UDP too and wait for the pong. */
    if (all_bytes(datagram, is_line_break) && str_view_starts_with(datagram, STR_VIEW("\r\n\r\n")))
      text_builder_add_literal(reply, "\r\n");
    return str_view_equal(datagram, STR_VIEW("\r\n")) ? LIFE_SIGN_PONG : LIFE_SIGN_PING;
  }
  /* The two zero bits in front tell STUN from SIP (RFC 8489 §5): no letter has them. */
  if (first < 0x40 && stun_binding_read(datagram, source, reply)) return LIFE_SIGN_PING;
  bool is_word = datagram.length <= LIFE_SIGN_TEXT_MAX && !names_sip(datagram) && all_bytes(datagram, is_text);
  return is_word ? LIFE_SIGN_PING : LIFE_SIGN_NONE;
}
