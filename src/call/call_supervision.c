/* What messages say about session timers, and what ours say. The decisions are supervision/session_offer.h's. */
#include "call/call_supervision.h"

#include "directory/directory.h"
#include "parameters/parameters.h"
#include "sip/sip_build.h"

/* --- wishes ------------------------------------------------------------------------------------------------------ */

/* As it is now, so that a change reaches running calls. */
const struct device *call_supervision_device(struct call_step *step, const struct call_leg *leg) {
  const struct directory *directory = step->context->directory;
  enum call_text text = leg->side == CALL_CALLER ? CALL_TEXT_CALLER_DEVICE : CALL_TEXT_CALLEE_DEVICE;
  const struct call *call = call_of_leg(step->table, leg);
  struct str_view name = call ? call_text(step->table, call, text) : (struct str_view){0};
  if (leg->device_kind == DEVICE_PHONE) return directory_find_phone(directory, name);
  return directory_find_gateway(directory, (enum device_kind)leg->device_kind, name);
}

struct session_wishes call_supervision_wishes_by(struct call_step *step, const struct call_leg *leg,
                                                 const struct parameters *parameters) {
  const struct device *device = call_supervision_device(step, leg);
  return session_wishes_of(parameters, device ? &device->overrides : NULL);
}

/* A refresh asks several times, and many calls have the same device. A leg on its own has none. */
struct session_wishes call_supervision_wishes(struct call_step *step, const struct call_leg *leg) {
  struct known_wishes *known = &step->table->known_wishes[leg->device_key % CALL_KNOWN_WISHES];
  bool has_device = leg->device_key != 0 && call_of_leg(step->table, leg);
  if (has_device && known->device_key == leg->device_key) return known->wishes;
  struct session_wishes wishes = call_supervision_wishes_by(step, leg, step->context->parameters);
  if (has_device) *known = (struct known_wishes){leg->device_key, wishes};
  return wishes;
}

void call_supervision_forget_wishes(struct call_table *table) {
  memset(table->known_wishes, 0, sizeof table->known_wishes);
}

/* A leg on its own has no device any more; its farewell says what was said before. */
bool call_supervision_supports(struct call_step *step, struct call_leg *leg) {
  if (call_of_leg(step->table, leg)) leg->says_timer = call_supervision_wishes(step, leg).ttl_s != 0;
  return leg->says_timer;
}

static bool is_answered(const struct call_leg *leg) {
  return leg->session_timer.state != SESSION_STATE_IDLE;
}

/* --- the peer's requests ----------------------------------------------------------------------------------------- */

static struct session_words *words_of(struct call_leg *leg, enum sip_method method) {
  return method == SIP_METHOD_INVITE ? &leg->invite_words : &leg->update_words;
}

/* In an early dialog only the 2xx to the INVITE arms: an UPDATE before it is not timed. */
static struct session_verdict judge(struct call_step *step, struct call_leg *leg, enum sip_method method) {
  struct session_wishes wishes = call_supervision_wishes(step, leg);
  struct session_terms in_force = session_timer_terms(&leg->session_timer);
  if (!is_answered(leg) && method == SIP_METHOD_UPDATE) return (struct session_verdict){.judgement = SESSION_UNTIMED};
  return session_offer_judge(words_of(leg, method), &wishes, is_answered(leg) ? &in_force : NULL);
}

static void respond_too_small(struct call_step *step, uint32_t min_se_s) {
  char memory[64];
  struct text_builder lines = text_builder_over(memory, sizeof memory);
  sip_build_header_u32(&lines, SIP_HEADER_MIN_SE, min_se_s);
  counters_add(step->context->counters, session_intervals_refused);
  call_respond(step, step->transaction, 422, text_builder_view(&lines));
}

static void note_words(struct call_step *step, struct call_leg *leg, const struct session_words *words) {
  *words_of(leg, step->message->method) = *words;
  session_offer_note_min_se(&leg->asked_terms, words->min_se_s);
}

void call_supervision_hear_minimum(struct call_step *step) {
  enum sip_method method = step->message->method;
  if (method != SIP_METHOD_INVITE && method != SIP_METHOD_UPDATE) return;
  session_offer_note_min_se(&step->leg->asked_terms, session_words_read(step->message).min_se_s);
}

void call_supervision_begin_leg(struct call_step *step, struct call_leg *leg, const struct device *device) {
  leg->device_kind = (uint8_t)device->kind;
  leg->device_key = device_memory_key(device->kind, device->name);
  if (leg->side == CALL_CALLEE) return;
  struct session_words words = session_words_read(step->message);
  note_words(step, leg, &words);
}

bool call_supervision_refuse(struct call_step *step, const struct device *device) {
  struct session_words words = session_words_read(step->message);
  struct session_verdict verdict;
  if (device) {
    struct session_wishes wishes = session_wishes_of(step->context->parameters, &device->overrides);
    verdict = session_offer_judge(&words, &wishes, NULL);
  } else {
    note_words(step, step->leg, &words);
    verdict = judge(step, step->leg, step->message->method);
  }
  if (verdict.judgement != SESSION_TOO_SMALL) return false;
  respond_too_small(step, verdict.min_se_s);
  return true;
}

void call_supervision_add_to_answer(struct call_step *step, struct call_leg *leg, enum sip_method method,
                                    struct text_builder *headers) {
  struct session_verdict verdict = judge(step, leg, method);
  session_offer_write_answer(&verdict, headers);
}

void call_supervision_answered(struct call_step *step, struct call_leg *leg, enum sip_method method) {
  bool is_first = !is_answered(leg);
  if (is_first && method == SIP_METHOD_UPDATE) return;
  struct session_verdict verdict = judge(step, leg, method);
  if (verdict.judgement == SESSION_TIMED) leg->says_timer = true; /* also in a farewell that is our first request */
  if (!is_first) call_refresh_count_received(step, leg);
  session_timer_begin(&leg->session_timer, step->context, verdict.terms,
                      is_first ? SESSION_BY_ANSWER : SESSION_BY_OTHERS, method);
  call_note_session(step, leg, is_first ? NOTE_TIMER_ARMED : NOTE_TIMER_REFRESHED, 0, (struct str_view){0});
  call_refresh_account(step->table, leg);
}

/* --- our requests ------------------------------------------------------------------------------------------------ */

void call_supervision_add_to_request(struct call_step *step, struct call_leg *leg, enum sip_method method,
                                     struct text_builder *headers) {
  struct session_wishes wishes = call_supervision_wishes(step, leg);
  struct session_terms in_force = session_timer_terms(&leg->session_timer);
  if (!is_answered(leg) && method == SIP_METHOD_UPDATE) return;
  session_offer_ask(&leg->asked_terms, &wishes, is_answered(leg) ? &in_force : NULL, leg->session_timer.is_renewing);
  session_offer_write_request(&leg->asked_terms, &wishes, headers);
}

struct session_terms call_supervision_conclude(struct call_step *step, struct call_leg *leg,
                                               const struct session_words *words) {
  struct session_wishes wishes = call_supervision_wishes(step, leg);
  leg->asked_terms.raises = 0;
  return session_offer_conclude(&leg->asked_terms, words, &wishes);
}

void call_supervision_take_answer(struct call_step *step) {
  struct call_leg *leg = step->leg;
  struct session_words words = session_words_of_answer(step->message);
  bool is_first = !is_answered(leg);
  if (is_first && step->message->method == SIP_METHOD_UPDATE) return;
  struct session_terms terms = call_supervision_conclude(step, leg, &words);
  if (is_first) session_offer_establish(&leg->asked_terms);
  session_timer_note_answered(&leg->session_timer, step->message->method);
  session_timer_begin(&leg->session_timer, step->context, terms, is_first ? SESSION_BY_ANSWER : SESSION_BY_OTHERS,
                      step->message->method);
  call_note_session(step, leg, is_first ? NOTE_TIMER_ARMED : NOTE_TIMER_REFRESHED, 0, (struct str_view){0});
  call_refresh_account(step->table, leg);
}

bool call_supervision_raise(struct call_step *step) {
  struct session_words words = session_words_of_answer(step->message);
  counters_add(step->context->counters, session_intervals_raised);
  return session_offer_raise(&step->leg->asked_terms, words.min_se_s);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

/* 408 may be a proxy's, and 481 proves a device alive that knows no such call. */
void call_supervision_note(struct call_step *step, struct call_leg *leg) {
  const struct sip_message *message = step->message;
  if (!step->call || !message) return;
  if (!message->is_request && (message->status == 408 || message->status == 481)) return;
  liveness_note(&leg->alive, call_wall_now(step->call, step->context), message);
  step->call->alive = leg->alive;
  step->call->alive_side = leg->side;
  if (!message->is_request && message->status >= 200) session_timer_note_answered(&leg->session_timer, message->method);
}

bool call_supervision_heard_within(const struct call_step *step, const struct call_leg *leg, int64_t milliseconds) {
  return leg->alive.at.value > call_wall_now(step->call, step->context).value - 1000 * milliseconds;
}

void call_supervision_stop(struct call_step *step, struct call_leg *leg) {
  session_timer_stop(&leg->session_timer, step->context);
  call_refresh_account(step->table, leg);
}

bool call_supervision_caller_is_timed(const struct call_table *table, const struct call *call) {
  const struct call_leg *caller = call_leg_at(table, call->caller);
  return caller && session_timer_is_timed(&caller->session_timer) &&
         dialog_peer_supports(table->rooms.dialogs, caller->dialog, DIALOG_PEER_TIMER);
}
