#include "admin/session_table.h"

#include "tap.h"

static struct mono_ms at(int64_t ms) {
  return mono_ms_add((struct mono_ms){0}, 1000 + ms);
}

static void test_a_session_is_found_by_its_key_until_it_ends(void) {
  struct session_table *table = session_table_create();
  struct session session;
  char key[SESSION_KEY_BYTES], other[SESSION_KEY_BYTES];
  expect(session_table_add(table, "anna", ROLE_OPERATOR, at(0), key));
  expect(session_table_add(table, "boris", ROLE_VIEWER, at(0), other));
  expect_int(strlen(key), ==, 43);
  expect(strcmp(key, other) != 0);
  expect(session_table_find(table, key, at(1000), &session));
  expect(strcmp(session.user, "anna") == 0 && session.role == ROLE_OPERATOR);
  expect_int(session.expires_in_s, ==, SESSION_LIFE_MS / 1000 - 1);
  expect(session_table_find(table, key, at(SESSION_LIFE_MS - 1), &session));
  expect(!session_table_find(table, key, at(SESSION_LIFE_MS), &session));
  session_table_remove(table, other);
  expect(!session_table_find(table, other, at(0), &session));
  session_table_destroy(&table);
}

static void test_no_key_finds_a_free_place(void) {
  struct session_table *table = session_table_create();
  struct session session;
  expect(!session_table_find(table, "", at(0), &session));
  expect(!session_table_find(table, "x", at(0), &session));
  expect(!session_table_find(table, "0123456789012345678901234567890123456789012345678901234567890123456789", at(0),
                             &session));
  session_table_destroy(&table);
}

static void test_a_changed_user_is_signed_out_everywhere_else(void) {
  struct session_table *table = session_table_create();
  struct session session;
  char here[SESSION_KEY_BYTES], there[SESSION_KEY_BYTES], other[SESSION_KEY_BYTES];
  expect(session_table_add(table, "anna", ROLE_ADMIN, at(0), here));
  expect(session_table_add(table, "anna", ROLE_ADMIN, at(0), there));
  expect(session_table_add(table, "boris", ROLE_VIEWER, at(0), other));
  session_table_remove_user(table, "anna", here);
  expect(session_table_find(table, here, at(1), &session));
  expect(!session_table_find(table, there, at(1), &session));
  expect(session_table_find(table, other, at(1), &session));
  session_table_remove_user(table, "anna", NULL);
  expect(!session_table_find(table, here, at(1), &session));
  session_table_destroy(&table);
}

static void test_a_full_table_gives_up_the_oldest_session(void) {
  struct session_table *table = session_table_create();
  struct session session;
  char first[SESSION_KEY_BYTES], key[SESSION_KEY_BYTES];
  expect(session_table_add(table, "first", ROLE_VIEWER, at(0), first));
  for (int i = 0; i < SESSIONS_MAX; i++)
    expect(session_table_add(table, "later", ROLE_VIEWER, at(1 + i), key));
  expect(!session_table_find(table, first, at(1000), &session));
  expect(session_table_find(table, key, at(1000), &session));
  session_table_destroy(&table);
}

TAP_TESTS(TAP(test_a_session_is_found_by_its_key_until_it_ends), TAP(test_no_key_finds_a_free_place),
          TAP(test_a_changed_user_is_signed_out_everywhere_else), TAP(test_a_full_table_gives_up_the_oldest_session))
