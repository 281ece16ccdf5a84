#include "admin/traffic_summary.h"

#include <math.h>
#include <string.h>

/* RFC 6076, sections 4.6 to 4.8. */
static void count_status(struct traffic_figures *figures, uint64_t status) {
  static const uint16_t effective[] = {480, 486, 600, 603}, ineffective[] = {408, 500, 503, 504};
  if (status >= 300 && status < 400) figures->redirected++;
  for (size_t i = 0; i < sizeof effective / sizeof effective[0]; i++) {
    figures->effective += status == effective[i];
    figures->ineffective += status == ineffective[i];
  }
}

static void count(struct traffic_figures *figures, const struct cdr_record *record) {
  figures->calls++;
  if (record->answered_at.value == 0) count_status(figures, record->sip_status);
  if (record->pdd_ms != CDR_NUMBER_NONE) {
    figures->rang++;
    figures->pdd_ms += record->pdd_ms;
  }
  if (record->answered_at.value == 0) return;
  figures->answered++;
  if (record->hold_time_ms != CDR_NUMBER_NONE) figures->talk_ms += record->hold_time_ms;
}

static void count_device(struct traffic_device *devices, uint32_t *device_count, struct str_view name,
                         const struct cdr_record *record) {
  if (name.length == 0 || name.length >= sizeof devices->name) return;
  uint32_t i = 0;
  while (i < *device_count && !str_view_equal(str_view_from_c(devices[i].name), name))
    i++;
  if (i == TRAFFIC_DEVICES_MAX) return;
  if (i == *device_count) {
    devices[i] = (struct traffic_device){0};
    memcpy(devices[i].name, name.data, name.length);
    (*device_count)++;
  }
  count(&devices[i].figures, record);
}

/* What the switch calls by itself says nothing about traffic. */
static bool is_test(const struct cdr_record *record) {
  return str_view_equal(record->end_reason, str_view_from_c(end_reason_row(END_REASON_trunk_test)->name));
}

void traffic_summary_add(struct traffic_summary *summary, const struct cdr_record *record) {
  if (record->ended_at.value == 0) return;
  for (enum end_reason reason = 0; reason < END_REASON_COUNT; reason++)
    if (str_view_equal(record->end_reason, str_view_from_c(end_reason_row(reason)->name))) summary->reasons[reason]++;
  if (is_test(record)) return;
  count(&summary->all, record);
  count_device(summary->callers, &summary->caller_count, record->caller_device, record);
  count_device(summary->callees, &summary->callee_count, record->callee_device, record);
}

static double percent_of(uint32_t part, uint32_t all) {
  return all ? 100.0 * part / all : NAN;
}

double traffic_asr_percent(const struct traffic_figures *figures) {
  return percent_of(figures->answered, figures->calls);
}

double traffic_acd_s(const struct traffic_figures *figures) {
  return figures->answered ? (double)figures->talk_ms / figures->answered / 1000 : NAN;
}

double traffic_pdd_ms(const struct traffic_figures *figures) {
  return figures->rang ? (double)figures->pdd_ms / figures->rang : NAN;
}

double traffic_ser_percent(const struct traffic_figures *figures) {
  return percent_of(figures->answered, figures->calls - figures->redirected);
}

double traffic_seer_percent(const struct traffic_figures *figures) {
  return percent_of(figures->answered + figures->effective, figures->calls - figures->redirected);
}

double traffic_isa_percent(const struct traffic_figures *figures) {
  return percent_of(figures->ineffective, figures->calls);
}

static json_t *number_or_null(double number) {
  return isnan(number) ? json_null() : json_real(round(number * 10) / 10);
}

/* {"calls", "answered", "asr_percent", "acd_s", "pdd_ms", "ser_percent", "seer_percent", "isa_percent"}, null where not
 * known; new reference. */
static json_t *figures_to_json(const struct traffic_figures *figures) {
  return json_pack("{s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "calls", (json_int_t)figures->calls, "answered",
                   (json_int_t)figures->answered, "asr_percent", number_or_null(traffic_asr_percent(figures)), "acd_s",
                   number_or_null(traffic_acd_s(figures)), "pdd_ms", number_or_null(traffic_pdd_ms(figures)),
                   "ser_percent", number_or_null(traffic_ser_percent(figures)), "seer_percent",
                   number_or_null(traffic_seer_percent(figures)), "isa_percent",
                   number_or_null(traffic_isa_percent(figures)));
}

json_t *traffic_summary_to_json(const struct traffic_summary *summary) {
  json_t *object = figures_to_json(&summary->all), *reasons = json_object();
  for (enum end_reason reason = 0; reason < END_REASON_COUNT; reason++)
    if (summary->reasons[reason] > 0)
      json_object_set_new(reasons, end_reason_row(reason)->name, json_integer(summary->reasons[reason]));
  json_object_set_new(object, "reasons", reasons);
  return object;
}

static json_t *devices_json(const struct traffic_device *devices, uint32_t device_count) {
  json_t *object = json_object();
  for (uint32_t i = 0; i < device_count; i++)
    json_object_set_new(object, devices[i].name, figures_to_json(&devices[i].figures));
  return object;
}

json_t *traffic_devices_to_json(const struct traffic_summary *summary) {
  return json_pack("{s:o,s:o}", "callers", devices_json(summary->callers, summary->caller_count), "callees",
                   devices_json(summary->callees, summary->callee_count));
}
