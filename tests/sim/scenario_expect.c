/* What must have come of a play.
 *
 *   expect cdr KEY=VALUE …           a record with these fields, of its own for each such line; numbers may be
 * 17000±100 expect no cdr | expect COUNT cdrs expect ACTOR hears STATUS        the end of the newest INVITE of an
 * actor's call expect ACTOR receives COUNT MESSAGE [with NAME[:VALUE]] [without NAME] [after TIME] [before TIME]
 *                                    different ones, however often each came; COUNT may be 9±1; NAME: a header field or
 * body expect ACTOR is registered | is not registered | is in a call | is in no call      before the world runs out
 *   expect COUNT calls | expect COUNT registrations                                    before the world runs out
 *   expect counter NAME VALUE        of the first switch
 *   expect the switch's size as noted    of the first switch, which `note the switch's size` has looked at
 *   expect the doctor finds NAME,NAME or nothing
 *   expect failure WORDS             the simulator must find fault, in words that hold these */
#include <inttypes.h>

#include "sim/flight_log.h"
#include "sim/ledger.h"
#include "sim/scenario.h"
#include "sim/ua_call.h"
#include "sip/sip_header_values.h"

static void fail(const struct scenario_line *line, const char *why) {
  world_fail(line->scenario->world, "%s:%u: %.*s: %s", line->scenario->name, line->number, (int)line->text.length,
             line->text.data, why);
}

/* --- records ----------------------------------------------------------------------------------------------------- */

/* "17000±100" as number and tolerance. */
static bool read_range(struct str_view text, uint64_t *value_out, uint64_t *tolerance_out) {
  const char *sign = text.length ? memmem(text.data, text.length, "±", 2) : NULL;
  *tolerance_out = 0;
  if (!sign) return str_view_to_u64(text, value_out);
  size_t at = (size_t)(sign - text.data);
  return str_view_to_u64(str_view_slice(text, 0, at), value_out) &&
         str_view_to_u64(str_view_from(text, at + strlen("±")), tolerance_out);
}

static bool is_in_range(uint64_t number, uint64_t value, uint64_t tolerance) {
  return number + tolerance >= value && number <= value + tolerance;
}

static bool value_agrees(struct str_view got, struct str_view wanted) {
  uint64_t value, tolerance, number;
  if (str_view_equal(got, wanted)) return true;
  if (!read_range(wanted, &value, &tolerance) || tolerance == 0 || !str_view_to_u64(got, &number)) return false;
  return is_in_range(number, value, tolerance);
}

/* Short forms: reason for end_reason, cause for end_cause. */
static struct str_view field_name(struct str_view key) {
  if (str_view_equal(key, STR_VIEW("reason"))) return STR_VIEW("end_reason");
  if (str_view_equal(key, STR_VIEW("cause"))) return STR_VIEW("end_cause");
  return key;
}

/* How many of the line's fields agree with the record; `*all_out`: every one. */
static unsigned agreement(struct scenario_line *line, const struct cdr_record *record, bool *all_out) {
  unsigned agreeing = 0;
  *all_out = true;
  for (unsigned i = 2; i < line->word_count; i++) {
    char text[1024];
    size_t at = str_view_find(line->words[i], '=');
    struct str_view key = field_name(str_view_slice(line->words[i], 0, at));
    if (!ledger_field(record, key, text, sizeof text)) {
      scenario_complain(line, "a record has no field %.*s", (int)key.length, key.data);
      return 0;
    }
    bool agrees = value_agrees(str_view_from_c(text), str_view_from(line->words[i], at + 1));
    agreeing += agrees;
    *all_out = *all_out && agrees;
  }
  return agreeing;
}

static void expect_record(struct scenario_line *line) {
  struct world *world = line->scenario->world;
  struct ledger_record *closest = NULL;
  unsigned most = 0;
  for (struct ledger_record *entry = world->ledger->first; entry; entry = entry->next) {
    bool is_all;
    if (entry->is_expected) continue;
    unsigned agreeing = agreement(line, &entry->record, &is_all);
    if (is_all) {
      entry->is_expected = true;
      return;
    }
    if (!closest || agreeing > most) {
      most = agreeing;
      closest = entry;
    }
  }
  fail(line, closest ? sim_format(&world->memory, "the nearest record is %s", ledger_describe(world, &closest->record))
                     : "there is no (further) record");
}

static void expect_count(struct scenario_line *line, uint64_t got) {
  uint64_t wanted = 0;
  if (!str_view_equal(line->words[1], STR_VIEW("no")) && !str_view_to_u64(line->words[1], &wanted))
    scenario_complain(line, "%.*s is not a number", (int)line->words[1].length, line->words[1].data);
  if (got != wanted) fail(line, sim_format(&line->scenario->world->memory, "there are %" PRIu64, got));
}

/* --- actors ------------------------------------------------------------------------------------------------------ */

static void expect_heard(struct scenario_line *line, const struct actor *actor) {
  const struct ua_call *call = actor->calls;
  uint32_t status = 0;
  if (!str_view_to_u32(line->words[3], &status)) scenario_complain(line, "expected: ACTOR hears STATUS");
  if (!call)
    fail(line, "it made and took no call");
  else if (call->final_status != status)
    fail(line, sim_format(&actor->world->memory, "it was %u", call->final_status));
}

static bool same_pattern(const struct message_pattern *what, const struct message_pattern *wanted) {
  if (what->is_request != wanted->is_request) return false;
  if (wanted->method != SIP_METHOD_UNKNOWN && what->method != wanted->method) return false;
  return wanted->is_request || what->status == wanted->status || what->status / 100 == wanted->status;
}

/* The words behind the message's pattern. */
struct arrival_wish {
  struct str_view with, without;
  int64_t after_us, before_us;
};

static bool read_wish(const struct scenario_line *line, unsigned at, struct arrival_wish *wish) {
  *wish = (struct arrival_wish){.before_us = INT64_MAX};
  for (; at + 1 < line->word_count; at += 2) {
    struct str_view word = line->words[at], value = line->words[at + 1];
    bool is_good = true;
    if (str_view_equal(word, STR_VIEW("with")))
      wish->with = value;
    else if (str_view_equal(word, STR_VIEW("without")))
      wish->without = value;
    else if (str_view_equal(word, STR_VIEW("after")))
      is_good = read_time_us(value, &wish->after_us);
    else
      is_good = str_view_equal(word, STR_VIEW("before")) && read_time_us(value, &wish->before_us);
    if (!is_good) return false;
  }
  return at == line->word_count;
}

/* "Name:value" or "Name" as a header line of a message; blanks in the value do not count. */
static bool says(struct str_view bytes, struct str_view wanted) {
  size_t end = str_view_find(wanted, ':');
  struct str_view name = str_view_slice(wanted, 0, end), value = str_view_from(wanted, end + 1);
  for (;;) {
    size_t length = str_view_find(bytes, '\r');
    struct str_view line = str_view_slice(bytes, 0, length);
    bytes = str_view_from(bytes, length + 2);
    if (length == 0) return str_view_equal(name, STR_VIEW("body")) && bytes.length > 0;
    size_t colon = str_view_find(line, ':');
    if (!str_view_equal_nocase(str_view_trim(str_view_slice(line, 0, colon)), name)) continue;
    size_t at = 0;
    for (size_t i = colon + 1; i < line.length; i++)
      if (line.data[i] != ' ' && at <= value.length)
        at += at < value.length && value.data[at] == line.data[i] ? 1 : 1000;
    if (end == wanted.length || at == value.length) return true;
  }
}

static bool is_as_wished(const struct scenario_arrival *arrival, const struct arrival_wish *wish) {
  if (arrival->at_us < wish->after_us || arrival->at_us > wish->before_us) return false;
  if (wish->with.length && !says(arrival->bytes, wish->with)) return false;
  return !wish->without.length || !says(arrival->bytes, wish->without);
}

static void expect_received(struct scenario_line *line, const struct actor *actor) {
  struct message_pattern wanted;
  struct arrival_wish wish;
  uint64_t count = 0, tolerance = 0, got = 0;
  unsigned taken = line->word_count < 5 ? 0 : read_message_pattern(line->words + 4, line->word_count - 4, &wanted);
  if (taken == 0 || !read_range(line->words[3], &count, &tolerance) || !read_wish(line, 4 + taken, &wish)) {
    scenario_complain(line, "expected: ACTOR receives COUNT METHOD|STATUS [METHOD] [with NAME[:VALUE]] [without NAME] "
                            "[after TIME] [before TIME]");
    return;
  }
  for (const struct scenario_arrival *arrival = line->scenario->arrivals; arrival; arrival = arrival->next)
    got +=
        arrival->endpoint == actor->endpoint && same_pattern(&arrival->what, &wanted) && is_as_wished(arrival, &wish);
  if (!is_in_range(got, count, tolerance)) fail(line, sim_format(&actor->world->memory, "there were %" PRIu64, got));
}

static bool is_in_call(const struct actor *actor) {
  for (const struct ua_call *call = actor->calls; call; call = call->next)
    if (call->state == UA_UP) return true;
  return false;
}

static void expect_state(struct scenario_line *line, const struct actor *actor, struct str_view claim) {
  if (str_view_equal(claim, STR_VIEW("is registered"))) {
    if (!actor->registration.is_registered) fail(line, "it is not");
  } else if (str_view_equal(claim, STR_VIEW("is not registered"))) {
    if (actor->registration.is_registered) fail(line, "it is");
  } else if (str_view_equal(claim, STR_VIEW("is in a call"))) {
    if (!is_in_call(actor)) fail(line, "it is not");
  } else if (str_view_equal(claim, STR_VIEW("is in no call"))) {
    if (is_in_call(actor)) fail(line, "it is");
  } else {
    scenario_complain(line, "nothing that can be expected of %s", actor->name);
  }
}

/* --- the switch -------------------------------------------------------------------------------------------------- */

static void expect_counter(struct scenario_line *line) {
  const struct world *world = line->scenario->world;
  const struct counters *counters = world->node_count > 0 ? switch_node_counters(world->nodes[0]) : NULL;
  uint64_t wanted = 0, tolerance = 0, got = UINT64_MAX;
  if (!counters || line->word_count != 4 || !read_range(line->words[3], &wanted, &tolerance)) {
    scenario_complain(line, "expected: counter NAME VALUE");
    return;
  }
#define COUNTER(name, help)                                                                                            \
  if (str_view_equal(line->words[2], STR_VIEW(#name))) got = counters->name;
#include "base/counters.def"
#undef COUNTER
  if (got == UINT64_MAX)
    scenario_complain(line, "there is no such counter");
  else if (!is_in_range(got, wanted, tolerance))
    fail(line, sim_format(&line->scenario->world->memory, "it is %" PRIu64, got));
}

/* After thousands of refreshes it holds what it held after the first. */
static void expect_size(struct scenario_line *line) {
  const struct scenario *scenario = line->scenario;
  const struct switch_core_counts *noted = &scenario->size_noted;
  struct switch_core_counts now;
  if (scenario->world->node_count == 0) return;
  switch_node_count(scenario->world->nodes[0], &now);
  if (now.calls == noted->calls && now.dialogs == noted->dialogs && now.transactions == noted->transactions &&
      now.timers == noted->timers && now.block_bytes == noted->block_bytes)
    return;
  fail(line,
       sim_format(&line->scenario->world->memory,
                  "%u dialogs, %u transactions, %" PRIu64 " timers, %" PRIu64 " bytes of blocks; they were %u, %u, "
                  "%" PRIu64 ", %" PRIu64,
                  now.dialogs, now.transactions, now.timers, now.block_bytes, noted->dialogs, noted->transactions,
                  noted->timers, noted->block_bytes));
}

/* "missing_ack,sip_alg", the surest first, or "nothing". */
static void expect_diagnosis(struct scenario_line *line) {
  struct str_view found = flight_log_diagnose(line->scenario->world);
  if (!str_view_equal(found, line->words[4]))
    fail(line, sim_format(&line->scenario->world->memory, "it finds %.*s", (int)found.length, found.data));
}

/* --- which ------------------------------------------------------------------------------------------------------- */

static struct str_view words_from(const struct scenario_line *line, unsigned first) {
  const struct str_view *last = &line->words[line->word_count - 1];
  const char *start = line->words[first].data;
  return str_view_of(start, (size_t)(last->data + last->length - start));
}

/* True when the claim is about the time before the world runs out. */
static bool is_about_life(const struct scenario_line *line) {
  struct str_view last = line->words[line->word_count - 1];
  return str_view_equal(last, STR_VIEW("calls")) || str_view_equal(last, STR_VIEW("registrations")) ||
         (line->word_count > 2 && str_view_equal(line->words[2], STR_VIEW("is")));
}

static void check_about_switch(struct scenario_line *line) {
  struct switch_core_counts counts = {0};
  struct str_view last = line->words[line->word_count - 1];
  for (unsigned i = 0; i < line->scenario->world->node_count; i++) {
    struct switch_core_counts of_one;
    switch_node_count(line->scenario->world->nodes[i], &of_one);
    counts.calls += of_one.calls;
    counts.registrations += of_one.registrations;
  }
  if (str_view_equal(line->words[1], STR_VIEW("cdr")))
    expect_record(line);
  else if (str_view_equal(last, STR_VIEW("cdr")) || str_view_equal(last, STR_VIEW("cdrs")))
    expect_count(line, line->scenario->world->ledger->count);
  else if (str_view_equal(last, STR_VIEW("calls")))
    expect_count(line, counts.calls);
  else if (str_view_equal(last, STR_VIEW("registrations")))
    expect_count(line, counts.registrations);
  else if (str_view_equal(line->words[1], STR_VIEW("counter")))
    expect_counter(line);
  else if (str_view_equal(line->words[1], STR_VIEW("the")) && str_view_equal(last, STR_VIEW("noted")))
    expect_size(line);
  else if (str_view_equal(line->words[2], STR_VIEW("doctor")) && line->word_count == 5)
    expect_diagnosis(line);
  else if (str_view_equal(line->words[1], STR_VIEW("failure")))
    line->scenario->expected_failure = words_from(line, 2);
  else
    scenario_complain(line, "%.*s is not an actor, nor anything else that can be expected", (int)line->words[1].length,
                      line->words[1].data);
}

void scenario_check_claim(struct scenario_line *line, bool is_at_end) {
  (void)is_at_end;
  if (line->word_count < 3) {
    scenario_complain(line, "expected what?");
    return;
  }
  const struct actor *actor = actor_find(line->scenario->world, line->words[1]);
  if (!actor)
    check_about_switch(line);
  else if (str_view_equal(line->words[2], STR_VIEW("hears")) && line->word_count == 4)
    expect_heard(line, actor);
  else if (str_view_equal(line->words[2], STR_VIEW("receives")))
    expect_received(line, actor);
  else
    expect_state(line, actor, words_from(line, 2));
}

void scenario_check_claims(struct scenario *scenario, bool is_at_end) {
  for (struct scenario_line *line = scenario->claims; line && !scenario->world->failure; line = line->next)
    if (is_about_life(line) != is_at_end) scenario_check_claim(line, is_at_end);
}

void scenario_note_arrival(struct scenario *scenario, struct endpoint *endpoint, struct str_view bytes) {
  struct sip_message message;
  struct sip_defect defect;
  struct sip_via via = {0};
  static const struct siphash_key key = {3, 4};
  if (sip_message_parse(bytes, &message, &defect) != RESULT_OK) return;
  (void)(sip_message_top_via(&message, &via) == RESULT_OK);
  uint64_t hash = siphash(&key, via.branch.data, via.branch.length) ^ message.status;
  struct message_pattern what = {message.is_request, message.method, message.status};
  for (const struct scenario_arrival *arrival = scenario->arrivals; arrival; arrival = arrival->next)
    if (arrival->endpoint == endpoint && arrival->hash == hash && arrival->what.method == what.method &&
        arrival->what.is_request == what.is_request)
      return;
  struct scenario_arrival *arrival = sim_take(&scenario->world->memory, sizeof *arrival);
  *arrival = (struct scenario_arrival){.endpoint = endpoint,
                                       .at_us = scenario->world->now_us,
                                       .bytes = sim_copy(&scenario->world->memory, bytes),
                                       .hash = hash,
                                       .what = what,
                                       .next = scenario->arrivals};
  scenario->arrivals = arrival;
}
