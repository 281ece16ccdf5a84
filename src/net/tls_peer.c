#include "net/tls_peer.h"

#include <openssl/x509v3.h>

static struct str_view view_of(const ASN1_STRING *text) {
  return str_view_of((const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
}

/* Host names compare without case (RFC 4343); one with a NUL inside equals nothing. */
static bool is_same_domain(struct str_view a, struct str_view b) {
  if (a.length > 0 && a.data[a.length - 1] == '.') a.length--;
  if (b.length > 0 && b.data[b.length - 1] == '.') b.length--;
  return a.length > 0 && str_view_equal_nocase(a, b);
}

/* The host of "sip:example.com"; empty when the URI is no SIP domain identity. */
static struct str_view domain_of_uri(struct str_view uri) {
  if (!str_view_starts_with_nocase(uri, STR_VIEW("sip:"))) return (struct str_view){0};
  struct str_view host = str_view_from(uri, 4);
  if (str_view_find(host, '@') < host.length) return (struct str_view){0};
  host = str_view_slice(host, 0, str_view_find(host, ';'));
  return str_view_slice(host, 0, str_view_find(host, ':'));
}

/* Looks among the names of one kind; `*any_out`: there was a SIP domain identity at all. */
static bool has_name(const GENERAL_NAMES *names, int kind, struct str_view domain, bool *any_out) {
  bool is_found = false;
  *any_out = false;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    if (name->type != kind) continue;
    struct str_view text = view_of(kind == GEN_URI ? name->d.uniformResourceIdentifier : name->d.dNSName);
    if (kind == GEN_URI) text = domain_of_uri(text);
    *any_out = *any_out || text.length > 0;
    is_found = is_found || is_same_domain(text, domain);
  }
  return is_found;
}

static bool has_common_name(X509 *certificate, struct str_view domain) {
  const X509_NAME *subject = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
    if (is_same_domain(view_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))), domain)) return true;
  return false;
}

bool tls_peer_has_domain(X509 *certificate, struct str_view domain) {
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  if (!names) return has_common_name(certificate, domain);
  bool has_uris, has_hosts;
  bool is_found = has_name(names, GEN_URI, domain, &has_uris);
  if (!has_uris) is_found = has_name(names, GEN_DNS, domain, &has_hosts);
  GENERAL_NAMES_free(names);
  return is_found;
}

bool tls_peer_has_address(X509 *certificate, const struct address *address) {
  return X509_check_ip(certificate, address->ip, address->family == ADDRESS_IPV4 ? 4 : 16, 0) == 1;
}
