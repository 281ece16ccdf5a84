/* The doctor's look at the last hours. Reading their records and all that the flight recorder has takes a second and
 * more, so who does not want to wait gets what was found last, while a thread of its own, which gives way to calls,
 * looks again. */
#ifndef ADMIN_DOCTOR_LOOK_H
#define ADMIN_DOCTOR_LOOK_H

#include <jansson.h>
#include <stdbool.h>

#include "admin/admin.h"
#include "doctor/doctor.h"

#define DOCTOR_SINCE_S (6 * 3600)

/* Looks, and waits for it: {"items", "next_cursor": null, "looked_at": {"at", "since", "calls", "messages"}}. New
 * reference; NULL: the records cannot be read. */
json_t *doctor_look_now(const struct admin_options *parts, int64_t since_us);

/* What the doctor has found, as a list. New reference. */
json_t *doctor_findings_json(const struct doctor *doctor);

struct doctor_look;

/* `parts` is borrowed. NULL: no memory. */
struct doctor_look *doctor_look_open(const struct admin_options *parts);

/* Waits for a look that is under way. */
void doctor_look_close(struct doctor_look **look);

/* The same document as of the latest look over DOCTOR_SINCE_S, at once, and "is_looking": whether there will soon be
 * another. Where that is not of the last half minute, or `again` says so, a look begins. "looked_at" is null before the
 * first. New reference; NULL: the first could not be made. Any thread. */
json_t *doctor_look_latest(struct doctor_look *look, bool again);

#endif
