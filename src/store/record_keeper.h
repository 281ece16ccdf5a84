/* Who keeps the records in order while calls go on: makes lookups, writes CDR files, drops days that are too old. One
 * thread, with connections of its own; whatever fails is told and tried again, and holds up nobody. */
#ifndef STORE_RECORD_KEEPER_H
#define STORE_RECORD_KEEPER_H

#include "store/record_files.h"

struct record_keeper_options {
  const char *data_dir;
  const char *file_dir; /* of CDR files; NULL: DIR/cdr */
  /* The wall clock of the records, and what operators have chosen now; asked by the keeper's thread. */
  struct wall_us (*now)(void *context);
  void (*keeping)(void *context, struct record_keeping *keeping_out);
  void *context;
};

struct record_keeper_health {
  bool files_ok, days_ok;
  char problem[256]; /* of either */
  uint64_t files_written, days_dropped;
  uint32_t days; /* that there are */
};

struct record_keeper;

/* Starts the thread. NULL with a sentence in `problem`. */
struct record_keeper *record_keeper_start(const struct record_keeper_options *options, char *problem,
                                          size_t problem_bytes);

/* Ends what it is doing, at most one file or one lookup, and the thread. */
void record_keeper_stop(struct record_keeper **keeper);

/* Any thread. */
void record_keeper_read_health(struct record_keeper *keeper, struct record_keeper_health *health);

/* One round, as the thread does every second; for tests, without the thread (`record_keeper_open`). */
struct record_keeper *record_keeper_open(const struct record_keeper_options *options, char *problem,
                                         size_t problem_bytes);
void record_keeper_round(struct record_keeper *keeper);

#endif
