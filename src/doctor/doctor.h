/* Symptoms → cause → remedy: names what a person would find with a trace and an afternoon. It is shown records of
 * calls, then what the flight recorder has in the order of time, and then says what it thinks. It claims nothing that
 * it has no evidence for, and nothing at all in healthy traffic.
 *
 *   diagnosis.def            what it can find, with meaning and remedy
 *   seen.def                 what a finding rests on, in sentences
 *   call_diagnosis.c         from records: ends that have a cause, calls that end in a pile
 *   dialog_diagnosis.c       from messages inside dialogs: who refreshes, what is refused or swallowed, ACKs that miss
 *   device_diagnosis.c       from what devices write: ALGs, bindings that change, registrations renewed too late
 *   finding.c                what is said about it */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/text_builder.h"
#include "base/time.h"
#include "cdr/cdr_record.h"
#include "trace/trace_record.h"

enum diagnosis {
#define DIAGNOSIS(name, ...) DIAGNOSIS_##name,
#include "doctor/diagnosis.def"
#undef DIAGNOSIS
  DIAGNOSIS_COUNT
};

struct diagnosis_row {
  const char *name, *title, *meaning, *remedy;
};
const struct diagnosis_row *diagnosis_row(enum diagnosis diagnosis);

/* What a finding rests on. */
enum seen {
#define SEEN(name, sentence) SEEN_##name,
#include "doctor/seen.def"
#undef SEEN
  SEEN_COUNT
};

#define FINDING_SUBJECT_BYTES 64
#define FINDING_DETAIL_BYTES  256
#define FINDING_CALLS_MAX     5
#define FINDING_CALL_BYTES    48
#define FINDING_NUMBERS_MAX   3
#define FINDING_WORDS_BYTES   81

/* One thing that is wrong with one device. Texts are NUL-terminated and cut to their size. */
struct finding {
  struct wall_us since, latest;
  uint64_t count;
  uint8_t diagnosis;          /* enum diagnosis */
  uint8_t confidence_percent; /* how sure it is */
  uint8_t call_count;
  uint8_t seen;                                      /* enum seen; with its numbers and words it is `detail` */
  uint32_t numbers[FINDING_NUMBERS_MAX];             /* those that the sentence has; the others are 0 */
  char words[FINDING_WORDS_BYTES];                   /* what the device said, quoted inside the sentence */
  char subject[FINDING_SUBJECT_BYTES];               /* name or address of the device; empty: the switch itself */
  char detail[FINDING_DETAIL_BYTES];                 /* what was seen, in a sentence */
  char calls[FINDING_CALLS_MAX][FINDING_CALL_BYTES]; /* the first ones in which it was seen: ids, else Call-IDs */
};

struct doctor;

size_t doctor_memory_bytes(void);

/* `memory`: zero-filled, aligned to 8, borrowed. */
struct doctor *doctor_create(void *memory);

/* Records of ended calls, in any order; all of them before what was recorded. */
void doctor_take_cdr(struct doctor *doctor, const struct cdr_record *cdr);

/* What was recorded, in the order of time. 64 readable bytes stand behind each payload. */
void doctor_take_record(struct doctor *doctor, const struct trace_record *record);

/* Keep-alive rounds take longer than their period; `sentence` says how long and what would do. */
void doctor_take_late_round(struct doctor *doctor, struct wall_us now, struct str_view sentence);

/* Thinks it over: what needs more than one sign is said now. Once, at the end. */
void doctor_conclude(struct doctor *doctor);

/* Findings, the surest first. */
size_t doctor_finding_count(const struct doctor *doctor);
const struct finding *doctor_finding(const struct doctor *doctor, size_t index);

/* Appends a finding as a JSON object. */
void finding_to_json(const struct finding *finding, struct text_builder *json);
#define FINDING_JSON_BYTES_MAX 8192

#endif
