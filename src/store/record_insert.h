/* Records into their days: any number of them, of any days, then one commit a day. */
#ifndef STORE_RECORD_INSERT_H
#define STORE_RECORD_INSERT_H

#include "store/day_shelf.h"

/* Inserts into the day's database unless the id is there, within a transaction that is begun if need be. A record that
 * was inserted and not committed is inserted again later: the id makes it one. RESULT_FAILED with a sentence. */
enum result record_insert(struct day_shelf *shelf, const struct cdr_record *record, char *problem,
                          size_t problem_bytes);

/* Commits all transactions; when it says true, everything inserted is on the disk. False with a sentence: some may be
 * committed and some not. */
bool record_commit(struct day_shelf *shelf, char *problem, size_t problem_bytes);

void record_roll_back(struct day_shelf *shelf);

#endif
