/* Where the wall clock of a switch with a clock rate other than 1 goes on after a restart: its time runs ahead of the
 * world's, and a stamp must never be earlier than one that is already in a record. The file DIR/clock holds a time that
 * the running switch has not yet reached, renewed before it does. */
#ifndef BOOT_CLOCK_ANCHOR_H
#define BOOT_CLOCK_ANCHOR_H

#include <stdbool.h>

#include "base/time.h"

/* The later of the world's time and the one that was kept. */
struct wall_us clock_anchor_read(const char *dir);

/* Keeps a time that is `ahead_us` after `now`. False with errno. */
bool clock_anchor_keep(const char *dir, struct wall_us now, int64_t ahead_us);

#endif
