/* What the flight recorder would have of a play, and what the doctor makes of it. Kept only where a scenario asks. */
#ifndef SIM_FLIGHT_LOG_H
#define SIM_FLIGHT_LOG_H

#include "sim/world.h"
#include "trace/trace_record.h"

/* A message of the switch; nothing happens where nobody asks. */
void flight_log_message(struct world *world, enum trace_direction direction, const struct flow *flow,
                        struct str_view bytes);
void flight_log_note(struct world *world, const struct note *note);

/* The names of what the doctor finds, the surest first, with commas between them; "nothing". */
struct str_view flight_log_diagnose(struct world *world);

#endif
