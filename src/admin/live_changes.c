#include "admin/live_changes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[LIVE_CHANGES_KINDS] = {"calls", "registrations", "alarms"};

void live_changes_append(struct live_changes *changes, const json_t *status, FILE *frame) {
  for (unsigned i = 0; i < LIVE_CHANGES_KINDS; i++) {
    const json_t *part = json_object_get(status, kinds[i]);
    char *text = part ? json_dumps(part, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (!text) continue;
    bool is_new = changes->known[i] && strcmp(changes->known[i], text) != 0;
    if (is_new) fprintf(frame, "event: %s\ndata: %s\n\n", kinds[i], text);
    free(changes->known[i]);
    changes->known[i] = text;
  }
}

void live_changes_free(struct live_changes *changes) {
  for (unsigned i = 0; i < LIVE_CHANGES_KINDS; i++) {
    free(changes->known[i]);
    changes->known[i] = NULL;
  }
}
