/* Looks at the switch once a second: samples for the graphs, figures of the most recent calls, alarms. A thread of its
 * own; the workers are not asked, only their published counts are read. */
#ifndef ADMIN_MONITOR_H
#define ADMIN_MONITOR_H

#include <jansson.h>

#include "admin/admin.h"
#include "admin/traffic_summary.h"

struct monitor;

/* Opens without running. `parts` is borrowed. NULL: no memory. */
struct monitor *monitor_open(const struct admin_options *parts);

/* Starts the thread, which calls `each_second` after every look. False: it cannot. */
bool monitor_start(struct monitor *monitor, void (*each_second)(void *context), void *context);

/* Ends the thread; what it has seen stays readable. */
void monitor_stop(struct monitor *monitor);

/* Frees it, when nobody asks any more. */
void monitor_close(struct monitor **monitor);

/* Adds what is known to a status document: "rates", "recent" (traffic_summary.h) and "alarms": [{"name", "level",
 * "value", "text"}]. */
void monitor_add_to_status(struct monitor *monitor, json_t *status);

/* {"step_s", "ended_at", "series": {NAME: [oldest … newest]}}: the last hour by seconds or the last week by minutes,
 * each `step` samples as one mean. New reference. */
json_t *monitor_history(struct monitor *monitor, bool is_week, size_t step);

/* Of all of the most recent calls. */
struct traffic_figures monitor_figures(struct monitor *monitor);

/* traffic_devices_to_json of the most recent calls. New reference. */
json_t *monitor_traffic(struct monitor *monitor);

#endif
