/* One call detail record: as a struct, and as the bytes in which it travels from the middle through the outbox to the
 * store (and later lies in the journal): a version byte, then each field in the order of cdr_fields.def: texts as
 * 16-bit length and bytes, stamps and numbers as 64 bits, little-endian. A reader of an older record finds the newer
 * fields empty. */
#ifndef CDR_CDR_RECORD_H
#define CDR_CDR_RECORD_H

#include <stdint.h>

#include "base/handle.h"
#include "base/result.h"
#include "base/str_view.h"
#include "base/text_builder.h"
#include "base/time.h"
#include "boundary/journal_key.h"

struct cdr_record {
#define CDR_TEXT(name)   struct str_view name;
#define CDR_STAMP(name)  struct wall_us name;
#define CDR_NUMBER(name) uint64_t name;
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
};

/* A number that is not known (no answer, so no setup_ms) is stored as this and shown as null. */
#define CDR_NUMBER_NONE UINT64_MAX

/* All texts empty, stamps 0, numbers CDR_NUMBER_NONE. */
void cdr_record_init(struct cdr_record *record);

void cdr_record_encode(const struct cdr_record *record, struct text_builder *builder);

/* Views point into `bytes`. RESULT_MALFORMED: not such a record. */
enum result cdr_record_decode(struct str_view bytes, struct cdr_record *record_out) MUST_USE;

/* Writes the id of a call: 12 digits of milliseconds since 1970, 2 of the worker, 8 and 8 of a handle, all hexadecimal,
 * so that ids sort by time and lead back to the call. */
#define CDR_ID_LENGTH 30
void cdr_record_write_id(struct wall_us started_at, uint8_t worker, struct handle handle, struct text_builder *id);

/* Charges an ended call until that moment, which is taken for the end when it is later and for the answer when it is
 * earlier: fee_time_s, a second begun being a second paid, and billed_until. Nothing is charged without an answer. What
 * is left out is measured by the wall clock, the talk time by the monotonic one. */
void cdr_record_charge(struct cdr_record *record, struct wall_us until);

/* The key under which the journal keeps a call: its id as numbers. */
struct journal_key cdr_record_key_of_call(struct wall_us started_at, uint8_t worker, struct handle handle);

/* The same of an id. JOURNAL_KEY_NONE for any other text. */
struct journal_key cdr_record_key_of_id(struct str_view id);

/* The same of the record in `bytes`. */
struct journal_key cdr_record_key(struct str_view bytes);

/* Ends the record of a call that was open when the switch stopped working: switch_restart, and the last proof of life
 * as its end. One that has the end reason trunk_test keeps it: it was the switch's own. */
void cdr_record_end_by_restart(struct cdr_record *record);

/* Why calls end (end_reasons.def): the names of the contract, with the SIP status sent to the caller when the switch
 * itself decided, the Q.850 cause, and the sentence shown to operators. */
enum end_reason {
#define END_REASON(name, ...) END_REASON_##name,
#include "cdr/end_reasons.def"
#undef END_REASON
  END_REASON_COUNT
};

struct end_reason_row {
  const char *name; /* "no_answer" */
  uint16_t sip_status;
  uint16_t q850_cause;
  const char *sentence;
};
const struct end_reason_row *end_reason_row(enum end_reason reason);

enum end_cause {
  END_CAUSE_none = 0,
#define END_CAUSE(name, sentence) END_CAUSE_##name,
#include "cdr/end_causes.def"
#undef END_CAUSE
  END_CAUSE_COUNT
};
const char *end_cause_name(enum end_cause cause);
const char *end_cause_sentence(enum end_cause cause);

/* The Q.850 cause for a final SIP status (q850.def: RFC 3398 §8.2.6.1), 31 where it has none, 16 for a 2xx. */
unsigned q850_cause_of_status(unsigned sip_status);

/* Which end_reason a final response of the far side is: 486 busy, 603 rejected … from end_reason_of_status.def.
 * protocol_error for what is not a final status. */
enum end_reason end_reason_of_status(unsigned sip_status);

#endif
