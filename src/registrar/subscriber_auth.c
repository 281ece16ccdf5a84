/* Digest by RFC 7616 and RFC 8760 for everyone who claims to be a phone. What a stranger learns is the same for every
 * user name, known or not, and takes the same time: a response is always computed, for an unknown user with an H(A1)
 * that nobody can know.
 *
 * A wrong answer counts when it was made for a nonce that we gave to this very source address. Any other nonce is not
 * even tried, so that nobody can have someone else suspended by writing his address into datagrams. */
#include "boundary/security_line.h"
#include "parameters/parameters.h"
#include "registrar/registrar_private.h"
#include "sip/sip_build.h"
#include "sip/sip_digest_compute.h"
#include "sip/sip_header_values.h"

#define CHALLENGE_LINE_MARGIN 192

/* In the order in which challenges are written; SIP_DIGEST_UNKNOWN ends a row. */
static const enum sip_digest_algorithm algorithms_of_choice[][3] = {
    [DIGEST_MD5_SHA256] = {SIP_DIGEST_MD5, SIP_DIGEST_SHA256, SIP_DIGEST_UNKNOWN},
    [DIGEST_SHA256_MD5] = {SIP_DIGEST_SHA256, SIP_DIGEST_MD5, SIP_DIGEST_UNKNOWN},
    [DIGEST_MD5] = {SIP_DIGEST_MD5, SIP_DIGEST_UNKNOWN},
    [DIGEST_SHA256] = {SIP_DIGEST_SHA256, SIP_DIGEST_UNKNOWN},
};

static const enum sip_digest_algorithm *offered_algorithms(const struct context *context) {
  return algorithms_of_choice[context->parameters->BF_DIGEST_ALGORITHMS];
}

/* What is offered to this device: less than the parameter says where more would make it give up. */
static const enum sip_digest_algorithm *algorithms_for(const struct context *context,
                                                       const struct sip_message *message) {
  static const struct {
    struct str_view user_agent;
    enum digest_algorithms_choice choice;
  } quirks[] = {
#define DIGEST_QUIRK(user_agent, choice, why) {STR_VIEW_LITERAL(user_agent), choice},
#include "registrar/digest_quirks.def"
#undef DIGEST_QUIRK
  };
  if (context->parameters->BF_DIGEST_ALGORITHMS == DIGEST_SHA256) return offered_algorithms(context);
  struct str_view user_agent = sip_message_header(message, SIP_HEADER_USER_AGENT);
  for (size_t i = 0; i < sizeof quirks / sizeof quirks[0]; i++)
    if (str_view_starts_with(user_agent, quirks[i].user_agent)) return algorithms_of_choice[quirks[i].choice];
  return offered_algorithms(context);
}

static bool is_offered(const struct context *context, enum sip_digest_algorithm algorithm) {
  for (const enum sip_digest_algorithm *offered = offered_algorithms(context); *offered != SIP_DIGEST_UNKNOWN;
       offered++)
    if (*offered == algorithm) return true;
  return false;
}

/* --- the challenge ----------------------------------------------------------------------------------------------- */

static bool needs_escapes(struct str_view text) {
  return text.length > 0 && (memchr(text.data, '"', text.length) || memchr(text.data, '\\', text.length));
}

static void add_quoted(struct text_builder *builder, struct str_view text) {
  text_builder_add_char(builder, '"');
  if (!needs_escapes(text)) {
    text_builder_add(builder, text);
    text_builder_add_char(builder, '"');
    return;
  }
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] == '"' || text.data[i] == '\\') text_builder_add_char(builder, '\\');
    text_builder_add_char(builder, text.data[i]);
  }
  text_builder_add_char(builder, '"');
}

static struct str_view challenge_value(struct context *context, struct str_view nonce,
                                       enum sip_digest_algorithm algorithm, bool stale) {
  struct str_view realm = directory_realm(context->directory);
  struct text_builder builder = arena_builder(context->arena, 2 * realm.length + CHALLENGE_LINE_MARGIN);
  text_builder_add_literal(&builder, "Digest realm=");
  add_quoted(&builder, realm);
  text_builder_add_literal(&builder, ", nonce=");
  add_quoted(&builder, nonce);
  text_builder_add(&builder,
                   algorithm == SIP_DIGEST_SHA256 ? STR_VIEW(", algorithm=SHA-256") : STR_VIEW(", algorithm=MD5"));
  text_builder_add_literal(&builder, ", qop=\"auth\"");
  if (stale) text_builder_add_literal(&builder, ", stale=true");
  return text_builder_view(&builder);
}

static struct str_view challenge(struct context *context, const struct sip_message *message, const struct flow *flow,
                                 bool as_proxy, bool stale) {
  struct str_view realm = directory_realm(context->directory);
  struct text_builder nonce = arena_builder(context->arena, DIGEST_NONCE_LENGTH);
  struct text_builder lines = arena_builder(context->arena, 2 * (2 * realm.length + CHALLENGE_LINE_MARGIN + 32));
  digest_nonce_write(context, &flow->remote, realm, &nonce);
  for (const enum sip_digest_algorithm *offered = algorithms_for(context, message); *offered != SIP_DIGEST_UNKNOWN;
       offered++)
    sip_build_header(&lines, as_proxy ? SIP_HEADER_PROXY_AUTHENTICATE : SIP_HEADER_WWW_AUTHENTICATE,
                     challenge_value(context, text_builder_view(&nonce), *offered, stale));
  return text_builder_view(&lines);
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

/* The first credentials for our realm by an algorithm that we offer: a request may carry others for servers behind us.
 */
static bool find_credentials(const struct context *context, const struct sip_message *message, bool as_proxy,
                             struct sip_digest *credentials) {
  enum sip_header header = as_proxy ? SIP_HEADER_PROXY_AUTHORIZATION : SIP_HEADER_AUTHORIZATION;
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  while (sip_message_next_value(message, header, &cursor, &value))
    if (sip_digest_parse(value, credentials) == RESULT_OK &&
        str_view_equal(credentials->realm, directory_realm(context->directory)) &&
        is_offered(context, credentials->algorithm))
      return true;
  return false;
}

/* As long as a real one, and unknown to everyone without the key. */
static struct str_view decoy_ha1(const struct context *context, enum sip_digest_algorithm algorithm, char memory[64]) {
  static const char seed[] = "no such user";
  struct text_builder builder = text_builder_over(memory, 64);
  for (size_t i = 0; i < (algorithm == SIP_DIGEST_SHA256 ? 4 : 2); i++)
    text_builder_add_hex(&builder, siphash(&context->local->nonce_key, seed, sizeof seed - i), 16);
  return text_builder_view(&builder);
}

static struct sip_digest_hex ha2_of(struct registrar *registrar, const struct sip_digest *credentials,
                                    const struct sip_message *message) {
  struct register_ha2 *kept = &registrar->register_ha2;
  struct str_view uri = credentials->uri;
  if (message->method != SIP_METHOD_REGISTER || uri.length > sizeof kept->uri)
    return sip_digest_ha2(credentials->algorithm, message->method_text, uri);
  bool is_kept = kept->ha2.length > 0 && kept->algorithm == credentials->algorithm &&
                 str_view_equal(uri, str_view_of(kept->uri, kept->uri_length));
  if (is_kept) return kept->ha2;
  *kept = (struct register_ha2){.ha2 = sip_digest_ha2(credentials->algorithm, message->method_text, uri),
                                .algorithm = (uint8_t)credentials->algorithm,
                                .uri_length = (uint8_t)uri.length};
  if (uri.length > 0) memcpy(kept->uri, uri.data, uri.length);
  return kept->ha2;
}

/* The phone for whose password the response is right; NULL when it is wrong or there is no such phone. */
static const struct device *phone_of_response(struct registrar *registrar, const struct context *context,
                                              const struct sip_digest *credentials, const struct sip_message *message) {
  char decoy[64];
  const struct device *phone = directory_find_phone(context->directory, credentials->username);
  struct str_view ha1 = {0};
  if (phone && credentials->algorithm == SIP_DIGEST_SHA256)
    ha1 = str_view_of(phone->ha1_sha256, sizeof phone->ha1_sha256);
  else if (phone)
    ha1 = str_view_of(phone->ha1_md5, sizeof phone->ha1_md5);
  /* Zero bytes: the phone has no password, and everyone knows that "H(A1)". */
  bool is_real = ha1.length > 0 && ha1.data[0] != '\0';
  if (!is_real) ha1 = decoy_ha1(context, credentials->algorithm, decoy);
  struct sip_digest_hex ha2 = ha2_of(registrar, credentials, message);
  bool matches = sip_digest_matches_ha2(credentials, ha1, str_view_of(ha2.text, ha2.length));
  return matches && is_real ? phone : NULL;
}

/* Whether a right answer came in time and for the first time. A nonce without count (RFC 2069, or RFC 2617 without qop)
 * may be used again as long as it lives: old phones know no better. */
static bool nonce_is_good(struct registrar *registrar, const struct context *context, const struct digest_nonce *nonce,
                          const struct sip_digest *credentials) {
  uint64_t now_ms = digest_nonce_now_ms(context);
  uint64_t lifetime_ms = (uint64_t)context->parameters->SS_SIP_AUTHENTICATION_TIMEOUT * 1000;
  uint64_t oldest_valid_ms = now_ms > lifetime_ms ? now_ms - lifetime_ms : 0;
  if (nonce->worker != context->local->worker) return false;
  if (nonce->made_at_ms < oldest_valid_ms || nonce->made_at_ms > now_ms) return false;
  if (credentials->qop.length == 0) return true;
  return nonce_counts_use(&registrar->nonces, nonce, credentials->nonce_count, oldest_valid_ms);
}

/* Nonces are signed with a key that outlives a restart; their counts do not. */
static void begin_nonces(struct registrar *registrar, const struct context *context) {
  if (registrar->nonces_begun) return;
  registrar->nonces_begun = true;
  uint64_t now_ms = digest_nonce_now_ms(context);
  nonce_counts_forget_until(&registrar->nonces, now_ms > 0 ? now_ms - 1 : 0);
}

static enum auth_verdict verdict_on(struct registrar *registrar, struct context *context,
                                    const struct sip_message *message, const struct flow *flow, bool as_proxy,
                                    const struct device **phone_out, bool *stale) {
  struct sip_digest credentials;
  struct digest_nonce nonce;
  if (!find_credentials(context, message, as_proxy, &credentials)) return AUTH_CHALLENGED;
  if (suspensions_is_suspended(&registrar->suspensions, context, &flow->remote, credentials.username))
    return AUTH_REFUSED;
  struct str_view realm = directory_realm(context->directory);
  if (!digest_nonce_read(context, &flow->remote, realm, credentials.nonce, &nonce)) return AUTH_CHALLENGED;
  nonce_counts_fetch(&registrar->nonces, &nonce);
  const struct device *phone = phone_of_response(registrar, context, &credentials, message);
  if (!phone) {
    counters_add(context->counters, authentications_failed);
    bool too_often = suspensions_count_wrong(&registrar->suspensions, context, &flow->remote, credentials.username);
    security_line_send(context->outbox, too_often ? STR_VIEW("device-suspended") : STR_VIEW("device-wrong-password"),
                       &flow->remote, credentials.username);
    return too_often ? AUTH_REFUSED : AUTH_WRONG;
  }
  /* Only who knows the password is told that merely the nonce is too old (RFC 7616 §3.3, stale). */
  *stale = !nonce_is_good(registrar, context, &nonce, &credentials);
  if (*stale) return AUTH_CHALLENGED;
  suspensions_clear(&registrar->suspensions, context, &flow->remote, credentials.username);
  *phone_out = phone;
  return AUTH_PASSED;
}

enum auth_verdict subscriber_auth_check(struct registrar *registrar, struct context *context,
                                        const struct sip_message *message, const struct flow *flow, bool as_proxy,
                                        const struct device **phone_out, struct str_view *challenge_out) {
  bool stale = false;
  *phone_out = NULL;
  *challenge_out = (struct str_view){0};
  begin_nonces(registrar, context);
  enum auth_verdict verdict = verdict_on(registrar, context, message, flow, as_proxy, phone_out, &stale);
  if (verdict == AUTH_CHALLENGED || verdict == AUTH_WRONG) {
    *challenge_out = challenge(context, message, flow, as_proxy, stale);
    counters_add(context->counters, authentications_challenged);
  }
  return verdict;
}
