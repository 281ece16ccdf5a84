/* The records' databases: one a day (UTC) in DIR/records, so that a day is given up by removing its files, and a day
 * that is broken hurts no other. A shelf holds the connections that one user of them (the writer, the operators, the
 * keeper) has open; it is used by one thread at a time.
 *
 *   DIR/records/20261122.db          the records of attempts of that day
 *   DIR/records/20261122.lookup.db   where in it a number, device or end reason is (record_lookup.h); can be made anew
 */
#ifndef STORE_DAY_SHELF_H
#define STORE_DAY_SHELF_H

#include <stddef.h>
#include <sys/types.h>

#include "base/result.h"
#include "store/record_rows.h"

#define RECORD_DAYS_OPEN 40 /* a month, for questions about all of it */
#define RECORD_DIR_BYTES 4096

struct record_day {
  char name[RECORD_DAY_BYTES]; /* "": this place is free */
  sqlite3 *database;
  sqlite3_stmt *insert;
  ino_t inode, lookup_inode; /* of the files that are open; 0: none */
  uint64_t used;
  bool is_in_transaction;
};

struct day_shelf {
  char dir[RECORD_DIR_BYTES];
  struct record_day days[RECORD_DAYS_OPEN];
  const bool *stop;            /* atomic; NULL or what tells its user to give up what takes long */
  struct record_day *inserted; /* into which the last record went; NULL outside transactions */
  uint64_t uses;
  int code;                          /* SQLite's, of the last failure */
  char failed_day[RECORD_DAY_BYTES]; /* of the last failure to insert */
};

/* `data_dir` is the switch's directory. */
void day_shelf_init(struct day_shelf *shelf, const char *data_dir);
void day_shelf_close(struct day_shelf *shelf);

/* The day's database, open until the next call for another day unless it is in a transaction. A new one is made when
 * `create`. RESULT_NOT_FOUND: there is none; RESULT_FULL: all places are in transactions; RESULT_FAILED: a sentence in
 * `problem`, shelf->code says what SQLite says. */
enum result day_shelf_open_day(struct day_shelf *shelf, const char *day, bool create, struct record_day **day_out,
                               char *problem, size_t problem_bytes);

bool day_shelf_is_stopped(const struct day_shelf *shelf);

/* Closes what has been dropped or put aside by somebody else: a file that is open takes its room for as long. */
void day_shelf_close_gone(struct day_shelf *shelf);

/* Attaches the day's lookups as the schema `found` when there are any, and says whether. */
bool day_shelf_attach_lookup(struct day_shelf *shelf, struct record_day *day);

/* Gives up a day's lookups, which may be broken: the keeper makes them anew. No statement of the day's may be open. */
void day_shelf_drop_lookup(struct day_shelf *shelf, struct record_day *day);

/* Is that a code of a file that cannot be what it was? */
bool record_code_is_damage(int code);

/* Moves a broken day's files aside, to NAME.damaged-N, for `sqlite3 FILE .recover`. Writes the new name to `name_out`.
 */
bool day_shelf_set_aside(struct day_shelf *shelf, const char *day, char *name_out, size_t name_bytes);

/* Removes a day. False, errno says why: it is still there. */
bool day_shelf_drop_day(struct day_shelf *shelf, const char *day);

/* The days there are, newest first, as a heap array of `*count_out` names; NULL and 0 when there are none. False, errno
 * says why: the directory cannot be read. */
bool day_shelf_list(const struct day_shelf *shelf, char (**days_out)[RECORD_DAY_BYTES], size_t *count_out);

/* Writes the path of the day's database, or with `what` "lookup." of its lookups. */
#define RECORD_PATH_BYTES (RECORD_DIR_BYTES + 64)
void day_shelf_path(const struct day_shelf *shelf, const char *day, const char *what,
                    char path_out[static RECORD_PATH_BYTES]);

#endif
