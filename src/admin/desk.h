/* What the operators' desk keeps while the switch runs, shared by its handlers and threads. */
#ifndef ADMIN_DESK_H
#define ADMIN_DESK_H

#include "admin/admin.h"
#include "admin/admin_token.h"
#include "admin/doctor_look.h"
#include "admin/event_streams.h"
#include "admin/live_changes.h"
#include "admin/lockout.h"
#include "admin/monitor.h"
#include "admin/session_table.h"
#include "recorder/debug_traces.h"

struct desk {
  struct admin_options parts;
  char token[ADMIN_TOKEN_BYTES];
  struct mono_ms started; /* of the switch */
  struct session_table *sessions;
  struct lockout *lockout;
  struct monitor *monitor;
  struct event_streams *streams;
  struct debug_traces *debug_traces;
  struct doctor_look *doctor;
  struct live_changes changes; /* the monitor's thread only */
};

#endif
