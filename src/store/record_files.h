/* CDR files: what came into the store within an hour, as DIR/cdr/2026112213.csv (UTC), for programs that read files.
 *
 * Each day's database numbers its records in the order in which they come. When an hour is over, it is decided which
 * numbers of which days its file gets (belfry.db, one transaction), and only then the file is written: beside its
 * place, flushed, and renamed. So each record is in one file, however often the switch is killed: a file that was begun
 * is written again, with the same content under the same name. A disk that is full, or a directory that is not there,
 * is told and waited for; nothing else minds. */
#ifndef STORE_RECORD_FILES_H
#define STORE_RECORD_FILES_H

#include "base/time.h"
#include "store/day_shelf.h"

#define RECORD_HOUR_BYTES 16 /* "2026112213" */

/* What operators have chosen. */
struct record_keeping {
  bool to_files;        /* SS_CDR_RECORD_TO_FILE */
  bool with_unanswered; /* SS_CDR_RECORD_NONCONNECT */
  uint32_t days;        /* BF_CDR_DAYS; 0: all */
  char columns[513];    /* BF_CDR_FILE_COLUMNS */
};

struct record_files {
  sqlite3 *database;       /* belfry.db; borrowed */
  struct day_shelf *shelf; /* borrowed */
  const char *dir;         /* where the files go; made when it is not there (but not its parents) */
  uint64_t written;
  char problem[256]; /* "": all is well */
};

/* Begins and ends hours, and writes the files that are due. `now` is the wall clock. False with files->problem: to be
 * tried again. */
bool record_files_go_on(struct record_files *files, struct wall_us now, const struct record_keeping *keeping);

/* Is all of a day in files that are written? Always so when files are off; not where that cannot be read now. */
bool record_files_have_day(struct record_files *files, const char *day);

/* Forgets what is known of a day that has been dropped. */
void record_files_forget_day(struct record_files *files, const char *day);

#endif
