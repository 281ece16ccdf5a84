/* Challenges of a gateway and our answers to them, RFC 3261 §22: what its user and password are says the directory. The
 * last challenge of a server and of a proxy stays with the leg, so that what is sent later in the dialog carries
 * credentials at once, nonce counts rising; a new nonce begins at 1.
 *
 * Whether a challenge is answered is decided by what the refused request says of itself (transaction_owner.detail), so
 * that none is sent more than three times: once as it was, once for each challenge, and once more where a nonce was
 * stale.
 *
 *   leg->logins:  one after the other, of servers and of proxies
 *                 [nonce count, 4 bytes][user][H(A1)][the challenge as it came]   empty texts: none
 *                 [the lines that the INVITE of the call carried, the last one until its 2xx, which every ACK of it
 *                  repeats (§13.2.2.4, §22.1), also that of a branch which answers late]
 *                 [those of our last re-INVITE] */
#include "base/packed.h"
#include "call/call_supervision.h"
#include "directory/directory.h"
#include "sip/sip_credentials.h"
#include "sip/sip_digest_compute.h"

#define CHALLENGE_BYTES_MAX 768
#define LOGIN_BYTES_MAX     1024
#define LINES_BYTES_MAX     4096
#define SENT(kind)          (LEG_DETAIL_SENT << (kind))
#define ANSWERED(kind)      (LEG_DETAIL_ANSWERED << (kind))

enum login_kind { LOGIN_SERVER, LOGIN_PROXY, LOGIN_KINDS };

static const enum sip_header login_headers[LOGIN_KINDS] = {SIP_HEADER_AUTHORIZATION, SIP_HEADER_PROXY_AUTHORIZATION};

struct login {
  uint32_t nonce_count;
  struct str_view user, ha1, challenge;
};

struct logins {
  struct login of[LOGIN_KINDS];
  struct str_view invite_lines, reinvite_lines;
};

/* --- what the leg keeps ------------------------------------------------------------------------------------------ */

/* Copies, because the block they are read from is written again. */
static bool load(struct call_step *step, const struct call_leg *leg, struct logins *logins) {
  *logins = (struct logins){0};
  struct str_view kept = arena_copy(step->context->arena, block_store_view(step->table->rooms.blocks, &leg->logins));
  if (kept.length == 0) return false;
  struct packed_reader reader = {kept, false};
  for (unsigned kind = 0; kind < LOGIN_KINDS; kind++) {
    struct login *login = &logins->of[kind];
    login->nonce_count = (uint32_t)packed_take(&reader, 4);
    login->user = packed_take_text(&reader);
    login->ha1 = packed_take_text(&reader);
    login->challenge = packed_take_text(&reader);
  }
  logins->invite_lines = packed_take_text(&reader);
  logins->reinvite_lines = packed_take_text(&reader);
  return !reader.broken;
}

static bool save(struct call_step *step, struct call_leg *leg, const struct logins *logins) {
  struct text_builder builder =
      arena_builder(step->context->arena, LOGIN_KINDS * LOGIN_BYTES_MAX + 2 * LINES_BYTES_MAX);
  for (unsigned kind = 0; kind < LOGIN_KINDS; kind++) {
    const struct login *login = &logins->of[kind];
    packed_add(&builder, login->nonce_count, 4);
    packed_add_text(&builder, login->user);
    packed_add_text(&builder, login->ha1);
    packed_add_text(&builder, login->challenge);
  }
  packed_add_text(&builder, logins->invite_lines);
  packed_add_text(&builder, logins->reinvite_lines);
  return !builder.overflowed &&
         block_store_set(step->table->rooms.blocks, &leg->logins, text_builder_view(&builder)) == RESULT_OK;
}

/* --- answering --------------------------------------------------------------------------------------------------- */

/* What the credentials are for. */
struct login_use {
  struct str_view method, request_uri;
};

static void add_line(struct call_step *step, const struct login_use *use, const struct login *login,
                     enum sip_header header, struct text_builder *headers) {
  struct sip_digest challenge;
  if (sip_digest_parse(login->challenge, &challenge) != RESULT_OK) return;
  struct sip_credentials credentials = {
      .user = login->user,
      .ha1_hex = login->ha1,
      .method = use->method,
      .request_uri = use->request_uri,
      .cnonce = random_u64(step->context->random),
      .nonce_count = login->nonce_count,
  };
  sip_credentials_write(&challenge, &credentials, header, headers);
}

static uint32_t add_lines(struct call_step *step, const struct login_use *use, struct logins *logins,
                          struct text_builder *headers) {
  uint32_t sent = 0;
  for (unsigned kind = 0; kind < LOGIN_KINDS; kind++) {
    struct login *login = &logins->of[kind];
    if (login->challenge.length == 0) continue;
    login->nonce_count++;
    add_line(step, use, login, login_headers[kind], headers);
    sent |= SENT(kind);
  }
  return sent;
}

static uint32_t add(struct call_step *step, struct call_leg *leg, const struct login_use *use,
                    struct text_builder *headers) {
  struct logins logins;
  size_t before = headers->length;
  if (!load(step, leg, &logins)) return 0;
  uint32_t sent = add_lines(step, use, &logins, headers);
  if (str_view_equal(use->method, STR_VIEW("INVITE"))) {
    bool is_first = leg->side == CALL_CALLEE && leg->ack_cseq == 0;
    *(is_first ? &logins.invite_lines : &logins.reinvite_lines) = str_view_from(text_builder_view(headers), before);
  }
  if (save(step, leg, &logins)) return sent;
  headers->length = before; /* a count must not be used twice */
  return 0;
}

uint32_t call_credentials_add(struct call_step *step, struct call_leg *leg, struct str_view method,
                              struct text_builder *headers) {
  if (leg->logins.size_class == 0) return 0; /* never challenged, as nearly always */
  struct login_use use = {method, dialog_request_uri(step->table->rooms.dialogs, leg->dialog)};
  return add(step, leg, &use, headers);
}

struct str_view call_credentials_of_bye(struct call_step *step, struct call_leg *leg, struct str_view request_uri) {
  struct login_use use = {STR_VIEW("BYE"), request_uri};
  struct text_builder lines = arena_builder(step->context->arena, LINES_BYTES_MAX);
  (void)add(step, leg, &use, &lines);
  return lines.overflowed ? (struct str_view){0} : text_builder_view(&lines);
}

struct str_view call_credentials_of_ack(struct call_step *step, const struct call_leg *leg) {
  struct logins logins;
  if (!load(step, leg, &logins)) return (struct str_view){0};
  return logins.reinvite_lines.length > 0 ? logins.reinvite_lines : logins.invite_lines;
}

struct str_view call_credentials_of_branch_ack(struct call_step *step, const struct call_leg *leg) {
  struct logins logins;
  return load(step, leg, &logins) ? logins.invite_lines : (struct str_view){0};
}

/* --- being challenged -------------------------------------------------------------------------------------------- */

/* A leg on its own, which says farewell, has forgotten its device's name; it is rare that only then it is asked. */
static const struct device *device_of(struct call_step *step, const struct call_leg *leg) {
  const struct directory *directory = step->context->directory;
  enum device_kind kind = (enum device_kind)leg->device_kind;
  if (call_of_leg(step->table, leg)) return call_supervision_device(step, leg);
  for (size_t i = 0; kind != DEVICE_PHONE && i < directory_count(directory, kind); i++) {
    const struct device *device = directory_at(directory, kind, i);
    if (device_memory_key(kind, device->name) == leg->device_key) return device;
  }
  return NULL;
}

static bool has_nonce(const struct login *login, struct str_view nonce) {
  struct sip_digest challenge;
  return login->challenge.length > 0 && sip_digest_parse(login->challenge, &challenge) == RESULT_OK &&
         str_view_equal(challenge.nonce, nonce);
}

/* Who has answered already has the wrong password, unless he is told that merely the nonce was too old (§22.4 8, RFC
 * 7616 §3.3). */
static bool is_in_vain(uint32_t detail, enum login_kind kind, const struct sip_digest *challenge, bool same_nonce) {
  if ((detail & SENT(kind)) && same_nonce) return true;
  return (detail & ANSWERED(kind)) && (!challenge->stale || (detail & LEG_DETAIL_STALE));
}

bool call_credentials_take(struct call_step *step) {
  struct call_leg *leg = step->leg;
  enum login_kind kind = step->status == 407 ? LOGIN_PROXY : LOGIN_SERVER;
  const struct device *device = device_of(step, leg);
  const struct gateway *gateway = device ? device->gateway : NULL;
  struct logins logins;
  struct sip_digest challenge;
  struct str_view value;
  if (!step->message || !gateway || gateway->user.length == 0) return false;
  if (!sip_credentials_choose(step->message, gateway->realm, &challenge, &value)) return false;
  if (value.length > CHALLENGE_BYTES_MAX) return false;
  (void)load(step, leg, &logins);
  bool same_nonce = has_nonce(&logins.of[kind], challenge.nonce);
  if (is_in_vain(step->detail, kind, &challenge, same_nonce)) return false;
  if (step->detail & ANSWERED(kind)) step->detail |= LEG_DETAIL_STALE;
  step->detail |= ANSWERED(kind);
  struct sip_digest_hex ha1 = sip_digest_ha1(challenge.algorithm, gateway->user, challenge.realm, gateway->password);
  logins.of[kind] = (struct login){.nonce_count = same_nonce ? logins.of[kind].nonce_count : 0,
                                   .user = gateway->user,
                                   .ha1 = str_view_of(ha1.text, ha1.length),
                                   .challenge = value};
  return save(step, leg, &logins);
}
