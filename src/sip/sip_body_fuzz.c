/* Any bytes as a Content-Type, up to the first line break, and a body behind it: what is found lies within the body. */
#include "base/check.h"
#include "sip/sip_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str_view text = str_view_of((const char *)data, size);
  size_t middle = str_view_find(text, '\n');
  struct str_view content_type = str_view_slice(text, 0, middle), body = str_view_from(text, middle + 1);
  struct str_view found = sip_body_find(content_type, body, STR_VIEW("application/sdp"));
  if (found.data && found.length)
    require(found.data >= body.data && found.data + found.length <= body.data + body.length);
  return 0;
}
