/* Configured objects: JSON documents by kind and name. */
#include <stdio.h>
#include <string.h>

#include "store/store_private.h"

/* store_begin holds the operators' mutex until store_commit or store_rollback, so that nobody else's statement slips
 * into the transaction. */
static enum result execute(struct store *store, const char *sql, char *problem, size_t problem_bytes) {
  if (sqlite3_exec(store->operator_database, sql, NULL, NULL, NULL) == SQLITE_OK) return RESULT_OK;
  snprintf(problem, problem_bytes, "the configuration cannot be saved: %s", sqlite3_errmsg(store->operator_database));
  return RESULT_FAILED;
}

enum result store_begin(struct store *store, char *problem, size_t problem_bytes) {
  pthread_mutex_lock(&store->operator_mutex);
  enum result result = execute(store, "BEGIN IMMEDIATE", problem, problem_bytes);
  if (result != RESULT_OK) pthread_mutex_unlock(&store->operator_mutex);
  return result;
}

enum result store_commit(struct store *store, char *problem, size_t problem_bytes) {
  enum result result = execute(store, "COMMIT", problem, problem_bytes);
  if (result != RESULT_OK) sqlite3_exec(store->operator_database, "ROLLBACK", NULL, NULL, NULL);
  pthread_mutex_unlock(&store->operator_mutex);
  return result;
}

void store_rollback(struct store *store) {
  sqlite3_exec(store->operator_database, "ROLLBACK", NULL, NULL, NULL);
  pthread_mutex_unlock(&store->operator_mutex);
}

/* Prepares, binds `texts` in order, runs, and finalizes a statement that returns no rows. */
static enum result run(struct store *store, const char *sql, const char *const *texts, int text_count, int64_t number) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(store->operator_database, sql, -1, &statement, NULL) != SQLITE_OK) return RESULT_FAILED;
  for (int i = 0; i < text_count; i++)
    sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, text_count + 1, number);
  int code = sqlite3_step(statement);
  sqlite3_finalize(statement);
  return code == SQLITE_DONE ? RESULT_OK : RESULT_FAILED;
}

enum result store_put_object(struct store *store, const char *kind, const char *name, const char *document,
                             const char *changed_by, int64_t changed_at_us) {
  const char *texts[] = {kind, name, document, changed_by};
  return run(store, "INSERT OR REPLACE INTO objects(kind,name,document,changed_by,changed_at) VALUES(?,?,?,?,?)", texts,
             4, changed_at_us);
}

enum result store_delete_object(struct store *store, const char *kind, const char *name) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(store->operator_database, "DELETE FROM objects WHERE kind=? AND name=?", -1, &statement,
                         NULL) != SQLITE_OK)
    return RESULT_FAILED;
  sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
  sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
  int code = sqlite3_step(statement);
  sqlite3_finalize(statement);
  if (code != SQLITE_DONE) return RESULT_FAILED;
  return sqlite3_changes(store->operator_database) > 0 ? RESULT_OK : RESULT_NOT_FOUND;
}

/* Runs a query for (name, document, changed_by, changed_at) and calls `each` for every row, which may take locks of its
 * own, the configuration's among them, under which others come here: so this one is let go meanwhile. */
static enum result visit(struct store *store, const char *sql, const char *kind, const char *name, int64_t limit,
                         store_object_visitor *each, void *context) {
  pthread_mutex_lock(&store->operator_mutex);
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(store->operator_database, sql, -1, &statement, NULL);
  if (code == SQLITE_OK) {
    sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, limit);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
      const char *row_name = (const char *)sqlite3_column_text(statement, 0);
      const char *document = (const char *)sqlite3_column_text(statement, 1);
      const char *changed_by = (const char *)sqlite3_column_text(statement, 2);
      int64_t changed_at = sqlite3_column_int64(statement, 3);
      pthread_mutex_unlock(&store->operator_mutex);
      each(context, row_name, document, changed_by, changed_at);
      pthread_mutex_lock(&store->operator_mutex);
    }
  }
  sqlite3_finalize(statement);
  pthread_mutex_unlock(&store->operator_mutex);
  return code == SQLITE_DONE ? RESULT_OK : RESULT_FAILED;
}

#define SELECT_OBJECTS "SELECT name,document,changed_by,changed_at FROM objects WHERE kind=?1 "

enum result store_each_object(struct store *store, const char *kind, store_object_visitor *each, void *context) {
  return visit(store, SELECT_OBJECTS "AND ?2='' ORDER BY name LIMIT ?3", kind, "", -1, each, context);
}

enum result store_each_change(struct store *store, const char *kind,
                              void (*each)(void *context, const char *name, int64_t changed_at_us), void *context) {
  sqlite3_stmt *statement = NULL;
  pthread_mutex_lock(&store->operator_mutex);
  int code = sqlite3_prepare_v2(store->operator_database, "SELECT name,changed_at FROM objects WHERE kind=?", -1,
                                &statement, NULL);
  if (code == SQLITE_OK) sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
      each(context, (const char *)sqlite3_column_text(statement, 0), sqlite3_column_int64(statement, 1));
  }
  sqlite3_finalize(statement);
  pthread_mutex_unlock(&store->operator_mutex);
  return code == SQLITE_DONE ? RESULT_OK : RESULT_FAILED;
}

enum result store_page_objects(struct store *store, const char *kind, const char *after, uint32_t limit,
                               store_object_visitor *each, void *context) {
  return visit(store, SELECT_OBJECTS "AND name>?2 ORDER BY name LIMIT ?3", kind, after, limit, each, context);
}

enum result store_find_object(struct store *store, const char *kind, const char *name, store_object_visitor *each,
                              void *context) {
  return visit(store, SELECT_OBJECTS "AND name=?2 LIMIT ?3", kind, name, 1, each, context);
}
