#include "sip/sip_uri.h"

#include "sip/sip_scan.h"

static bool scan_uri_parameters(struct sip_scan *scan, struct str_view *parameters_out) {
  const char *start = scan->at + 1;
  bool any = false;
  while (sip_scan_byte(scan, ';')) {
    const char *name = scan->at;
    if (!sip_scan_escaped(scan, SIP_URI_PARAMETER) || scan->at == name) return false;
    /* An empty value ("lr=") is against the grammar and common. */
    if (sip_scan_byte(scan, '=') && !sip_scan_escaped(scan, SIP_URI_PARAMETER)) return false;
    any = true;
  }
  if (any) *parameters_out = sip_view_between(start, scan->at);
  return true;
}

/* headers = "?" header *( "&" header ); header = hname "=" hvalue. '=' and '&' are taken with the rest first. */
static bool scan_uri_headers(struct sip_scan *scan, struct str_view *headers_out) {
  if (!sip_scan_byte(scan, '?')) return true;
  const char *start = scan->at;
  if (!sip_scan_escaped(scan, SIP_URI_HEADER)) return false;
  *headers_out = sip_view_between(start, scan->at);
  for (struct str_view rest = *headers_out;;) {
    size_t end = str_view_find(rest, '&');
    struct str_view header = str_view_slice(rest, 0, end);
    size_t equals = str_view_find(header, '=');
    if (equals == 0 || equals == header.length) return false;
    if (end == rest.length) return true;
    rest = str_view_from(rest, end + 1);
  }
}

/* user [":" password] "@", when there is one. A literal '@' can only end the userinfo: everywhere else the grammar
 * wants it escaped. So what begins like a user and ends elsewhere is a host. */
static bool scan_userinfo(struct sip_scan *scan, struct sip_uri *uri) {
  struct sip_scan ahead = *scan;
  bool escapes_are_good = sip_scan_escaped(&ahead, SIP_USER);
  struct str_view user = sip_view_between(scan->at, ahead.at), password = {0};
  if (escapes_are_good && sip_scan_byte(&ahead, ':')) {
    const char *start = ahead.at;
    escapes_are_good = sip_scan_escaped(&ahead, SIP_PASSWORD);
    password = sip_view_between(start, ahead.at);
  }
  if (!escapes_are_good || !sip_scan_byte(&ahead, '@')) return true;
  uri->user = user;
  uri->password = password;
  *scan = ahead;
  return user.length > 0;
}

static bool parse_sip(struct sip_scan *scan, struct sip_uri *uri) {
  if (!scan_userinfo(scan, uri)) return false;
  if (!sip_scan_host(scan, &uri->host, &uri->host_is_ipv6)) return false;
  if (sip_scan_byte(scan, ':') && !sip_scan_port(scan, &uri->port)) return false;
  return scan_uri_parameters(scan, &uri->parameters) && scan_uri_headers(scan, &uri->headers) && sip_scan_at_end(scan);
}

/* RFC 3966 §3. A local number without phone-context is let through: routing by prefix wants the digits. */
static bool parse_tel(struct sip_scan *scan, struct sip_uri *uri) {
  const char *start = scan->at;
  sip_scan_byte(scan, '+');
  if (sip_scan_while(scan, SIP_TEL).length == 0) return false;
  uri->user = sip_view_between(start, scan->at);
  return scan_uri_parameters(scan, &uri->parameters) && sip_scan_at_end(scan);
}

static bool parse_other(struct sip_scan *scan) {
  const char *start = scan->at;
  return sip_scan_escaped(scan, SIP_ANY_URI) && scan->at != start && sip_scan_at_end(scan);
}

static enum sip_uri_scheme scheme_of(struct str_view text) {
  if (sip_is_word(text, "sip")) return SIP_URI_SIP;
  if (sip_is_word(text, "sips")) return SIP_URI_SIPS;
  if (sip_is_word(text, "tel")) return SIP_URI_TEL;
  return SIP_URI_OTHER;
}

/* ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) */
static bool is_scheme(struct str_view text) {
  if (text.length == 0 || !sip_is(text.data[0], SIP_HOST) || sip_is(text.data[0], SIP_DIGIT)) return false;
  for (size_t i = 0; i < text.length; i++)
    if ((!sip_is(text.data[i], SIP_HOST) && text.data[i] != '+') || text.data[i] == '_') return false;
  return text.data[0] != '-' && text.data[0] != '.';
}

static bool scan_scheme(struct sip_scan *scan, struct sip_uri *uri) {
  if (scan->end - scan->at >= 4 && sip_same_4(scan->at, "sip:")) { /* nearly always */
    uri->scheme_text = str_view_of(scan->at, 3);
    uri->scheme = SIP_URI_SIP;
    scan->at += 4;
    return true;
  }
  uri->scheme_text = sip_scan_while(scan, SIP_TOKEN);
  uri->scheme = scheme_of(uri->scheme_text);
  if (uri->scheme == SIP_URI_OTHER && !is_scheme(uri->scheme_text)) return false;
  return sip_scan_byte(scan, ':');
}

static bool parse_by_scheme(struct sip_scan *scan, struct sip_uri *uri) {
  switch (uri->scheme) {
  case SIP_URI_SIP:
  case SIP_URI_SIPS: return parse_sip(scan, uri);
  case SIP_URI_TEL: return parse_tel(scan, uri);
  case SIP_URI_OTHER: return parse_other(scan);
  }
  return false;
}

enum result sip_uri_parse(struct str_view text, struct sip_uri *uri_out) {
  struct sip_scan scan = sip_scan_of(text);
  uri_out->text = text;
  uri_out->user = uri_out->password = uri_out->host = (struct str_view){0};
  uri_out->parameters = uri_out->headers = (struct str_view){0};
  uri_out->host_is_ipv6 = false;
  uri_out->port = 0;
  return scan_scheme(&scan, uri_out) && parse_by_scheme(&scan, uri_out) ? RESULT_OK : RESULT_MALFORMED;
}

struct str_view sip_uri_user_plain(const struct sip_uri *uri, struct arena *arena) {
  struct str_view user = str_view_slice(uri->user, 0, str_view_find(uri->user, ';'));
  if (str_view_find(user, '%') == user.length) return user;
  struct text_builder plain = arena_builder(arena, user.length);
  for (size_t i = 0; i < user.length; i++) {
    if (user.data[i] == '%' && i + 2 < user.length) {
      text_builder_add_char(&plain, (char)(sip_hex_value(user.data[i + 1]) << 4 | sip_hex_value(user.data[i + 2])));
      i += 2;
    } else {
      text_builder_add_char(&plain, user.data[i]);
    }
  }
  return plain.overflowed ? (struct str_view){0} : text_builder_view(&plain);
}

enum transport sip_uri_transport(const struct sip_uri *uri) {
  struct str_view value;
  if (uri->scheme == SIP_URI_SIPS) return TRANSPORT_TLS;
  if (!sip_parameter_find(uri->parameters, STR_VIEW("transport"), &value)) return TRANSPORT_NONE;
  return transport_from_name(value);
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

/* Bytes that may stand unescaped in the user part (RFC 3261 §25.1: unreserved, user-unreserved). */
static bool stands_in_user(char byte) {
  static const char marks[] = "-_.!~*'()&=+$,;?/";
  bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  return letter || (byte >= '0' && byte <= '9') || (byte != 0 && memchr(marks, byte, sizeof marks - 1));
}

static void add_user(struct text_builder *builder, struct str_view user) {
  static const char digits[] = "0123456789ABCDEF";
  for (size_t i = 0; i < user.length; i++) {
    uint8_t byte = (uint8_t)user.data[i];
    if (stands_in_user(user.data[i])) {
      text_builder_add_char(builder, user.data[i]);
      continue;
    }
    text_builder_add_char(builder, '%');
    text_builder_add_char(builder, digits[byte >> 4]);
    text_builder_add_char(builder, digits[byte & 15]);
  }
}

void sip_uri_write(struct text_builder *builder, struct str_view user, const struct address *address,
                   enum transport transport) {
  text_builder_add_literal(builder, "sip:");
  add_user(builder, user);
  if (user.length > 0) text_builder_add_char(builder, '@');
  if (address->port == 5060)
    address_ip_to_text(address, builder);
  else
    address_to_text(address, builder);
  if (transport == TRANSPORT_TCP) text_builder_add_literal(builder, ";transport=tcp");
  if (transport == TRANSPORT_TLS) text_builder_add_literal(builder, ";transport=tls");
}
