/* Any datagram: what is taken for a life sign names no SIP, and the reply is never a lever (at most 96 bytes, and none
 * for anything but a ping or a request). The datagram stands against the end of its memory. */
#include <stdlib.h>

#include "base/check.h"
#include "keepalive/life_sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct address source = {{192, 0, 2, 1}, 5060, ADDRESS_IPV4};
  char *copy = malloc(size ? size : 1), memory[128];
  require(copy);
  if (size) memcpy(copy, data, size);
  struct text_builder reply = text_builder_over(memory, sizeof memory);
  struct str_view datagram = {copy, size};
  bool is_life_sign = life_sign_read(datagram, &source, &reply);
  require(!reply.overflowed && reply.length <= 96 && (is_life_sign || reply.length == 0));
  bool is_stun = size >= 20 && data[0] < 0x40;
  for (size_t i = 0; is_life_sign && !is_stun && i + 4 <= size; i++)
    require(!str_view_starts_with_nocase(str_view_from(datagram, i), STR_VIEW("SIP/")));
  free(copy);
  return 0;
}
