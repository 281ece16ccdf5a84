/* Call detail records as rows of a day's database: the statements are made from cdr_fields.def. An id of the switch's
 * own making (30 hexadecimal digits, time first) is stored as 15 bytes, any other text as it is. */
#ifndef STORE_RECORD_ROWS_H
#define STORE_RECORD_ROWS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "cdr/cdr_record.h"

#define RECORD_DAY_BYTES   16 /* "20261122" */
#define RECORD_ID_BYTES    15 /* packed */
#define RECORD_ID_TEXT_MAX 64

/* "c.id,c.state,c.caller…": what a SELECT must ask for of a table named c. */
const char *record_select_columns(void);

/* The day (UTC) in which a record is kept: that of the attempt, which the id begins with; for an id of another form
 * that of started_at. */
void record_day_name(struct str_view id, struct wall_us started_at, char day_out[static RECORD_DAY_BYTES]);
void record_day_name_of_time(struct wall_us time, char day_out[static RECORD_DAY_BYTES]);

/* False: it is an id of another form. */
bool record_id_pack(struct str_view id, unsigned char bytes_out[static RECORD_ID_BYTES]);

/* Binds an id in the form in which it is stored. */
void record_bind_id(sqlite3_stmt *statement, int at, struct str_view id);

/* Creates the tables of a day's database, or adds the columns that it does not have yet. An SQLite code. */
int record_rows_prepare(sqlite3 *database);

/* The statement that inserts a record unless its id is there. NULL when it cannot be prepared. */
sqlite3_stmt *record_rows_prepare_insert(sqlite3 *database);
void record_rows_bind(sqlite3_stmt *insert, const struct cdr_record *record);

/* Reads a row of record_select_columns that begins at column `at`. The views are valid until the next step; that of the
 * id as long as `id_text`. */
void record_rows_read(sqlite3_stmt *row, int at, struct cdr_record *record, char id_text[static RECORD_ID_TEXT_MAX]);

#endif
