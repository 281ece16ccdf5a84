/* What a trial sends: OPTIONS outside of a call, then one call and the requests inside it. */
#include "boundary/address.h"
#include "sdp/sdp.h"
#include "sip/sip_build.h"
#include "trunk/trunk_private.h"

#define URI_BYTES     256
#define HEADERS_BYTES 512
#define REQUEST_BYTES 1200

/* --- texts ------------------------------------------------------------------------------------------------------- */

static const struct address *own_address(const struct trunk_step *step) {
  return &step->context->local->sockets[step->trial->flow.socket_index].advertised;
}

/* sip:user@address; the port only when it is not the default. */
static struct str_view uri_of(struct trunk_step *step, struct str_view user, const struct address *address) {
  enum transport transport = (enum transport)step->trial->flow.transport;
  struct text_builder uri = arena_builder(step->context->arena, URI_BYTES);
  sip_uri_write(&uri, user, address, transport);
  return uri.overflowed ? (struct str_view){0} : text_builder_view(&uri);
}

/* Writes the session description that the trial offers. */
static void write_session(struct trunk_step *step) {
  struct trunk_trial *trial = step->trial;
  char memory[32];
  struct text_builder origin = text_builder_over(memory, sizeof memory);
  struct text_builder sdp = text_builder_over(trial->sdp, sizeof trial->sdp);
  text_builder_add_literal(&origin, "- ");
  text_builder_add_u64(&origin, random_u64(step->context->random) >> 2);
  sdp_write_inactive(text_builder_view(&origin), 1, own_address(step), &sdp);
  trial->sdp_length = (uint16_t)sdp.length;
}

static struct session_wishes wishes_of(const struct trunk_step *step) {
  uint32_t shortest_s = step->context->parameters->BF_SESSION_MIN_SE;
  return (struct session_wishes){.ttl_s = shortest_s, .min_se_s = shortest_s, .refresher = SESSION_REFRESHER_PEER};
}

/* RFC 4028 §7.1: `timer` belongs into every request but ACK. */
static void write_supported(struct text_builder *headers) {
  sip_build_header(headers, SIP_HEADER_SUPPORTED, STR_VIEW("timer, 100rel"));
}

static void write_words(struct text_builder *headers) {
  sip_build_header(headers, SIP_HEADER_ALLOW, TRUNK_ALLOW);
  write_supported(headers);
}

/* Why the trial's call ends: it was one. */
static void write_reason(struct text_builder *headers, struct str_view protocol, unsigned cause) {
  sip_build_reason(headers, protocol, cause, str_view_from_c(end_reason_row(END_REASON_trunk_test)->name));
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

static struct transaction_owner owner_of(const struct trunk_step *step) {
  return (struct transaction_owner){TRANSACTION_OWNER_TRUNK, pool_handle_of(&step->trials->pool, step->trial), 0};
}

static void begin_check(struct trunk_step *step, enum trunk_check check) {
  step->trial->findings[check] = (struct trunk_finding){.verdict = TRUNK_WAITING, .asked = step->context->now};
}

/* Sends a request in the trial's dialog, whose answer is then awaited; SILENT when it cannot be sent. */
static enum trunk_event ask(struct trunk_step *step, enum trunk_check check, struct dialog_request *request) {
  struct trunk_trial *trial = step->trial;
  begin_check(step, check);
  request->owner = owner_of(step);
  enum result result =
      dialog_send_request(step->trials->rooms.dialogs, step->context, trial->dialog, request, &trial->waiting);
  return result == RESULT_OK ? TRUNK_EVENT_NONE : TRUNK_EVENT_SILENT;
}

/* INVITE or UPDATE: with the words about timers, and the session description where `with_session`. */
static enum trunk_event offer(struct trunk_step *step, enum trunk_check check, enum sip_method method,
                              bool with_session) {
  struct trunk_trial *trial = step->trial;
  struct session_wishes wishes = wishes_of(step);
  struct text_builder headers = arena_builder(step->context->arena, HEADERS_BYTES);
  struct dialog_request request = {.method = method};
  write_words(&headers);
  session_offer_ask(&trial->asked, &wishes, trial->is_answered ? &trial->terms : NULL, false);
  if (!trial->is_answered || trial->terms.role != SESSION_ROLE_NONE)
    session_offer_write_request(&trial->asked, &wishes, &headers);
  if (headers.overflowed) return TRUNK_EVENT_SILENT;
  request.extra_headers = text_builder_view(&headers);
  if (with_session) {
    request.content_type = STR_VIEW("application/sdp");
    request.body = str_view_of(trial->sdp, trial->sdp_length);
  }
  return ask(step, check, &request);
}

static void build_options(struct trunk_step *step, struct str_view branch, struct text_builder *request) {
  struct trunk_trial *trial = step->trial;
  const struct address *own = own_address(step);
  char tag_memory[20], call_id_memory[96];
  struct text_builder tag = text_builder_over(tag_memory, sizeof tag_memory);
  struct text_builder call_id = text_builder_over(call_id_memory, sizeof call_id_memory);
  text_builder_add_literal(&tag, "tag=");
  text_builder_add_hex(&tag, random_u64(step->context->random), 16);
  text_builder_add_hex(&call_id, random_u64(step->context->random), 16);
  text_builder_add_char(&call_id, '@');
  address_ip_to_text(own, &call_id);
  struct str_view there = uri_of(step, (struct str_view){0}, &trial->flow.remote);
  struct str_view here = uri_of(step, STR_VIEW("belfry"), own);
  sip_build_request_line(request, STR_VIEW("OPTIONS"), there);
  sip_build_via(request, (enum transport)trial->flow.transport, own, branch);
  sip_build_header_u32(request, SIP_HEADER_MAX_FORWARDS, 70);
  sip_build_name_addr(request, SIP_HEADER_FROM, (struct str_view){0}, here, text_builder_view(&tag));
  sip_build_name_addr(request, SIP_HEADER_TO, (struct str_view){0}, there, (struct str_view){0});
  sip_build_header(request, SIP_HEADER_CALL_ID, text_builder_view(&call_id));
  sip_build_cseq(request, 1, STR_VIEW("OPTIONS"));
  sip_build_name_addr(request, SIP_HEADER_CONTACT, (struct str_view){0}, here, (struct str_view){0});
  sip_build_header(request, SIP_HEADER_ACCEPT, STR_VIEW("application/sdp"));
  write_words(request);
  sip_build_header(request, SIP_HEADER_USER_AGENT, STR_VIEW("Belfry"));
  sip_build_end(request, (struct str_view){0}, (struct str_view){0});
}

bool trunk_ask_options(struct trunk_step *step) {
  struct trunk_trial *trial = step->trial;
  struct transaction_layer *transactions = step->trials->rooms.transactions;
  struct text_builder request = arena_builder(step->context->arena, REQUEST_BYTES);
  struct str_view branch;
  begin_check(step, TRUNK_CHECK_OPTIONS);
  if (transaction_begin(transactions, step->context, SIP_METHOD_OPTIONS, &trial->flow, owner_of(step), &trial->waiting,
                        &branch) != RESULT_OK)
    return false;
  build_options(step, branch, &request);
  return !request.overflowed &&
         transaction_send(transactions, step->context, trial->waiting, text_builder_view(&request)) == RESULT_OK;
}

/* --- what comes back --------------------------------------------------------------------------------------------- */

void trunk_acknowledge(struct trunk_step *step) {
  struct trunk_trial *trial = step->trial;
  struct dialog_table *dialogs = step->trials->rooms.dialogs;
  uint32_t cseq = step->message->cseq;
  struct dialog_ack ack = {.cseq = cseq};
  if (step->branch != 0) {
    struct dialog_dismissal dismissal = {.branch = step->branch, .cseq = cseq};
    dialog_dismiss_branch(dialogs, step->context, trial->dialog, &dismissal);
  } else if (cseq == trial->ack_cseq) {
    dialog_resend_ack(dialogs, step->context, trial->dialog);
  } else if (dialog_send_ack(dialogs, step->context, trial->dialog, &ack) == RESULT_OK) {
    trial->ack_cseq = cseq;
  }
}

/* PRACK, where the provisional response in step->message wants it. */
static void acknowledge_provisional(struct trunk_step *step) {
  struct trunk_trial *trial = step->trial;
  struct dialog_table *dialogs = step->trials->rooms.dialogs;
  struct text_builder headers = arena_builder(step->context->arena, HEADERS_BYTES);
  if (dialog_check_reliable(dialogs, trial->dialog, step->branch, step->message) != RESULT_OK) return;
  write_supported(&headers);
  struct dialog_request request = {.extra_headers = text_builder_view(&headers), .owner = owner_of(step)};
  trial->is_reliable = true;
  begin_check(step, TRUNK_CHECK_PRACK);
  if (dialog_send_prack(dialogs, step->context, trial->dialog, step->branch, step->message, &request, &trial->prack) !=
      RESULT_OK)
    trial->findings[TRUNK_CHECK_PRACK].verdict = TRUNK_UNANSWERED;
}

static void keep_first(struct trunk_text *text, struct str_view value) {
  if (text->length == 0) trunk_text_set(text, value);
}

void trunk_note_words(struct trunk_step *step) {
  struct trunk_trial *trial = step->trial;
  const struct sip_message *message = step->message;
  struct session_words words = session_words_read(message);
  if (words.min_se_s > trial->min_se_s) trial->min_se_s = words.min_se_s;
  trial->supports_timer = trial->supports_timer || words.supports;
  keep_first(&trial->user_agent, sip_message_header(message, SIP_HEADER_SERVER));
  keep_first(&trial->user_agent, sip_message_header(message, SIP_HEADER_USER_AGENT));
  keep_first(&trial->allow, sip_message_header(message, SIP_HEADER_ALLOW));
  keep_first(&trial->supported, sip_message_header(message, SIP_HEADER_SUPPORTED));
}

/* --- actions ----------------------------------------------------------------------------------------------------- */

TRUNK_ACTION(nothing) {
  (void)step;
  return TRUNK_EVENT_NONE;
}

static enum result make_dialog(struct trunk_step *step) {
  struct trunk_trial *trial = step->trial;
  struct str_view number = trunk_text_view(&trial->number);
  struct dialog_invitation invitation = {.request_uri = uri_of(step, number, &trial->flow.remote),
                                         .remote_uri = uri_of(step, number, &trial->flow.remote),
                                         .local_uri = uri_of(step, trunk_text_view(&trial->caller), own_address(step)),
                                         .flow = trial->flow};
  return dialog_create_uac(step->trials->rooms.dialogs, step->context, &invitation, owner_of(step), &trial->dialog);
}

/* The recorder is told which Call-ID belongs to this id. */
static void note_leg(struct trunk_step *step) {
  struct trunk_trial *trial = step->trial;
  trunk_text_set(&trial->call_id, dialog_call_id(step->trials->rooms.dialogs, trial->dialog));
  if (!outbox_takes_notes(step->context->outbox)) return;
  struct note note = {.kind = NOTE_LEG,
                      .side = NOTE_SIDE_CALLEE,
                      .call = str_view_of(trial->id, sizeof trial->id),
                      .text = trunk_text_view(&trial->call_id)};
  outbox_note(step->context->outbox, &note);
}

TRUNK_ACTION(place_call) {
  struct trunk_trial *trial = step->trial;
  if (trial->number.length == 0 || make_dialog(step) != RESULT_OK) return TRUNK_EVENT_SILENT;
  trial->has_call = true;
  note_leg(step);
  trunk_keep_attempt(step);
  write_session(step);
  enum trunk_event event = offer(step, TRUNK_CHECK_INVITE, SIP_METHOD_INVITE, true);
  trial->invite = trial->waiting;
  return event;
}

TRUNK_ACTION(ask_longer) {
  struct mono_ms asked = step->trial->findings[TRUNK_CHECK_INVITE].asked;
  enum trunk_event event = offer(step, TRUNK_CHECK_INVITE, SIP_METHOD_INVITE, true);
  step->trial->findings[TRUNK_CHECK_INVITE].asked = asked;
  step->trial->invite = step->trial->waiting;
  return event;
}

TRUNK_ACTION(take_progress) {
  struct trunk_trial *trial = step->trial;
  if (step->message->status > 100 && trial->ringing_after_ms == UINT32_MAX) {
    trial->ringing_after_ms = (uint32_t)mono_ms_since(step->context->now, trial->started);
    trial->ringing_at = step->context->wall_now;
  }
  acknowledge_provisional(step);
  return TRUNK_EVENT_NONE;
}

TRUNK_ACTION(take_answer) {
  struct trunk_trial *trial = step->trial;
  const struct dialog_table *dialogs = step->trials->rooms.dialogs;
  struct session_wishes wishes = wishes_of(step);
  struct session_words words = session_words_read(step->message);
  struct text_builder headers = arena_builder(step->context->arena, HEADERS_BYTES);
  write_supported(&headers);
  struct dialog_request request = {.method = SIP_METHOD_OPTIONS, .extra_headers = text_builder_view(&headers)};
  trial->is_answered = true;
  trial->answered = step->context->now;
  trial->answered_at = step->context->wall_now;
  trial->terms = session_offer_conclude(&trial->asked, &words, &wishes);
  session_offer_establish(&trial->asked);
  trunk_keep_attempt(step);
  trial->allows_update = dialog_peer_allows(dialogs, trial->dialog, SIP_METHOD_UPDATE);
  trial->supports_100rel = dialog_peer_supports(dialogs, trial->dialog, DIALOG_PEER_100REL);
  return ask(step, TRUNK_CHECK_OPTIONS_INSIDE, &request);
}

TRUNK_ACTION(cancel) {
  struct text_builder headers = arena_builder(step->context->arena, HEADERS_BYTES);
  write_supported(&headers);
  write_reason(&headers, STR_VIEW("SIP"), 487);
  transaction_cancel(step->trials->rooms.transactions, step->context, step->trial->invite, text_builder_view(&headers));
  return TRUNK_EVENT_NONE;
}

TRUNK_ACTION(update) {
  return offer(step, TRUNK_CHECK_UPDATE, SIP_METHOD_UPDATE, false);
}

TRUNK_ACTION(update_session) {
  return offer(step, TRUNK_CHECK_UPDATE_SESSION, SIP_METHOD_UPDATE, true);
}

TRUNK_ACTION(reinvite) {
  return offer(step, TRUNK_CHECK_REINVITE, SIP_METHOD_INVITE, true);
}

TRUNK_ACTION(hang_up) {
  struct text_builder headers = arena_builder(step->context->arena, HEADERS_BYTES);
  write_supported(&headers);
  write_reason(&headers, STR_VIEW("Q.850"), 16);
  struct dialog_request bye = {.method = SIP_METHOD_BYE, .extra_headers = text_builder_view(&headers)};
  return ask(step, TRUNK_CHECK_BYE, &bye);
}

TRUNK_ACTION(finish) {
  trunk_end(step);
  return TRUNK_EVENT_NONE;
}
