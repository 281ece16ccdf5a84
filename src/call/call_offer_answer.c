/* Session descriptions on their way from one leg to the other (RFC 3264). Towards each peer the switch is one user
 * agent: the o= line that a leg sees keeps one origin over the whole call, and its version rises by one whenever the
 * rest differs from what is in force, whoever wrote the description on the other side. What is in force is kept per
 * leg, byte for byte but for the lines that numbers say, v= and o=, so that a refresh says exactly what was said
 * before, also after an offer that was refused.
 *
 *   offer of the other side → rewritten, kept as `offered`
 *                               ├─ accepted → `session`, in force
 *                               └─ refused  → forgotten; its version number is not used again
 *   answer of the other side → rewritten, in force at once */
#include "call/call_private.h"
#include "sdp/sdp.h"
#include "sip/sip_body.h"

#define SDP_TYPE         STR_VIEW("application/sdp")
#define ORIGIN_BYTES_MAX 256 /* what v=, o= and c= lines may add */
#define ORIGIN_ID_BYTES  32  /* "- " and a sess-id */
#define VERSION_GAP      1000

/* --- finding the session description in a body ------------------------------------------------------------------- */

static struct str_view find_session(const struct call_body *body) {
  return sip_body_find(body->content_type, body->bytes, SDP_TYPE);
}

struct call_body call_body_of(const struct sip_message *message) {
  if (!message || message->body.length == 0) return (struct call_body){0};
  struct call_body body = {sip_message_header(message, SIP_HEADER_CONTENT_TYPE), message->body};
  /* Old devices leave the type out; what looks like a session description is taken for one. */
  if (body.content_type.length == 0 && str_view_starts_with(body.bytes, STR_VIEW("v=0"))) body.content_type = SDP_TYPE;
  return body;
}

bool call_body_has_session(const struct call_body *body) {
  return find_session(body).length > 0;
}

/* Once an event: what was looked at when the INVITE came goes to the callee at once. */
static bool is_readable(struct call_step *step, struct str_view session) {
  struct sdp sdp;
  return str_view_equal(session, step->readable) || sdp_parse(session, &sdp) == RESULT_OK;
}

bool call_body_is_readable(struct call_step *step, const struct call_body *body) {
  struct str_view session = find_session(body);
  if (session.length == 0) return true;
  bool readable = is_readable(step, session);
  if (readable) step->readable = session;
  return readable;
}

/* --- rewriting --------------------------------------------------------------------------------------------------- */

void call_session_begin(struct call_step *step, struct call_leg *leg, uint16_t socket_index) {
  leg->origin_id = random_u64(step->context->random) >> 2;
  leg->origin_socket = (uint8_t)(socket_index < step->context->local->socket_count ? socket_index : 0);
}

static struct str_view origin_of(const struct call_leg *leg, struct text_builder *origin) {
  text_builder_add_literal(origin, "- ");
  text_builder_add_u64(origin, leg->origin_id);
  return text_builder_view(origin);
}

static const struct address *origin_address(struct call_step *step, const struct call_leg *leg) {
  return &step->context->local->sockets[leg->origin_socket].advertised;
}

static struct str_view write_session(struct call_step *step, const struct call_leg *leg, struct str_view behind_origin,
                                     uint32_t version) {
  char memory[ORIGIN_ID_BYTES];
  struct text_builder origin = text_builder_over(memory, sizeof memory);
  struct text_builder text = arena_builder(step->context->arena, behind_origin.length + ORIGIN_BYTES_MAX);
  sdp_write_with_origin(behind_origin, origin_of(leg, &origin), version, origin_address(step, leg), &text);
  return text.overflowed ? (struct str_view){0} : text_builder_view(&text);
}

static struct str_view decline(struct call_step *step, const struct call_leg *leg, const struct sdp *offer,
                               uint32_t version) {
  char memory[ORIGIN_ID_BYTES];
  struct text_builder origin = text_builder_over(memory, sizeof memory);
  struct text_builder text = arena_builder(step->context->arena, offer->text.length + ORIGIN_BYTES_MAX);
  sdp_write_declined(offer, origin_of(leg, &origin), version, origin_address(step, leg), &text);
  return text.overflowed ? (struct str_view){0} : text_builder_view(&text);
}

/* `old` inside `body` replaced by `new_text`. */
static struct str_view replace(struct arena *arena, struct str_view body, struct str_view old,
                               struct str_view new_text) {
  if (old.length == body.length) return new_text;
  struct text_builder text = arena_builder(arena, body.length - old.length + new_text.length);
  size_t offset = (size_t)(old.data - body.data);
  text_builder_add(&text, str_view_slice(body, 0, offset));
  text_builder_add(&text, new_text);
  text_builder_add(&text, str_view_from(body, offset + old.length));
  return text.overflowed ? (struct str_view){0} : text_builder_view(&text);
}

enum result call_body_for_leg(struct call_step *step, struct call_leg *leg, const struct call_body *body,
                              struct call_body *body_out, bool *changed_out) {
  struct str_view old = find_session(body), in_force = block_store_view(step->table->rooms.blocks, &leg->session);
  *body_out = *body;
  if (changed_out) *changed_out = old.length > 0;
  if (old.length == 0) return RESULT_OK;
  if (!is_readable(step, old)) return RESULT_MALFORMED;
  struct str_view behind_origin = sdp_behind_origin(old);
  bool changed = !str_view_equal(behind_origin, in_force);
  step->session_version = changed ? leg->highest_version + 1 : leg->session_version;
  struct str_view text = write_session(step, leg, behind_origin, step->session_version);
  if (changed_out) *changed_out = changed;
  body_out->bytes = replace(step->context->arena, body->bytes, old, text);
  return text.length > 0 && body_out->bytes.length > 0 ? RESULT_OK : RESULT_FULL;
}

/* --- what is in force -------------------------------------------------------------------------------------------- */

static void keep(struct call_step *step, struct call_leg *leg, struct block *block, const struct call_body *sent) {
  /* Without a block the description before stays: a refresh then repeats an older one, the call itself goes on. */
  (void)!block_store_set(step->table->rooms.blocks, block, sdp_behind_origin(find_session(sent)));
  if (step->session_version > leg->highest_version) leg->highest_version = step->session_version;
}

/* The journal is told at the end of the event. */
static void keep_again(struct call_step *step, const struct call_leg *leg) {
  struct call *call = call_of_leg(step->table, leg);
  if (call) call->keep_again = true;
}

void call_session_offered(struct call_step *step, struct call_leg *leg, const struct call_body *sent) {
  if (!call_body_has_session(sent)) return;
  keep(step, leg, &leg->offered, sent);
  leg->offered_version = step->session_version;
  leg->offer = LEG_OFFER_OURS;
}

void call_session_answered(struct call_step *step, struct call_leg *leg, const struct call_body *sent) {
  keep_again(step, leg);
  leg->offer = LEG_OFFER_NONE;
  if (!call_body_has_session(sent)) return;
  block_store_clear(step->table->rooms.blocks, &leg->asked);
  keep(step, leg, &leg->session, sent);
  leg->session_version = step->session_version;
}

void call_session_previewed(struct call_step *step, struct call_leg *leg, const struct call_body *sent) {
  uint8_t offer = leg->offer;
  call_session_answered(step, leg, sent);
  leg->offer = offer;
}

void call_session_accepted(struct call_step *step, struct call_leg *leg) {
  keep_again(step, leg);
  struct block_store *blocks = step->table->rooms.blocks;
  leg->offer = LEG_OFFER_NONE;
  if (block_store_view(blocks, &leg->offered).length == 0) return;
  block_store_clear(blocks, &leg->session);
  leg->session = leg->offered;
  leg->offered = (struct block){0};
  leg->session_version = leg->offered_version;
}

void call_session_doubtful(struct call_step *step, struct call_leg *leg) {
  keep_again(step, leg);
  leg->highest_version++;
  leg->session_version = leg->highest_version;
}

void call_session_refused(struct call_step *step, struct call_leg *leg) {
  leg->offer = LEG_OFFER_NONE;
  block_store_clear(step->table->rooms.blocks, &leg->offered);
}

/* What was told after the journal's last word is not known any more: numbers above all that may have been used make
 * each description a newer one for the peer (RFC 3264 §8), whatever it has seen. */
void call_session_restored(struct call_leg *leg) {
  leg->highest_version += VERSION_GAP;
  leg->session_version = leg->highest_version;
}

struct call_body call_session_declined(struct call_step *step) {
  struct call_body body = call_body_of(step->message), answer = {0};
  struct sdp offer;
  if (sdp_parse(find_session(&body), &offer) != RESULT_OK) return answer;
  struct call_leg stand_in = {0};
  call_session_begin(step, &stand_in, step->flow->socket_index);
  answer.bytes = decline(step, &stand_in, &offer, 1);
  if (answer.bytes.length > 0) answer.content_type = SDP_TYPE;
  return answer;
}

bool call_has_session(const struct call_table *table, const struct call_leg *leg) {
  return block_store_view(table->rooms.blocks, &leg->session).length > 0;
}

struct call_body call_session_in_force(struct call_step *step, const struct call_leg *leg) {
  if (!call_has_session(step->table, leg)) return (struct call_body){0};
  struct str_view behind_origin = block_store_view(step->table->rooms.blocks, &leg->session);
  struct str_view text = write_session(step, leg, behind_origin, leg->session_version);
  return (struct call_body){text.length > 0 ? SDP_TYPE : (struct str_view){0}, text};
}

/* --- the ACK that answers an offer ------------------------------------------------------------------------------- */

void call_ack_owe(struct call_step *step, struct call_leg *leg) {
  struct call_body body = call_body_of(step->message);
  leg->ack_cseq = step->message->cseq;
  leg->ack_owed = true;
  /* Without a block a call that ends early is acknowledged without an answer. */
  (void)!block_store_set(step->table->rooms.blocks, &leg->asked, find_session(&body));
}

void call_ack_send(struct call_step *step, struct call_leg *leg, const struct call_body *body) {
  struct dialog_ack ack = {.cseq = leg->ack_cseq, .credentials = call_credentials_of_ack(step, leg)};
  if (body) {
    ack.content_type = body->content_type;
    ack.body = body->bytes;
  }
  (void)!dialog_send_ack(step->table->rooms.dialogs, step->context, leg->dialog, &ack);
}

void call_ack_settle(struct call_step *step, struct call_leg *leg) {
  struct block_store *blocks = step->table->rooms.blocks;
  struct call_body answer = {0};
  struct sdp offer;
  if (!leg->ack_owed) return;
  leg->ack_owed = false;
  if (sdp_parse(block_store_view(blocks, &leg->asked), &offer) == RESULT_OK)
    answer.bytes = decline(step, leg, &offer, leg->highest_version + 1);
  if (answer.bytes.length > 0) answer.content_type = SDP_TYPE;
  call_ack_send(step, leg, &answer);
  block_store_clear(blocks, &leg->asked);
}
