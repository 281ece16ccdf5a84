/* docs/transactions.md is made from the tables: this test holds that it says what the rows say, and that the tables are
 * whole. After a change of a .def file, BELFRY_WRITE_DOCS=1 meson test -C build transaction/transaction_doc writes it
 * anew. */
#include <made_document.h>
#include <stdio.h>

#include "transaction/transaction_private.h"

#define DOCUMENT_BYTES_MAX 131072

static char document_memory[DOCUMENT_BYTES_MAX];

struct doc_state {
  const char *name, *unreliable, *reliable, *resend, *meaning;
};
struct doc_row {
  const char *state, *event, *action, *next, *section, *why;
};

static const struct doc_state invite_client_states[] = {
#define STATE(name, unreliable, reliable, resend, meaning) {#name, #unreliable, #reliable, #resend, meaning},
#include "transaction/invite_client.def"
};
static const struct doc_row invite_client_rows[] = {
#define ROW(state, event, action, next, section, why) {#state, #event, #action, #next, section, why},
#include "transaction/invite_client.def"
};
static const struct doc_state non_invite_client_states[] = {
#define STATE(name, unreliable, reliable, resend, meaning) {#name, #unreliable, #reliable, #resend, meaning},
#include "transaction/non_invite_client.def"
};
static const struct doc_row non_invite_client_rows[] = {
#define ROW(state, event, action, next, section, why) {#state, #event, #action, #next, section, why},
#include "transaction/non_invite_client.def"
};
static const struct doc_state invite_server_states[] = {
#define STATE(name, unreliable, reliable, resend, meaning) {#name, #unreliable, #reliable, #resend, meaning},
#include "transaction/invite_server.def"
};
static const struct doc_row invite_server_rows[] = {
#define ROW(state, event, action, next, section, why) {#state, #event, #action, #next, section, why},
#include "transaction/invite_server.def"
};
static const struct doc_state non_invite_server_states[] = {
#define STATE(name, unreliable, reliable, resend, meaning) {#name, #unreliable, #reliable, #resend, meaning},
#include "transaction/non_invite_server.def"
};
static const struct doc_row non_invite_server_rows[] = {
#define ROW(state, event, action, next, section, why) {#state, #event, #action, #next, section, why},
#include "transaction/non_invite_server.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct doc_machine {
  const char *title, *introduction;
  const struct transaction_machine *machine;
  const struct doc_state *states;
  size_t state_count;
  const struct doc_row *rows;
  size_t row_count;
};

static const struct doc_machine doc_machines[] = {
    {"INVITE client transaction", "RFC 3261 17.1.1 with RFC 6026 8.4; CANCEL by RFC 3261 9.1.", &invite_client_machine,
     invite_client_states, COUNT(invite_client_states), invite_client_rows, COUNT(invite_client_rows)},
    {"Non-INVITE client transaction", "RFC 3261 17.1.2. CANCEL is one of these.", &non_invite_client_machine,
     non_invite_client_states, COUNT(non_invite_client_states), non_invite_client_rows, COUNT(non_invite_client_rows)},
    {"INVITE server transaction", "RFC 3261 17.2.1 with RFC 6026 8.5 to 8.8; CANCEL by RFC 3261 9.2.",
     &invite_server_machine, invite_server_states, COUNT(invite_server_states), invite_server_rows,
     COUNT(invite_server_rows)},
    {"Non-INVITE server transaction", "RFC 3261 17.2.2 with RFC 4320.", &non_invite_server_machine,
     non_invite_server_states, COUNT(non_invite_server_states), non_invite_server_rows, COUNT(non_invite_server_rows)},
};

/* --- words ------------------------------------------------------------------------------------------------------- */

/* CANCEL_WAITING becomes "Cancel waiting". */
static const char *state_words(const char *name) {
  static char memory[2][80];
  static unsigned next;
  char *words = memory[next++ % 2];
  snprintf(words, sizeof memory[0], "%c%s", name[0], made_words(name) + 1);
  return words;
}

static const char *event_label(const char *name) {
  static const struct {
    const char *name, *label;
  } events[] = {
#define EVENT(name, label) {#name, label},
#include "transaction/transaction_events.def"
  };
  for (size_t i = 0; i < COUNT(events); i++)
    if (strcmp(events[i].name, name) == 0) return events[i].label;
  return name;
}

static const char *timer_words(const char *name) {
  static char memory[4][40];
  static unsigned next;
  if (strcmp(name, "NONE") == 0 || strcmp(name, "ZERO") == 0) return name[0] == 'N' ? "none" : "ends at once";
  char *words = memory[next++ % 4];
  snprintf(words, sizeof memory[0], "Timer %s", name);
  return words;
}

static const struct doc_state *find_state(const struct doc_machine *machine, const char *name) {
  for (size_t i = 0; i < machine->state_count; i++)
    if (strcmp(machine->states[i].name, name) == 0) return &machine->states[i];
  return NULL;
}

/* Timers are called by their names, which differ from state to state. */
static const char *event_words(const struct doc_machine *machine, const struct doc_row *row) {
  const struct doc_state *state = find_state(machine, row->state);
  if (state && strcmp(row->event, "RESEND_DUE") == 0) return timer_words(state->resend);
  if (state && strcmp(row->event, "GIVE_UP_DUE") == 0) return timer_words(state->unreliable);
  return event_label(row->event);
}

/* --- sections ---------------------------------------------------------------------------------------------------- */

static const char *node(const char *name) {
  return strcmp(name, "TERMINATED") == 0 || strcmp(name, "START") == 0 ? "[*]" : name;
}

/* What is absorbed or refused where it happens is left to the table below. */
static void add_diagram(struct text_builder *document, const struct doc_machine *machine) {
  made_add(document, "```mermaid\nstateDiagram-v2\n");
  for (size_t i = 0; i < machine->state_count; i++) {
    const char *name = machine->states[i].name;
    if (strcmp(name, "START") != 0) made_add(document, "  state \"%s\" as %s\n", state_words(name), name);
  }
  for (size_t i = 0; i < machine->row_count; i++) {
    const struct doc_row *row = &machine->rows[i];
    bool stays = strcmp(row->state, row->next) == 0;
    bool is_quiet =
        strcmp(row->action, "absorb") == 0 || strcmp(row->action, "refuse") == 0 || strcmp(row->action, "forbid") == 0;
    bool never_sent = strcmp(row->state, "START") == 0 && strcmp(row->next, "TERMINATED") == 0;
    if ((stays && is_quiet) || never_sent) continue;
    made_add(document, "  %s --> %s : %s%s%s\n", node(row->state), node(row->next), event_words(machine, row),
             is_quiet ? "" : " / ", is_quiet ? "" : made_words(row->action));
  }
  made_add(document, "```\n\n");
}

static void add_states(struct text_builder *document, const struct doc_machine *machine) {
  made_add(
      document,
      "| state | what it means | ends, over UDP | ends, over TCP and TLS | sends again |\n|---|---|---|---|---|\n");
  for (size_t i = 0; i < machine->state_count; i++) {
    const struct doc_state *state = &machine->states[i];
    made_add(document, "| %s | %s | %s | %s | %s |\n", state_words(state->name), state->meaning,
             timer_words(state->unreliable), timer_words(state->reliable), timer_words(state->resend));
  }
  made_add(document, "\n");
}

static void add_rows(struct text_builder *document, const struct doc_machine *machine) {
  made_add(document, "| state | event | action | next | why | where |\n|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < machine->row_count; i++) {
    const struct doc_row *row = &machine->rows[i];
    made_add(document, "| %s | %s | %s | %s | %s | %s |\n", state_words(row->state), event_words(machine, row),
             made_words(row->action), state_words(row->next), row->why, row->section);
  }
  made_add(document, "\n");
}

static void add_timers(struct text_builder *document) {
  static const struct {
    const char *name, *value, *section, *meaning;
  } timers[] = {
#define SIP_TIMER(name, milliseconds, value, section, meaning) {#name, value, section, meaning},
#include "transaction/sip_timers.def"
  };
  made_add(document, "## Timers\n\n| timer | value | meaning | where |\n|---|---|---|---|\n");
  for (size_t i = 0; i < COUNT(timers); i++) {
    if (strcmp(timers[i].name, "ZERO") == 0) continue;
    made_add(document, "| %s | %s | %s | %s |\n", timers[i].name, timers[i].value, timers[i].meaning,
             timers[i].section);
  }
}

static struct str_view build_document(void) {
  struct text_builder document = text_builder_over(document_memory, sizeof document_memory);
  made_add(&document,
           "# Transactions\n\n<!-- Made from src/transaction/*.def; see transaction_doc_test.c. -->\n\n"
           "Four machines, each a table. The layer sends, sends again, absorbs and gives up by itself; what its\n"
           "user must know is told. Each transaction has one timer, armed for the next of its state's two.\n"
           "`tell` means that the user is told, `absorb` that nobody is.\n\n");
  for (size_t i = 0; i < COUNT(doc_machines); i++) {
    made_add(&document, "## %s\n\n%s\n\n", doc_machines[i].title, doc_machines[i].introduction);
    add_diagram(&document, &doc_machines[i]);
    add_states(&document, &doc_machines[i]);
    add_rows(&document, &doc_machines[i]);
  }
  add_timers(&document);
  expect(!document.overflowed);
  return text_builder_view(&document);
}

/* --- claims ------------------------------------------------------------------------------------------------------ */

static void test_the_document_says_what_the_tables_say(void) {
  struct str_view want = build_document();
  expect_made_document("docs/transactions.md", want.data, want.length);
}

static void test_no_pair_of_state_and_event_has_two_rows(void) {
  for (size_t m = 0; m < COUNT(doc_machines); m++)
    for (size_t i = 0; i < doc_machines[m].row_count; i++)
      for (size_t j = 0; j < i; j++) {
        const struct doc_row *a = &doc_machines[m].rows[i], *b = &doc_machines[m].rows[j];
        expect(strcmp(a->state, b->state) != 0 || strcmp(a->event, b->event) != 0);
      }
}

static void test_every_row_leads_to_a_state_of_its_machine(void) {
  for (size_t m = 0; m < COUNT(doc_machines); m++)
    for (size_t i = 0; i < doc_machines[m].row_count; i++) {
      const struct doc_row *row = &doc_machines[m].rows[i];
      expect(find_state(&doc_machines[m], row->state) != NULL);
      expect(strcmp(row->next, "TERMINATED") == 0 || find_state(&doc_machines[m], row->next) != NULL);
    }
}

static bool has_row(const struct doc_machine *machine, unsigned state, enum transaction_event event) {
  return machine->machine->rows[state][event].act != NULL;
}

/* START of a server lasts no longer than the call that makes it. */
static void test_no_state_is_without_an_answer_to_its_timers_and_to_what_the_peer_sends(void) {
  for (size_t m = 0; m < COUNT(doc_machines); m++) {
    const struct doc_machine *machine = &doc_machines[m];
    for (unsigned state = TRANSACTION_START; state < TRANSACTION_STATE_COUNT; state++) {
      const struct transaction_state_row *row = &machine->machine->states[state];
      bool is_client = machine->machine->is_client;
      if (row->give_up_unreliable == SIP_TIMER_NONE || (state == TRANSACTION_START && !is_client)) continue;
      expect(has_row(machine, state, TRANSACTION_EVENT_GIVE_UP_DUE));
      expect(row->resend == SIP_TIMER_NONE || has_row(machine, state, TRANSACTION_EVENT_RESEND_DUE));
      if (state == TRANSACTION_START) continue;
      if (is_client)
        for (unsigned event = TRANSACTION_EVENT_PROVISIONAL; event <= TRANSACTION_EVENT_FAILURE; event++)
          expect(has_row(machine, state, event));
      else
        for (unsigned event = TRANSACTION_EVENT_ANSWER_PROVISIONAL; event <= TRANSACTION_EVENT_ANSWER_AGAIN; event++)
          expect(has_row(machine, state, event));
      expect(is_client || has_row(machine, state, TRANSACTION_EVENT_REQUEST));
      expect(is_client || has_row(machine, state, TRANSACTION_EVENT_CANCEL));
    }
  }
}

static void test_the_timers_have_the_values_of_the_rfc(void) {
  expect_int(sip_timer_ms(SIP_TIMER_T1), ==, 500);
  expect_int(sip_timer_ms(SIP_TIMER_T2), ==, 4000);
  expect_int(sip_timer_ms(SIP_TIMER_T4), ==, 5000);
  static const enum sip_timer as_64_t1[] = {SIP_TIMER_B, SIP_TIMER_F, SIP_TIMER_H,        SIP_TIMER_J,
                                            SIP_TIMER_L, SIP_TIMER_M, SIP_TIMER_CANCELLED};
  for (size_t i = 0; i < COUNT(as_64_t1); i++)
    expect_int(sip_timer_ms(as_64_t1[i]), ==, 64 * sip_timer_ms(SIP_TIMER_T1));
  expect_int(sip_timer_ms(SIP_TIMER_D), >=, 32000);
  expect_int(sip_timer_ms(SIP_TIMER_I), ==, sip_timer_ms(SIP_TIMER_T4));
  expect_int(sip_timer_ms(SIP_TIMER_K), ==, sip_timer_ms(SIP_TIMER_T4));
  expect_int(sip_timer_ms(SIP_TIMER_TRYING), ==, 7 * sip_timer_ms(SIP_TIMER_T1));
}

TAP_TESTS(TAP(test_the_document_says_what_the_tables_say), TAP(test_no_pair_of_state_and_event_has_two_rows),
          TAP(test_every_row_leads_to_a_state_of_its_machine),
          TAP(test_no_state_is_without_an_answer_to_its_timers_and_to_what_the_peer_sends),
          TAP(test_the_timers_have_the_values_of_the_rfc))
