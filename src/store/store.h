/* The store's door: configured objects, parameters, call detail records. Everything about databases stays behind it.
 * The embedded engine is SQLite (WAL): DIR/belfry.db for what is configured, DIR/records/YYYYMMDD.db for the records of
 * a day; later engines are further files with the same functions behind `struct store`. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str_view.h"
#include "cdr/cdr_record.h"

struct store;

/* Opens or creates the database in directory `dir` and brings its schema up to date (schema/NNN_*.sql, embedded);
 * records that an older switch kept in belfry.db are moved into their days. NULL with a sentence in `problem`. Starts
 * the writer thread. */
struct store *store_open(const char *dir, char *problem, size_t problem_bytes);

/* Writes what is waiting, ends the writer thread, closes. */
void store_close(struct store **store);

/* --- records: from workers --------------------------------------------------------------------------------------- */

/* Queues one encoded record for the writer thread; never blocks. RESULT_FULL: the queue is full (the disk does not keep
 * up or is broken). Any thread. `put` of a journal_sink; the next two are its others. */
enum result store_put_record(void *store, struct str_view record);

/* What has been put so far, and what of it is safely in the database: everything put before store_position said P is
 * as soon as store_stored says P or more. Any thread. */
uint64_t store_position(void *store);
uint64_t store_stored(void *store);

/* How the writer is doing: a full or broken disk is a state that is reported and survived; the writer keeps trying,
 * nothing is lost while the queue has room. */
struct store_health {
  bool ok;
  char problem[256]; /* what SQLite says, since when */
  uint64_t records_written;
  uint64_t records_waiting;
  uint64_t bytes_waiting;
};
void store_read_health(const struct store *store, struct store_health *health);

/* --- records: for operators -------------------------------------------------------------------------------------- */

struct cdr_query {
  const char *id, *caller, *callee, *reason; /* NULL: any */
  const char *device;                        /* gateway or phone on either side; NULL: any */
  int64_t from_us, to_us;                    /* of started_at; 0: open */
  uint32_t limit;                            /* 1–1000 */
  const char *cursor;                        /* NULL: newest first from the start */
};
#define STORE_CURSOR_BYTES 64

/* Calls `each` for every record, newest first by the time of the attempt. `next_cursor` (STORE_CURSOR_BYTES) gets the
 * text to go on with, "" at the end. RESULT_MALFORMED: that is no cursor; RESULT_FAILED: a day cannot be read. Both
 * with a sentence. Any thread; one query at a time. */
enum result store_query_cdrs(struct store *store, const struct cdr_query *query,
                             void (*each)(void *context, const struct cdr_record *record), void *context,
                             char *next_cursor, char *problem, size_t problem_bytes);

/* --- configured objects: JSON documents by kind and name --------------------------------------------------------- */

/* Kinds: "phone", "mapping_gateway", "routing_gateway", "parameter", "token", "setting", "device_memory". The document
 * is JSON text as the API shows it, plus what it never shows (H(A1)). All changes of one apply go between store_begin
 * and store_commit (or store_rollback): all or nothing. */
enum result store_begin(struct store *store, char *problem, size_t problem_bytes);
enum result store_commit(struct store *store, char *problem, size_t problem_bytes);
void store_rollback(struct store *store);
enum result store_put_object(struct store *store, const char *kind, const char *name, const char *document,
                             const char *changed_by, int64_t changed_at_us);
enum result store_delete_object(struct store *store, const char *kind, const char *name);

/* Called for each object in order of name; the texts are valid during the call, which must not call the store. */
typedef void store_object_visitor(void *context, const char *name, const char *document, const char *changed_by,
                                  int64_t changed_at_us);
enum result store_each_object(struct store *store, const char *kind, store_object_visitor *each, void *context);

/* Name and time of the last change only, in no order; for very many. The text is valid during the call. */
enum result store_each_change(struct store *store, const char *kind,
                              void (*each)(void *context, const char *name, int64_t changed_at_us), void *context);

/* The first `limit` objects whose names come behind `after` ("" for the start), in order of name. */
enum result store_page_objects(struct store *store, const char *kind, const char *after, uint32_t limit,
                               store_object_visitor *each, void *context);

/* The one object of that name; `each` is not called when there is none. */
enum result store_find_object(struct store *store, const char *kind, const char *name, store_object_visitor *each,
                              void *context);

#endif
