/* Any bytes as a session description. What is taken can be written with our origin and says the same then. */
#include "base/check.h"
#include "sdp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_with_version(const struct sdp *sdp, uint64_t version, char *memory, size_t capacity,
                               struct sdp *out) {
  static const struct address address = {.ip = {192, 0, 2, 1}, .family = ADDRESS_IPV4};
  struct text_builder builder = text_builder_over(memory, capacity);
  sdp_write_with_origin(sdp_behind_origin(sdp->text), STR_VIEW("belfry 1"), version, &address, &builder);
  require(!builder.overflowed);
  require(sdp_parse(text_builder_view(&builder), out) == RESULT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char memory[2][1 << 20];
  static struct sdp sdp, first, second;
  if (size > sizeof memory[0] / 2) return 0;
  if (sdp_parse(str_view_of((const char *)data, size), &sdp) != RESULT_OK) return 0;
  write_with_version(&sdp, 1, memory[0], sizeof memory[0], &first);
  write_with_version(&sdp, UINT64_MAX, memory[1], sizeof memory[1], &second);
  require(str_view_equal(sdp_behind_origin(first.text), sdp_behind_origin(sdp.text)));
  require(str_view_equal(sdp_behind_origin(second.text), sdp_behind_origin(sdp.text)));
  require(str_view_equal(first.origin_id, STR_VIEW("belfry 1")));
  require(str_view_equal(second.origin_id, STR_VIEW("belfry 1")));
  require(sdp.media_count == first.media_count);
  for (unsigned i = 0; i < sdp.media_count; i++) {
    require(str_view_equal(sdp.media[i].kind, first.media[i].kind) && sdp.media[i].port == first.media[i].port);
    require(sdp.media[i].direction == first.media[i].direction);
  }
  return 0;
}
