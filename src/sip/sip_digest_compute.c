#include "sip/sip_digest_compute.h"

#include "sip/md5.h"
#include "sip/sha256.h"

static struct sip_digest_hex to_hex(const uint8_t *hash, size_t hash_bytes) {
  struct sip_digest_hex hex = {.length = (uint8_t)(hash_bytes * 2)};
  struct text_builder text = text_builder_over(hex.text, sizeof hex.text);
  text_builder_add_hex_bytes(&text, str_view_of((const char *)hash, hash_bytes));
  return hex;
}

static struct sip_digest_hex hash_md5(const struct str_view *parts, unsigned part_count) {
  struct md5 md5;
  uint8_t hash[MD5_BYTES];
  md5_init(&md5);
  for (unsigned i = 0; i < part_count; i++) {
    if (i) md5_add(&md5, STR_VIEW(":"));
    md5_add(&md5, parts[i]);
  }
  md5_finish(&md5, hash);
  return to_hex(hash, sizeof hash);
}

static struct sip_digest_hex hash_sha256(const struct str_view *parts, unsigned part_count) {
  struct sha256 sha256;
  uint8_t hash[SHA256_BYTES];
  sha256_init(&sha256);
  for (unsigned i = 0; i < part_count; i++) {
    if (i) sha256_add(&sha256, STR_VIEW(":"));
    sha256_add(&sha256, parts[i]);
  }
  sha256_finish(&sha256, hash);
  return to_hex(hash, sizeof hash);
}

struct sip_digest_hex sip_digest_hash(enum sip_digest_algorithm algorithm, const struct str_view *parts,
                                      unsigned part_count) {
  switch (algorithm) {
  case SIP_DIGEST_MD5: return hash_md5(parts, part_count);
  case SIP_DIGEST_SHA256: return hash_sha256(parts, part_count);
  case SIP_DIGEST_UNKNOWN: break;
  }
  return (struct sip_digest_hex){0};
}

struct sip_digest_hex sip_digest_ha1(enum sip_digest_algorithm algorithm, struct str_view user, struct str_view realm,
                                     struct str_view password) {
  return sip_digest_hash(algorithm, (const struct str_view[]){user, realm, password}, 3);
}

struct sip_digest_hex sip_digest_ha2(enum sip_digest_algorithm algorithm, struct str_view method, struct str_view uri) {
  return sip_digest_hash(algorithm, (const struct str_view[]){method, uri}, 2);
}

static struct sip_digest_hex response_of(const struct sip_digest *digest, struct str_view ha1_hex,
                                         struct str_view ha2_hex) {
  if (digest->qop.length == 0)
    return sip_digest_hash(digest->algorithm, (const struct str_view[]){ha1_hex, digest->nonce, ha2_hex}, 3);
  const struct str_view parts[] = {ha1_hex,        digest->nonce, digest->nonce_count_text,
                                   digest->cnonce, digest->qop,   ha2_hex};
  return sip_digest_hash(digest->algorithm, parts, sizeof parts / sizeof parts[0]);
}

struct sip_digest_hex sip_digest_response(const struct sip_digest *digest, struct str_view ha1_hex,
                                          struct str_view method) {
  struct sip_digest_hex ha2 = sip_digest_ha2(digest->algorithm, method, digest->uri);
  return response_of(digest, ha1_hex, str_view_of(ha2.text, ha2.length));
}

/* Takes the same time wherever the first difference is. */
static bool same_in_constant_time(struct str_view a, struct str_view b) {
  unsigned difference = 0;
  if (a.length != b.length) return false;
  for (size_t i = 0; i < a.length; i++)
    difference |= (unsigned)(a.data[i] ^ b.data[i]);
  return difference == 0;
}

bool sip_digest_matches_ha2(const struct sip_digest *digest, struct str_view ha1_hex, struct str_view ha2_hex) {
  bool has_qop = digest->qop.length > 0;
  if (digest->algorithm == SIP_DIGEST_UNKNOWN) return false;
  if (has_qop && !str_view_equal_nocase(digest->qop, STR_VIEW("auth"))) return false;
  if (has_qop && (!digest->has_nonce_count || digest->cnonce.length == 0)) return false;
  struct sip_digest_hex right = response_of(digest, ha1_hex, ha2_hex);
  return same_in_constant_time(digest->response, str_view_of(right.text, right.length));
}

bool sip_digest_matches(const struct sip_digest *digest, struct str_view ha1_hex, struct str_view method) {
  struct sip_digest_hex ha2 = sip_digest_ha2(digest->algorithm, method, digest->uri);
  return sip_digest_matches_ha2(digest, ha1_hex, str_view_of(ha2.text, ha2.length));
}
