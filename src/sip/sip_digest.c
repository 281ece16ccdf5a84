/* Reading challenges and credentials of the Digest scheme (RFC 3261 §22.4, RFC 7616 §3.3 and §3.4, RFC 8760 §2.7). */
#include "sip/sip_header_values.h"
#include "sip/sip_scan.h"

struct credentials {
  struct sip_digest digest;
  struct str_view algorithm;
  struct str_view stale;
};

#define ROW(text, member)                                                                                              \
  { STR_VIEW_LITERAL(text), offsetof(struct credentials, member) }

/* Where a parameter's text goes. */
static const struct {
  struct str_view name;
  size_t offset;
} rows[] = {
    ROW("username", digest.username), ROW("realm", digest.realm),       ROW("nonce", digest.nonce),
    ROW("uri", digest.uri),           ROW("response", digest.response), ROW("cnonce", digest.cnonce),
    ROW("opaque", digest.opaque),     ROW("qop", digest.qop),           ROW("nc", digest.nonce_count_text),
    ROW("domain", digest.domain),     ROW("algorithm", algorithm),      ROW("stale", stale),
};

/* NULL for a parameter that has no meaning here. `name` is not empty; its first letter and its length tell most rows
 * apart. */
static struct str_view *place_of(struct credentials *credentials, struct str_view name) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (rows[i].name.length == name.length && rows[i].name.data[0] == (name.data[0] | 0x20) &&
        str_view_equal_nocase(name, rows[i].name))
      return (struct str_view *)(void *)((char *)credentials + rows[i].offset);
  return NULL;
}

/* auth-param: token EQUAL (token / quoted-string). Quotes around any value, and none around any, are tolerated: phones
 * differ. A second value of a name would mean that two readers may see two users: refused. */
static bool scan_parameter(struct sip_scan *scan, struct credentials *credentials) {
  struct str_view name = sip_scan_while(scan, SIP_TOKEN), value;
  sip_scan_blanks(scan);
  if (name.length == 0 || !sip_scan_byte(scan, '=')) return false;
  sip_scan_blanks(scan);
  const char *start = scan->at;
  if (!sip_scan_at_end(scan) && *scan->at == '"') {
    if (!sip_scan_quoted(scan)) return false;
    value = sip_unquoted(sip_view_between(start, scan->at));
  } else {
    value = sip_scan_while(scan, SIP_VALUE);
    if (value.length == 0) return false;
  }
  sip_scan_blanks(scan);
  struct str_view *place = place_of(credentials, name);
  if (place && place->data) return false;
  if (place) *place = value;
  return true;
}

static bool scan_parameters(struct sip_scan *scan, struct credentials *credentials) {
  do {
    sip_scan_blanks(scan);
    if (!scan_parameter(scan, credentials)) return false;
  } while (sip_scan_byte(scan, ','));
  return sip_scan_at_end(scan);
}

static enum sip_digest_algorithm algorithm_of(struct str_view name) {
  if (name.data == NULL || str_view_equal_nocase(name, STR_VIEW("MD5"))) return SIP_DIGEST_MD5;
  return str_view_equal_nocase(name, STR_VIEW("SHA-256")) ? SIP_DIGEST_SHA256 : SIP_DIGEST_UNKNOWN;
}

/* nc-value = 8LHEX. */
static bool read_nonce_count(struct sip_digest *digest) {
  struct str_view text = digest->nonce_count_text;
  if (text.data == NULL) return true;
  if (text.length != 8) return false;
  for (size_t i = 0; i < text.length; i++) {
    if (!sip_is(text.data[i], SIP_HEX)) return false;
    digest->nonce_count = digest->nonce_count << 4 | sip_hex_value(text.data[i]);
  }
  digest->has_nonce_count = true;
  return true;
}

enum result sip_digest_parse(struct str_view value, struct sip_digest *out) {
  struct sip_scan scan = sip_scan_of(sip_trim(value));
  struct credentials credentials = {0};
  *out = (struct sip_digest){0};
  struct str_view scheme = sip_scan_while(&scan, SIP_TOKEN);
  if (scheme.length == 0) return RESULT_MALFORMED;
  if (!str_view_equal_nocase(scheme, STR_VIEW("Digest"))) return RESULT_UNSUPPORTED;
  if (sip_scan_at_end(&scan) || !sip_is(*scan.at, SIP_BLANK)) return RESULT_MALFORMED;
  if (!scan_parameters(&scan, &credentials) || !read_nonce_count(&credentials.digest)) return RESULT_MALFORMED;
  *out = credentials.digest;
  out->algorithm = algorithm_of(credentials.algorithm);
  out->stale = str_view_equal_nocase(credentials.stale, STR_VIEW("true"));
  return RESULT_OK;
}
