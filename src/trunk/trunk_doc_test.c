/* docs/trunk-test.md is made from the tables of this room: this test holds that it says what the rows say, and that the
 * table is whole. After a change of the rows, BELFRY_WRITE_DOCS=1 meson test -C build trunk/trunk_doc writes it anew.
 */
#include <made_document.h>
#include <tap.h>

#include "trunk/trunk_private.h"

#define DOCUMENT_BYTES_MAX 16384
#define COUNT(array)       (sizeof(array) / sizeof((array)[0]))

static const struct {
  const char *name, *check;
  uint32_t limit_ms;
  const char *sentence;
} states[] = {
#define TRUNK_STATE(name, check, limit_ms, sentence) {#name, #check, limit_ms, sentence},
#include "trunk/trunk_trial.def"
};

static const struct {
  const char *name, *sentence;
} events[] = {
#define TRUNK_EVENT(name, sentence) {#name, sentence},
#include "trunk/trunk_trial.def"
};

static const struct {
  const char *state, *event, *action, *next;
} rows[] = {
#define TRUNK_ROW(state, event, action, next) {#state, #event, #action, #next},
#include "trunk/trunk_trial.def"
};

static const struct {
  const char *word, *sentence;
} checks[] = {
#define TRUNK_CHECK(name, word, sentence) {word, sentence},
#include "trunk/trunk_checks.def"
};

static void add_head(struct text_builder *document) {
  made_add(
      document,
      "# Testing a trunk\n\n<!-- Made from src/trunk/trunk_trial.def and trunk_checks.def; see trunk_doc_test.c. "
      "-->\n\n"
      "`belfry trunk-test GATEWAY NUMBER` (or the button on the routing gateways' screen, or `POST\n"
      "/api/v1/routing-gateways/NAME/test`) places a call of the switch itself through a routing gateway and finds "
      "out\n"
      "what the far side can do. Without a number only OPTIONS is asked, and nothing is called.\n\n"
      "The call offers G.711, G.729 and telephone-event as `a=inactive` at the switch's own address, port 9: no media\n"
      "flow, and nothing is put on hold. It asks for the shortest session that the switch accepts\n"
      "(`BF_SESSION_MIN_SE`), because a far side that wants a longer one then says so. One test runs for each gateway\n"
      "at a time; the call takes a line of its capacity, ends with BYE or CANCEL whatever happens, and leaves a\n"
      "record with the end reason `trunk_test`. What was learnt about refreshes is remembered for the gateway's "
      "calls.\n\n"
      "What the far side asks of the test call is answered (OPTIONS, UPDATE without session, BYE), what would change\n"
      "its session is refused with 488. A test that runs when the switch is killed has its record all the same; the\n"
      "short session timer ends it on the far side.\n\n");
}

static void add_tables(struct text_builder *document) {
  made_add(document, "| check | the far side |\n|---|---|\n");
  for (size_t i = 0; i < COUNT(checks); i++)
    made_add(document, "| `%s` | %s |\n", checks[i].word, checks[i].sentence);
  made_add(document, "\n| state | at most | what happens |\n|---|---|---|\n");
  for (size_t i = 0; i < COUNT(states); i++)
    made_add(document, "| %s | %u s | %s |\n", made_words(states[i].name), states[i].limit_ms / 1000,
             states[i].sentence);
  made_add(document, "\n| event | meaning |\n|---|---|\n");
  for (size_t i = 0; i < COUNT(events); i++)
    made_add(document, "| %s | %s |\n", made_words(events[i].name), events[i].sentence);
}

/* A node's name is one word: underscores stay. */
static void add_node(struct text_builder *document, const char *name) {
  for (; *name; name++)
    text_builder_add_char(document, (char)tolower((unsigned char)*name));
}

static void add_diagram(struct text_builder *document) {
  made_add(document, "\n```mermaid\nstateDiagram-v2\n  [*] --> asking\n");
  for (size_t i = 0; i < COUNT(rows); i++) {
    made_add(document, "  ");
    add_node(document, rows[i].state);
    made_add(document, " --> ");
    add_node(document, rows[i].next);
    made_add(document, " : %s / %s\n", made_words(rows[i].event), made_words(rows[i].action));
  }
  made_add(document, "  done --> [*]\n```\n");
}

static void test_the_document_says_what_the_tables_say(void) {
  static char memory[DOCUMENT_BYTES_MAX];
  struct text_builder document = text_builder_over(memory, sizeof memory);
  add_head(&document);
  add_tables(&document);
  add_diagram(&document);
  expect(!document.overflowed);
  expect_made_document("docs/trunk-test.md", document.data, document.length);
}

static bool has_row(const char *state, const char *event) {
  for (size_t i = 0; i < COUNT(rows); i++)
    if (strcmp(rows[i].state, state) == 0 && strcmp(rows[i].event, event) == 0) return true;
  return false;
}

static void test_every_state_but_the_last_has_a_limit_and_a_row_for_it(void) {
  for (size_t i = 0; i < COUNT(states); i++) {
    bool is_last = strcmp(states[i].name, "DONE") == 0;
    expect(is_last == (states[i].limit_ms == 0));
    expect(is_last || (has_row(states[i].name, "LIMIT") && has_row(states[i].name, "SILENT") &&
                       has_row(states[i].name, "OK") && has_row(states[i].name, "REFUSED")));
  }
}

static void test_a_test_is_over_within_three_minutes(void) {
  uint32_t longest_ms = 0;
  for (size_t i = 0; i < COUNT(states); i++)
    longest_ms += states[i].limit_ms;
  expect_int(longest_ms, <=, 180000);
}

static void test_no_pair_of_state_and_event_has_two_rows(void) {
  for (size_t i = 0; i < COUNT(rows); i++)
    for (size_t j = 0; j < i; j++)
      expect(strcmp(rows[i].state, rows[j].state) != 0 || strcmp(rows[i].event, rows[j].event) != 0);
}

TAP_TESTS(TAP(test_the_document_says_what_the_tables_say),
          TAP(test_every_state_but_the_last_has_a_limit_and_a_row_for_it),
          TAP(test_a_test_is_over_within_three_minutes), TAP(test_no_pair_of_state_and_event_has_two_rows))
