/* Equality of URIs (RFC 3261 §19.1.4, RFC 3966 §4). */
#include "sip/sip_scan.h"
#include "sip/sip_uri.h"

enum letter_case { CASE_MATTERS, CASE_IGNORED };

/* One character of a URI: the byte, and whether it was an escape of a reserved one, which is not the same as that one
 * bare (RFC 3261 §19.1.4: "Characters other than those in the reserved set are equivalent to their escapes"). -1: the
 * end. */
static int next_character(struct sip_scan *scan, enum letter_case letter_case) {
  static const char reserved[] = ";/?:@&=+$,";
  if (sip_scan_at_end(scan)) return -1;
  unsigned byte = (uint8_t)*scan->at++;
  bool escaped_reserved = false;
  if (byte == '%' && scan->end - scan->at >= 2) {
    byte = sip_hex_value(scan->at[0]) << 4 | sip_hex_value(scan->at[1]);
    scan->at += 2;
    escaped_reserved = byte == '%' || (byte && memchr(reserved, (int)byte, sizeof reserved - 1));
  }
  if (letter_case == CASE_IGNORED && byte >= 'A' && byte <= 'Z') byte |= 0x20;
  return (int)(byte | (escaped_reserved ? 0x100u : 0));
}

static bool same_text(struct str_view a, struct str_view b, enum letter_case letter_case) {
  struct sip_scan scan_a = sip_scan_of(a), scan_b = sip_scan_of(b);
  for (;;) {
    int next_a = next_character(&scan_a, letter_case), next_b = next_character(&scan_b, letter_case);
    if (next_a != next_b) return false;
    if (next_a < 0) return true;
  }
}

/* Text of pairs "name=value" with one byte between them: parameters (';') or headers ('&'). False at the end. */
static bool next_pair(struct sip_scan *scan, char separator, struct str_view *name_out, struct str_view *value_out) {
  if (sip_scan_at_end(scan)) return false;
  struct str_view pair = sip_scan_rest(scan);
  pair.length = str_view_find(pair, separator);
  scan->at += pair.length;
  sip_scan_byte(scan, separator);
  size_t equals = str_view_find(pair, '=');
  *name_out = str_view_slice(pair, 0, equals);
  *value_out = str_view_from(pair, equals + 1);
  return true;
}

/* One side of a comparison: pairs, and what stands between two. */
struct pairs {
  struct str_view text;
  char separator;
};

/* The value of the pair with this name before which `skip` others of that name stand. Names should not repeat (RFC 3261
 * §19.1.1), but some do. */
static bool find_pair(struct pairs pairs, struct str_view wanted, unsigned skip, struct str_view *value_out) {
  struct sip_scan scan = sip_scan_of(pairs.text);
  struct str_view name;
  while (next_pair(&scan, pairs.separator, &name, value_out))
    if (same_text(name, wanted, CASE_IGNORED) && skip-- == 0) return true;
  return false;
}

/* How many pairs before the one at `name` have that name too. */
static unsigned count_before(struct pairs pairs, struct str_view name) {
  struct sip_scan scan = sip_scan_of(pairs.text);
  struct str_view earlier, value;
  unsigned count = 0;
  while (next_pair(&scan, pairs.separator, &earlier, &value) && earlier.data != name.data)
    count += same_text(earlier, name, CASE_IGNORED);
  return count;
}

/* Parameters that never match their absence (RFC 3261 §19.1.4; transport by its examples). */
static bool counts_when_alone(struct str_view name) {
  static const struct str_view names[] = {STR_VIEW_LITERAL("transport"), STR_VIEW_LITERAL("user"),
                                          STR_VIEW_LITERAL("ttl"), STR_VIEW_LITERAL("method"),
                                          STR_VIEW_LITERAL("maddr")};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (same_text(name, names[i], CASE_IGNORED)) return true;
  return false;
}

/* The digits alone: visual separators are taken away before the comparison (RFC 3966 §4). */
static int next_tel_digit(struct sip_scan *scan) {
  while (!sip_scan_at_end(scan)) {
    char byte = *scan->at++;
    if (byte == '-' || byte == '.' || byte == '(' || byte == ')') continue;
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
  }
  return -1;
}

static bool same_number(struct str_view a, struct str_view b) {
  struct sip_scan scan_a = sip_scan_of(a), scan_b = sip_scan_of(b);
  int digit;
  do {
    digit = next_tel_digit(&scan_a);
    if (digit != next_tel_digit(&scan_b)) return false;
  } while (digit >= 0);
  return true;
}

/* In a tel: URI two parameters hold numbers: ext, and phone-context unless it is a domain. */
static bool is_number(const struct sip_uri *uri, struct str_view name, struct str_view value) {
  if (uri->scheme != SIP_URI_TEL) return false;
  if (str_view_equal_nocase(name, STR_VIEW("ext"))) return true;
  return str_view_equal_nocase(name, STR_VIEW("phone-context")) && value.length && value.data[0] == '+';
}

/* Every parameter of `a` against `b`'s: equal where both have it, else one of those that may stand alone. For tel: URIs
 * none may (RFC 3966 §4). */
static bool parameters_match(const struct sip_uri *a, const struct sip_uri *b) {
  struct pairs own = {a->parameters, ';'}, others = {b->parameters, ';'};
  struct sip_scan scan = sip_scan_of(own.text);
  struct str_view name, value, other;
  while (next_pair(&scan, own.separator, &name, &value)) {
    if (!find_pair(others, name, count_before(own, name), &other)) {
      if (a->scheme == SIP_URI_TEL || counts_when_alone(name)) return false;
    } else if (is_number(a, name, value) ? !same_number(value, other) : !same_text(value, other, CASE_IGNORED)) {
      return false;
    }
  }
  return true;
}

static bool headers_match(struct str_view a, struct str_view b) {
  struct pairs own = {a, '&'}, others = {b, '&'};
  struct sip_scan scan = sip_scan_of(a);
  struct str_view name, value, other;
  while (next_pair(&scan, own.separator, &name, &value)) {
    if (!find_pair(others, name, count_before(own, name), &other)) return false;
    if (!same_text(value, other, CASE_IGNORED)) return false;
  }
  return true;
}

/* Comparing pairs costs the square of their number, which a stranger chooses. */
#define PAIRS_MAX 32

static bool has_few_pairs(const struct sip_uri *uri) {
  unsigned count = 0;
  for (size_t i = 0; i < uri->parameters.length; i++)
    count += uri->parameters.data[i] == ';';
  for (size_t i = 0; i < uri->headers.length; i++)
    count += uri->headers.data[i] == '&';
  return count < PAIRS_MAX;
}

static bool sip_equal(const struct sip_uri *a, const struct sip_uri *b) {
  return same_text(a->user, b->user, CASE_MATTERS) && (a->password.data == NULL) == (b->password.data == NULL) &&
         same_text(a->password, b->password, CASE_MATTERS) && a->host_is_ipv6 == b->host_is_ipv6 &&
         same_text(a->host, b->host, CASE_IGNORED) && a->port == b->port && parameters_match(a, b) &&
         parameters_match(b, a) && headers_match(a->headers, b->headers) && headers_match(b->headers, a->headers);
}

static bool tel_equal(const struct sip_uri *a, const struct sip_uri *b) {
  return same_number(a->user, b->user) && parameters_match(a, b) && parameters_match(b, a);
}

bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b) {
  if (a->scheme != b->scheme) return false;
  if (!has_few_pairs(a) || !has_few_pairs(b)) return str_view_equal(a->text, b->text);
  switch (a->scheme) {
  case SIP_URI_SIP:
  case SIP_URI_SIPS: return sip_equal(a, b);
  case SIP_URI_TEL: return tel_equal(a, b);
  case SIP_URI_OTHER: return str_view_equal(a->text, b->text);
  }
  return false;
}
