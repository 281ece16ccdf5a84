/* What the journal is told of registrations, so that a phone is callable at once when the switch was killed
 * (store/call_journal.h):
 *
 *   a new binding                       → JOURNAL_PUT, within some 20 ms: the phone's 200 does not wait for it
 *   another way to the phone,
 *   other news of its life              → JOURNAL_NOTE: what may change, some 60 bytes; within some 20 ms, nobody waits
 *   a refresh from where it was         → the same within 200 ms: only until when it holds is new
 *   gone, whyever                       → JOURNAL_DROP
 *
 *   a state: [version][number][u48 registered at][what may change][contact][path][user agent]
 *   a note:  [version][what may change]
 *   what may change: [flags][q][u48 refreshed at][u32 expires][u32 Call-ID][u32 branch][u32 CSeq][u32 reg-id][u64
 * instance] [flow][keepalive_device_save]
 *
 * Times are milliseconds of the wall clock. The key is a hash of number and contact, so a binding is found again
 * without a word in memory; the hashes' key is kept in DIR. */
#include "base/packed.h"
#include "boundary/kept_flow.h"
#include "registrar/registrar_private.h"

#define KEEP_VERSION   1
#define NOTE_BYTES_MAX 128

enum { FLAG_NAT = 1, FLAG_TEXT_SPOILS = 2 };

/* --- telling ----------------------------------------------------------------------------------------------------- */

static struct journal_key key_of(const struct location_table *table, const struct context *context,
                                 const struct registration *registration) {
  struct registration_texts texts = registration_texts(table, registration);
  uint64_t hash = siphash(&context->local->nonce_key, texts.contact.data, texts.contact.length);
  if (registration->reg_id != 0) hash ^= (uint64_t)registration->instance_hash << 32 | registration->reg_id;
  return journal_key_of(JOURNAL_REGISTRATION, location_table_number_hash(context, texts.number), hash);
}

static void save_stamp(const struct context *context, struct mono_ms then, struct text_builder *builder) {
  int64_t wall_ms = context->wall_now.value / 1000 - mono_ms_since(context->now, then);
  packed_add(builder, wall_ms > 0 ? (uint64_t)wall_ms : 0, 6);
}

static void save_what_may_change(const struct context *context, const struct registration *registration,
                                 struct text_builder *builder) {
  const struct keepalive_device *device = registration->device;
  struct mono_ms refreshed_at = registration_refreshed_at(registration, context->now);
  int64_t expires_ms = mono_ms_since(timer_due(&registration->timer), refreshed_at);
  packed_add(builder, (registration->behind_nat ? FLAG_NAT : 0u) | (device->text_spoils ? FLAG_TEXT_SPOILS : 0u), 1);
  packed_add(builder, registration->q_thousandths, 2);
  save_stamp(context, refreshed_at, builder);
  packed_add(builder, (uint64_t)((expires_ms + 500) / 1000), 4);
  packed_add(builder, registration->call_id_hash, 4);
  packed_add(builder, registration->branch_hash, 4);
  packed_add(builder, registration->cseq, 4);
  packed_add(builder, registration->reg_id, 4);
  packed_add(builder, registration->instance_hash, 8);
  kept_flow_save(&device->flow, builder);
  keepalive_device_save(device, context, builder);
}

void registration_keep(const struct location_table *table, struct context *context,
                       const struct registration *registration) {
  struct registration_texts texts = registration_texts(table, registration);
  struct text_builder state =
      arena_builder(context->arena, NOTE_BYTES_MAX + 16 + texts.number.length + texts.contact.length +
                                        texts.path.length + texts.user_agent.length);
  packed_add(&state, KEEP_VERSION, 1);
  packed_add_text(&state, texts.number);
  save_stamp(context, registration->registered_at, &state);
  save_what_may_change(context, registration, &state);
  packed_add_text(&state, texts.contact);
  packed_add_text(&state, texts.path);
  packed_add_text(&state, texts.user_agent);
  /* FULL: after a restart the phone is there again when it has registered. */
  if (!state.overflowed)
    (void)!outbox_journal(context->outbox, JOURNAL_SOON, JOURNAL_PUT, key_of(table, context, registration),
                          text_builder_view(&state));
}

void registration_keep_changes(const struct location_table *table, struct context *context,
                               const struct registration *registration, enum journal_haste haste) {
  char memory[NOTE_BYTES_MAX];
  struct text_builder note = text_builder_over(memory, sizeof memory);
  packed_add(&note, KEEP_VERSION, 1);
  save_what_may_change(context, registration, &note);
  (void)!outbox_journal(context->outbox, haste, JOURNAL_NOTE, key_of(table, context, registration),
                        text_builder_view(&note));
}

void registration_keep_no_more(const struct location_table *table, struct context *context,
                               const struct registration *registration) {
  (void)!outbox_journal(context->outbox, JOURNAL_SOON, JOURNAL_DROP, key_of(table, context, registration),
                        (struct str_view){0});
}

#define TELL_AT_ONCE 32
#define SUSPENSIONS  (UINT32_C(1) << 31) /* the index then is theirs: there are never so many registrations */

/* A state holds all that its notes have said. */
bool registrar_tell_journal(struct registrar *registrar, struct context *context, uint32_t *index) {
  struct location_table *table = &registrar->locations;
  for (unsigned i = 0; i < TELL_AT_ONCE && *index < SUSPENSIONS; i++) {
    const struct registration *registration = pool_next(&table->registrations, index);
    if (!registration) *index = SUSPENSIONS;
    if (registration && timer_is_armed(&registration->timer)) registration_keep(table, context, registration);
  }
  if (*index < SUSPENSIONS) return true;
  uint32_t suspension = *index - SUSPENSIONS;
  bool has_more = suspensions_tell_journal(&registrar->suspensions, context, &suspension, TELL_AT_ONCE);
  *index = SUSPENSIONS + suspension;
  return has_more;
}

/* --- after a restart --------------------------------------------------------------------------------------------- */

/* What a state says, its notes heard. */
struct kept_registration {
  struct registration_facts facts;
  struct flow flow;
  int64_t registered_at_ms, refreshed_at_ms; /* of the wall clock */
  struct packed_reader device;               /* at what keepalive_device_save wrote */
};

static bool read_what_may_change(struct packed_reader *reader, const struct local_identity *local,
                                 struct kept_registration *kept) {
  struct registration_facts *facts = &kept->facts;
  unsigned flags = (unsigned)packed_take(reader, 1);
  facts->behind_nat = (flags & FLAG_NAT) != 0;
  facts->text_spoils = (flags & FLAG_TEXT_SPOILS) != 0;
  facts->q_thousandths = (uint16_t)packed_take(reader, 2);
  kept->refreshed_at_ms = (int64_t)packed_take(reader, 6);
  facts->expires_s = (uint32_t)packed_take(reader, 4);
  facts->call_id_hash = (uint32_t)packed_take(reader, 4);
  facts->branch_hash = (uint32_t)packed_take(reader, 4);
  facts->cseq = (uint32_t)packed_take(reader, 4);
  facts->reg_id = (uint32_t)packed_take(reader, 4);
  facts->instance_hash = (uint32_t)packed_take(reader, 8);
  if (!kept_flow_read(reader, local, &kept->flow)) return false;
  kept->device = *reader;
  keepalive_device_skip(reader);
  return !reader->broken;
}

static bool read_state(struct str_view state, struct str_view note, const struct local_identity *local,
                       struct kept_registration *kept) {
  struct packed_reader reader = {.rest = state}, changes = {.rest = note};
  struct registration_texts *texts = &kept->facts.texts;
  *kept = (struct kept_registration){0};
  if (packed_take(&reader, 1) != KEEP_VERSION) return false;
  texts->number = packed_take_text(&reader);
  kept->registered_at_ms = (int64_t)packed_take(&reader, 6);
  bool is_right = read_what_may_change(&reader, local, kept);
  if (note.length > 0 && packed_take(&changes, 1) == KEEP_VERSION)
    is_right = read_what_may_change(&changes, local, kept);
  texts->contact = packed_take_text(&reader);
  texts->path = packed_take_text(&reader);
  texts->user_agent = packed_take_text(&reader);
  return is_right && !reader.broken && texts->contact.length > 0;
}

struct str_view registrar_kept_number(struct str_view state) {
  struct packed_reader reader = {.rest = state};
  return packed_take(&reader, 1) == KEEP_VERSION ? packed_take_text(&reader) : (struct str_view){0};
}

/* What is left of the time it was given; no more than that, should the wall clock have been set back. */
static uint32_t left_s(const struct context *context, const struct kept_registration *kept) {
  int64_t since_s = (context->wall_now.value / 1000 - kept->refreshed_at_ms) / 1000;
  if (since_s < 0) since_s = 0;
  return since_s < kept->facts.expires_s ? kept->facts.expires_s - (uint32_t)since_s : 0;
}

static struct mono_ms mono_of(const struct context *context, int64_t wall_ms) {
  int64_t ago_ms = context->wall_now.value / 1000 - wall_ms;
  return mono_ms_add(context->now, ago_ms > 0 ? -ago_ms : 0);
}

enum result registrar_restore(struct registrar *registrar, struct context *context, struct journal_key key,
                              struct str_view state, struct str_view note) {
  struct location_table *table = &registrar->locations;
  struct kept_registration kept;
  if (!read_state(state, note, context->local, &kept)) return RESULT_MALFORMED;
  const struct device *phone = directory_find_phone(context->directory, kept.facts.texts.number);
  uint32_t expires_s = left_s(context, &kept);
  if (!phone || expires_s == 0) return RESULT_NOT_FOUND;
  kept.facts.flow = &kept.flow;
  kept.facts.is_kept = true;
  kept.facts.keep_alive_method = registrar_keep_alive_method(phone);
  kept.facts.keep_alive_own_period_s = registrar_keep_alive_period_s(phone);
  struct registration *registration = location_table_prepare(table, context, &kept.facts);
  if (!registration) return RESULT_FULL;
  registration->registered_at = mono_of(context, kept.registered_at_ms);
  registration_set_refreshed_at(registration, mono_of(context, kept.refreshed_at_ms));
  location_table_link(table, context, registration, expires_s);
  keepalive_device_restore(registrar->keepalive, context, registration->device, &kept.device);
  if (journal_key_equal(key_of(table, context, registration), key)) return RESULT_OK;
  /* The hashes' key is another one than it was. */
  (void)!outbox_journal(context->outbox, JOURNAL_SOON, JOURNAL_DROP, key, (struct str_view){0});
  registration_keep(table, context, registration);
  return RESULT_OK;
}

enum result registrar_restore_suspension(struct registrar *registrar, struct context *context, struct journal_key key,
                                         struct str_view state) {
  return suspensions_restore(&registrar->suspensions, context, key, state);
}
