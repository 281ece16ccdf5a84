#include "base/json_text.h"
#include "doctor/doctor_private.h"

const struct diagnosis_row *diagnosis_row(enum diagnosis diagnosis) {
  static const struct diagnosis_row rows[DIAGNOSIS_COUNT] = {
#define DIAGNOSIS(name, title, meaning, remedy) [DIAGNOSIS_##name] = {#name, title, meaning, remedy},
#include "doctor/diagnosis.def"
#undef DIAGNOSIS
  };
  return &rows[diagnosis];
}

void doctor_copy(char *place, size_t bytes, struct str_view text) {
  size_t length = text.length < bytes ? text.length : bytes - 1;
  if (length > 0) memcpy(place, text.data, length);
  place[length] = '\0';
}

static struct finding *find(struct doctor *doctor, const struct sighting *sighting) {
  char subject[FINDING_SUBJECT_BYTES];
  doctor_copy(subject, sizeof subject, sighting->subject);
  for (uint32_t i = 0; i < doctor->finding_count; i++) {
    struct finding *finding = &doctor->findings[i];
    if (finding->diagnosis == sighting->diagnosis &&
        str_view_equal(str_view_from_c(finding->subject), str_view_from_c(subject)))
      return finding;
  }
  if (doctor->finding_count == FINDINGS_MAX) return NULL;
  struct finding *finding = &doctor->findings[doctor->finding_count++];
  *finding = (struct finding){.since = sighting->at, .diagnosis = (uint8_t)sighting->diagnosis};
  doctor_copy(finding->subject, sizeof finding->subject, sighting->subject);
  doctor_copy(finding->detail, sizeof finding->detail, sighting->detail);
  return finding;
}

static void add_call(struct finding *finding, struct str_view call) {
  char text[FINDING_CALL_BYTES];
  doctor_copy(text, sizeof text, call);
  for (unsigned i = 0; i < finding->call_count; i++)
    if (str_view_equal(str_view_from_c(finding->calls[i]), str_view_from_c(text))) return;
  if (call.length == 0 || finding->call_count == FINDING_CALLS_MAX) return;
  doctor_copy(finding->calls[finding->call_count++], FINDING_CALL_BYTES, call);
}

struct finding *doctor_note(struct doctor *doctor, const struct sighting *sighting) {
  struct finding *finding = find(doctor, sighting);
  if (!finding) return NULL;
  finding->count++;
  if (sighting->at.value < finding->since.value) finding->since = sighting->at;
  if (sighting->at.value > finding->latest.value) finding->latest = sighting->at;
  if (sighting->confidence_percent > finding->confidence_percent)
    finding->confidence_percent = (uint8_t)sighting->confidence_percent;
  add_call(finding, sighting->call);
  return finding;
}

struct str_view doctor_subject(const struct doctor *doctor, const struct address *address, char *memory) {
  struct text_builder text = text_builder_over(memory, FINDING_SUBJECT_BYTES);
  address_to_text(address, &text);
  for (uint32_t i = 0; i < doctor->device_count; i++)
    if (str_view_equal(str_view_from_c(doctor->devices[i].address), text_builder_view(&text)))
      return str_view_from_c(doctor->devices[i].name);
  return text_builder_view(&text);
}

void finding_to_json(const struct finding *finding, struct text_builder *json) {
  const struct diagnosis_row *row = diagnosis_row((enum diagnosis)finding->diagnosis);
  json_text_open_object(json);
  json_text_field_string(json, "diagnosis", str_view_from_c(row->name));
  json_text_field_string(json, "title", str_view_from_c(row->title));
  json_text_field_string(json, "subject", str_view_from_c(finding->subject));
  json_text_field_stamp(json, "since", finding->since);
  json_text_field_stamp(json, "latest", finding->latest);
  json_text_field_u64(json, "count", finding->count);
  json_text_field_u64(json, "confidence_percent", finding->confidence_percent);
  json_text_field_string(json, "detail", str_view_from_c(finding->detail));
  json_text_key(json, "calls");
  json_text_open_array(json);
  for (unsigned i = 0; i < finding->call_count; i++)
    json_text_string(json, str_view_from_c(finding->calls[i]));
  json_text_close_array(json);
  json_text_field_string(json, "meaning", str_view_from_c(row->meaning));
  json_text_field_string(json, "remedy", str_view_from_c(row->remedy));
  json_text_close_object(json);
}
