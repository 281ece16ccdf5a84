/* The first byte names the parameter. A value that is taken is written as a text that is taken again for the same
 * value; a value that is refused changes nothing and is told in printable words. */
#include "base/check.h"
#include "parameters/parameters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  static struct parameters before, after, again;
  static char memory[4096];
  const struct parameter_row *row = &parameter_rows[data[0] % parameter_row_count];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  parameters_set_defaults(&before);
  after = again = before;
  if (parameter_set(&after, row, str_view_of((const char *)data + 1, size - 1), &problem) != RESULT_OK) {
    require(memcmp(&before, &after, sizeof before) == 0);
    require(problem.length > 0 && !problem.overflowed);
    for (size_t i = 0; i < problem.length; i++)
      require((unsigned char)problem.data[i] >= ' ');
    return 0;
  }
  require(problem.length == 0);
  struct text_builder text = text_builder_over(memory, sizeof memory);
  parameter_to_text(&after, row, &text);
  require(!text.overflowed);
  require(parameter_set(&again, row, text_builder_view(&text), &problem) == RESULT_OK);
  require(memcmp(&after, &again, sizeof after) == 0);
  return 0;
}
