/* What is read and written again reads as the same address. */
#include "base/check.h"
#include "boundary/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str_view text = str_view_of((const char *)data, size);
  struct address address, again;
  if (address_parse(text, 5060, &address) != RESULT_OK) return 0;
  char memory[64];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  address_to_text(&address, &builder);
  require(!builder.overflowed);
  require(address_parse(text_builder_view(&builder), 0, &again) == RESULT_OK);
  require(address_equal(&address, &again));
  return 0;
}
