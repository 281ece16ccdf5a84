/* docs/dialog.md is made from dialog_states.def: this test holds that it says what the rows say, and that the table is
 * whole. After a change of the rows, BELFRY_WRITE_DOCS=1 meson test -C build dialog/dialog_doc writes it anew. */
#include <made_document.h>
#include <stdio.h>

#include "dialog/dialog_private.h"

#define DOCUMENT_BYTES_MAX 16384
#define COUNT(array)       (sizeof(array) / sizeof((array)[0]))

struct doc_row {
  const char *state, *event, *next, *why;
};

static const struct doc_row rows[] = {
#define DIALOG_TRANSITION(state, event, next, why) {#state, #event, #next, why},
#include "dialog/dialog_states.def"
#undef DIALOG_TRANSITION
};

static const char *const states[] = {"TRYING", "EARLY", "CONFIRMED", "ENDED"};

static const struct {
  const char *name, *meaning;
} events[] = {
    {"PROGRESS", "a provisional response with a tag, sent or received"},
    {"ANSWER", "a 2xx to the INVITE, sent or received"},
    {"REFUSAL", "any other final response to the first INVITE"},
    {"GOODBYE", "BYE, sent or received"},
    {"RETRY", "a refused INVITE of ours goes out again"},
};

static void add_diagram(struct text_builder *document) {
  made_add(document, "```mermaid\nstateDiagram-v2\n  [*] --> trying : INVITE sent or received\n");
  for (size_t i = 0; i < COUNT(rows); i++)
    made_add(document, "  %s --> %s : %s\n", made_words(rows[i].state), made_words(rows[i].next),
             made_words(rows[i].event));
  made_add(document, "  ended --> [*] : given back by its call leg\n```\n\n");
}

static void add_tables(struct text_builder *document) {
  made_add(document, "| event | meaning |\n|---|---|\n");
  for (size_t i = 0; i < COUNT(events); i++)
    made_add(document, "| %s | %s |\n", made_words(events[i].name), events[i].meaning);
  made_add(document, "\n| state | event | next | why |\n|---|---|---|---|\n");
  for (size_t i = 0; i < COUNT(rows); i++)
    made_add(document, "| %s | %s | %s | %s |\n", made_words(rows[i].state), made_words(rows[i].event),
             made_words(rows[i].next), rows[i].why);
}

static struct str_view build_document(char *memory) {
  struct text_builder document = text_builder_over(memory, DOCUMENT_BYTES_MAX);
  made_add(&document,
           "# Dialogs\n\n<!-- Made from src/dialog/dialog_states.def; see dialog_doc_test.c. -->\n\n"
           "A dialog is one leg of a call: two ends, the way between them, and the order of requests. What is not in\n"
           "the table leaves the state as it is: an answer to a re-INVITE, say, or a late provisional response.\n\n");
  add_diagram(&document);
  add_tables(&document);
  expect(!document.overflowed);
  return text_builder_view(&document);
}

static void test_the_document_says_what_the_table_says(void) {
  static char memory[DOCUMENT_BYTES_MAX];
  struct str_view want = build_document(memory);
  expect_made_document("docs/dialog.md", want.data, want.length);
}

static void test_no_pair_of_state_and_event_has_two_rows(void) {
  for (size_t i = 0; i < COUNT(rows); i++)
    for (size_t j = 0; j < i; j++)
      expect(strcmp(rows[i].state, rows[j].state) != 0 || strcmp(rows[i].event, rows[j].event) != 0);
}

static void test_every_state_is_reached_and_every_event_matters(void) {
  for (size_t s = 0; s < COUNT(states); s++) {
    bool reached = false;
    for (size_t i = 0; i < COUNT(rows); i++)
      reached = reached || strcmp(rows[i].next, states[s]) == 0;
    expect(reached);
  }
  for (size_t e = 0; e < COUNT(events); e++) {
    bool matters = false;
    for (size_t i = 0; i < COUNT(rows); i++)
      matters = matters || strcmp(rows[i].event, events[e].name) == 0;
    expect(matters);
  }
}

static void test_every_state_but_the_last_ends_with_a_bye(void) {
  for (uint8_t state = DIALOG_TRYING; state <= DIALOG_ENDED; state++) {
    struct dialog dialog = {.state = state};
    dialog_happens(&dialog, DIALOG_EVENT_GOODBYE);
    expect_int(dialog.state, ==, DIALOG_ENDED);
  }
}

static void test_what_has_no_row_leaves_the_state_as_it_is(void) {
  static const enum dialog_event events_of_others[] = {DIALOG_EVENT_PROGRESS, DIALOG_EVENT_ANSWER, DIALOG_EVENT_REFUSAL,
                                                       DIALOG_EVENT_RETRY};
  for (size_t i = 0; i < COUNT(events_of_others); i++) {
    struct dialog dialog = {.state = DIALOG_CONFIRMED};
    dialog_happens(&dialog, events_of_others[i]);
    expect_int(dialog.state, ==, DIALOG_CONFIRMED);
  }
}

TAP_TESTS(TAP(test_the_document_says_what_the_table_says), TAP(test_no_pair_of_state_and_event_has_two_rows),
          TAP(test_every_state_is_reached_and_every_event_matters), TAP(test_every_state_but_the_last_ends_with_a_bye),
          TAP(test_what_has_no_row_leaves_the_state_as_it_is))
