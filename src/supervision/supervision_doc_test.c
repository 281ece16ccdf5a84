/* docs/supervision.md is made from the tables: this test holds that it says what the rows say, and that the tables are
 * whole. After a change of a .def file, BELFRY_WRITE_DOCS=1 meson test -C build supervision/supervision_doc writes it
 * anew. */
#include <ctype.h>
#include <made_document.h>

#include "base/text_builder.h"

#define DOCUMENT_BYTES_MAX 65536
#define COUNT(array)       (sizeof(array) / sizeof((array)[0]))

struct text_row {
  const char *cells[6];
};

static const struct text_row answers[] = {
#define SESSION_ANSWER(supports, refresher, wish, role, why) {{#supports, #refresher, #wish, #role, why}},
#include "supervision/session_offer.def"
};
static const struct text_row asks[] = {
#define SESSION_ASK(role, wish, refresher, why) {{#role, #wish, #refresher, why}},
#include "supervision/session_offer.def"
};
static const struct text_row conclusions[] = {
#define SESSION_CONCLUDE(timers, said, wish, role, why) {{#timers, #said, #wish, #role, why}},
#include "supervision/session_offer.def"
};
static const struct text_row rungs[] = {
#define REFRESH_RUNG(name, method, has_session, sentence) {{#name, sentence}},
#include "supervision/refresh_ladder.def"
};
static const struct text_row ladders[] = {
#define REFRESH_LADDER(name, a, b, c, d, sentence) {{#name, #a, #b, #c, #d, sentence}},
#include "supervision/refresh_ladder.def"
};
static const struct text_row refresh_answers[] = {
#define REFRESH_ANSWER(name, sentence) {{#name, sentence}},
#include "supervision/refresh_ladder.def"
};
static const struct text_row refresh_steps[] = {
#define REFRESH_STEP(name, sentence) {{#name, sentence}},
#include "supervision/refresh_ladder.def"
};
static const struct text_row refresh_rows[] = {
#define REFRESH_ROW(answer, rung, in_time, too_late) {{#answer, #rung, #in_time, #too_late}},
#include "supervision/refresh_ladder.def"
};
static const struct text_row states[] = {
#define SESSION_STATE(name, waits_for, sentence) {{#name, #waits_for, sentence}},
#include "supervision/session_timer.def"
};
static const struct text_row events[] = {
#define SESSION_EVENT(name, sentence) {{#name, sentence}},
#include "supervision/session_timer.def"
};
static const struct text_row session_rows[] = {
#define SESSION_ROW(state, event, action, next) {{#state, #event, #action, #next}},
#include "supervision/session_timer.def"
};

/* --- words ------------------------------------------------------------------------------------------------------- */

static void add(struct text_builder *document, const char *text) {
  text_builder_add(document, str_view_from_c(text));
}

static bool is_name(const char *text) {
  for (; *text; text++)
    if (!isupper((unsigned char)*text) && *text != '_' && !isdigit((unsigned char)*text)) return false;
  return true;
}

/* Names of the tables become words: UPDATE and INVITE stay methods, END_REJECTED becomes "end rejected". */
static void add_cell(struct text_builder *document, const char *text) {
  static const char *const methods[] = {"UPDATE", "INVITE", "OPTIONS", "UAC", "UAS"};
  bool keeps = !is_name(text);
  for (size_t i = 0; i < COUNT(methods); i++)
    keeps = keeps || strcmp(text, methods[i]) == 0;
  if (strcmp(text, "UPDATE_SESSION") == 0) {
    add(document, "UPDATE with SDP");
    return;
  }
  for (; *text; text++)
    text_builder_add_char(document, keeps ? *text : *text == '_' ? ' ' : (char)tolower((unsigned char)*text));
}

static void add_table(struct text_builder *document, const char *heading, const struct text_row *rows,
                      size_t row_count) {
  size_t columns = 1;
  for (const char *c = heading; *c; c++)
    columns += *c == '|';
  add(document, "| ");
  add(document, heading);
  add(document, " |\n");
  for (size_t i = 0; i < columns; i++)
    add(document, "|---");
  add(document, "|\n");
  for (size_t i = 0; i < row_count; i++) {
    for (size_t c = 0; c < columns; c++) {
      add(document, "| ");
      add_cell(document, rows[i].cells[c]);
      add(document, " ");
    }
    add(document, "|\n");
  }
  add(document, "\n");
}

/* --- the ladder: one line per answer, one column per rung -------------------------------------------------------- */

static const struct text_row *find_step(const char *answer, const char *rung) {
  for (size_t i = 0; i < COUNT(refresh_rows); i++)
    if (strcmp(refresh_rows[i].cells[0], answer) == 0 && strcmp(refresh_rows[i].cells[1], rung) == 0)
      return &refresh_rows[i];
  return NULL;
}

static void add_ladder(struct text_builder *document) {
  add(document, "| answer |");
  for (size_t r = 0; r < COUNT(rungs); r++) {
    add(document, " ");
    add_cell(document, rungs[r].cells[0]);
    add(document, " |");
  }
  add(document, "\n|---|---|---|---|---|\n");
  for (size_t a = 0; a < COUNT(refresh_answers); a++) {
    add(document, "| ");
    add(document, refresh_answers[a].cells[1]);
    add(document, " |");
    for (size_t r = 0; r < COUNT(rungs); r++) {
      const struct text_row *row = find_step(refresh_answers[a].cells[0], rungs[r].cells[0]);
      add(document, " ");
      add_cell(document, row->cells[2]);
      if (strcmp(row->cells[2], row->cells[3]) != 0) {
        add(document, ", or ");
        add_cell(document, row->cells[3]);
        add(document, " when there is no time");
      }
      add(document, " |");
    }
    add(document, "\n");
  }
  add(document, "\n");
}

static void add_diagram(struct text_builder *document) {
  add(document, "```mermaid\nstateDiagram-v2\n  [*] --> IDLE\n");
  for (size_t i = 0; i < COUNT(session_rows); i++) {
    const char *const *cells = session_rows[i].cells;
    bool is_end = strcmp(cells[3], "IDLE") == 0, stays = strcmp(cells[0], cells[3]) == 0;
    if (stays || (is_end && strcmp(cells[1], "STOP") == 0)) continue;
    add(document, "  ");
    add(document, cells[0]);
    add(document, " --> ");
    add(document, cells[3]);
    add(document, " : ");
    add_cell(document, cells[1]);
    add(document, "\n");
  }
  add(document, "```\n\n");
}

#define ADD_TABLE(heading, rows) add_table(document, heading, rows, COUNT(rows))

static void add_negotiation(struct text_builder *document) {
  add(document,
      "## Who refreshes\n\nAs UAS (RFC 4028 9, table 2); `wish` is BF_SESSION_REFRESHER or the device's own:\n\n");
  ADD_TABLE("peer supports timers | refresher in its request | wish | who refreshes | why", answers);
  add(document, "What our requests state:\n\n");
  ADD_TABLE("who refreshes now | wish | refresher stated | why", asks);
  add(document, "After a 2xx to our request:\n\n");
  ADD_TABLE("timers towards the device | the 2xx says | wish | who refreshes | why", conclusions);
}

static void add_refreshing(struct text_builder *document) {
  add(document, "## With what we refresh\n\n");
  ADD_TABLE("rung | what it is", rungs);
  ADD_TABLE("ladder | first | second | third | fourth | for", ladders);
  add(document, "## What an answer means\n\n");
  add_ladder(document);
  ADD_TABLE("step | what it does", refresh_steps);
}

static void add_machine(struct text_builder *document) {
  add(document, "## One leg's timer\n\n");
  add_diagram(document);
  ADD_TABLE("state | waits for | meaning", states);
  ADD_TABLE("event | meaning", events);
  ADD_TABLE("state | event | action | next", session_rows);
}

static struct str_view build_document(void) {
  static char memory[DOCUMENT_BYTES_MAX];
  struct text_builder builder = text_builder_over(memory, sizeof memory), *document = &builder;
  add(document,
      "# Supervision\n\n<!-- Made from src/supervision/*.def; see supervision_doc_test.c. -->\n\n"
      "Each leg of a call has a session timer of its own (RFC 4028). Three tables decide: who refreshes, with\n"
      "what, and what an answer means; a fourth is the life of the timer.\n\n");
  add_negotiation(document);
  add_refreshing(document);
  add_machine(document);
  expect(!builder.overflowed);
  return text_builder_view(&builder);
}

/* --- claims ------------------------------------------------------------------------------------------------------ */

static void test_the_document_says_what_the_tables_say(void) {
  struct str_view want = build_document();
  expect_made_document("docs/supervision.md", want.data, want.length);
}

static void test_every_answer_has_a_step_on_every_rung(void) {
  for (size_t a = 0; a < COUNT(refresh_answers); a++)
    for (size_t r = 0; r < COUNT(rungs); r++)
      expect(find_step(refresh_answers[a].cells[0], rungs[r].cells[0]) != NULL);
  expect_int(COUNT(refresh_rows), ==, COUNT(refresh_answers) * COUNT(rungs));
}

static void test_no_pair_of_state_and_event_has_two_rows(void) {
  for (size_t i = 0; i < COUNT(session_rows); i++)
    for (size_t j = 0; j < i; j++)
      expect(strcmp(session_rows[i].cells[0], session_rows[j].cells[0]) != 0 ||
             strcmp(session_rows[i].cells[1], session_rows[j].cells[1]) != 0);
}

static bool has_row(const char *state, const char *event) {
  for (size_t i = 0; i < COUNT(session_rows); i++)
    if (strcmp(session_rows[i].cells[0], state) == 0 && strcmp(session_rows[i].cells[1], event) == 0) return true;
  return false;
}

static void test_every_state_takes_new_terms_the_end_and_its_wheel_entry(void) {
  for (size_t i = 0; i < COUNT(states); i++) {
    const char *name = states[i].cells[0];
    static const char *const always[] = {"OURS", "THEIRS", "NOBODYS", "STOP", "REJECTED"};
    for (size_t e = 0; e < COUNT(always); e++)
      expect(has_row(name, always[e]));
    bool waits = strcmp(states[i].cells[1], "nothing") != 0;
    expect(has_row(name, "DUE") == waits);
    expect(has_row(name, "GUARD") == waits);
  }
}

TAP_TESTS(TAP(test_the_document_says_what_the_tables_say), TAP(test_every_answer_has_a_step_on_every_rung),
          TAP(test_no_pair_of_state_and_event_has_two_rows),
          TAP(test_every_state_takes_new_terms_the_end_and_its_wheel_entry))
