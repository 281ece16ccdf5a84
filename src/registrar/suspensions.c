#include "registrar/suspensions.h"

#include "base/check.h"
#include "base/packed.h"
#include "parameters/parameters.h"

static size_t pool_bytes(uint32_t suspensions_max) {
  return pool_memory_bytes(sizeof(struct suspect), suspensions_max);
}

size_t suspensions_memory_bytes(uint32_t suspensions_max) {
  return pool_bytes(suspensions_max) + hash_table_memory_bytes(suspensions_max);
}

void suspensions_init(struct suspensions *suspensions, void *memory, uint32_t suspensions_max) {
  require(suspensions_max > 0);
  pool_init(&suspensions->pool, memory, sizeof(struct suspect), suspensions_max);
  hash_table_init(&suspensions->by_id, (char *)memory + pool_bytes(suspensions_max), suspensions_max);
}

/* --- the two lists, oldest first --------------------------------------------------------------------------------- */

static struct suspect_list *list_of(struct suspensions *suspensions, const struct suspect *suspect) {
  return suspect->suspended ? &suspensions->suspended : &suspensions->watched;
}

static void list_add_newest(struct suspect_list *list, struct suspect *suspect) {
  suspect->older = list->newest;
  suspect->newer = NULL;
  if (list->newest)
    list->newest->newer = suspect;
  else
    list->oldest = suspect;
  list->newest = suspect;
}

static void list_remove(struct suspect_list *list, struct suspect *suspect) {
  if (suspect->older)
    suspect->older->newer = suspect->newer;
  else
    list->oldest = suspect->newer;
  if (suspect->newer)
    suspect->newer->older = suspect->older;
  else
    list->newest = suspect->older;
}

/* --- one pair ---------------------------------------------------------------------------------------------------- */

static uint64_t pair_id(const struct context *context, const struct address *source, struct str_view user) {
  struct {
    uint64_t user_hash;
    uint8_t ip[16];
    uint64_t family;
  } pair = {siphash(&context->local->nonce_key, user.data, user.length), {0}, source->family};
  memcpy(pair.ip, source->ip, sizeof pair.ip);
  return siphash(&context->local->nonce_key, &pair, sizeof pair);
}

/* Mostly there is nobody, and nothing need be computed for anybody. */
static bool is_empty(const struct suspensions *suspensions) {
  return suspensions->pool.used == 0;
}

static struct suspect *find(const struct suspensions *suspensions, uint64_t id) {
  uint32_t index;
  for (uint32_t at = hash_table_first(&suspensions->by_id, id, &index); at != HASH_TABLE_END;
       at = hash_table_next(&suspensions->by_id, id, at, &index)) {
    struct suspect *suspect = pool_at(&suspensions->pool, index);
    if (suspect->id == id) return suspect;
  }
  return NULL;
}

/* --- over a restart ---------------------------------------------------------------------------------------------- */

#define KEEP_VERSION 1

static struct journal_key key_of(const struct context *context, const struct suspect *suspect) {
  return journal_key_of(JOURNAL_SUSPENSION, context->local->worker, suspect->id);
}

/* FULL: it ends with the next restart, and the guesser begins anew. */
static void keep(struct context *context, const struct suspect *suspect) {
  char memory[8];
  struct text_builder state = text_builder_over(memory, sizeof memory);
  int64_t left_ms = mono_ms_since(timer_due(&suspect->timer), context->now);
  packed_add(&state, KEEP_VERSION, 1);
  packed_add(&state, (uint64_t)(context->wall_now.value / 1000 + left_ms), 6);
  (void)!outbox_journal(context->outbox, JOURNAL_SOON, JOURNAL_PUT, key_of(context, suspect),
                        text_builder_view(&state));
}

static void keep_no_more(struct context *context, const struct suspect *suspect) {
  if (!suspect->suspended) return;
  (void)!outbox_journal(context->outbox, JOURNAL_SOON, JOURNAL_DROP, key_of(context, suspect), (struct str_view){0});
}

bool suspensions_tell_journal(const struct suspensions *suspensions, struct context *context, uint32_t *index,
                              unsigned count) {
  while (count-- > 0) {
    const struct suspect *suspect = pool_next(&suspensions->pool, index);
    if (!suspect) return false;
    if (suspect->suspended) keep(context, suspect);
  }
  return true;
}

/* --- coming and going -------------------------------------------------------------------------------------------- */

static void forget(struct suspensions *suspensions, struct context *context, struct suspect *suspect) {
  keep_no_more(context, suspect);
  timer_wheel_cancel(context->wheel, &suspect->timer);
  list_remove(list_of(suspensions, suspect), suspect);
  uint32_t index = pool_handle_of(&suspensions->pool, suspect).index;
  enum result result = hash_table_remove(&suspensions->by_id, suspect->id, index);
  require(result == RESULT_OK);
  pool_give(&suspensions->pool, suspect);
}

static struct suspect *watch(struct suspensions *suspensions, struct context *context, uint64_t id) {
  struct handle handle;
  if (suspensions->pool.used == suspensions->pool.capacity) {
    struct suspect_list *list = suspensions->watched.oldest ? &suspensions->watched : &suspensions->suspended;
    forget(suspensions, context, list->oldest);
  }
  struct suspect *suspect = pool_take(&suspensions->pool, &handle);
  require(suspect);
  suspect->id = id;
  enum result result = hash_table_insert(&suspensions->by_id, id, handle.index);
  require(result == RESULT_OK);
  list_add_newest(&suspensions->watched, suspect);
  return suspect;
}

enum result suspensions_restore(struct suspensions *suspensions, struct context *context, struct journal_key key,
                                struct str_view state) {
  struct packed_reader reader = {.rest = state};
  int64_t longest_ms = (int64_t)context->parameters->SS_AUTHENTICATION_FAILED_SUSPEND * 1000;
  if (packed_take(&reader, 1) != KEEP_VERSION) return RESULT_MALFORMED;
  int64_t left_ms = (int64_t)packed_take(&reader, 6) - context->wall_now.value / 1000;
  if (reader.broken) return RESULT_MALFORMED;
  if (left_ms <= 0) return RESULT_NOT_FOUND;
  if (left_ms > longest_ms) left_ms = longest_ms; /* the clock was set back */
  struct suspect *suspect = find(suspensions, key.low);
  if (!suspect) suspect = watch(suspensions, context, key.low);
  list_remove(list_of(suspensions, suspect), suspect);
  suspect->suspended = true;
  list_add_newest(&suspensions->suspended, suspect);
  timer_wheel_arm(context->wheel, &suspect->timer, TIMER_SUSPENSION, mono_ms_add(context->now, left_ms));
  return RESULT_OK;
}

bool suspensions_is_suspended(const struct suspensions *suspensions, const struct context *context,
                              const struct address *source, struct str_view user) {
  if (is_empty(suspensions)) return false;
  const struct suspect *suspect = find(suspensions, pair_id(context, source, user));
  return suspect && suspect->suspended;
}

bool suspensions_count_wrong(struct suspensions *suspensions, struct context *context, const struct address *source,
                             struct str_view user) {
  uint64_t id = pair_id(context, source, user);
  struct suspect *suspect = find(suspensions, id);
  if (!suspect) suspect = watch(suspensions, context, id);
  if (suspect->suspended) return true;
  suspect->wrong_count++;
  list_remove(&suspensions->watched, suspect);
  suspect->suspended = suspect->wrong_count > context->parameters->SS_SIP_AUTHENTICATION_RETRY;
  list_add_newest(list_of(suspensions, suspect), suspect);
  int64_t remembered_ms = (int64_t)context->parameters->SS_AUTHENTICATION_FAILED_SUSPEND * 1000;
  timer_wheel_arm(context->wheel, &suspect->timer, TIMER_SUSPENSION, mono_ms_add(context->now, remembered_ms));
  if (suspect->suspended) {
    counters_add(context->counters, authentications_suspended);
    keep(context, suspect);
  }
  return suspect->suspended;
}

void suspensions_clear(struct suspensions *suspensions, struct context *context, const struct address *source,
                       struct str_view user) {
  if (is_empty(suspensions)) return;
  struct suspect *suspect = find(suspensions, pair_id(context, source, user));
  if (suspect) forget(suspensions, context, suspect);
}

void suspensions_timer_due(struct suspensions *suspensions, struct context *context, struct timer *timer) {
  _Static_assert(offsetof(struct suspect, timer) == 0, "a suspect is found by its timer");
  forget(suspensions, context, (struct suspect *)(void *)timer);
}

bool suspensions_check(const struct suspensions *suspensions, struct text_builder *problem) {
  uint32_t at = 0;
  const struct suspect *suspect;
  while ((suspect = pool_next(&suspensions->pool, &at)) != NULL) {
    if (timer_is_armed(&suspect->timer)) continue;
    text_builder_add_literal(problem, "a suspension has no deadline");
    return false;
  }
  return true;
}
