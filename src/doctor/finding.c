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

struct seen_row {
  const char *name, *sentence;
};

static const struct seen_row seen_rows[SEEN_COUNT] = {
#define SEEN(name, sentence) [SEEN_##name] = {#name, sentence},
#include "doctor/seen.def"
#undef SEEN
};

/* `{0}`, `{1}` … `{words}` of the row's sentence filled in. */
static void say_seen(const struct sighting *sighting, struct text_builder *text) {
  struct str_view rest = str_view_from_c(seen_rows[sighting->seen].sentence);
  while (rest.length > 0) {
    size_t open = str_view_find(rest, '{');
    text_builder_add(text, str_view_slice(rest, 0, open));
    rest = str_view_from(rest, open);
    if (rest.length == 0) return;
    unsigned number = (unsigned)(rest.data[1] - '0');
    if (number < FINDING_NUMBERS_MAX)
      text_builder_add_u64(text, sighting->numbers[number]);
    else
      text_builder_add(text, str_view_slice(sighting->words, 0, text->capacity - text->length - 1));
    rest = str_view_from(rest, str_view_find(rest, '}') + 1);
  }
}

/* How many numbers the sentence has: one more than the highest. */
static unsigned number_count(const char *sentence) {
  unsigned count = 0;
  for (const char *at = sentence; *at; at++)
    if (at[0] == '{' && (unsigned)(at[1] - '0') < FINDING_NUMBERS_MAX && (unsigned)(at[1] - '0') >= count)
      count = (unsigned)(at[1] - '0') + 1;
  return count;
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
  char detail[FINDING_DETAIL_BYTES];
  struct text_builder text = text_builder_over(detail, sizeof detail);
  say_seen(sighting, &text);
  *finding = (struct finding){
      .since = sighting->at, .diagnosis = (uint8_t)sighting->diagnosis, .seen = (uint8_t)sighting->seen};
  for (unsigned i = 0; i < FINDING_NUMBERS_MAX; i++)
    finding->numbers[i] = sighting->numbers[i];
  doctor_copy(finding->subject, sizeof finding->subject, sighting->subject);
  doctor_copy(finding->detail, sizeof finding->detail, text_builder_view(&text));
  if (number_count(seen_rows[finding->seen].sentence) > 0)
    doctor_copy(finding->words, sizeof finding->words, sighting->words);
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
  const struct seen_row *seen = &seen_rows[finding->seen];
  json_text_field_string(json, "seen", str_view_from_c(seen->name));
  json_text_field_string(json, "words", str_view_from_c(finding->words));
  json_text_key(json, "numbers");
  json_text_open_array(json);
  for (unsigned i = 0; i < number_count(seen->sentence); i++)
    json_text_u64(json, finding->numbers[i]);
  json_text_close_array(json);
  json_text_key(json, "calls");
  json_text_open_array(json);
  for (unsigned i = 0; i < finding->call_count; i++)
    json_text_string(json, str_view_from_c(finding->calls[i]));
  json_text_close_array(json);
  json_text_field_string(json, "meaning", str_view_from_c(row->meaning));
  json_text_field_string(json, "remedy", str_view_from_c(row->remedy));
  json_text_close_object(json);
}
