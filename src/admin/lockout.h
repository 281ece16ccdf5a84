/* Who has given too many wrong passwords lately: names and addresses are counted alike. At most LOCKOUT_KEYS are kept;
 * the one that failed longest ago is forgotten first. Also bounds how many passwords are checked a second. Any thread.
 */
#ifndef ADMIN_LOCKOUT_H
#define ADMIN_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define LOCKOUT_KEYS            256
#define LOCKOUT_FAILURES_MAX    6
#define LOCKOUT_FOR_MS          (180 * 1000)
#define LOCKOUT_CHECKS_A_SECOND 4

struct lockout;
struct lockout *lockout_create(void);
void lockout_destroy(struct lockout **lockout);

/* For how many seconds `key` must wait: 0 when it may try. It must wait when it has failed LOCKOUT_FAILURES_MAX times,
 * until LOCKOUT_FOR_MS after the last failure. */
uint32_t lockout_wait_s(struct lockout *lockout, const char *key, struct mono_ms now);

/* Takes one of this second's checks. False: there is none left. */
bool lockout_take_check(struct lockout *lockout, struct mono_ms now);

/* Notes a wrong password; true when that was the one that locks `key` out. */
bool lockout_failed(struct lockout *lockout, const char *key, struct mono_ms now);

/* Forgets the failures of `key`. */
void lockout_succeeded(struct lockout *lockout, const char *key);

#endif
