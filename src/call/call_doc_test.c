/* docs/call.md is made from the tables of this room: this test holds that it says what the rows say, and that the
 * tables are whole. After a change of a .def file, BELFRY_WRITE_DOCS=1 meson test -C build call/call_doc writes it
 * anew. */
#include <ctype.h>

#include "call/call_private.h"
#include "made_document.h"

#define DOCUMENT_BYTES_MAX 131072
#define COUNT(array)       (sizeof(array) / sizeof((array)[0]))

static char document_memory[DOCUMENT_BYTES_MAX];

struct doc_name {
  const char *name, *clock, *meaning;
};
struct doc_row {
  const char *state, *event, *action, *next, *tale;
};

static const struct doc_name call_states[] = {
#define CALL_STATE(name, clock, meaning) {#name, #clock, meaning},
#include "call/call_machine.def"
};
static const struct doc_name call_events[] = {
#define CALL_EVENT(name, meaning) {#name, NULL, meaning},
#include "call/call_machine.def"
};
static const struct doc_row call_rows[] = {
#define CALL_ROW(state, event, action, next) {#state, #event, #action, #next, NULL},
#include "call/call_machine.def"
};
static const struct doc_name leg_states[] = {
#define LEG_STATE(name, watch, meaning) {#name, #watch, meaning},
#include "call/leg_machine.def"
};
static const struct doc_name leg_events[] = {
#define LEG_EVENT(name, meaning) {#name, NULL, meaning},
#include "call/leg_machine.def"
};
static const struct doc_row leg_rows[] = {
#define LEG_ROW(state, event, action, next, tale) {#state, #event, #action, #next, #tale},
#include "call/leg_machine.def"
};

/* --- words ------------------------------------------------------------------------------------------------------- */

static void add(struct text_builder *document, const char *text) {
  text_builder_add(document, str_view_from_c(text));
}

/* PROGRESSING_SDP becomes "progressing sdp". */
static void add_words(struct text_builder *document, const char *name) {
  for (size_t i = 0; name[i]; i++)
    text_builder_add_char(document, name[i] == '_' ? ' ' : (char)tolower(name[i]));
}

static void add_cell(struct text_builder *document, const char *name) {
  add(document, " ");
  add_words(document, name);
  add(document, " |");
}

/* --- diagrams and tables ----------------------------------------------------------------------------------------- */

/* Rows that stay where they are and do nothing are left to the table. */
static void add_diagram(struct text_builder *document, const char *first, const struct doc_row *rows, size_t count) {
  add(document, "```mermaid\nstateDiagram-v2\n  [*] --> ");
  add(document, first);
  add(document, "\n");
  for (size_t i = 0; i < count; i++) {
    if (strcmp(rows[i].state, rows[i].next) == 0) continue;
    add(document, "  ");
    add(document, rows[i].state);
    add(document, " --> ");
    add(document, rows[i].next);
    add(document, " : ");
    add_words(document, rows[i].event);
    if (strcmp(rows[i].action, "nothing") != 0) {
      add(document, " / ");
      add_words(document, rows[i].action);
    }
    add(document, "\n");
  }
  add(document, "```\n\n");
}

static void add_names(struct text_builder *document, const char *kind, const struct doc_name *names, size_t count) {
  bool has_clock = names[0].clock != NULL;
  add(document, "| ");
  add(document, kind);
  add(document, has_clock ? " | what it means | clock |\n|---|---|---|\n" : " | what it means |\n|---|---|\n");
  for (size_t i = 0; i < count; i++) {
    add(document, "|");
    add_cell(document, names[i].name);
    add(document, " ");
    add(document, names[i].meaning);
    add(document, " |");
    if (has_clock) add_cell(document, names[i].clock);
    add(document, "\n");
  }
  add(document, "\n");
}

static void add_rows(struct text_builder *document, const struct doc_row *rows, size_t count) {
  bool tells = rows[0].tale != NULL;
  add(document, tells ? "| state | event | action | next | the call is told |\n|---|---|---|---|---|\n"
                      : "| state | event | action | next |\n|---|---|---|---|\n");
  for (size_t i = 0; i < count; i++) {
    add(document, "|");
    add_cell(document, rows[i].state);
    add_cell(document, rows[i].event);
    add_cell(document, rows[i].action);
    add_cell(document, rows[i].next);
    if (tells) add_cell(document, strcmp(rows[i].tale, "NONE") == 0 ? "" : rows[i].tale);
    add(document, "\n");
  }
  add(document, "\n");
}

/* --- the other tables -------------------------------------------------------------------------------------------- */

static void add_methods(struct text_builder *document) {
  static const struct {
    const char *name, *outside, *inside;
    bool offered;
  } rules[] = {
#define METHOD_RULE(name, offered, outside, inside) {#name, #outside, #inside, offered},
#include "call/method_rules.def"
#undef METHOD_RULE
  };
  add(document, "| method | in Allow | outside of a dialog | inside |\n|---|---|---|---|\n");
  for (size_t i = 0; i < COUNT(rules); i++) {
    add(document, "| ");
    add(document, rules[i].name);
    add(document, rules[i].offered ? " | yes |" : " | no |");
    add_cell(document, rules[i].outside);
    add_cell(document, rules[i].inside);
    add(document, "\n");
  }
  add(document, "\n");
}

static void add_carried(struct text_builder *document) {
  static const struct {
    const char *name, *in, *whom, *hosts;
  } fields[] = {
#define CARRY(header, in, whom, hosts)     {#header, #in, #whom, #hosts},
#define CARRY_OTHER(name, in, whom, hosts) {name, #in, #whom, #hosts},
#define NEVER(header, why)
#include "call/call_carry.def"
#undef CARRY
#undef CARRY_OTHER
#undef NEVER
  };
  static const struct {
    enum sip_header header;
    const char *text;
  } known[] = {
#define SIP_HEADER(name, text, compact, form) {SIP_HEADER_##name, text},
#include "sip/sip_headers.def"
#undef SIP_HEADER
  };
  static const char *const identifiers[] = {
#define SIP_HEADER(name, text, compact, form) #name,
#include "sip/sip_headers.def"
#undef SIP_HEADER
  };
  add(document, "| header field | in | from whom | addresses in URIs |\n|---|---|---|---|\n");
  for (size_t i = 0; i < COUNT(fields); i++) {
    const char *name = fields[i].name;
    for (size_t k = 0; k < COUNT(known); k++)
      if (strcmp(identifiers[k], name) == 0) name = known[k].text;
    add(document, "| ");
    add(document, name);
    add(document, name[strlen(name) - 1] == '-' ? "… | " : " | ");
    for (const char *at = fields[i].in; *at; at++)
      text_builder_add_char(document, *at == '|' ? ',' : (char)tolower(*at));
    add(document, " |");
    add_cell(document, fields[i].whom);
    add_cell(document, fields[i].hosts);
    add(document, "\n");
  }
  add(document, "\n");
}

static void add_status(struct text_builder *document, unsigned from, unsigned to) {
  text_builder_add_u64(document, from);
  if (to != from) {
    add(document, "–");
    text_builder_add_u64(document, to);
  }
}

static void add_responses(struct text_builder *document) {
  static const struct {
    unsigned from, to, setup, inside;
    const char *why;
  } rows[] = {
#define RESPONSE(from, to, setup, inside, why) {from, to, setup, inside, why},
#include "call/call_response.def"
#undef RESPONSE
  };
  add(document, "| status | to the caller's INVITE | inside a call | why |\n|---|---|---|---|\n");
  for (size_t i = 0; i < COUNT(rows); i++) {
    add(document, "| ");
    add_status(document, rows[i].from, rows[i].to);
    add(document, " | ");
    if (rows[i].setup != 0)
      text_builder_add_u64(document, rows[i].setup);
    else
      add(document, "as it came");
    add(document, " | ");
    if (rows[i].inside != 0)
      text_builder_add_u64(document, rows[i].inside);
    else
      add(document, "as it came");
    add(document, " | ");
    add(document, rows[i].why);
    add(document, " |\n");
  }
}

/* --- the document ------------------------------------------------------------------------------------------------ */

static struct str_view make_document(void) {
  struct text_builder document = text_builder_over(document_memory, sizeof document_memory);
  add(&document,
      "# Calls\n\n<!-- Made from src/call/*.def; see call_doc_test.c. -->\n\n"
      "Two tables. The first is the life of a call, and joins its two legs; the second is what SIP asks of\n"
      "each leg, also when the call is over or has gone on to another gateway. A state without a row for an\n"
      "event is a broken invariant: it is counted, and nothing happens.\n\n## A call\n\n");
  add_diagram(&document, "NEW", call_rows, COUNT(call_rows));
  add_names(&document, "state", call_states, COUNT(call_states));
  add_names(&document, "event", call_events, COUNT(call_events));
  add_rows(&document, call_rows, COUNT(call_rows));
  add(&document,
      "## A leg\n\nThe caller's leg begins as received, the callee's as invited; after a restart, of an attempt, both "
      "as cut off.\n\n");
  add_diagram(&document, "RECEIVED", leg_rows, COUNT(leg_rows));
  add_names(&document, "state", leg_states, COUNT(leg_states));
  add_names(&document, "event", leg_events, COUNT(leg_events));
  add_rows(&document, leg_rows, COUNT(leg_rows));
  add(&document, "## Methods\n\nA method that is not here is answered 501, inside and outside.\n\n");
  add_methods(&document);
  add(&document, "## What crosses from one leg to the other\n\nNothing else does.\n\n");
  add_carried(&document);
  add(&document, "## What one side gets for the other's final response\n\n");
  add_responses(&document);
  return document.overflowed ? (struct str_view){0} : text_builder_view(&document);
}

static void test_document_says_what_the_rows_say(void) {
  struct str_view want = make_document();
  expect_made_document("docs/call.md", want.data, want.length);
}

/* --- the tables are whole ---------------------------------------------------------------------------------------- */

static bool is_reached(const struct doc_row *rows, size_t count, const char *state) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(rows[i].next, state) == 0 && strcmp(rows[i].state, state) != 0) return true;
  return false;
}

static bool is_left(const struct doc_row *rows, size_t count, const char *state) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(rows[i].state, state) == 0 && strcmp(rows[i].next, state) != 0) return true;
  return false;
}

static bool has_event(const struct doc_row *rows, size_t count, const char *event) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(rows[i].event, event) == 0) return true;
  return false;
}

static void test_every_state_is_reached_and_left_and_every_event_used(void) {
  for (size_t i = 0; i < COUNT(call_states); i++) {
    expect(i == CALL_STATE_NEW || is_reached(call_rows, COUNT(call_rows), call_states[i].name));
    expect(i == CALL_STATE_ENDED || is_left(call_rows, COUNT(call_rows), call_states[i].name));
  }
  for (size_t i = 0; i < COUNT(leg_states); i++) {
    bool begins = i == LEG_STATE_RECEIVED || i == LEG_STATE_INVITED || i == LEG_STATE_CUT_OFF_CALLER ||
                  i == LEG_STATE_CUT_OFF_CALLEE;
    expect(begins || is_reached(leg_rows, COUNT(leg_rows), leg_states[i].name));
    expect(i == LEG_STATE_GONE || is_left(leg_rows, COUNT(leg_rows), leg_states[i].name));
  }
  for (size_t i = 0; i < COUNT(call_events); i++)
    expect(has_event(call_rows, COUNT(call_rows), call_events[i].name));
  for (size_t i = 0; i < COUNT(leg_events); i++)
    expect(has_event(leg_rows, COUNT(leg_rows), leg_events[i].name));
}

static bool has_row(const struct doc_row *rows, size_t count, const char *state, const char *event) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(rows[i].state, state) == 0 && strcmp(rows[i].event, event) == 0) return true;
  return false;
}

/* A call in which anybody waits for anything has a clock and an answer to its running out, and an operator ends it. */
static void test_every_waiting_state_has_a_clock_and_a_row_for_it(void) {
  for (size_t i = 0; i < COUNT(call_states); i++) {
    bool passes = i == CALL_STATE_NEW || i == CALL_STATE_SEARCHING;
    expect((strcmp(call_states[i].clock, "none") == 0) == passes);
    expect(passes || has_row(call_rows, COUNT(call_rows), call_states[i].name, "DEADLINE"));
    expect(passes || i == CALL_STATE_ENDED || has_row(call_rows, COUNT(call_rows), call_states[i].name, "OPERATOR"));
  }
}

/* The end of a call comes without asking: a leg must be able to leave from wherever a call may have it. */
static void test_a_leg_of_a_call_can_always_leave(void) {
  static const char *const states[] = {"RECEIVED", "INVITED", "ANSWERED", "OPEN"};
  for (size_t i = 0; i < COUNT(states); i++)
    expect(has_row(leg_rows, COUNT(leg_rows), states[i], "LEAVE"));
}

/* --- responses --------------------------------------------------------------------------------------------------- */

static void test_every_final_status_is_mapped_to_a_final_status(void) {
  for (unsigned status = 300; status < 700; status++) {
    unsigned setup = call_response_in_setup(status), inside = call_response_inside(status);
    expect(setup >= 400 && setup < 700);
    expect(inside >= 400 && inside < 700);
    expect(setup != 401 && setup != 407 && inside != 401 && inside != 407 && inside != 503);
  }
  expect_int(call_response_in_setup(486), ==, 486);
  expect_int(call_response_in_setup(302), ==, 480);
  expect_int(call_response_in_setup(499), ==, 400);
  expect_int(call_response_in_setup(599), ==, 500);
  expect_int(call_response_in_setup(699), ==, 600);
  expect_int(call_response_inside(491), ==, 491);
  expect_int(call_response_inside(481), ==, 481);
}

TAP_TESTS(TAP(test_document_says_what_the_rows_say), TAP(test_every_state_is_reached_and_left_and_every_event_used),
          TAP(test_every_waiting_state_has_a_clock_and_a_row_for_it), TAP(test_a_leg_of_a_call_can_always_leave),
          TAP(test_every_final_status_is_mapped_to_a_final_status))
