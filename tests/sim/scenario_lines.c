/* Lines into what they mean: who does what, and when. */
#include <stdarg.h>
#include <stdio.h>

#include "sim/actor_verbs.h"
#include "sim/scenario.h"

#define PLAN_GROUPS " [after TIME] [for NUMBER]"

void scenario_complain(struct scenario_line *line, const char *format, ...) {
  struct scenario *scenario = line->scenario;
  if (scenario->problem) return;
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  scenario->problem = sim_format(&scenario->world->memory, "%s:%u: %s", scenario->name, line->number, text);
  world_fail(scenario->world, "%s", scenario->problem);
}

/* The line without its first words, as a line of its own. */
static struct scenario_line *rest_of(struct scenario_line *line, unsigned from) {
  struct scenario_line *rest = sim_take(&line->scenario->world->memory, sizeof *rest);
  *rest = *line;
  rest->word_count = line->word_count - from;
  memmove(rest->words, line->words + from, rest->word_count * sizeof *rest->words);
  rest->next = NULL;
  return rest;
}

static void happen(struct world *world, void *subject, void *detail) {
  (void)detail;
  const struct scenario_line *line = subject;
  world->actions_pending--;
  log_line(world, "%.*s", (int)line->text.length, line->text.data);
  scenario_do(subject);
}

static void schedule(struct scenario_line *line, int64_t at_us) {
  struct world *world = line->scenario->world;
  world->actions_pending++;
  world_at(world, at_us, happen, line, NULL);
}

/* --- what actors do ---------------------------------------------------------------------------------------------- */

/* "\r\n" and the like as bytes; \s is a blank. */
static struct str_view unescape(struct world *world, struct str_view text) {
  struct str_view copy = sim_copy(&world->memory, text);
  char *bytes = (char *)(uintptr_t)copy.data;
  size_t length = 0;
  for (size_t i = 0; i < text.length; i++) {
    bool is_escape = text.data[i] == '\\' && i + 1 < text.length;
    if (is_escape) i++;
    char byte = text.data[i];
    static const char names[] = "rn0s", meanings[] = "\r\n\0 ";
    const char *name = is_escape ? memchr(names, byte, sizeof names - 1) : NULL;
    bytes[length++] = name ? meanings[name - names] : byte;
  }
  return str_view_of(bytes, length);
}

/* TIME, MINIMUM, COUNT, ROLE: those that are there. */
static bool read_numbers(struct scenario_line *line, const struct match *match, struct verb_argument *out) {
  struct str_view time = match_value(match, "TIME"), minimum = match_value(match, "MINIMUM");
  struct str_view count = match_value(match, "COUNT"), role = match_value(match, "ROLE");
  if (time.length && !read_time_us(time, &out->time_us)) {
    scenario_complain(line, "%.*s is not a time (200ms, 3s, 2h)", (int)time.length, time.data);
    return false;
  }
  out->count = UINT32_MAX;
  bool is_good = (!minimum.length || read_time_us(minimum, &out->minimum_us)) &&
                 (!count.length || str_view_to_u32(count, &out->count)) &&
                 (!role.length || str_view_equal(role, STR_VIEW("uac")) || str_view_equal(role, STR_VIEW("uas")));
  if (!is_good) scenario_complain(line, "expected: a time, a number, or uac and uas as a role");
  if (role.length) out->role = str_view_equal(role, STR_VIEW("uac")) ? SIP_REFRESHER_UAC : SIP_REFRESHER_UAS;
  return is_good;
}

static bool read_argument(struct scenario_line *line, const struct match *match, struct verb_argument *out) {
  struct world *world = line->scenario->world;
  struct str_view status = match_value(match, "STATUS"), method = match_value(match, "METHOD");
  struct str_view text = match_value(match, match_has(match, "OPTION") ? "OPTION" : "TEXT");
  uint32_t number = 0;
  if (status.length && (!str_view_to_u32(status, &number) || number < 100 || number > 699)) {
    scenario_complain(line, "%.*s is not a status", (int)status.length, status.data);
    return false;
  }
  out->status = number;
  out->method = sip_method_from_text(method);
  out->method_text = sim_copy(&world->memory, method);
  out->number = sim_copy(&world->memory, match_value(match, "NUMBER"));
  out->text = unescape(world, text);
  out->without_offer = match_has(match, "without");
  out->inside = match_has(match, "inside");
  out->without_min_se = match_has(match, "without");
  return read_numbers(line, match, out);
}

static void add_plan_step(struct scenario_line *line, struct actor *actor, const struct plan_step *step,
                          struct str_view after) {
  struct plan_step copy = *step;
  if (after.length && !read_time_us(after, &copy.after_us)) {
    scenario_complain(line, "%.*s is not a time (200ms, 3s, 2h)", (int)after.length, after.data);
    return;
  }
  actor_add_step(actor, &copy);
}

/* With a call and outside of `at`: a plan. Everything else is done now, or when the world begins. */
static void actor_acts(struct scenario_line *line, struct actor *actor, const struct actor_verb *verb,
                       const struct match *match) {
  struct scenario *scenario = line->scenario;
  struct verb_argument *argument = sim_take(&scenario->world->memory, sizeof *argument);
  if (!read_argument(line, match, argument)) return;
  bool is_call = verb->target != VERB_TO_ACTOR;
  struct str_view number = is_call ? argument->number : (struct str_view){0};
  struct str_view after = is_call ? match_value(match, "TIME") : (struct str_view){0};
  if (!scenario->is_running && is_call) {
    struct plan_step step = {.verb = verb, .argument = argument, .number = number, .text = line->text};
    add_plan_step(line, actor, &step, after);
  } else if (!scenario->is_running) {
    schedule(line, 0);
  } else if (after.length) {
    scenario_complain(line, "`at` and `after` do not go together");
  } else if (!actor_do(actor, verb, argument, number)) {
    world_fail(scenario->world, "%s:%u: %s cannot do that now", scenario->name, line->number, actor->name);
  }
}

/* What an actor can do, for one who has written something else. */
static const char *list_of_verbs(struct world *world) {
  const char *text = "";
  for (unsigned i = 0; i < actor_verb_count; i++)
    text = sim_format(&world->memory, "%s%s%s", text, i ? ", " : "", actor_verbs[i].pattern);
  return text;
}

static bool actor_line(struct scenario_line *line, const char **closest_out, unsigned *closest_words) {
  struct actor *actor = actor_find(line->scenario->world, line->words[0]);
  if (!actor) return false;
  for (unsigned i = 0; i < actor_verb_count; i++) {
    const struct actor_verb *verb = &actor_verbs[i];
    char pattern[160];
    unsigned matched;
    struct match match;
    snprintf(pattern, sizeof pattern, "%s%s", verb->pattern, verb->target == VERB_TO_ACTOR ? "" : PLAN_GROUPS);
    if (scenario_match(pattern, line->words + 1, line->word_count - 1, &match, &matched)) {
      actor_acts(line, actor, verb, &match);
      return true;
    }
    if (1 + matched > *closest_words) {
      *closest_words = 1 + matched;
      *closest_out = sim_format(&line->scenario->world->memory, "%s %s", actor->name, pattern);
    }
  }
  if (*closest_words <= 1) *closest_out = list_of_verbs(line->scenario->world);
  return false;
}

/* --- when -------------------------------------------------------------------------------------------------------- */

struct endpoint *scenario_endpoint(const struct scenario *scenario, struct str_view name) {
  struct endpoint *endpoint = scenario->world->network.first;
  while (endpoint && !str_view_equal(name, str_view_from_c(endpoint->name)))
    endpoint = endpoint->next;
  return endpoint;
}

/* at TIME … */
static void at_line(struct scenario_line *line) {
  int64_t at_us;
  if (line->word_count < 3 || !read_time_us(line->words[1], &at_us))
    scenario_complain(line, "expected: at TIME (200ms, 3s, 2h), and what happens then");
  else
    schedule(rest_of(line, 2), at_us);
}

/* when ACTOR sends|receives MESSAGE … */
static void when_line(struct scenario_line *line) {
  struct scenario *scenario = line->scenario;
  struct scenario_trigger *trigger = sim_take(&scenario->world->memory, sizeof *trigger);
  bool is_whole = line->word_count > 4;
  unsigned taken = 0;
  if (is_whole) {
    trigger->endpoint = scenario_endpoint(scenario, line->words[1]);
    trigger->arrives = str_view_equal(line->words[2], STR_VIEW("receives"));
    taken = read_message_pattern(line->words + 3, line->word_count - 3, &trigger->pattern);
    is_whole = trigger->arrives || str_view_equal(line->words[2], STR_VIEW("sends"));
  }
  if (!is_whole || !trigger->endpoint || taken == 0 || 3 + taken >= line->word_count) {
    scenario_complain(line, "expected: when ACTOR sends|receives METHOD|STATUS [METHOD], and what happens then");
    return;
  }
  trigger->line = rest_of(line, 3 + taken);
  trigger->next = scenario->triggers;
  scenario->triggers = trigger;
}

/* lose COUNT|all MESSAGE to|from ACTOR */
static void lose_line(struct scenario_line *line) {
  struct scenario *scenario = line->scenario;
  struct loss_rule *rule = sim_take(&scenario->world->memory, sizeof *rule);
  unsigned taken =
      line->word_count < 5 ? 0 : read_message_pattern(line->words + 2, line->word_count - 4, &rule->pattern);
  if (taken > 0 && 2 + taken + 2 == line->word_count) {
    rule->endpoint = scenario_endpoint(scenario, line->words[line->word_count - 1]);
    struct str_view way = line->words[line->word_count - 2];
    rule->is_to = str_view_equal(way, STR_VIEW("to"));
    bool is_all = str_view_equal(line->words[1], STR_VIEW("all"));
    if (is_all) rule->count = UINT32_MAX;
    if (is_all) scenario->world->is_troubled = true; /* nobody can promise to reach one who never hears */
    bool is_way = rule->is_to || str_view_equal(way, STR_VIEW("from"));
    if (is_way && rule->endpoint && (is_all || str_view_to_u32(line->words[1], &rule->count))) {
      rule->next = scenario->world->network.first_rule;
      scenario->world->network.first_rule = rule;
      return;
    }
  }
  scenario_complain(line, "expected: lose COUNT|all METHOD|STATUS [METHOD] to|from ACTOR");
}

static void expect_line(struct scenario_line *line) {
  struct scenario *scenario = line->scenario;
  if (line->word_count > 2 && str_view_equal(line->words[2], STR_VIEW("doctor"))) scenario->world->asks_doctor = true;
  if (scenario->is_running) {
    scenario_check_claim(line, false);
    return;
  }
  if (scenario->last_claim)
    scenario->last_claim->next = line;
  else
    scenario->claims = line;
  scenario->last_claim = line;
}

void scenario_do(struct scenario_line *line) {
  static const struct {
    const char *word;
    void (*act)(struct scenario_line *line);
  } starts[] = {{"at", at_line}, {"when", when_line}, {"lose", lose_line}, {"expect", expect_line}};
  for (unsigned i = 0; i < sizeof starts / sizeof starts[0]; i++) {
    if (!str_view_equal(line->words[0], str_view_from_c(starts[i].word))) continue;
    starts[i].act(line);
    return;
  }
  const char *closest = NULL;
  unsigned words = 0;
  if (scenario_statement(line, &closest, &words) || actor_line(line, &closest, &words)) return;
  if (closest)
    scenario_complain(line, "\"%.*s\" is not understood; the nearest is: %s", (int)line->text.length, line->text.data,
                      closest);
  else
    scenario_complain(line, "\"%.*s\" is neither a statement nor an actor (docs/scenarios.md)",
                      (int)line->words[0].length, line->words[0].data);
}

void scenario_read(struct scenario *scenario, struct str_view text) {
  struct world *world = scenario->world;
  text = sim_copy(&world->memory, text);
  for (unsigned number = 1; text.length && !scenario->problem; number++) {
    size_t length = str_view_find(text, '\n');
    struct scenario_line *line = sim_take(&world->memory, sizeof *line);
    *line = (struct scenario_line){.scenario = scenario, .number = number};
    line->text = str_view_trim(str_view_slice(text, 0, length));
    line->word_count = scenario_split(line->text, line->words);
    text = str_view_from(text, length + 1);
    if (line->word_count > 0) scenario_do(line);
  }
}
