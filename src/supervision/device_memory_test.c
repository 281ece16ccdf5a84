#include "supervision/device_memory.h"

#include <stdlib.h>
#include <tap.h>

#define UPDATE_BIT REFRESH_BIT(REFRESH_RUNG_UPDATE)
#define INVITE_BIT REFRESH_BIT(REFRESH_RUNG_INVITE)

static struct device_memory *create(uint32_t devices_max) {
  void *memory = calloc(1, device_memory_bytes(devices_max));
  return device_memory_create(memory, devices_max);
}

static uint64_t phone(const char *number) {
  return device_memory_key(DEVICE_PHONE, str_view_from_c(number));
}

static void learn(struct device_memory *memory, uint64_t key, enum refresh_rung worked, uint8_t failed) {
  device_memory_learn(memory, key,
                      &(struct refresh_experience){.worked = (uint8_t)(worked + 1), .failed = failed, .answered = 0});
}

static void test_what_worked_and_what_did_not_is_remembered_per_device(void) {
  struct device_memory *memory = create(100);
  learn(memory, phone("1001"), REFRESH_RUNG_INVITE, UPDATE_BIT);
  learn(memory, phone("1002"), REFRESH_RUNG_UPDATE, 0);
  expect_int(device_memory_find(memory, phone("1001")).worked, ==, INVITE_BIT);
  expect_int(device_memory_find(memory, phone("1001")).failed, ==, UPDATE_BIT);
  expect_int(device_memory_find(memory, phone("1002")).worked, ==, UPDATE_BIT);
  expect_int(device_memory_find(memory, phone("1003")).worked, ==, 0);
  free(memory);
}

static void test_a_phone_and_a_gateway_of_one_name_are_two(void) {
  expect(phone("1001") != device_memory_key(DEVICE_MAPPING_GATEWAY, STR_VIEW("1001")));
  expect(phone("1001") != 0);
}

static void test_a_device_that_learns_update_is_believed(void) {
  struct device_memory *memory = create(100);
  learn(memory, phone("1001"), REFRESH_RUNG_INVITE, UPDATE_BIT);
  learn(memory, phone("1001"), REFRESH_RUNG_UPDATE, 0);
  struct device_memory_entry entry = device_memory_find(memory, phone("1001"));
  expect_int(entry.worked, ==, UPDATE_BIT | INVITE_BIT);
  expect_int(entry.failed, ==, 0);
  learn(memory, phone("1001"), REFRESH_RUNG_INVITE, UPDATE_BIT);
  entry = device_memory_find(memory, phone("1001"));
  expect_int(entry.worked, ==, INVITE_BIT);
  expect_int(entry.failed, ==, UPDATE_BIT);
  free(memory);
}

static void test_only_changes_count_as_changes(void) {
  struct device_memory *memory = create(100);
  learn(memory, phone("1001"), REFRESH_RUNG_INVITE, 0);
  uint64_t changes = device_memory_changes(memory);
  learn(memory, phone("1001"), REFRESH_RUNG_INVITE, 0);
  expect_int(device_memory_changes(memory), ==, changes);
  learn(memory, phone("1001"), REFRESH_RUNG_UPDATE, 0);
  expect_int(device_memory_changes(memory), ==, changes + 1);
  free(memory);
}

static void test_what_is_known_can_be_put_back_after_a_restart(void) {
  struct device_memory *before = create(100), *later = create(100);
  char number[16];
  for (int i = 0; i < 20; i++) {
    snprintf(number, sizeof number, "%d", 1000 + i);
    learn(before, phone(number), i % 2 ? REFRESH_RUNG_UPDATE : REFRESH_RUNG_INVITE, 0);
    struct device_memory_entry entry = device_memory_find(before, phone(number));
    device_memory_put(later, &entry);
  }
  for (int i = 0; i < 20; i++) {
    snprintf(number, sizeof number, "%d", 1000 + i);
    expect_int(device_memory_find(later, phone(number)).worked, ==, i % 2 ? UPDATE_BIT : INVITE_BIT);
  }
  free(before);
  free(later);
}

static void expect_line(const struct device_memory_entry *entry, const char *want) {
  char memory[DEVICE_MEMORY_LINE_BYTES];
  struct text_builder line = text_builder_over(memory, sizeof memory);
  struct device_memory_entry again;
  device_memory_write(entry, &line);
  expect_view(text_builder_view(&line), want);
  expect_int(device_memory_read(text_builder_view(&line), &again), ==, RESULT_OK);
  expect(again.key == entry->key && again.worked == entry->worked && again.failed == entry->failed);
}

static void test_a_line_tells_what_is_known_by_names(void) {
  uint8_t updates = REFRESH_BIT(REFRESH_RUNG_UPDATE) | REFRESH_BIT(REFRESH_RUNG_UPDATE_SESSION);
  expect_line(&(struct device_memory_entry){0xc0ffee, REFRESH_BIT(REFRESH_RUNG_INVITE), updates},
              "0000000000c0ffee INVITE UPDATE,UPDATE_SESSION");
  expect_line(&(struct device_memory_entry){UINT64_MAX, 15, 0},
              "ffffffffffffffff UPDATE,UPDATE_SESSION,INVITE,OPTIONS -");
}

static void test_a_line_of_another_version_or_none_does_no_harm(void) {
  static const char *const refused[] = {
      "", " ", "c0ffee INVITE -", "0000000000000000 INVITE -", "00000000zzc0ffee - -", "0000000000c0ffee0 - -"};
  struct device_memory_entry entry;
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    expect_int(device_memory_read(str_view_from_c(refused[i]), &entry), ==, RESULT_MALFORMED);
  expect_int(device_memory_read(STR_VIEW("0000000000c0ffee BYE,INVITE"), &entry), ==, RESULT_OK);
  expect_int(entry.worked, ==, REFRESH_BIT(REFRESH_RUNG_INVITE));
  expect_int(entry.failed, ==, 0);
}

static void test_a_full_table_forgets_and_never_grows(void) {
  struct device_memory *memory = create(64);
  char number[16];
  for (int i = 0; i < 10000; i++) {
    snprintf(number, sizeof number, "%d", i);
    learn(memory, phone(number), REFRESH_RUNG_UPDATE, 0);
    expect_int(device_memory_find(memory, phone(number)).worked, ==, UPDATE_BIT);
  }
  int known = 0;
  for (int i = 0; i < 10000; i++) {
    snprintf(number, sizeof number, "%d", i);
    known += device_memory_find(memory, phone(number)).worked != 0;
  }
  expect_int(known, <=, 64);
  free(memory);
}

TAP_TESTS(TAP(test_what_worked_and_what_did_not_is_remembered_per_device),
          TAP(test_a_phone_and_a_gateway_of_one_name_are_two), TAP(test_a_device_that_learns_update_is_believed),
          TAP(test_only_changes_count_as_changes), TAP(test_what_is_known_can_be_put_back_after_a_restart),
          TAP(test_a_line_tells_what_is_known_by_names), TAP(test_a_line_of_another_version_or_none_does_no_harm),
          TAP(test_a_full_table_forgets_and_never_grows))
