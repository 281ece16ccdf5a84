/* The records that a switch has written, and the attempts that it must have written one for. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_view.h"
#include "cdr/cdr_record.h"

struct switch_node;
struct world;

struct ledger_record {
  struct cdr_record record;
  const struct switch_node *node; /* that wrote it */
  int64_t written_us;
  bool is_expected; /* claimed by an expectation of the scenario */
  bool was_gone;    /* one of the two ends was gone when it was written */
  struct ledger_record *next;
};

#define LEDGER_MARGIN_STEP_S 5
#define LEDGER_MARGINS       64

struct ledger {
  struct ledger_record *first, *last;
  unsigned count;
  int64_t restarted_us;
  /* Calls that were ended because a peer was gone, by how long before their bound: [0] after it. */
  uint64_t margins[LEDGER_MARGINS];
};

void ledger_create(struct world *world);

/* Takes a record: it must be whole, of this time, in itself without contradiction, and the first of its call. */
void ledger_add(struct world *world, const struct switch_node *node, struct str_view bytes);

/* Calls that were open then are owed no record. */
void ledger_restarted(struct world *world);

/* The record of the caller's Call-ID; NULL: none. One of an attempt that a crash has cut off does not count: an INVITE
 * that is sent again makes a new one. */
struct ledger_record *ledger_find(const struct world *world, struct str_view caller_call_id);

/* A field by its name in cdr_fields.def, as text: stamps in microseconds, numbers in decimal, empty where unknown.
 * False: no such field. */
bool ledger_field(const struct cdr_record *record, struct str_view name, char *text, size_t text_bytes);

/* All fields that hold something, on one line. */
char *ledger_describe(struct world *world, const struct cdr_record *record);

/* A call whose peer is gone has been ended within its bound, and one that supervision ended had a peer that was silent,
 * or refused (ledger_bound.c). */
void ledger_check_supervision(struct world *world, struct ledger_record *entry);

/* What the records say against what the actors have lived through (ledger_truth.c). */
void ledger_check_truth(struct world *world);

/* Nobody alive still talks in a call whose record was written long ago: both sides have been told. */
void ledger_check_nobody_is_left(struct world *world);

/* After a crash, where the switch keeps a journal (ledger_crash.c): what it says denies no call that goes on … */
void ledger_check_denial(struct world *world, struct str_view said);

/* … every call of everybody who is alive has come to its end … */
void ledger_check_everybody_is_done(struct world *world);

/* … whoever was answered has exactly one record that says so … */
void ledger_check_crash(struct world *world);

/* … and whoever rang or called when the switch was killed has heard soon that nothing comes of it. To be told of what
 * arrives at a switch. */
void ledger_note_arrival(struct world *world, struct str_view bytes);
void ledger_check_cut_off(struct world *world);

/* At the world's end: each ended attempt has its record. */
void ledger_check_complete(struct world *world);

#endif
