/* The loop of callgun. */
#ifndef CALLGUN_GUN_LOOP_H
#define CALLGUN_GUN_LOOP_H

#include "gun.h"

/* Opens sockets and memory for gun->options; ends the process with a message when that fails. */
void gun_open(struct gun *gun);

/* Runs until everything started is over, or the time limit. */
void gun_run(struct gun *gun);

/* Prints counts and percentiles to standard output, as text or as one JSON object. */
void gun_report(const struct gun *gun);

#endif
