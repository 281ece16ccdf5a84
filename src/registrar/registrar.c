#include "registrar/registrar.h"

#include "base/check.h"
#include "registrar/registrar_private.h"

static size_t rounded(size_t bytes) {
  return (bytes + 63) & ~(size_t)63;
}

size_t registrar_memory_bytes(const struct registrar_limits *limits) {
  return rounded(sizeof(struct registrar)) + rounded(location_table_memory_bytes(limits->registrations_max)) +
         rounded(suspensions_memory_bytes(limits->suspensions_max)) +
         rounded(nonce_counts_memory_bytes(limits->nonces_max));
}

struct registrar *registrar_create(void *memory, const struct registrar_limits *limits, struct block_store *blocks,
                                   struct transaction_layer *transactions, struct keepalive *keepalive) {
  struct registrar *registrar = memory;
  char *at = (char *)memory + rounded(sizeof *registrar);
  location_table_init(&registrar->locations, at, limits->registrations_max, blocks, keepalive);
  at += rounded(location_table_memory_bytes(limits->registrations_max));
  suspensions_init(&registrar->suspensions, at, limits->suspensions_max);
  at += rounded(suspensions_memory_bytes(limits->suspensions_max));
  nonce_counts_init(&registrar->nonces, at, limits->nonces_max);
  registrar->transactions = transactions;
  registrar->keepalive = keepalive;
  return registrar;
}

void registrar_remove(struct registrar *registrar, struct context *context, struct registration *registration) {
  location_table_remove(&registrar->locations, context, registration);
  counters_add(context->counters, registrations_removed);
}

void registrar_timer_due(struct registrar *registrar, struct context *context, struct timer *timer) {
  _Static_assert(offsetof(struct registration, timer) == 0, "a registration is found by its timer");
  if (timer->kind == TIMER_SUSPENSION) {
    suspensions_timer_due(&registrar->suspensions, context, timer);
    return;
  }
  if (timer->kind == TIMER_REGISTRAR) {
    registrar_sweep_due(registrar, context);
    return;
  }
  require(timer->kind == TIMER_REGISTRATION);
  location_table_remove(&registrar->locations, context, (struct registration *)(void *)timer);
  counters_add(context->counters, registrations_expired);
}

/* --- where is it? ------------------------------------------------------------------------------------------------ */

/* Higher q first (RFC 3261 §16.6), then who registered last. */
static bool comes_before(const struct registration *a, const struct registration *b, struct mono_ms now) {
  if (a->q_thousandths != b->q_thousandths) return a->q_thousandths > b->q_thousandths;
  return mono_ms_before(registration_refreshed_at(b, now), registration_refreshed_at(a, now));
}

static unsigned sort_contacts(const struct registration *first, struct mono_ms now,
                              const struct registration **sorted) {
  unsigned count = 0;
  for (const struct registration *one = first; one && count < EVENT_LOCATION_CONTACTS_MAX; one = one->next) {
    unsigned at = count++;
    for (; at > 0 && comes_before(one, sorted[at - 1], now); at--)
      sorted[at] = sorted[at - 1];
    sorted[at] = one;
  }
  return count;
}

/* A phone that has an address is there without registering, reachable unless its keep-alives say otherwise. */
static void locate_fixed(const struct registrar *registrar, struct context *context, const struct device *phone,
                         struct location_answer *answer) {
  struct registration_view view;
  if (!registration_view_fixed(registrar, context, phone, &view)) return;
  struct str_view uri = arena_copy(context->arena, view.texts.contact);
  if (uri.length == 0) return;
  answer->contacts[0] =
      (struct location_contact){.uri = uri, .flow = view.flow, .q_thousandths = 1000, .reachable = view.is_reachable};
  answer->known = true;
  answer->contact_count = 1;
}

void registrar_locate(const struct registrar *registrar, struct context *context, struct str_view number,
                      struct location_answer *answer) {
  const struct registration *sorted[EVENT_LOCATION_CONTACTS_MAX];
  unsigned count = sort_contacts(location_table_first(&registrar->locations, context, number), context->now, sorted);
  answer->known = count > 0;
  answer->contact_count = (uint8_t)count;
  for (unsigned i = 0; i < count; i++) {
    struct registration_texts texts = registration_texts(&registrar->locations, sorted[i]);
    answer->contacts[i] = (struct location_contact){.uri = texts.contact,
                                                    .path = texts.path,
                                                    .flow = sorted[i]->device->flow,
                                                    .q_thousandths = sorted[i]->q_thousandths,
                                                    .behind_nat = sorted[i]->behind_nat,
                                                    .reachable = !sorted[i]->device->is_unreachable};
  }
  const struct device *phone =
      count == 0 && context->directory ? directory_find_phone(context->directory, number) : NULL;
  if (phone && phone->address) locate_fixed(registrar, context, phone, answer);
}

/* --- counting and checking --------------------------------------------------------------------------------------- */

uint32_t registrar_count(const struct registrar *registrar) {
  return registrar->locations.registrations.used;
}

static const char *problem_of(const struct registrar *registrar, const struct registration *registration) {
  const struct location_table *locations = &registrar->locations;
  if (!timer_is_armed(&registration->timer)) return "a registration has no deadline";
  if (!registration->device || registration->device->holders == 0) return "a registration has no device";
  if (registration->next) {
    struct str_view number = registration_texts(locations, registration).number;
    if (!str_view_equal(registration_texts(locations, registration->next).number, number))
      return "contacts of two numbers are chained";
  }
  return NULL;
}

/* Each registration stands in one chain whose first is in the table. */
static const char *problem_of_sums(const struct registrar *registrar, uint32_t chained) {
  const struct location_table *locations = &registrar->locations;
  if (locations->by_number.used + chained != locations->registrations.used) return "a registration cannot be found";
  return NULL;
}

bool registrar_check(const struct registrar *registrar, struct text_builder *problem) {
  const struct registration *registration;
  const char *found = NULL;
  uint32_t at = 0, chained = 0;
  while (!found && (registration = pool_next(&registrar->locations.registrations, &at)) != NULL) {
    found = problem_of(registrar, registration);
    chained += registration->next != NULL;
  }
  if (!found) found = problem_of_sums(registrar, chained);
  if (!found) return suspensions_check(&registrar->suspensions, problem);
  text_builder_add(problem, str_view_from_c(found));
  return false;
}
