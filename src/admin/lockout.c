#include "admin/lockout.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
  char key[96]; /* "": free */
  uint32_t failures;
  struct mono_ms last;
};

struct lockout {
  pthread_mutex_t mutex;
  struct entry entries[LOCKOUT_KEYS];
  struct mono_ms second_began;
  uint32_t checks;
};

struct lockout *lockout_create(void) {
  struct lockout *lockout = calloc(1, sizeof *lockout);
  if (lockout) pthread_mutex_init(&lockout->mutex, NULL);
  return lockout;
}

void lockout_destroy(struct lockout **lockout) {
  if (*lockout) pthread_mutex_destroy(&(*lockout)->mutex);
  free(*lockout);
  *lockout = NULL;
}

static struct entry *find(struct lockout *lockout, const char *key) {
  for (size_t i = 0; i < LOCKOUT_KEYS; i++)
    if (strncmp(lockout->entries[i].key, key, sizeof lockout->entries[i].key - 1) == 0) return &lockout->entries[i];
  return NULL;
}

static struct entry *oldest(struct lockout *lockout) {
  struct entry *entry = &lockout->entries[0];
  for (size_t i = 0; i < LOCKOUT_KEYS; i++) {
    struct entry *other = &lockout->entries[i];
    if (!other->key[0]) return other;
    if (mono_ms_since(entry->last, other->last) > 0) entry = other;
  }
  return entry;
}

static int64_t wait_ms(const struct entry *entry, struct mono_ms now) {
  if (!entry || entry->failures < LOCKOUT_FAILURES_MAX) return 0;
  int64_t passed_ms = mono_ms_since(now, entry->last);
  return passed_ms >= LOCKOUT_FOR_MS ? 0 : LOCKOUT_FOR_MS - passed_ms;
}

uint32_t lockout_wait_s(struct lockout *lockout, const char *key, struct mono_ms now) {
  pthread_mutex_lock(&lockout->mutex);
  int64_t left_ms = wait_ms(find(lockout, key), now);
  pthread_mutex_unlock(&lockout->mutex);
  return (uint32_t)((left_ms + 999) / 1000);
}

bool lockout_take_check(struct lockout *lockout, struct mono_ms now) {
  pthread_mutex_lock(&lockout->mutex);
  if (mono_ms_since(now, lockout->second_began) >= 1000) {
    lockout->second_began = now;
    lockout->checks = 0;
  }
  bool free_check = lockout->checks < LOCKOUT_CHECKS_A_SECOND;
  if (free_check) lockout->checks++;
  pthread_mutex_unlock(&lockout->mutex);
  return free_check;
}

bool lockout_failed(struct lockout *lockout, const char *key, struct mono_ms now) {
  pthread_mutex_lock(&lockout->mutex);
  struct entry *entry = find(lockout, key);
  if (!entry) {
    entry = oldest(lockout);
    *entry = (struct entry){0};
    snprintf(entry->key, sizeof entry->key, "%s", key);
  }
  if (entry->failures > 0 && mono_ms_since(now, entry->last) >= LOCKOUT_FOR_MS) entry->failures = 0;
  entry->failures++;
  entry->last = now;
  bool locks = entry->failures == LOCKOUT_FAILURES_MAX;
  pthread_mutex_unlock(&lockout->mutex);
  return locks;
}

void lockout_succeeded(struct lockout *lockout, const char *key) {
  pthread_mutex_lock(&lockout->mutex);
  struct entry *entry = find(lockout, key);
  if (entry) *entry = (struct entry){0};
  pthread_mutex_unlock(&lockout->mutex);
}
