#include "admin/session_table.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/text_builder.h"

#define RANDOM_BYTES 32

struct entry {
  char key[SESSION_KEY_BYTES]; /* "": free */
  char user[USER_NAME_BYTES];
  enum role role;
  struct mono_ms began;
};

struct session_table {
  pthread_mutex_t mutex;
  struct entry entries[SESSIONS_MAX];
};

struct session_table *session_table_create(void) {
  struct session_table *table = calloc(1, sizeof *table);
  if (table) pthread_mutex_init(&table->mutex, NULL);
  return table;
}

void session_table_destroy(struct session_table **table) {
  if (*table) pthread_mutex_destroy(&(*table)->mutex);
  free(*table);
  *table = NULL;
}

/* Looks at every entry, so that the time tells nothing of how much of a key was right. */
static struct entry *find(struct session_table *table, const char *key) {
  char wanted[SESSION_KEY_BYTES] = "";
  struct entry *found = NULL;
  if (strlen(key) == 0 || strlen(key) >= sizeof wanted) return NULL;
  memcpy(wanted, key, strlen(key));
  for (size_t i = 0; i < SESSIONS_MAX; i++)
    if (CRYPTO_memcmp(table->entries[i].key, wanted, sizeof wanted) == 0) found = &table->entries[i];
  return found;
}

static struct entry *free_or_oldest(struct session_table *table) {
  struct entry *entry = &table->entries[0];
  for (size_t i = 0; i < SESSIONS_MAX; i++) {
    struct entry *other = &table->entries[i];
    if (!other->key[0]) return other;
    if (mono_ms_since(entry->began, other->began) > 0) entry = other;
  }
  return entry;
}

bool session_table_add(struct session_table *table, const char *user, enum role role, struct mono_ms now, char *key) {
  char secret[RANDOM_BYTES];
  if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret) return false;
  memset(key, 0, SESSION_KEY_BYTES);
  struct text_builder builder = text_builder_over(key, SESSION_KEY_BYTES - 1);
  text_builder_add_base64url(&builder, str_view_of(secret, sizeof secret));
  pthread_mutex_lock(&table->mutex);
  struct entry *entry = free_or_oldest(table);
  *entry = (struct entry){.role = role, .began = now};
  memcpy(entry->key, key, SESSION_KEY_BYTES);
  snprintf(entry->user, sizeof entry->user, "%s", user);
  pthread_mutex_unlock(&table->mutex);
  return true;
}

bool session_table_find(struct session_table *table, const char *key, struct mono_ms now, struct session *session_out) {
  pthread_mutex_lock(&table->mutex);
  struct entry *entry = find(table, key);
  int64_t age_ms = entry ? mono_ms_since(now, entry->began) : 0;
  bool is_over = entry && age_ms >= SESSION_LIFE_MS;
  if (is_over) *entry = (struct entry){0};
  if (entry && !is_over) {
    *session_out = (struct session){.role = entry->role, .expires_in_s = (uint32_t)((SESSION_LIFE_MS - age_ms) / 1000)};
    snprintf(session_out->user, sizeof session_out->user, "%s", entry->user);
  }
  pthread_mutex_unlock(&table->mutex);
  return entry && !is_over;
}

void session_table_remove(struct session_table *table, const char *key) {
  pthread_mutex_lock(&table->mutex);
  struct entry *entry = find(table, key);
  if (entry) *entry = (struct entry){0};
  pthread_mutex_unlock(&table->mutex);
}

void session_table_remove_user(struct session_table *table, const char *user, const char *kept) {
  pthread_mutex_lock(&table->mutex);
  for (size_t i = 0; i < SESSIONS_MAX; i++) {
    struct entry *entry = &table->entries[i];
    if (entry->key[0] && strcmp(entry->user, user) == 0 && (!kept || strcmp(entry->key, kept) != 0))
      *entry = (struct entry){0};
  }
  pthread_mutex_unlock(&table->mutex);
}
