/* From records: ends whose cause the switch knows, and calls that a device ends again and again at one length. */
#include "doctor/doctor_private.h"

#define NEAR_S         2
#define PILE_CALLS_MIN 5
#define PILE_SHARE     80 /* percent of the device's calls that lasted so long */

/* Lengths in seconds at which timers end calls: a lost ACK (64 × T1), session intervals, and these less the smaller of
 * 32 s and a third (RFC 4028 §10). */
static const uint32_t lengths_s[LENGTHS_MAX] = {32,  60,  88,  90,  120,  148,  180,  268, 300,
                                                568, 600, 868, 900, 1768, 1800, 3600, 7200};

static struct doctor_device *device_of(struct doctor *doctor, struct str_view name, struct str_view address) {
  char text[FINDING_SUBJECT_BYTES];
  doctor_copy(text, sizeof text, name);
  for (uint32_t i = 0; i < doctor->device_count; i++)
    if (str_view_equal(str_view_from_c(doctor->devices[i].name), str_view_from_c(text))) return &doctor->devices[i];
  if (name.length == 0 || doctor->device_count == DEVICES_MAX) return NULL;
  struct doctor_device *device = &doctor->devices[doctor->device_count++];
  doctor_copy(device->name, sizeof device->name, name);
  doctor_copy(device->address, sizeof device->address, address);
  return device;
}

static void note_cause(struct doctor *doctor, const struct cdr_record *cdr) {
  bool no_ack = str_view_equal(cdr->end_cause, STR_VIEW("no_ack"));
  bool expired = str_view_equal(cdr->end_cause, STR_VIEW("session_expired"));
  if (!no_ack && !expired) return;
  /* The explanation names the side; where it does not, the caller is who must acknowledge our answer. */
  bool of_callee = cdr->explanation.length >= 10 && str_view_starts_with(cdr->explanation, STR_VIEW("The callee"));
  struct sighting sighting = {
      .diagnosis = no_ack ? DIAGNOSIS_missing_ack : DIAGNOSIS_nobody_refreshes,
      .confidence_percent = 90,
      .subject = of_callee ? cdr->callee_device : cdr->caller_device,
      .at = cdr->ended_at,
      .call = cdr->id,
      .seen = no_ack ? SEEN_record_unacknowledged : SEEN_record_unrefreshed,
      .words = cdr->explanation,
  };
  doctor_note(doctor, &sighting);
}

/* Only who hung up is looked at: where the switch did, it knows why. */
static void note_length(struct doctor_device *device, const struct cdr_record *cdr, bool has_hung_up) {
  if (!device || cdr->hold_time_ms == CDR_NUMBER_NONE) return;
  uint64_t seconds = (cdr->hold_time_ms + 500) / 1000;
  for (unsigned i = 0; i < LENGTHS_MAX; i++) {
    if (seconds + NEAR_S < lengths_s[i]) break;
    device->reached[i]++;
    if (seconds > lengths_s[i] + NEAR_S || !has_hung_up) continue;
    if (device->ended[i]++ == 0) {
      device->since[i] = cdr->ended_at;
      doctor_copy(device->calls[i], FINDING_CALL_BYTES, cdr->id);
    }
    if (cdr->ended_at.value < device->since[i].value) device->since[i] = cdr->ended_at;
    if (cdr->ended_at.value > device->latest[i].value) device->latest[i] = cdr->ended_at;
  }
}

void doctor_take_cdr(struct doctor *doctor, const struct cdr_record *cdr) {
  if (str_view_equal(cdr->end_reason, str_view_from_c(end_reason_row(END_REASON_trunk_test)->name))) return;
  bool by_caller = str_view_equal(cdr->end_direction, STR_VIEW("caller"));
  bool by_callee = str_view_equal(cdr->end_direction, STR_VIEW("callee"));
  note_length(device_of(doctor, cdr->caller_device, cdr->caller_address), cdr, by_caller);
  note_length(device_of(doctor, cdr->callee_device, cdr->callee_address), cdr, by_callee);
  note_cause(doctor, cdr);
}

static void conclude_length(struct doctor *doctor, const struct doctor_device *device, unsigned i) {
  if (device->ended[i] < PILE_CALLS_MIN || device->ended[i] * 100 < device->reached[i] * PILE_SHARE) return;
  struct sighting sighting = {.diagnosis = DIAGNOSIS_pile_at_length,
                              .confidence_percent = 70,
                              .subject = str_view_from_c(device->name),
                              .at = device->since[i],
                              .call = str_view_from_c(device->calls[i]),
                              .seen = SEEN_calls_pile_up,
                              .numbers = {device->ended[i], device->reached[i], lengths_s[i]}};
  struct finding *finding = doctor_note(doctor, &sighting);
  if (!finding) return;
  finding->count = device->ended[i];
  finding->latest = device->latest[i];
}

/* Neighbouring lengths see the same calls: the first that piles up is the one. */
void call_diagnosis_conclude(struct doctor *doctor) {
  for (uint32_t d = 0; d < doctor->device_count; d++) {
    uint32_t before = doctor->finding_count;
    for (unsigned i = 0; i < LENGTHS_MAX && doctor->finding_count == before; i++)
      conclude_length(doctor, &doctor->devices[d], i);
  }
}
