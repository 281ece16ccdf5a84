/* Reading challenges and credentials of the Digest scheme (RFC 3261 §22.4, RFC 7616 §3.3 and §3.4, RFC 8760 §2.7). */
#include "sip/sip_header_values.h"
#include "sip/sip_scan.h"

struct credentials {
  struct sip_digest *digest;
  struct str_view algorithm;
  struct str_view stale;
};

/* Where a parameter's text goes; NULL for one that has no meaning here. */
static struct str_view *place_of(struct credentials *credentials, struct str_view name) {
  struct sip_digest *digest = credentials->digest;
  const struct {
    struct str_view name;
    struct str_view *place;
  } rows[] = {
      {STR_VIEW_LITERAL("username"), &digest->username},
      {STR_VIEW_LITERAL("realm"), &digest->realm},
      {STR_VIEW_LITERAL("nonce"), &digest->nonce},
      {STR_VIEW_LITERAL("uri"), &digest->uri},
      {STR_VIEW_LITERAL("response"), &digest->response},
      {STR_VIEW_LITERAL("cnonce"), &digest->cnonce},
      {STR_VIEW_LITERAL("opaque"), &digest->opaque},
      {STR_VIEW_LITERAL("qop"), &digest->qop},
      {STR_VIEW_LITERAL("nc"), &digest->nonce_count_text},
      {STR_VIEW_LITERAL("domain"), &digest->domain},
      {STR_VIEW_LITERAL("algorithm"), &credentials->algorithm},
      {STR_VIEW_LITERAL("stale"), &credentials->stale},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (str_view_equal_nocase(name, rows[i].name)) return rows[i].place;
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
  struct credentials credentials = {.digest = out};
  *out = (struct sip_digest){0};
  struct str_view scheme = sip_scan_while(&scan, SIP_TOKEN);
  if (scheme.length == 0) return RESULT_MALFORMED;
  if (!str_view_equal_nocase(scheme, STR_VIEW("Digest"))) return RESULT_UNSUPPORTED;
  if (sip_scan_at_end(&scan) || !sip_is(*scan.at, SIP_BLANK)) return RESULT_MALFORMED;
  if (!scan_parameters(&scan, &credentials) || !read_nonce_count(out)) return RESULT_MALFORMED;
  out->algorithm = algorithm_of(credentials.algorithm);
  out->stale = str_view_equal_nocase(credentials.stale, STR_VIEW("true"));
  return RESULT_OK;
}
