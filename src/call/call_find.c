/* Live calls that fit a question, as keys to sort them by: who asks for a screenful of 50,000 calls gets the order of
 * all of them in some bytes each, and the objects of those that are shown. */
#include <string.h>

#include "call/call_private.h"

#define SLOTS_AT_ONCE  4096 /* so many calls are looked at in one event: a millisecond at most */
#define TEXT_KEY_BYTES 16
#define KEY_DIGITS     (2 * TEXT_KEY_BYTES)
#define LINE_BYTES     (KEY_DIGITS + CDR_ID_LENGTH + 2)

static const struct str_view sort_names[CALL_SORT_COUNT] = {
#define CALL_SORT(name, ...) [CALL_SORT_##name] = STR_VIEW_LITERAL(#name),
#include "call/call_sorts.def"
#undef CALL_SORT
};

bool call_sort_find(struct str_view name, enum call_sort *sort_out) {
  for (unsigned i = 0; i < CALL_SORT_COUNT; i++) {
    if (!str_view_equal(name, sort_names[i])) continue;
    *sort_out = (enum call_sort)i;
    return true;
  }
  return false;
}

/* --- what fits --------------------------------------------------------------------------------------------------- */

static bool address_contains(const struct address *address, struct str_view part) {
  char memory[64];
  struct text_builder text = text_builder_over(memory, sizeof memory);
  if (address->family == ADDRESS_NONE) return false;
  address_to_text(address, &text);
  return str_view_contains_folded(text_builder_view(&text), part);
}

static bool any_contains(const struct str_view *texts, const enum call_text *which, size_t count,
                         struct str_view part) {
  for (size_t i = 0; i < count; i++)
    if (str_view_contains_folded(texts[which[i]], part)) return true;
  return false;
}

static bool texts_fit(const struct call *call, const struct str_view *texts, const struct call_query *query) {
  static const enum call_text all[] = {CALL_TEXT_CALLER,     CALL_TEXT_CALLEE,        CALL_TEXT_CALLER_OUT,
                                       CALL_TEXT_CALLEE_OUT, CALL_TEXT_CALLER_DEVICE, CALL_TEXT_CALLEE_DEVICE};
  if (query->number.length > 0 && !any_contains(texts, all, 4, query->number)) return false;
  if (query->device.length > 0 && !str_view_equal(texts[CALL_TEXT_CALLER_DEVICE], query->device) &&
      !str_view_equal(texts[CALL_TEXT_CALLEE_DEVICE], query->device))
    return false;
  return query->words.length == 0 || any_contains(texts, all, 6, query->words) ||
         address_contains(&call->caller_address, query->words) || address_contains(&call->callee_address, query->words);
}

/* The session of either leg that ends first; false: neither has one. */
static bool first_expiry(struct call_step *step, struct mono_ms *at_out) {
  const struct handle legs[] = {step->call->caller, step->call->callee};
  bool has_one = false;
  for (unsigned i = 0; i < 2; i++) {
    struct mono_ms at;
    const struct call_leg *leg = call_leg_at(step->table, legs[i]);
    if (!leg || !session_timer_guard(&leg->session_timer, step->context->parameters, &at)) continue;
    if (!has_one || mono_ms_before(at, *at_out)) *at_out = at;
    has_one = true;
  }
  return has_one;
}

static bool a_leg_is_refreshed_by(struct call_step *step, struct str_view refresher) {
  const struct handle legs[] = {step->call->caller, step->call->callee};
  for (unsigned i = 0; i < 2; i++) {
    const struct call_leg *leg = call_leg_at(step->table, legs[i]);
    if (leg && str_view_equal(session_role_name(session_timer_terms(&leg->session_timer).role), refresher)) return true;
  }
  return false;
}

static bool timers_fit(struct call_step *step, const struct call_query *query) {
  struct mono_ms at;
  if (query->refresher.length > 0 && !a_leg_is_refreshed_by(step, query->refresher)) return false;
  if (query->expires_within_s == 0) return true;
  return first_expiry(step, &at) && mono_ms_since(at, step->context->now) <= 1000 * (int64_t)query->expires_within_s;
}

static bool fits(struct call_step *step, const struct str_view *texts, const struct call_query *query) {
  bool asks_texts = query->number.length > 0 || query->device.length > 0 || query->words.length > 0;
  if (query->state.length > 0 && !str_view_equal(call_state_name(step->call), query->state)) return false;
  return timers_fit(step, query) && (!asks_texts || texts_fit(step->call, texts, query));
}

/* --- keys -------------------------------------------------------------------------------------------------------- */

static uint64_t number_key(struct call_step *step, enum call_sort sort) {
  const struct call *call = step->call;
  struct mono_ms at;
  if (sort == CALL_SORT_talk)
    return call->answered_at.value == 0 ? 0 : UINT64_MAX / 2 - (uint64_t)call->answered_at.value;
  if (sort == CALL_SORT_state) return call->state;
  if (sort == CALL_SORT_alive) return (uint64_t)call->alive.at.value;
  if (sort == CALL_SORT_expires) return first_expiry(step, &at) ? (uint64_t)at.value : UINT64_MAX;
  return (uint64_t)call->started_at.value;
}

static void add_line(struct call_step *step, const struct str_view *texts, enum call_sort sort,
                     struct text_builder *lines) {
  if (sort == CALL_SORT_caller)
    text_builder_add_sort_key(lines, texts[CALL_TEXT_CALLER], TEXT_KEY_BYTES);
  else if (sort == CALL_SORT_callee)
    text_builder_add_sort_key(lines, texts[CALL_TEXT_CALLEE], TEXT_KEY_BYTES);
  else if (sort == CALL_SORT_device)
    text_builder_add_sort_key(lines, texts[CALL_TEXT_CALLER_DEVICE], TEXT_KEY_BYTES);
  else
    text_builder_add_hex(lines, number_key(step, sort), 16);
  text_builder_add_char(lines, ' ');
  text_builder_add(lines, call_id_of(step));
  text_builder_add_char(lines, '\n');
}

void call_find(struct call_table *table, struct context *context, const struct call_query *query,
               struct text_builder *lines, uint32_t *cursor) {
  struct call_step step = {.table = table, .context = context};
  for (unsigned looked = 0; looked < SLOTS_AT_ONCE && lines->capacity - lines->length >= LINE_BYTES; looked++) {
    struct str_view texts[CALL_TEXT_COUNT];
    step.call = pool_next(&table->calls, cursor);
    if (!step.call) {
      *cursor = UINT32_MAX;
      return;
    }
    if (step.call->state == CALL_STATE_ENDED) continue;
    call_load_texts(table, step.call, texts);
    if (!fits(&step, texts, query)) continue;
    add_line(&step, texts, query->sort, lines);
  }
}
