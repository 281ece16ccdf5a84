/* Any bytes as a journal file: the walk ends, stays inside, moves on at each step, and what it takes for a record is
 * written back to the same bytes. The first four bytes are the salt. */
#include "base/check.h"
#include "store/journal_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const struct journal_walk *walk) {
  static char again[JOURNAL_PAYLOAD_MAX + 64];
  size_t bytes = journal_record_write(again, walk->salt, &walk->record);
  require(walk->record_at + bytes == walk->at && walk->at <= walk->bytes.length);
  size_t filled = JOURNAL_HEADER_BYTES + walk->record.payload.length;
  require(memcmp(again, walk->bytes.data + walk->record_at, filled) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint32_t salt;
  if (size < sizeof salt) return 0;
  memcpy(&salt, data, sizeof salt);
  struct journal_walk walk = journal_walk_over(str_view_of((const char *)data + sizeof salt, size - sizeof salt), salt);
  size_t before = 0;
  for (enum journal_step step; (step = journal_walk_next(&walk)) != JOURNAL_STEP_END; before = walk.at) {
    require(walk.at > before && walk.at <= walk.bytes.length);
    if (step == JOURNAL_STEP_RECORD)
      check_record(&walk);
    else
      require(walk.damaged_at == before && walk.damaged_bytes > 0);
  }
  return 0;
}
