/* Dialogs that survive the switch, as this version and as version 1 has kept them. */
#include "base/packed.h"
#include "dialog/dialog_fixture.h"

#define STATE_BYTES_MAX 2000
#define NUMBERS_BYTES   64 /* version 1 and 2: from the version's byte, which they follow, to the texts */

static struct str_view saved(struct world *world, struct handle dialog, char memory[static STATE_BYTES_MAX]) {
  struct text_builder state = text_builder_over(memory, STATE_BYTES_MAX);
  dialog_save(world->table, dialog, &state);
  expect(!state.overflowed);
  return text_builder_view(&state);
}

/* The same as version 1 would have written it: whole lines, and the peer's tag counted from the beginning of its own.
 */
static struct str_view as_version_1(struct world *world, struct str_view state, const char *tag) {
  struct packed_reader reader = {.rest = str_view_from(state, 1 + NUMBERS_BYTES)};
  struct text_builder old = arena_builder(&world->arena, STATE_BYTES_MAX);
  struct text_builder line = arena_builder(&world->arena, STATE_BYTES_MAX);
  struct str_view local = packed_take_text(&reader), remote = packed_take_text(&reader);
  packed_add(&old, 1, 1);
  text_builder_add(&old, str_view_slice(state, 1, NUMBERS_BYTES));
  text_builder_add_literal(&line, "From: ");
  text_builder_add(&line, local);
  text_builder_add_literal(&line, ";tag=");
  text_builder_add(&line, world_view(tag));
  text_builder_add_literal(&line, "\r\n");
  packed_add_text(&old, text_builder_view(&line));
  line.length = 0;
  sip_build_header(&line, SIP_HEADER_TO, remote);
  packed_add_text(&old, text_builder_view(&line));
  packed_add(&old, packed_take(&reader, 2) + 4, 2);
  text_builder_add(&old, reader.rest);
  expect(!reader.broken && !old.overflowed && !line.overflowed);
  return text_builder_view(&old);
}

struct kept {
  char state[STATE_BYTES_MAX];
  size_t length;
  char from[256], to[256]; /* as the switch before wrote them */
  uint32_t cseq;
};

static void copy_value(char *text, size_t bytes, struct str_view value) {
  require(value.length < bytes);
  memcpy(text, value.data, value.length);
  text[value.length] = 0;
}

/* A dialog with Carol or Alice, kept, and the BYE that it would have sent. */
static struct kept keep(bool is_uac, unsigned version) {
  struct kept kept;
  struct world *world = world_create(4);
  struct handle dialog =
      is_uac ? carol_talks(world, "Contact: <sip:carol@203.0.113.9:5080>\n") : alice_talks(world, alice_contact);
  struct str_view state = saved(world, dialog, kept.state);
  if (version == 1) state = as_version_1(world, state, local_tag(world, dialog));
  memmove(kept.state, state.data, kept.length = state.length);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  const struct sip_message *bye = sent(world);
  copy_value(kept.from, sizeof kept.from, sip_message_header(bye, SIP_HEADER_FROM));
  copy_value(kept.to, sizeof kept.to, sip_message_header(bye, SIP_HEADER_TO));
  kept.cseq = bye->cseq;
  world_end(world);
  return kept;
}

static void expect_same_peer_after_restart(bool is_uac, unsigned version) {
  struct kept kept = keep(is_uac, version);
  struct world *world = world_create(4);
  struct packed_reader reader = {.rest = str_view_of(kept.state, kept.length)};
  struct handle dialog;
  expect_int(dialog_restore(world->table, &world->context, &reader, nobody, &dialog), ==, RESULT_OK);
  dialog_table_restored(world->table);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  const struct sip_message *bye = sent(world);
  expect_header(bye, FROM, kept.from);
  expect_header(bye, TO, kept.to);
  expect(bye->to_tag.length > 0);
  expect_int(bye->cseq, >, kept.cseq);
  world_end(world);
}

static void test_a_dialog_names_both_ends_as_before_after_a_restart(void) {
  expect_same_peer_after_restart(false, 2);
  expect_same_peer_after_restart(true, 2);
}

static void test_a_dialog_kept_by_version_1_names_both_ends_as_before(void) {
  expect_same_peer_after_restart(false, 1);
  expect_same_peer_after_restart(true, 1);
}

/* Also one whose lines are too short to be lines. */
static void test_a_dialog_of_version_1_that_was_cut_anywhere_is_refused(void) {
  struct kept kept = keep(true, 1);
  for (size_t length = 0; length < kept.length; length++) {
    struct world *world = world_create(4);
    struct packed_reader reader = {.rest = str_view_of(kept.state, length)};
    struct handle dialog;
    expect_int(dialog_restore(world->table, &world->context, &reader, nobody, &dialog), !=, RESULT_OK);
    world_end(world);
  }
}

TAP_TESTS(TAP(test_a_dialog_names_both_ends_as_before_after_a_restart),
          TAP(test_a_dialog_kept_by_version_1_names_both_ends_as_before),
          TAP(test_a_dialog_of_version_1_that_was_cut_anywhere_is_refused))
