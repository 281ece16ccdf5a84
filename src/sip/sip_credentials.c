#include "sip/sip_credentials.h"

#include "sip/sip_build.h"
#include "sip/sip_digest_compute.h"

#define VALUE_BYTES  2048
#define COUNT_DIGITS 8
#define NONCE_DIGITS 16

/* qop-options is a list between quotes: "auth,auth-int". */
static bool offers_auth(struct str_view options) {
  while (options.length > 0) {
    size_t length = str_view_find(options, ',');
    if (str_view_equal_nocase(str_view_trim(str_view_slice(options, 0, length)), STR_VIEW("auth"))) return true;
    options = str_view_from(options, length + 1);
  }
  return false;
}

static bool is_answerable(const struct sip_digest *challenge, struct str_view realm) {
  if (challenge->algorithm == SIP_DIGEST_UNKNOWN || challenge->nonce.length == 0) return false;
  if (challenge->qop.length > 0 && !offers_auth(challenge->qop)) return false;
  return realm.length == 0 || str_view_equal(realm, challenge->realm);
}

bool sip_credentials_choose(const struct sip_message *response, struct str_view realm, struct sip_digest *challenge_out,
                            struct str_view *value_out) {
  enum sip_header header = response->status == 407 ? SIP_HEADER_PROXY_AUTHENTICATE : SIP_HEADER_WWW_AUTHENTICATE;
  struct sip_value_cursor cursor = {0};
  while (sip_message_next_value(response, header, &cursor, value_out))
    if (sip_digest_parse(*value_out, challenge_out) == RESULT_OK && is_answerable(challenge_out, realm)) return true;
  return false;
}

/* Quoted as it came: what was escaped still is. */
static void add_quoted(struct text_builder *value, struct str_view name, struct str_view text) {
  text_builder_add(value, name);
  text_builder_add_literal(value, "=\"");
  text_builder_add(value, text);
  text_builder_add_char(value, '"');
}

static struct sip_digest answer_to(const struct sip_digest *challenge, const struct sip_credentials *credentials,
                                   char *memory) {
  struct text_builder numbers = text_builder_over(memory, COUNT_DIGITS + NONCE_DIGITS);
  text_builder_add_hex(&numbers, credentials->nonce_count, COUNT_DIGITS);
  text_builder_add_hex(&numbers, credentials->cnonce, NONCE_DIGITS);
  struct sip_digest answer = *challenge;
  answer.username = credentials->user;
  answer.uri = credentials->request_uri;
  answer.qop = challenge->qop.length > 0 ? STR_VIEW("auth") : (struct str_view){0};
  answer.nonce_count_text = str_view_of(memory, COUNT_DIGITS);
  answer.cnonce = str_view_of(memory + COUNT_DIGITS, NONCE_DIGITS);
  return answer;
}

void sip_credentials_write(const struct sip_digest *challenge, const struct sip_credentials *credentials,
                           enum sip_header header, struct text_builder *builder) {
  char numbers[COUNT_DIGITS + NONCE_DIGITS], memory[VALUE_BYTES];
  struct text_builder value = text_builder_over(memory, sizeof memory);
  struct sip_digest answer = answer_to(challenge, credentials, numbers);
  struct sip_digest_hex response = sip_digest_response(&answer, credentials->ha1_hex, credentials->method);
  add_quoted(&value, STR_VIEW("Digest username"), answer.username);
  add_quoted(&value, STR_VIEW(", realm"), answer.realm);
  add_quoted(&value, STR_VIEW(", nonce"), answer.nonce);
  add_quoted(&value, STR_VIEW(", uri"), answer.uri);
  add_quoted(&value, STR_VIEW(", response"), str_view_of(response.text, response.length));
  text_builder_add(&value, answer.algorithm == SIP_DIGEST_SHA256 ? STR_VIEW(", algorithm=SHA-256")
                                                                 : STR_VIEW(", algorithm=MD5"));
  if (answer.opaque.data) add_quoted(&value, STR_VIEW(", opaque"), answer.opaque);
  if (answer.qop.length > 0) {
    add_quoted(&value, STR_VIEW(", cnonce"), answer.cnonce);
    text_builder_add_literal(&value, ", qop=auth, nc=");
    text_builder_add(&value, answer.nonce_count_text);
  }
  if (value.overflowed)
    builder->overflowed = true;
  else
    sip_build_header(builder, header, text_builder_view(&value));
}
