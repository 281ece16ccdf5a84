/* Sends what the flight recorder gets on to Homer, or to whatever else takes HEP 3 over UDP (sngrep -L). A thread of
 * its own reads the rings as any reader does, a moment behind the workers: they are not slowed down, and when the
 * network does not take it all, something is missing there and not here. */
#ifndef RECORDER_HEP_EXPORT_H
#define RECORDER_HEP_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "boundary/address.h"

struct hep_export;

/* Starts the thread; it does nothing until there is a target. `dir` is borrowed. NULL: no memory, or no thread. */
struct hep_export *hep_export_open(const char *dir);

/* From now on to `target` (family NONE: to nobody), as capture agent `agent`. Any thread. */
void hep_export_set_target(struct hep_export *export, const struct address *target, uint32_t agent);

/* Datagrams sent, and those that could not be. */
struct hep_export_counts {
  uint64_t sent, dropped;
};
struct hep_export_counts hep_export_count(struct hep_export *export);

void hep_export_close(struct hep_export **export);

#endif
