/* Reading and writing one parameter's value. Each type has a reader, which touches the field only when the whole value
 * is right, and a writer whose text the reader takes. */
#include "parameters/parameters.h"

#define PROBLEM_VALUE_BYTES_MAX 40

static void *field_of(struct parameters *parameters, const struct parameter_row *row) {
  return (char *)parameters + row->offset;
}

static const void *field_view(const struct parameters *parameters, const struct parameter_row *row) {
  return (const char *)parameters + row->offset;
}

/* --- Numbers, bytes, switches, choices --------------------------------------------------------------------------- */

static bool is_word(const struct parameter_row *row, struct str_view value) {
  return row->word && str_view_equal_nocase(value, str_view_from_c(row->word));
}

static bool is_digits(struct str_view text) {
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] < '0' || text.data[i] > '9') return false;
  return text.length > 0;
}

static enum result read_number(const struct parameter_row *row, struct str_view value, uint32_t *field) {
  uint32_t number;
  if (is_word(row, value)) {
    *field = row->word_value;
    return RESULT_OK;
  }
  if (!str_view_to_u32(value, &number)) return is_digits(value) ? RESULT_OUT_OF_RANGE : RESULT_MALFORMED;
  bool in_range = number >= row->min && number <= row->max;
  if (!in_range && !(number == 0 && row->zero_allowed)) return RESULT_OUT_OF_RANGE;
  *field = number;
  return RESULT_OK;
}

static enum result read_byte(const struct parameter_row *row, struct str_view value, uint32_t *field) {
  if (!str_view_starts_with_nocase(value, STR_VIEW("0x"))) return read_number(row, value, field);
  uint64_t number;
  if (!str_view_any_hex_to_u64(str_view_from(value, 2), &number)) return RESULT_MALFORMED;
  if (number > row->max) return RESULT_OUT_OF_RANGE;
  *field = (uint32_t)number;
  return RESULT_OK;
}

static enum result read_switch(struct str_view value, bool *field) {
  static const struct {
    const char *word;
    bool on;
  } words[] = {{"on", true}, {"off", false}, {"true", true}, {"false", false}, {"1", true}, {"0", false}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (!str_view_equal_nocase(value, str_view_from_c(words[i].word))) continue;
    *field = words[i].on;
    return RESULT_OK;
  }
  return RESULT_MALFORMED;
}

/* Takes the first name off `*choices`, a list separated by blanks. */
static struct str_view take_choice(struct str_view *choices) {
  size_t end = str_view_find(*choices, ' ');
  struct str_view choice = str_view_slice(*choices, 0, end);
  *choices = str_view_from(*choices, end + 1);
  return choice;
}

static enum result read_choice(const struct parameter_row *row, struct str_view value, uint32_t *field) {
  struct str_view choices = str_view_from_c(row->choices);
  for (uint32_t i = 0; choices.length > 0; i++) {
    if (!str_view_equal_nocase(value, take_choice(&choices))) continue;
    *field = i;
    return RESULT_OK;
  }
  return RESULT_MALFORMED;
}

/* --- Text -------------------------------------------------------------------------------------------------------- */

/* Reads the escape after the backslash at the start of `text`; returns how many bytes it takes, 0 for an unknown one.
 */
static size_t read_escape(struct str_view text, char *byte_out) {
  char letter = text.length > 1 ? text.data[1] : 0;
  uint64_t byte;
  switch (letter) {
  case 'r': *byte_out = '\r'; return 2;
  case 'n': *byte_out = '\n'; return 2;
  case '0': *byte_out = '\0'; return 2;
  case '\\': *byte_out = '\\'; return 2;
  case 'x':
    if (text.length < 4 || !str_view_any_hex_to_u64(str_view_slice(text, 2, 2), &byte)) return 0;
    *byte_out = (char)byte;
    return 4;
  }
  return 0;
}

static enum result read_text(struct str_view value, struct parameter_text *field) {
  struct parameter_text text = {0};
  while (value.length > 0) {
    char byte = value.data[0];
    size_t taken = byte == '\\' ? read_escape(value, &byte) : 1;
    if (taken == 0) return RESULT_MALFORMED;
    if (text.length == PARAMETER_TEXT_MAX) return RESULT_OUT_OF_RANGE;
    text.bytes[text.length++] = byte;
    value = str_view_from(value, taken);
  }
  *field = text;
  return RESULT_OK;
}

static void add_escaped(struct text_builder *builder, struct str_view text) {
  for (size_t i = 0; i < text.length; i++) {
    char byte = text.data[i];
    switch (byte) {
    case '\r': text_builder_add_literal(builder, "\\r"); continue;
    case '\n': text_builder_add_literal(builder, "\\n"); continue;
    case '\0': text_builder_add_literal(builder, "\\0"); continue;
    case '\\': text_builder_add_literal(builder, "\\\\"); continue;
    }
    if (byte >= ' ' && byte <= '~') {
      text_builder_add_char(builder, byte);
    } else {
      text_builder_add_literal(builder, "\\x");
      text_builder_add_hex(builder, (uint8_t)byte, 2);
    }
  }
}

/* --- Lists of waits ---------------------------------------------------------------------------------------------- */

/* Seconds with at most three decimals, as milliseconds. */
static enum result read_wait(const struct parameter_row *row, struct str_view value, uint32_t *ms_out) {
  size_t point = str_view_find(value, '.');
  struct str_view decimals = str_view_from(value, point + 1);
  uint32_t seconds, fraction = 0;
  if (!str_view_to_u32(str_view_slice(value, 0, point), &seconds)) return RESULT_MALFORMED;
  if (point < value.length && (decimals.length > 3 || !str_view_to_u32(decimals, &fraction))) return RESULT_MALFORMED;
  for (size_t i = decimals.length; i < 3; i++)
    fraction *= 10;
  if (seconds > row->max / 1000 || seconds * 1000 + fraction > row->max) return RESULT_OUT_OF_RANGE;
  if (seconds * 1000 + fraction < row->min) return RESULT_OUT_OF_RANGE;
  *ms_out = seconds * 1000 + fraction;
  return RESULT_OK;
}

static enum result read_waits(const struct parameter_row *row, struct str_view value, struct parameter_list *field) {
  struct parameter_list list = {0};
  if (is_word(row, value)) {
    *field = list;
    return RESULT_OK;
  }
  for (bool more = true; more;) {
    size_t comma = str_view_find(value, ',');
    more = comma < value.length;
    if (list.count == PARAMETER_LIST_MAX) return RESULT_OUT_OF_RANGE;
    enum result result = read_wait(row, str_view_trim(str_view_slice(value, 0, comma)), &list.ms[list.count++]);
    if (result != RESULT_OK) return result;
    value = str_view_from(value, comma + 1);
  }
  *field = list;
  return RESULT_OK;
}

static void add_seconds(struct text_builder *builder, uint32_t ms) {
  text_builder_add_u64(builder, ms / 1000);
  if (ms % 1000 == 0) return;
  char decimals[] = {'.', (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10)};
  size_t length = sizeof decimals;
  while (decimals[length - 1] == '0')
    length--;
  text_builder_add(builder, str_view_of(decimals, length));
}

static void add_waits(struct text_builder *builder, const struct parameter_row *row,
                      const struct parameter_list *list) {
  if (list->count == 0) text_builder_add(builder, str_view_from_c(row->word));
  for (uint8_t i = 0; i < list->count; i++) {
    if (i > 0) text_builder_add_char(builder, ',');
    add_seconds(builder, list->ms[i]);
  }
}

/* --- All types --------------------------------------------------------------------------------------------------- */

void parameter_allowed_to_text(const struct parameter_row *row, struct text_builder *builder) {
  struct str_view choices = str_view_from_c(row->choices);
  switch (row->type) {
  case PARAMETER_NUMBER:
    text_builder_add_u64(builder, row->min);
    text_builder_add_literal(builder, " to ");
    text_builder_add_u64(builder, row->max);
    if (row->unit[0]) text_builder_add_char(builder, ' ');
    text_builder_add(builder, str_view_from_c(row->unit));
    if (row->zero_allowed && row->min > 0) text_builder_add_literal(builder, ", or 0");
    if (row->word) text_builder_add_literal(builder, ", or ");
    text_builder_add(builder, str_view_from_c(row->word));
    return;
  case PARAMETER_BYTE: text_builder_add_literal(builder, "0x00 to 0xff"); return;
  case PARAMETER_SWITCH: text_builder_add_literal(builder, "On or Off"); return;
  case PARAMETER_CHOICE:
    while (choices.length > 0) {
      text_builder_add(builder, take_choice(&choices));
      if (choices.length > 0) text_builder_add_literal(builder, " or ");
    }
    return;
  case PARAMETER_TEXT:
    text_builder_add_literal(builder, "at most ");
    text_builder_add_u64(builder, PARAMETER_TEXT_MAX);
    text_builder_add_literal(builder, " bytes of text with the escapes \\r \\n \\0 \\xHH \\\\");
    return;
  case PARAMETER_WAITS:
    text_builder_add(builder, str_view_from_c(row->word));
    text_builder_add_literal(builder, ", or 1 to ");
    text_builder_add_u64(builder, PARAMETER_LIST_MAX);
    text_builder_add_literal(builder, " waits of ");
    add_seconds(builder, row->min);
    text_builder_add_literal(builder, " to ");
    add_seconds(builder, row->max);
    text_builder_add_literal(builder, " s, separated by commas");
    return;
  }
}

static void add_problem(const struct parameter_row *row, struct str_view value, bool is_number,
                        struct text_builder *problem) {
  text_builder_add(problem, str_view_from_c(row->name));
  text_builder_add_literal(problem, " is ");
  if (!is_number) text_builder_add_char(problem, '"');
  add_escaped(problem, str_view_slice(value, 0, PROBLEM_VALUE_BYTES_MAX));
  if (value.length > PROBLEM_VALUE_BYTES_MAX) text_builder_add_literal(problem, "…");
  if (!is_number) text_builder_add_char(problem, '"');
  text_builder_add_literal(problem, "; allowed are ");
  parameter_allowed_to_text(row, problem);
}

static enum result read_value(const struct parameter_row *row, struct str_view value, void *field) {
  switch (row->type) {
  case PARAMETER_NUMBER: return read_number(row, value, field);
  case PARAMETER_BYTE: return read_byte(row, value, field);
  case PARAMETER_SWITCH: return read_switch(value, field);
  case PARAMETER_CHOICE: return read_choice(row, value, field);
  case PARAMETER_TEXT: return read_text(value, field);
  case PARAMETER_WAITS: return read_waits(row, value, field);
  }
  return RESULT_UNSUPPORTED;
}

enum result parameter_set(struct parameters *parameters, const struct parameter_row *row, struct str_view value,
                          struct text_builder *problem) {
  if (row->type != PARAMETER_TEXT) value = str_view_trim(value);
  enum result result = read_value(row, value, field_of(parameters, row));
  if (result != RESULT_OK) add_problem(row, value, is_digits(value), problem);
  return result;
}

static uint32_t number_of(const struct parameters *parameters, const struct parameter_row *row) {
  return *(const uint32_t *)field_view(parameters, row);
}

void parameter_to_text(const struct parameters *parameters, const struct parameter_row *row,
                       struct text_builder *builder) {
  const void *field = field_view(parameters, row);
  struct str_view choices = str_view_from_c(row->choices);
  const struct parameter_text *text = field;
  switch (row->type) {
  case PARAMETER_NUMBER:
    if (parameter_is_decimal(parameters, row))
      text_builder_add_u64(builder, number_of(parameters, row));
    else
      text_builder_add(builder, str_view_from_c(row->word));
    return;
  case PARAMETER_BYTE:
    text_builder_add_literal(builder, "0x");
    text_builder_add_hex(builder, number_of(parameters, row), 2);
    return;
  case PARAMETER_SWITCH: text_builder_add(builder, *(const bool *)field ? STR_VIEW("On") : STR_VIEW("Off")); return;
  case PARAMETER_CHOICE:
    for (uint32_t i = number_of(parameters, row); i > 0; i--)
      take_choice(&choices);
    text_builder_add(builder, take_choice(&choices));
    return;
  case PARAMETER_TEXT: add_escaped(builder, str_view_of(text->bytes, text->length)); return;
  case PARAMETER_WAITS: add_waits(builder, row, field); return;
  }
}

bool parameter_is_decimal(const struct parameters *parameters, const struct parameter_row *row) {
  return row->type == PARAMETER_NUMBER && !(row->word && number_of(parameters, row) == row->word_value);
}
