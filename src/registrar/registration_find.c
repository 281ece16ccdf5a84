/* Registrations that fit a question, as keys to sort them by (call/call_find.c does the same with calls). */
#include "registrar/registrar_private.h"

#define SLOTS_AT_ONCE  4096 /* so many are looked at in one event: a millisecond at most */
#define TEXT_KEY_BYTES 24
#define ID_BYTES_MAX   24
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
  const struct registration *registration;
  struct registration_texts texts;
  struct str_view source;
  char source_memory[64];
};

static void look_at(struct look *look, const struct registrar *registrar, const struct registration *registration) {
  struct text_builder source = text_builder_over(look->source_memory, sizeof look->source_memory);
  look->registration = registration;
  look->texts = registration_texts(&registrar->locations, registration);
  address_to_text(&registration->device->flow.remote, &source);
  look->source = text_builder_view(&source);
}

static bool fits(const struct look *look, const struct registration_query *query) {
  struct str_view state = look->registration->device->is_unreachable ? STR_VIEW("unreachable") : STR_VIEW("reachable");
  if (query->state.length > 0 && !str_view_equal(query->state, state)) return false;
  return query->words.length == 0 || str_view_contains_folded(look->texts.number, query->words) ||
         str_view_contains_folded(look->texts.contact, query->words) ||
         str_view_contains_folded(look->source, query->words) ||
         str_view_contains_folded(look->texts.user_agent, query->words);
}

static uint64_t number_key(const struct look *look, const struct context *context, enum registration_sort sort) {
  const struct keepalive_device *device = look->registration->device;
  if (sort == REGISTRATION_SORT_state) return !device->is_unreachable;
  if (sort == REGISTRATION_SORT_nat) return look->registration->behind_nat;
  if (sort == REGISTRATION_SORT_rtt) return device->has_round_trip ? 1 + (uint64_t)device->round_trip_ms : 0;
  return registration_expires_in_s(look->registration, context->now);
}

static void add_line(const struct look *look, const struct registrar *registrar, const struct context *context,
                     enum registration_sort sort, struct text_builder *lines) {
  if (sort == REGISTRATION_SORT_number)
    text_builder_add_sort_key(lines, look->texts.number, TEXT_KEY_BYTES);
  else if (sort == REGISTRATION_SORT_source)
    text_builder_add_sort_key(lines, look->source, TEXT_KEY_BYTES);
  else if (sort == REGISTRATION_SORT_agent)
    text_builder_add_sort_key(lines, look->texts.user_agent, TEXT_KEY_BYTES);
  else
    text_builder_add_hex(lines, number_key(look, context, sort), 16);
  text_builder_add_char(lines, ' ');
  registration_write_id(registrar, context, look->registration, lines);
  text_builder_add_char(lines, '\n');
}

void registrar_find(const struct registrar *registrar, struct context *context, const struct registration_query *query,
                    struct text_builder *lines, uint32_t *cursor) {
  for (unsigned looked = 0; looked < SLOTS_AT_ONCE && lines->capacity - lines->length >= LINE_BYTES; looked++) {
    struct look look;
    const struct registration *registration = pool_next(&registrar->locations.registrations, cursor);
    if (!registration) {
      *cursor = UINT32_MAX;
      return;
    }
    look_at(&look, registrar, registration);
    if (fits(&look, query)) add_line(&look, registrar, context, query->sort, lines);
  }
}
