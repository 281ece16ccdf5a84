#include "sim/ledger.h"

#include <inttypes.h>
#include <stdio.h>

#include "sim/switch_node.h"
#include "sim/watcher.h"
#include "sim/world.h"

/* Wall and monotonic clock are cut to milliseconds apart. */
#define ROUNDING_MS 2
#define ROUNDING_US (ROUNDING_MS * MS_US)

void ledger_create(struct world *world) {
  world->ledger = sim_take(&world->memory, sizeof *world->ledger);
}

static void copy_texts(struct world *world, struct cdr_record *record) {
#define CDR_TEXT(name) record->name = sim_copy(&world->memory, record->name);
#define CDR_STAMP(name)
#define CDR_NUMBER(name)
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
}

static bool is_end_reason(struct str_view name) {
  for (unsigned i = 0; i < END_REASON_COUNT; i++)
    if (str_view_equal(name, str_view_from_c(end_reason_row((enum end_reason)i)->name))) return true;
  return false;
}

static bool is_direction(struct str_view name) {
  return str_view_equal(name, STR_VIEW("caller")) || str_view_equal(name, STR_VIEW("callee")) ||
         str_view_equal(name, STR_VIEW("switch"));
}

/* What is wrong with the record's times; NULL: nothing. */
static const char *wrong_times(const struct world *world, const struct cdr_record *record) {
  int64_t started = record->started_at.value, answered = record->answered_at.value, ended = record->ended_at.value;
  int64_t ringing = record->ringing_at.value;
  if (started == 0 || ended == 0) return "started_at or ended_at is missing";
  if (ended < started || ended > world_wall_latest(world).value + ROUNDING_US)
    return "ended_at is before started_at, or to come";
  if (ringing != 0 && (ringing < started || ringing > ended)) return "ringing_at is outside of the call";
  if (answered != 0 && (answered < started || answered > ended)) return "answered_at is outside of the call";
  if (answered == 0) {
    if (record->hold_time_ms != CDR_NUMBER_NONE && record->hold_time_ms != 0) return "a hold time without an answer";
    return record->setup_ms == CDR_NUMBER_NONE ? NULL : "setup_ms without an answer";
  }
  int64_t apart = (int64_t)record->hold_time_ms - (ended - answered) / 1000;
  if (apart < -ROUNDING_MS || apart > ROUNDING_MS) return "hold_time_ms is not the time from answer to end";
  apart = (int64_t)record->setup_ms - (answered - started) / 1000;
  if (apart < -ROUNDING_MS || apart > ROUNDING_MS) return "setup_ms is not the time from start to answer";
  int64_t billed = record->billed_until.value;
  if (billed < answered || billed > ended) return "billed_until is outside of the call";
  apart = (int64_t)record->fee_time_s * 1000 - (billed - answered) / 1000;
  if (apart < -ROUNDING_MS || apart > 1000 + ROUNDING_MS) return "fee_time_s is not the time until billed_until";
  bool is_timeout = str_view_equal(record->end_reason, STR_VIEW("session_timeout"));
  if (billed != ended && !is_timeout) return "it is not charged until its end";
  return NULL;
}

static const char *wrong_texts(const struct cdr_record *record) {
  if (record->id.length == 0) return "it has no id";
  if (!is_end_reason(record->end_reason)) return "its end_reason is none";
  if (!is_direction(record->end_direction)) return "its end_direction is none";
  bool is_test = str_view_equal(record->end_reason, STR_VIEW("trunk_test")); /* nobody calls but the switch */
  if (!is_test && record->caller_call_id.length == 0) return "it has no caller_call_id";
  if (record->explanation.length == 0) return "it does not say why it ended";
  bool is_timeout = str_view_equal(record->end_reason, STR_VIEW("session_timeout"));
  if (is_timeout && record->end_cause.length == 0) return "session_timeout without a cause";
  return NULL;
}

static const char *wrong_among_others(const struct world *world, const struct cdr_record *record) {
  for (const struct ledger_record *other = world->ledger->first; other; other = other->next) {
    if (str_view_equal(other->record.id, record->id)) return "its id has been used before";
    if (world->crash.at == 0 && record->caller_call_id.length > 0 &&
        str_view_equal(other->record.caller_call_id, record->caller_call_id))
      return "its call has a record already";
  }
  return NULL;
}

void ledger_add(struct world *world, const struct switch_node *node, struct str_view bytes) {
  struct ledger *ledger = world->ledger;
  struct ledger_record *entry = sim_take(&world->memory, sizeof *entry);
  entry->node = node;
  entry->written_us = world->now_us;
  if (cdr_record_decode(bytes, &entry->record) != RESULT_OK) {
    world_fail(world, "a record of %zu bytes cannot be read", bytes.length);
    return;
  }
  copy_texts(world, &entry->record);
  if (world->log.wanted)
    log_line(world, "%s: record: %s", switch_node_name(node), ledger_describe(world, &entry->record));
  const char *wrong = wrong_texts(&entry->record);
  if (!wrong) wrong = wrong_times(world, &entry->record);
  if (!wrong) wrong = wrong_among_others(world, &entry->record);
  if (wrong) world_fail(world, "a record is wrong: %s: %s", wrong, ledger_describe(world, &entry->record));
  if (ledger->last)
    ledger->last->next = entry;
  else
    ledger->first = entry;
  ledger->last = entry;
  ledger->count++;
  ledger_check_supervision(world, entry);
}

static bool was_cut_off(const struct cdr_record *record) {
  return record->answered_at.value == 0 && str_view_equal(record->end_reason, STR_VIEW("switch_restart"));
}

struct ledger_record *ledger_find(const struct world *world, struct str_view caller_call_id) {
  struct ledger_record *entry = world->ledger->first;
  while (entry && (was_cut_off(&entry->record) || !str_view_equal(entry->record.caller_call_id, caller_call_id)))
    entry = entry->next;
  return entry;
}

static void text_of_view(struct str_view view, char *text, size_t text_bytes) {
  snprintf(text, text_bytes, "%.*s", (int)view.length, view.length ? view.data : "");
}

static void text_of_number(uint64_t number, bool is_none, char *text, size_t text_bytes) {
  if (is_none)
    text[0] = '\0';
  else
    snprintf(text, text_bytes, "%" PRIu64, number);
}

bool ledger_field(const struct cdr_record *record, struct str_view name, char *text, size_t text_bytes) {
#define CDR_TEXT(field)                                                                                                \
  if (str_view_equal(name, STR_VIEW(#field))) return text_of_view(record->field, text, text_bytes), true;
#define CDR_STAMP(field)                                                                                               \
  if (str_view_equal(name, STR_VIEW(#field)))                                                                          \
    return text_of_number((uint64_t)record->field.value, record->field.value == 0, text, text_bytes), true;
#define CDR_NUMBER(field)                                                                                              \
  if (str_view_equal(name, STR_VIEW(#field)))                                                                          \
    return text_of_number(record->field, record->field == CDR_NUMBER_NONE, text, text_bytes), true;
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
  return false;
}

char *ledger_describe(struct world *world, const struct cdr_record *record) {
  static const char *const names[] = {
#define CDR_TEXT(field)   #field,
#define CDR_STAMP(field)  #field,
#define CDR_NUMBER(field) #field,
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
  };
  char line[4096], text[1024];
  size_t length = 0;
  line[0] = '\0';
  for (size_t i = 0; i < sizeof names / sizeof names[0] && length < sizeof line; i++) {
    if (!ledger_field(record, str_view_from_c(names[i]), text, sizeof text) || text[0] == '\0') continue;
    int written = snprintf(line + length, sizeof line - length, "%s%s=%s", length ? " " : "", names[i], text);
    length += (size_t)written;
  }
  return sim_format(&world->memory, "%s", line);
}

void ledger_restarted(struct world *world) {
  world->ledger->restarted_us = world->now_us;
}

/* An attempt of an actor that the switch has heard of, and not turned away before it was one. */
static bool is_owed(const struct world *world, const struct watched_transaction *invite) {
  struct sip_message message;
  struct sip_defect defect;
  if (!invite->endpoint || invite->is_client || invite->method != SIP_METHOD_INVITE || !invite->endpoint->is_switch)
    return false;
  if (invite->is_excused || invite->status == 0 || invite->first_us < world->ledger->restarted_us) return false;
  if (sip_message_parse(invite->request, &message, &defect) != RESULT_OK || message.to_tag.length > 0) return false;
  bool is_challenge = invite->status == 401 || invite->status == 407;
  bool is_too_short = invite->status == 422; /* of sessions: it comes again */
  return !is_challenge && !is_too_short && !invite->is_turned_away && invite->status != 482;
}

void ledger_check_complete(struct world *world) {
  for (const struct watched_transaction *invite = world->watcher->first; invite; invite = invite->next)
    if (is_owed(world, invite) && !ledger_find(world, invite->call_id))
      watcher_blame_transaction(world, invite, "the attempt has left no record");
}
