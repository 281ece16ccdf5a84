#include "store/journal_record.h"

#include "store/crc32c.h"

#define MAGIC     0x31304A42u /* "BJ01" */
#define ALIGNMENT 8

static void put_u32(char *place, uint32_t value) {
  for (unsigned i = 0; i < 4; i++)
    place[i] = (char)(value >> 8 * i);
}

static void put_u64(char *place, uint64_t value) {
  put_u32(place, (uint32_t)value);
  put_u32(place + 4, (uint32_t)(value >> 32));
}

static uint32_t get_u32(const char *place) {
  uint32_t value = 0;
  for (unsigned i = 4; i-- > 0;)
    value = value << 8 | (uint8_t)place[i];
  return value;
}

static uint64_t get_u64(const char *place) {
  return get_u32(place) | (uint64_t)get_u32(place + 4) << 32;
}

size_t journal_record_bytes(size_t payload_length) {
  return (JOURNAL_HEADER_BYTES + payload_length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

size_t journal_record_write(char *place, uint32_t salt, const struct journal_record *record) {
  size_t length = record->payload.length, bytes = journal_record_bytes(length);
  put_u32(place, MAGIC);
  put_u32(place + 8, (uint32_t)length);
  put_u32(place + 12, (uint32_t)record->kind | (uint32_t)record->owed << 8);
  put_u64(place + 16, record->sequence);
  put_u64(place + 24, record->key.high);
  put_u64(place + 32, record->key.low);
  if (length > 0) memcpy(place + JOURNAL_HEADER_BYTES, record->payload.data, length);
  memset(place + JOURNAL_HEADER_BYTES + length, 0, bytes - JOURNAL_HEADER_BYTES - length);
  return journal_record_seal(place, salt);
}

size_t journal_record_seal(char *place, uint32_t salt) {
  size_t length = get_u32(place + 8);
  put_u32(place + 4, crc32c(salt, place + 8, JOURNAL_HEADER_BYTES - 8 + length));
  return journal_record_bytes(length);
}

size_t journal_record_view(const char *place, struct journal_record *record_out) {
  size_t length = get_u32(place + 8);
  *record_out = (struct journal_record){.kind = (enum journal_kind)(uint8_t)place[12],
                                        .owed = (uint8_t)place[13],
                                        .sequence = get_u64(place + 16),
                                        .key = {get_u64(place + 24), get_u64(place + 32)},
                                        .payload = str_view_of(place + JOURNAL_HEADER_BYTES, length)};
  return journal_record_bytes(length);
}

enum result journal_record_read(struct str_view bytes, uint32_t salt, struct journal_record *record_out,
                                size_t *bytes_out) {
  const char *at = bytes.data;
  if (bytes.length < JOURNAL_HEADER_BYTES || get_u32(at) != MAGIC) return RESULT_MALFORMED;
  size_t length = get_u32(at + 8);
  uint32_t kind = (uint8_t)at[12], unknown = get_u32(at + 12) >> 16;
  if (length > JOURNAL_PAYLOAD_MAX || journal_record_bytes(length) > bytes.length || kind == JOURNAL_NONE ||
      kind >= JOURNAL_KINDS || unknown != 0)
    return RESULT_MALFORMED;
  if (get_u32(at + 4) != crc32c(salt, at + 8, JOURNAL_HEADER_BYTES - 8 + length)) return RESULT_MALFORMED;
  *bytes_out = journal_record_view(at, record_out);
  return RESULT_OK;
}

/* --- the walk ---------------------------------------------------------------------------------------------------- */

static bool read_at(struct journal_walk *walk, size_t at) {
  size_t bytes;
  if (journal_record_read(str_view_from(walk->bytes, at), walk->salt, &walk->record, &bytes) != RESULT_OK) return false;
  walk->record_at = at;
  walk->at = at + bytes;
  return true;
}

bool journal_walk_glance(struct journal_walk *walk) {
  struct str_view rest = str_view_from(walk->bytes, walk->at);
  if (rest.length < JOURNAL_HEADER_BYTES || get_u32(rest.data) != MAGIC ||
      journal_record_bytes(get_u32(rest.data + 8)) > rest.length)
    return false;
  walk->record_at = walk->at;
  walk->at += journal_record_view(rest.data, &walk->record);
  return true;
}

static bool is_unwritten(struct str_view bytes) {
  return bytes.length == 0 || (bytes.data[0] == 0 && memcmp(bytes.data, bytes.data + 1, bytes.length - 1) == 0);
}

enum journal_step journal_walk_next(struct journal_walk *walk) {
  size_t from = walk->at;
  if (from >= walk->bytes.length) return JOURNAL_STEP_END;
  if (read_at(walk, from)) return JOURNAL_STEP_RECORD;
  if (is_unwritten(str_view_from(walk->bytes, from))) {
    walk->at = walk->bytes.length;
    return JOURNAL_STEP_END;
  }
  walk->damaged_at = from;
  for (size_t at = from + ALIGNMENT; at < walk->bytes.length; at += ALIGNMENT) {
    if (!read_at(walk, at)) continue;
    walk->at = at; /* it is told by the next step */
    walk->damaged_bytes = at - from;
    return JOURNAL_STEP_DAMAGED;
  }
  walk->damaged_bytes = walk->bytes.length - from;
  walk->at = walk->bytes.length;
  return JOURNAL_STEP_TORN;
}
