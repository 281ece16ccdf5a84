#include "registrar/location_table.h"

#include "base/check.h"
#include "directory/directory.h"

_Static_assert(sizeof(struct registration) <= 88, "a contact costs 88 bytes");

static size_t pool_bytes(uint32_t registrations_max) {
  return pool_memory_bytes(sizeof(struct registration), registrations_max);
}

static size_t rounded(size_t bytes) {
  return (bytes + 63) & ~(size_t)63;
}

size_t location_table_memory_bytes(uint32_t registrations_max) {
  return rounded(pool_bytes(registrations_max)) + rounded(hash_table_memory_bytes(registrations_max));
}

/* What an OPTIONS to the device is addressed to. Behind a Path the proxy is asked, not the phone. */
static struct str_view contact_of(const void *reader, uint32_t owner) {
  const struct location_table *table = reader;
  const struct registration *registration = pool_at(&table->registrations, owner);
  struct registration_texts texts = registration_texts(table, registration);
  return texts.path.length > 0 ? (struct str_view){0} : texts.contact;
}

static bool is_busy(const void *reader, const struct context *context, uint32_t owner) {
  const struct location_table *table = reader;
  const struct registration *registration = pool_at(&table->registrations, owner);
  const struct device *phone =
      context->directory ? directory_find_phone(context->directory, registration_texts(table, registration).number)
                         : NULL;
  return phone && directory_usage(context->directory, phone->usage) > 0;
}

/* The phone's keep-alives have found something out. */
static void has_changed(const void *reader, struct context *context, uint32_t owner) {
  const struct location_table *table = reader;
  const struct registration *registration = pool_at(&table->registrations, owner);
  if (registration->device && timer_is_armed(&registration->timer))
    registration_keep_changes(table, context, registration, JOURNAL_SOON);
}

void location_table_init(struct location_table *table, void *memory, uint32_t registrations_max,
                         struct block_store *blocks, struct keepalive *keepalive) {
  char *at = memory;
  pool_init(&table->registrations, at, sizeof(struct registration), registrations_max);
  at += rounded(pool_bytes(registrations_max));
  hash_table_init(&table->by_number, at, registrations_max);
  table->blocks = blocks;
  table->keepalive = keepalive;
  keepalive_set_contacts(keepalive, contact_of, table);
  keepalive_set_busy(keepalive, is_busy);
  keepalive_set_changed(keepalive, has_changed);
}

/* --- texts ------------------------------------------------------------------------------------------------------- */

static struct str_view cut_off(struct str_view *rest, size_t length) {
  struct str_view head = str_view_slice(*rest, 0, length);
  *rest = str_view_from(*rest, length);
  return head;
}

struct registration_texts registration_texts(const struct location_table *table,
                                             const struct registration *registration) {
  struct str_view rest = block_store_view(table->blocks, &registration->texts);
  struct registration_texts texts;
  texts.number = cut_off(&rest, registration->number_length);
  texts.contact = cut_off(&rest, registration->contact_length);
  texts.path = cut_off(&rest, rest.length - registration->user_agent_length);
  texts.user_agent = rest;
  return texts;
}

static bool set_texts(struct location_table *table, struct arena *arena, struct registration *registration,
                      const struct registration_texts *texts) {
  size_t agent_length =
      texts->user_agent.length < REGISTRATION_AGENT_MAX ? texts->user_agent.length : REGISTRATION_AGENT_MAX;
  size_t length = texts->number.length + texts->contact.length + texts->path.length + agent_length;
  if (length > UINT16_MAX) return false;
  struct text_builder builder = arena_builder(arena, length);
  text_builder_add(&builder, texts->number);
  text_builder_add(&builder, texts->contact);
  text_builder_add(&builder, texts->path);
  text_builder_add(&builder, str_view_slice(texts->user_agent, 0, agent_length));
  if (builder.overflowed ||
      block_store_set(table->blocks, &registration->texts, text_builder_view(&builder)) != RESULT_OK)
    return false;
  registration->number_length = (uint16_t)texts->number.length;
  registration->contact_length = (uint16_t)texts->contact.length;
  registration->user_agent_length = (uint8_t)agent_length;
  return true;
}

/* --- one registration -------------------------------------------------------------------------------------------- */

uint32_t registration_expires_in_s(const struct registration *registration, struct mono_ms now) {
  int64_t left_ms = mono_ms_since(timer_due(&registration->timer), now);
  return left_ms > 0 ? (uint32_t)((left_ms + 999) / 1000) : 0;
}

struct mono_ms registration_refreshed_at(const struct registration *registration, struct mono_ms now) {
  return mono_ms_add(now, -(int64_t)((uint32_t)now.value - registration->refreshed_at_ms));
}

void registration_set_refreshed_at(struct registration *registration, struct mono_ms then) {
  registration->refreshed_at_ms = (uint32_t)then.value;
}

/* Not the key of steering: its hashes have the same low bits for all numbers of one worker. */
uint64_t location_table_number_hash(const struct context *context, struct str_view number) {
  return siphash(&context->local->nonce_key, number.data, number.length);
}

static void set_facts(struct registration *registration, const struct context *context,
                      const struct registration_facts *facts) {
  registration_set_refreshed_at(registration, context->now);
  registration->call_id_hash = facts->call_id_hash;
  registration->branch_hash = facts->branch_hash;
  registration->cseq = facts->cseq;
  registration->instance_hash = facts->instance_hash;
  registration->reg_id = facts->reg_id;
  registration->q_thousandths = facts->q_thousandths;
  registration->behind_nat = facts->behind_nat;
}

static uint32_t index_of(const struct location_table *table, const struct registration *registration) {
  return pool_handle_of(&table->registrations, registration).index;
}

static struct keepalive_facts keepalive_facts_of(const struct location_table *table,
                                                 const struct registration *registration,
                                                 const struct registration_facts *facts) {
  return (struct keepalive_facts){.flow = facts->flow,
                                  .owner = index_of(table, registration),
                                  .own_period_s = facts->keep_alive_own_period_s,
                                  .method = facts->keep_alive_method,
                                  .is_behind_nat = facts->behind_nat,
                                  .text_spoils = facts->text_spoils,
                                  .is_here = !facts->is_kept};
}

static void arm(struct context *context, struct registration *registration, uint32_t expires_s) {
  timer_wheel_arm(context->wheel, &registration->timer, TIMER_REGISTRATION,
                  mono_ms_add(context->now, (int64_t)expires_s * 1000));
}

struct registration *location_table_prepare(struct location_table *table, struct context *context,
                                            const struct registration_facts *facts) {
  struct handle handle;
  struct registration *registration = pool_take(&table->registrations, &handle);
  if (!registration) return NULL;
  registration->registered_at = context->now;
  set_facts(registration, context, facts);
  if (set_texts(table, context->arena, registration, &facts->texts)) {
    struct keepalive_facts keepalive_facts = keepalive_facts_of(table, registration, facts);
    registration->device = keepalive_hold(table->keepalive, context, &keepalive_facts);
  }
  if (registration->device) return registration;
  block_store_clear(table->blocks, &registration->texts);
  pool_give(&table->registrations, registration);
  return NULL;
}

void location_table_discard(struct location_table *table, struct context *context, struct registration *registration) {
  require(!timer_is_armed(&registration->timer));
  keepalive_release(table->keepalive, context, registration->device, index_of(table, registration));
  block_store_clear(table->blocks, &registration->texts);
  pool_give(&table->registrations, registration);
}

bool location_table_can_refresh(const struct location_table *table, const struct registration *registration,
                                const struct registration_facts *facts) {
  struct registration_texts texts = registration_texts(table, registration);
  return str_view_equal(texts.contact, facts->texts.contact) && str_view_equal(texts.path, facts->texts.path) &&
         str_view_equal(texts.user_agent, str_view_slice(facts->texts.user_agent, 0, REGISTRATION_AGENT_MAX));
}

/* The phone, which has just proved who it is, may have come over another flow. */
static void refresh_device(struct location_table *table, struct context *context, struct registration *registration,
                           const struct registration_facts *facts) {
  struct keepalive_device *before = registration->device;
  struct keepalive_facts keepalive_facts = keepalive_facts_of(table, registration, facts);
  if (flow_equal(&before->flow, facts->flow)) {
    keepalive_change(table->keepalive, context, before, &keepalive_facts);
    keepalive_device_heard(table->keepalive, context, before, KEEPALIVE_SIGN_MESSAGE);
    return;
  }
  struct keepalive_device *after = keepalive_hold(table->keepalive, context, &keepalive_facts);
  expect_or(after, return ); /* there is one more than registrations */
  keepalive_inherit(after, before);
  keepalive_release(table->keepalive, context, before, keepalive_facts.owner);
  registration->device = after;
  counters_add(context->counters, registrations_moved);
}

bool location_table_move(struct location_table *table, struct context *context, struct registration *registration,
                         const struct flow *flow) {
  struct keepalive_device *before = registration->device;
  struct keepalive_facts facts = {.flow = flow,
                                  .owner = index_of(table, registration),
                                  .own_period_s = keepalive_own_period_s(table->keepalive, before),
                                  .method = before->method,
                                  .is_behind_nat = true, /* its address changes under its Contact */
                                  .text_spoils = before->text_spoils,
                                  .is_here = true};
  struct keepalive_device *after = keepalive_hold(table->keepalive, context, &facts);
  if (!after) return false;
  keepalive_inherit(after, before);
  keepalive_release(table->keepalive, context, before, facts.owner);
  registration->device = after;
  registration->behind_nat = true;
  return true;
}

void location_table_refresh(struct location_table *table, struct context *context, struct registration *registration,
                            const struct registration_facts *facts) {
  refresh_device(table, context, registration, facts);
  set_facts(registration, context, facts);
  arm(context, registration, facts->expires_s);
}

/* --- the contacts of a number ------------------------------------------------------------------------------------ */

static struct registration *first_of(const struct location_table *table, uint64_t hash, struct str_view number) {
  uint32_t index;
  for (uint32_t at = hash_table_first(&table->by_number, hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&table->by_number, hash, at, &index)) {
    struct registration *registration = pool_at(&table->registrations, index);
    if (str_view_equal(registration_texts(table, registration).number, number)) return registration;
  }
  return NULL;
}

struct registration *location_table_first(const struct location_table *table, const struct context *context,
                                          struct str_view number) {
  return first_of(table, location_table_number_hash(context, number), number);
}

static void list_first(struct location_table *table, const struct registration *registration, uint64_t hash) {
  enum result result = hash_table_insert(&table->by_number, hash, index_of(table, registration));
  require(result == RESULT_OK); /* the table has a place for each slot of the pool */
}

void location_table_link(struct location_table *table, struct context *context, struct registration *registration,
                         uint32_t expires_s) {
  struct str_view number = registration_texts(table, registration).number;
  uint64_t hash = location_table_number_hash(context, number);
  struct registration *first = first_of(table, hash, number);
  if (first) {
    registration->next = first->next;
    first->next = registration;
  } else {
    list_first(table, registration, hash);
  }
  arm(context, registration, expires_s);
}

static void unlink_registration(struct location_table *table, const struct context *context,
                                struct registration *registration) {
  struct str_view number = registration_texts(table, registration).number;
  uint64_t hash = location_table_number_hash(context, number);
  struct registration *first = first_of(table, hash, number);
  require(first);
  if (first != registration) {
    struct registration *before = first;
    while (before->next != registration)
      before = before->next;
    before->next = registration->next;
    return;
  }
  enum result result = hash_table_remove(&table->by_number, hash, index_of(table, registration));
  require(result == RESULT_OK);
  if (registration->next) list_first(table, registration->next, hash);
}

void location_table_remove(struct location_table *table, struct context *context, struct registration *registration) {
  registration_keep_no_more(table, context, registration);
  unlink_registration(table, context, registration);
  timer_wheel_cancel(context->wheel, &registration->timer);
  location_table_discard(table, context, registration);
}

void location_table_change_keep_alive(struct location_table *table, struct context *context,
                                      struct registration *registration, uint8_t method, uint32_t own_period_s) {
  struct keepalive_facts facts = {.flow = &registration->device->flow,
                                  .owner = index_of(table, registration),
                                  .own_period_s = own_period_s,
                                  .method = method,
                                  .is_behind_nat = registration->behind_nat,
                                  .text_spoils = registration->device->text_spoils};
  keepalive_change(table->keepalive, context, registration->device, &facts);
}
