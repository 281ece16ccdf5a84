/* An actor that demands credentials (RFC 3261 §22), of the user "trunk" with the password "secret". */
#include "sim/ua_call.h"
#include "sim/ua_message.h"
#include "sip/sip_digest_compute.h"

#define REALM "carrier"

static bool is_demanded(const struct actor_demand *demand, enum sip_method method) {
  if (demand->status == 0 || method == SIP_METHOD_ACK || method == SIP_METHOD_CANCEL) return false;
  return demand->method == SIP_METHOD_UNKNOWN || demand->method == method;
}

/* The number in a nonce of its own that may still be used; 0: none. */
static uint32_t nonce_number(const struct actor_demand *demand, struct str_view nonce) {
  uint32_t number = 0;
  if (!str_view_starts_with(nonce, STR_VIEW("nonce-")) || !str_view_to_u32(str_view_from(nonce, 6), &number)) return 0;
  return number <= demand->nonces && number + ACTOR_NONCES > demand->nonces ? number : 0;
}

/* Counts rise with each use (of requests, too, that are not asked for it): a nonce that comes twice with one count was
 * not answered but repeated. */
static bool is_fresh(struct actor *actor, struct actor_demand *demand, const struct sip_digest *digest) {
  uint32_t number = nonce_number(demand, digest->nonce), *used = &demand->used[number % ACTOR_NONCES];
  if (number == 0 || *used >= demand->uses_max) return false;
  bool is_in_order = ua_call_misses_nothing(actor->world) && actor->world->network.faults.reorder_ppm == 0;
  if (digest->nonce_count <= *used && is_in_order)
    world_fail(actor->world, "%s: nc is %u, which has been used (RFC 7616 3.4)", actor->name, digest->nonce_count);
  if (digest->nonce_count <= *used) return false;
  *used = digest->nonce_count;
  return true;
}

static bool is_right(const struct sip_digest *digest, const struct sip_message *request) {
  struct sip_digest_hex ha1 = sip_digest_ha1(digest->algorithm, STR_VIEW("trunk"), STR_VIEW(REALM), STR_VIEW("secret"));
  return str_view_equal(digest->username, STR_VIEW("trunk")) && str_view_equal(digest->uri, request->request_uri) &&
         sip_digest_matches(digest, str_view_of(ha1.text, ha1.length), request->method_text);
}

static struct str_view challenge(struct actor *actor, struct actor_demand *demand, bool stale) {
  demand->used[++demand->nonces % ACTOR_NONCES] = 0;
  return sim_format_view(&actor->world->memory,
                         "%s: Digest realm=\"" REALM
                         "\", nonce=\"nonce-%u\", qop=\"auth\", opaque=\"o\", algorithm=%s%s\r\n",
                         demand->status == 407 ? "Proxy-Authenticate" : "WWW-Authenticate", demand->nonces,
                         demand->is_sha256 ? "SHA-256" : "MD5", stale ? ", stale=true" : "");
}

/* A further branch of a fork asks for none when it is hung up: where the call is over the switch has forgotten them.
 * But what it gets must be right. */
static bool is_branch_hung_up(struct actor *actor, const struct ua_call *call, const struct sip_message *request,
                              const struct sip_digest *digest) {
  if (!call || !call->is_forked || request->method != SIP_METHOD_BYE) return false;
  if (digest && !is_right(digest, request)) world_fail(actor->world, "%s: wrong credentials in a BYE", actor->name);
  return true;
}

bool ua_credentials_refuse(struct actor *actor, const struct ua_call *call, const struct sip_message *request,
                           struct actor_manners *manners_out) {
  struct actor_demand *demand = &actor->traits.demand;
  if (!is_demanded(demand, request->method)) return false;
  enum sip_header header = demand->status == 407 ? SIP_HEADER_PROXY_AUTHORIZATION : SIP_HEADER_AUTHORIZATION;
  struct str_view value = sip_message_header(request, header);
  struct sip_digest digest;
  bool is_readable = value.data && sip_digest_parse(value, &digest) == RESULT_OK;
  if (is_branch_hung_up(actor, call, request, is_readable ? &digest : NULL)) return false;
  bool is_known = is_readable && is_right(&digest, request);
  if (is_known && is_fresh(actor, demand, &digest)) return false;
  *manners_out = (struct actor_manners){.status = demand->status, .line = challenge(actor, demand, is_known)};
  return true;
}
