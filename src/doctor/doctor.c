#include "doctor/doctor_private.h"

#include "base/check.h"

size_t doctor_memory_bytes(void) {
  return sizeof(struct doctor);
}

struct doctor *doctor_create(void *memory) {
  return memory;
}

void doctor_take_record(struct doctor *doctor, const struct trace_record *record) {
  struct sip_message message;
  struct note note;
  if (record->wall.value > doctor->latest.value) doctor->latest = record->wall;
  if (record->kind == TRACE_NOTE) {
    if (trace_note_decode(record->payload, &note) == RESULT_OK) dialog_diagnosis_take_note(doctor, &note);
    return;
  }
  if (record->kind != TRACE_SIP || !trace_message_read(record, &message)) return;
  dialog_diagnosis_take(doctor, record, &message);
  device_diagnosis_take(doctor, record, &message);
}

void doctor_take_late_round(struct doctor *doctor, struct wall_us now, struct str_view sentence) {
  doctor_note(doctor, &(struct sighting){.diagnosis = DIAGNOSIS_keep_alive_round,
                                         .confidence_percent = 100,
                                         .at = now,
                                         .seen = SEEN_late_round,
                                         .words = sentence});
}

/* Few enough for the simplest way. */
static void sort(struct doctor *doctor) {
  for (uint32_t i = 1; i < doctor->finding_count; i++) {
    struct finding finding = doctor->findings[i];
    uint32_t at = i;
    for (; at > 0 && doctor->findings[at - 1].confidence_percent < finding.confidence_percent; at--)
      doctor->findings[at] = doctor->findings[at - 1];
    doctor->findings[at] = finding;
  }
}

void doctor_conclude(struct doctor *doctor) {
  call_diagnosis_conclude(doctor);
  dialog_diagnosis_conclude(doctor);
  device_diagnosis_conclude(doctor);
  sort(doctor);
}

size_t doctor_finding_count(const struct doctor *doctor) {
  return doctor->finding_count;
}

const struct finding *doctor_finding(const struct doctor *doctor, size_t index) {
  require(index < doctor->finding_count);
  return &doctor->findings[index];
}
