/* Lookups: for each day a second database that says in which records a caller, callee, device or end reason stands.
 * They are not made when a record is written, which would cost several times the writing, but for many records at once
 * and in sorted order, some time later; `looked_up` says up to which record. A query takes what is before from the
 * lookup, and reads the few that came later one by one. They hold nothing that the records do not: a broken one is
 * removed and made again. */
#ifndef STORE_RECORD_LOOKUP_H
#define STORE_RECORD_LOOKUP_H

#include "store/day_shelf.h"

enum record_lookup_field { RECORD_LOOKUP_CALLER = 1, RECORD_LOOKUP_CALLEE, RECORD_LOOKUP_DEVICE, RECORD_LOOKUP_REASON };

/* How many records may be without lookup while a day goes on: so many, or a part of all. */
#define RECORD_LOOKUP_LATE_MIN  50000
#define RECORD_LOOKUP_LATE_PART 20

/* Makes the lookups of a day when it is time: with `is_over` of all its records, else when many have none. False with a
 * sentence in `problem`; it is tried again another time. */
bool record_lookup_catch_up(struct day_shelf *shelf, const char *day, bool is_over, char *problem,
                            size_t problem_bytes);

#endif
