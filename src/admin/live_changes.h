/* What has changed since the second before, as server-sent events beside the status: "calls" and "registrations" with
 * the counts, "alarms" with the list. One thread. */
#ifndef ADMIN_LIVE_CHANGES_H
#define ADMIN_LIVE_CHANGES_H

#include <jansson.h>
#include <stdio.h>

#define LIVE_CHANGES_KINDS 3

struct live_changes {
  char *known[LIVE_CHANGES_KINDS]; /* what was said last of each, heap; NULL: nothing yet */
};

/* Appends an event for each part of a status document that differs from the one before; at first for none. */
void live_changes_append(struct live_changes *changes, const json_t *status, FILE *frame);

void live_changes_free(struct live_changes *changes);

#endif
