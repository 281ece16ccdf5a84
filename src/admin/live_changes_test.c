#include "admin/live_changes.h"

#include <stdlib.h>

#include "tap.h"

static struct live_changes changes;

/* The frame that a status document makes. */
static const char *frame_of(const char *document) {
  static char kept[512];
  char *text = NULL;
  size_t length = 0;
  json_t *status = json_loads(document, 0, NULL);
  FILE *frame = open_memstream(&text, &length);
  expect(status != NULL && frame != NULL);
  live_changes_append(&changes, status, frame);
  fclose(frame);
  snprintf(kept, sizeof kept, "%s", text);
  free(text);
  json_decref(status);
  return kept;
}

static void test_only_what_has_changed_is_said(void) {
  expect(*frame_of("{\"calls\":{\"current\":1},\"registrations\":5,\"alarms\":[]}") == '\0');
  expect(*frame_of("{\"calls\":{\"current\":1},\"registrations\":5,\"alarms\":[]}") == '\0');
  expect(strcmp(frame_of("{\"calls\":{\"current\":2},\"registrations\":5,\"alarms\":[]}"),
                "event: calls\ndata: {\"current\":2}\n\n") == 0);
  expect(strcmp(frame_of("{\"calls\":{\"current\":2},\"registrations\":4,\"alarms\":[{\"name\":\"overload\"}]}"),
                "event: registrations\ndata: 4\n\nevent: alarms\ndata: [{\"name\":\"overload\"}]\n\n") == 0);
  live_changes_free(&changes);
}

static void test_what_is_not_known_says_nothing(void) {
  expect(*frame_of("{}") == '\0');
  expect(*frame_of("{\"calls\":1}") == '\0');
  live_changes_free(&changes);
}

TAP_TESTS(TAP(test_only_what_has_changed_is_said), TAP(test_what_is_not_known_says_nothing))
