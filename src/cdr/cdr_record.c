#include "cdr/cdr_record.h"

#include "base/packed.h"

/* Grows only when what stands in a record changes its meaning; fields appended at the end need no new version. */
#define CDR_RECORD_VERSION 1

#define TEXT_LENGTH_MAX UINT16_MAX

void cdr_record_init(struct cdr_record *record) {
  memset(record, 0, sizeof *record);
#define CDR_TEXT(name)
#define CDR_STAMP(name)
#define CDR_NUMBER(name) record->name = CDR_NUMBER_NONE;
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
}

static void encode_number(struct text_builder *builder, uint64_t value) {
  packed_add(builder, value, 8);
}

static void encode_text(struct text_builder *builder, struct str_view text) {
  text.length = text.length < TEXT_LENGTH_MAX ? text.length : TEXT_LENGTH_MAX;
  packed_add(builder, text.length, 2);
  text_builder_add(builder, text);
}

void cdr_record_encode(const struct cdr_record *record, struct text_builder *builder) {
  text_builder_add_char(builder, CDR_RECORD_VERSION);
#define CDR_TEXT(name)   encode_text(builder, record->name);
#define CDR_STAMP(name)  encode_number(builder, (uint64_t)record->name.value);
#define CDR_NUMBER(name) encode_number(builder, record->name);
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
}

/* False at the end of an older record (all is well: the field keeps its empty value) and where the bytes break off
 * inside a field (`broken`). */
static bool decode_bytes(struct str_view *rest, size_t length, struct str_view *bytes_out, bool *broken) {
  if (rest->length < length) {
    *broken = *broken || rest->length > 0;
    return false;
  }
  *bytes_out = str_view_slice(*rest, 0, length);
  *rest = str_view_from(*rest, length);
  return true;
}

static uint64_t little_endian(struct str_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.length; i-- > 0;)
    value = value << 8 | (uint8_t)bytes.data[i];
  return value;
}

static void decode_number(struct str_view *rest, uint64_t *value_out, bool *broken) {
  struct str_view bytes;
  if (decode_bytes(rest, 8, &bytes, broken)) *value_out = little_endian(bytes);
}

static void decode_stamp(struct str_view *rest, struct wall_us *stamp_out, bool *broken) {
  uint64_t value = 0;
  decode_number(rest, &value, broken);
  stamp_out->value = (int64_t)value;
}

static void decode_text(struct str_view *rest, struct str_view *text_out, bool *broken) {
  struct str_view prefix;
  if (!decode_bytes(rest, 2, &prefix, broken)) return;
  size_t length = (size_t)little_endian(prefix);
  if (!decode_bytes(rest, length, text_out, broken)) *broken = true;
}

enum result cdr_record_decode(struct str_view bytes, struct cdr_record *record_out) {
  bool broken = false;
  cdr_record_init(record_out);
  if (bytes.length == 0 || bytes.data[0] != CDR_RECORD_VERSION) return RESULT_MALFORMED;
  struct str_view rest = str_view_from(bytes, 1);
#define CDR_TEXT(name)   decode_text(&rest, &record_out->name, &broken);
#define CDR_STAMP(name)  decode_stamp(&rest, &record_out->name, &broken);
#define CDR_NUMBER(name) decode_number(&rest, &record_out->name, &broken);
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
  return broken ? RESULT_MALFORMED : RESULT_OK;
}

/* --- what is paid ------------------------------------------------------------------------------------------------ */

void cdr_record_charge(struct cdr_record *record, struct wall_us until) {
  if (record->answered_at.value == 0 || record->hold_time_ms == CDR_NUMBER_NONE) return;
  int64_t talked_ms = (int64_t)record->hold_time_ms;
  int64_t unpaid_ms = (record->ended_at.value - until.value) / 1000;
  if (unpaid_ms < 0) unpaid_ms = 0;
  if (unpaid_ms > talked_ms) unpaid_ms = talked_ms;
  record->billed_until.value = record->ended_at.value - unpaid_ms * 1000;
  record->fee_time_s = ((uint64_t)(talked_ms - unpaid_ms) + 999) / 1000;
}

/* --- keys -------------------------------------------------------------------------------------------------------- */

#define HIGH_DIGITS 14 /* the rest are 16 */

struct journal_key cdr_record_key_of_call(struct wall_us started_at, uint8_t worker, struct handle handle) {
  return journal_key_of(JOURNAL_CALL, (uint64_t)(started_at.value / 1000) << 8 | worker,
                        (uint64_t)handle.index << 32 | handle.generation);
}

void cdr_record_write_id(struct wall_us started_at, uint8_t worker, struct handle handle, struct text_builder *id) {
  struct journal_key key = cdr_record_key_of_call(started_at, worker, handle);
  text_builder_add_hex(id, key.high, HIGH_DIGITS);
  text_builder_add_hex(id, key.low, CDR_ID_LENGTH - HIGH_DIGITS);
}

struct journal_key cdr_record_key_of_id(struct str_view id) {
  struct journal_key key;
  if (id.length != CDR_ID_LENGTH || !str_view_hex_to_u64(str_view_slice(id, 0, HIGH_DIGITS), &key.high) ||
      !str_view_hex_to_u64(str_view_from(id, HIGH_DIGITS), &key.low))
    return JOURNAL_KEY_NONE;
  return key;
}

struct journal_key cdr_record_key(struct str_view bytes) {
  bool broken = false;
  struct str_view id = {0}, rest = str_view_from(bytes, 1);
  decode_text(&rest, &id, &broken);
  return cdr_record_key_of_id(id);
}

/* --- after a restart --------------------------------------------------------------------------------------------- */

void cdr_record_end_by_restart(struct cdr_record *record) {
  const struct end_reason_row *test = end_reason_row(END_REASON_trunk_test);
  bool is_test = str_view_equal(record->end_reason, str_view_from_c(test->name));
  const struct end_reason_row *row = is_test ? test : end_reason_row(END_REASON_switch_restart);
  record->state = STR_VIEW("ended");
  record->ended_at = record->last_alive_at;
  if (record->ended_at.value < record->started_at.value) record->ended_at = record->started_at;
  record->end_direction = STR_VIEW("switch");
  record->end_reason = str_view_from_c(row->name);
  record->explanation = is_test ? STR_VIEW("The switch was restarted while it tried out what the gateway can do.")
                                : str_view_from_c(row->sentence);
  record->q850_cause = row->q850_cause;
  record->sip_status = record->answered_at.value != 0 ? 200 : row->sip_status;
  if (record->answered_at.value == 0) return;
  int64_t talked_us = record->ended_at.value - record->answered_at.value;
  record->hold_time_ms = talked_us > 0 ? (uint64_t)talked_us / 1000 : 0;
  cdr_record_charge(record, record->ended_at);
}
