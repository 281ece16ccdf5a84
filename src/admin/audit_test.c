#include "admin/audit.h"

#include <stdlib.h>

#include "tap.h"

static void test_secrets_are_hidden_at_any_depth(void) {
  json_t *document = json_loads("{\"phones\":[{\"number\":\"1001\",\"password\":\"x1\"}],\"token\":\"x2\",\"ha1_md5\":"
                                "{\"deep\":\"x3\"},\"value\":900}",
                                0, NULL);
  json_t *shown = audit_without_secrets(document);
  char *text = json_dumps(shown, JSON_COMPACT | JSON_SORT_KEYS);
  expect(strcmp(text, "{\"ha1_md5\":\"***\",\"phones\":[{\"number\":\"1001\",\"password\":\"***\"}],\"token\":\"***\","
                      "\"value\":900}") == 0);
  free(text);
  json_decref(shown);
  json_decref(document);
}

static void test_newer_entries_come_first_in_order_of_name(void) {
  char older[AUDIT_NAME_BYTES], newer[AUDIT_NAME_BYTES], newest[AUDIT_NAME_BYTES];
  audit_name(1000000, 1, older);
  audit_name(1000001, 2, newer);
  audit_name(1000001, 3, newest);
  expect(strcmp(newer, older) < 0 && strcmp(newest, newer) < 0);
}

TAP_TESTS(TAP(test_secrets_are_hidden_at_any_depth), TAP(test_newer_entries_come_first_in_order_of_name))
