/* The most recent calls in figures, in operators' terms: how many were answered (ASR), how long they talked (ACD), how
 * long until the first ringing (PDD), why they ended; for all and for each gateway and phone. And in those of RFC 6076:
 *
 *   SER, session establishment ratio (4.6)     answered ÷ (attempts − redirected)
 *   SEER, its effectiveness (4.7)              (answered, 480, 486, 600, 603) ÷ (attempts − redirected)
 *   ISA, ineffective session attempts (4.8)    (408, 500, 503, 504) ÷ attempts */
#ifndef ADMIN_TRAFFIC_SUMMARY_H
#define ADMIN_TRAFFIC_SUMMARY_H

#include <jansson.h>
#include <stdint.h>

#include "cdr/cdr_record.h"

#define TRAFFIC_DEVICES_MAX 256

struct traffic_figures {
  uint32_t calls, answered, rang;
  uint32_t redirected, effective, ineffective; /* by the final status, RFC 6076 */
  uint64_t talk_ms, pdd_ms;
};

struct traffic_device {
  char name[128];
  struct traffic_figures figures;
};

struct traffic_summary {
  struct traffic_figures all;
  uint32_t reasons[END_REASON_COUNT];
  struct traffic_device callers[TRAFFIC_DEVICES_MAX], callees[TRAFFIC_DEVICES_MAX];
  uint32_t caller_count, callee_count; /* devices beyond TRAFFIC_DEVICES_MAX count in `all` only */
};

/* Counts a record; one of a call that has not ended counts nothing. */
void traffic_summary_add(struct traffic_summary *summary, const struct cdr_record *record);

/* Percent, seconds, milliseconds; NAN when there is nothing to divide by. */
double traffic_asr_percent(const struct traffic_figures *figures);
double traffic_acd_s(const struct traffic_figures *figures);
double traffic_pdd_ms(const struct traffic_figures *figures);
double traffic_ser_percent(const struct traffic_figures *figures);
double traffic_seer_percent(const struct traffic_figures *figures);
double traffic_isa_percent(const struct traffic_figures *figures);

/* The figures of all, and "reasons": {"normal": 12, …} without those that did not happen. */
json_t *traffic_summary_to_json(const struct traffic_summary *summary);

/* {"callers": {NAME: figures}, "callees": {…}}. */
json_t *traffic_devices_to_json(const struct traffic_summary *summary);

#endif
