/* docs/parameters.md is made from the table: this test holds that it says what the rows say. After a change of
 * parameters.def, BELFRY_WRITE_DOCS=1 meson test -C build parameters/parameters_doc writes it anew. */

#include "made_document.h"
#include "parameters/parameters.h"

#define DOCUMENT_BYTES_MAX 65536

static char document_memory[DOCUMENT_BYTES_MAX];

static void add_row(struct text_builder *document, const struct parameter_row *row) {
  bool has_unit = row->type == PARAMETER_NUMBER && row->unit[0] && isdigit((unsigned char)row->default_text[0]);
  made_add(document, "### `%s`\n\n%s.\n\n- Default: `%s`%s%s\n- Allowed: ", row->name, row->summary, row->default_text,
           has_unit ? " " : "", has_unit ? row->unit : "");
  if (row->type == PARAMETER_TEXT)
    made_add(document, "at most 512 bytes of text with the escapes `\\r` `\\n` `\\0` `\\xHH` `\\\\`");
  else
    parameter_allowed_to_text(row, document);
  made_add(document, "\n\n%s\n\n", row->description);
}

static void add_presets(struct text_builder *document) {
  made_add(document, "## Presets\n\n`belfry preset NAME` sets three values that go together and leaves all others.\n\n"
                     "| preset | `SS_SIP_SESSION_TTL` | `SS_SIP_NO_TIMER_REINVITE_INTERVAL` | "
                     "`SS_SIP_NAT_KEEP_ALIVE_PERIOD` | for |\n|---|---|---|---|---|\n");
  for (size_t i = 0; i < parameter_preset_count; i++) {
    const struct parameter_preset *preset = &parameter_presets[i];
    made_add(document, "| %s | %u s | %u s | %u s | %s |\n", preset->name, preset->session_ttl_s,
             preset->no_timer_reinvite_interval_s, preset->keep_alive_period_s, preset->summary);
  }
}

static struct str_view build_document(void) {
  struct text_builder document = text_builder_over(document_memory, sizeof document_memory);
  made_add(
      &document,
      "# System parameters\n\n<!-- Made from src/parameters/parameters.def; see parameters_doc_test.c. -->\n\n"
      "A parameter is changed while calls run, with `belfry set NAME VALUE`, by the API or in the console, and is\n"
      "effective for running calls and registrations as well. A value outside its range is refused with the "
      "range.\n\n");
  const char *group = "";
  for (size_t i = 0; i < parameter_row_count; i++) {
    const struct parameter_row *row = &parameter_rows[i];
    if (strcmp(group, row->group) != 0) {
      group = row->group;
      made_add(&document, "## %s\n\n", group);
    }
    add_row(&document, row);
  }
  add_presets(&document);
  expect(!document.overflowed);
  return text_builder_view(&document);
}

static void test_the_document_says_what_the_table_says(void) {
  struct str_view want = build_document();
  expect_made_document("docs/parameters.md", want.data, want.length);
}

static void test_rows_of_one_group_stand_together(void) {
  for (size_t i = 1; i < parameter_row_count; i++)
    for (size_t j = 0; j + 1 < i; j++)
      expect(strcmp(parameter_rows[i].group, parameter_rows[i - 1].group) == 0 ||
             strcmp(parameter_rows[i].group, parameter_rows[j].group) != 0);
}

TAP_TESTS(TAP(test_the_document_says_what_the_table_says), TAP(test_rows_of_one_group_stand_together))
