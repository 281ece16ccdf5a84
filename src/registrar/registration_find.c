/* Registrations that fit a question, as keys to sort them by (call/call_find.c does the same with calls). */
#include "registrar/registrar_private.h"

#define SLOTS_AT_ONCE  4096 /* so many are looked at in one event: a millisecond at most */
#define TEXT_KEY_BYTES 24
#define ID_BYTES_MAX   28
#define LINE_BYTES     (2 * TEXT_KEY_BYTES + ID_BYTES_MAX + 2)

static const struct str_view sort_names[REGISTRATION_SORT_COUNT] = {
#define REGISTRATION_SORT(name, ...) [REGISTRATION_SORT_##name] = STR_VIEW_LITERAL(#name),
#include "registrar/registration_sorts.def"
#undef REGISTRATION_SORT
};

bool registration_sort_find(struct str_view name, enum registration_sort *sort_out) {
  for (unsigned i = 0; i < REGISTRATION_SORT_COUNT; i++) {
    if (!str_view_equal(name, sort_names[i])) continue;
    *sort_out = (enum registration_sort)i;
    return true;
  }
  return false;
}

/* What a line is made of. */
struct look {
  struct registration_view view;
  struct str_view source;
  char source_memory[64];
};

static void look_at_source(struct look *look) {
  struct text_builder source = text_builder_over(look->source_memory, sizeof look->source_memory);
  address_to_text(&look->view.flow.remote, &source);
  look->source = text_builder_view(&source);
}

static bool is_in_state(const struct registration_view *view, struct str_view state) {
  if (state.length == 0) return true;
  if (str_view_equal(state, STR_VIEW("static"))) return !view->registration;
  return str_view_equal(state, view->is_reachable ? STR_VIEW("reachable") : STR_VIEW("unreachable"));
}

static bool fits(const struct look *look, const struct registration_query *query) {
  const struct registration_texts *texts = &look->view.texts;
  if (!is_in_state(&look->view, query->state)) return false;
  return query->words.length == 0 || str_view_contains_folded(texts->number, query->words) ||
         str_view_contains_folded(texts->contact, query->words) ||
         str_view_contains_folded(look->source, query->words) ||
         str_view_contains_folded(texts->user_agent, query->words);
}

/* A phone with an address never expires: it comes last. */
static uint64_t number_key(const struct look *look, const struct context *context, enum registration_sort sort) {
  const struct registration_view *view = &look->view;
  bool has_round_trip = view->device && view->device->has_round_trip;
  if (sort == REGISTRATION_SORT_state) return view->is_reachable;
  if (sort == REGISTRATION_SORT_nat) return view->is_behind_nat;
  if (sort == REGISTRATION_SORT_rtt) return has_round_trip ? 1 + (uint64_t)view->device->round_trip_ms : 0;
  return view->registration ? registration_expires_in_s(view->registration, context->now) : UINT32_MAX;
}

static void add_line(const struct look *look, const struct registrar *registrar, const struct context *context,
                     enum registration_sort sort, struct text_builder *lines) {
  if (sort == REGISTRATION_SORT_number)
    text_builder_add_sort_key(lines, look->view.texts.number, TEXT_KEY_BYTES);
  else if (sort == REGISTRATION_SORT_source)
    text_builder_add_sort_key(lines, look->source, TEXT_KEY_BYTES);
  else if (sort == REGISTRATION_SORT_agent)
    text_builder_add_sort_key(lines, look->view.texts.user_agent, TEXT_KEY_BYTES);
  else
    text_builder_add_hex(lines, number_key(look, context, sort), 16);
  text_builder_add_char(lines, ' ');
  registration_view_write_id(registrar, context, &look->view, lines);
  text_builder_add_char(lines, '\n');
}

void registrar_find(const struct registrar *registrar, struct context *context, const struct registration_query *query,
                    struct text_builder *lines, uint32_t *cursor) {
  for (unsigned looked = 0; looked < SLOTS_AT_ONCE && lines->capacity - lines->length >= LINE_BYTES; looked++) {
    struct look look;
    enum registration_step step = registration_view_next(registrar, context, cursor, &look.view);
    if (step == REGISTRATION_STEP_END) {
      *cursor = UINT32_MAX;
      return;
    }
    if (step == REGISTRATION_STEP_NOTHING) continue;
    look_at_source(&look);
    if (fits(&look, query)) add_line(&look, registrar, context, query->sort, lines);
  }
}
