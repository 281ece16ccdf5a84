/* Who is signed in. A session is 256 random bits, which the browser gets as a cookie and nobody else ever sees; it ends
 * SESSION_LIFE_MS after the sign-in, at the sign-out, when its user is changed, or with the switch. At most
 * SESSIONS_MAX; the oldest goes first. Any thread. */
#ifndef ADMIN_SESSION_TABLE_H
#define ADMIN_SESSION_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/role.h"
#include "base/time.h"

#define SESSIONS_MAX      256
#define SESSION_LIFE_MS   (12 * 3600 * 1000)
#define SESSION_KEY_BYTES 48
#define USER_NAME_BYTES   65

struct session {
  char user[USER_NAME_BYTES];
  enum role role;
  uint32_t expires_in_s;
};

struct session_table;
struct session_table *session_table_create(void);
void session_table_destroy(struct session_table **table);

/* Starts a session and writes its key (SESSION_KEY_BYTES, NUL-terminated). False: no random numbers. */
bool session_table_add(struct session_table *table, const char *user, enum role role, struct mono_ms now, char *key);

/* False when there is no such session, or no longer. */
bool session_table_find(struct session_table *table, const char *key, struct mono_ms now, struct session *session_out);

void session_table_remove(struct session_table *table, const char *key);

/* Ends all sessions of a user but the one with the key `kept` (NULL: all). */
void session_table_remove_user(struct session_table *table, const char *user, const char *kept);

#endif
