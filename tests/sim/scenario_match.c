#include "sim/scenario_match.h"

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Takes the next word off `*text`; empty at the end. */
static struct str_view take_word(struct str_view *text) {
  size_t start = 0;
  while (start < text->length && is_blank(text->data[start]))
    start++;
  size_t end = start;
  while (end < text->length && !is_blank(text->data[end]))
    end++;
  struct str_view word = str_view_slice(*text, start, end - start);
  *text = str_view_from(*text, end);
  return word;
}

unsigned scenario_split(struct str_view line, struct str_view words[SCENARIO_WORDS_MAX]) {
  unsigned count = 0;
  for (struct str_view word = take_word(&line); word.length && count < SCENARIO_WORDS_MAX; word = take_word(&line)) {
    if (word.data[0] == '#') break;
    words[count++] = word;
  }
  return count;
}

/* --- patterns ---------------------------------------------------------------------------------------------------- */

static bool is_placeholder(struct str_view word) {
  for (size_t i = 0; i < word.length; i++)
    if (word.data[i] < 'A' || word.data[i] > 'Z') return false;
  return word.length > 1;
}

static void keep(struct match *match, struct str_view name, struct str_view value) {
  if (match->count == MATCH_VALUES_MAX) return;
  match->names[match->count] = name;
  match->values[match->count++] = value;
}

/* Matches the words of `pattern` (no groups) from the start; returns how many. `*whole_out`: all of them. */
static unsigned match_run(struct str_view pattern, const struct str_view *words, unsigned word_count,
                          struct match *match, bool *whole_out) {
  unsigned at = 0;
  for (struct str_view part = take_word(&pattern); part.length; part = take_word(&pattern), at++) {
    *whole_out = false;
    if (at == word_count) return at;
    bool is_any = is_placeholder(part);
    if (!is_any && !str_view_equal(part, words[at])) return at;
    if (is_any) keep(match, part, words[at]);
  }
  *whole_out = true;
  return at;
}

/* The n-th group in brackets, without them; empty: there is none. */
static struct str_view group_of(struct str_view pattern, unsigned n) {
  for (;;) {
    size_t start = str_view_find(pattern, '[');
    if (start == pattern.length) return (struct str_view){0};
    pattern = str_view_from(pattern, start + 1);
    size_t end = str_view_find(pattern, ']');
    if (n-- == 0) return str_view_slice(pattern, 0, end);
    pattern = str_view_from(pattern, end);
  }
}

static unsigned match_group(struct str_view pattern, const struct str_view *words, unsigned word_count,
                            struct match *match, uint32_t *used) {
  struct str_view group;
  for (unsigned n = 0; (group = group_of(pattern, n)).length; n++) {
    if (*used & 1U << n) continue;
    struct match attempt = *match;
    bool whole;
    struct str_view rest = group;
    keep(&attempt, take_word(&rest), words[0]);
    unsigned taken = match_run(group, words, word_count, &attempt, &whole);
    if (!whole) continue;
    *match = attempt;
    *used |= 1U << n;
    return taken;
  }
  return 0;
}

bool scenario_match(const char *pattern, const struct str_view *words, unsigned word_count, struct match *match,
                    unsigned *matched_out) {
  struct str_view all = str_view_from_c(pattern);
  struct str_view required = str_view_slice(all, 0, str_view_find(all, '['));
  uint32_t used = 0;
  bool whole;
  match->count = 0;
  unsigned at = match_run(required, words, word_count, match, &whole);
  while (whole && at < word_count) {
    unsigned taken = match_group(all, words + at, word_count - at, match, &used);
    if (taken == 0) break;
    at += taken;
  }
  if (matched_out) *matched_out = at;
  return whole && at == word_count;
}

struct str_view match_value(const struct match *match, const char *name) {
  for (unsigned i = 0; i < match->count; i++)
    if (str_view_equal(match->names[i], str_view_from_c(name))) return match->values[i];
  return (struct str_view){0};
}

bool match_has(const struct match *match, const char *name) {
  return match_value(match, name).data != NULL;
}

/* --- values ------------------------------------------------------------------------------------------------------ */

/* A number with up to three decimals, in thousandths, and what follows it. */
static bool read_thousandths(struct str_view word, int64_t *out, struct str_view *unit_out) {
  int64_t value = 0;
  unsigned decimals = 0;
  bool has_point = false;
  size_t at = 0;
  for (; at < word.length && at < 15; at++) {
    char byte = word.data[at];
    if (byte == '.' && !has_point && at > 0) {
      has_point = true;
    } else if (byte >= '0' && byte <= '9') {
      if (decimals == 3) return false;
      value = 10 * value + (byte - '0');
      decimals += has_point;
    } else {
      break;
    }
  }
  if (at == 0) return false;
  for (; decimals < 3; decimals++)
    value *= 10;
  *out = value;
  *unit_out = str_view_from(word, at);
  return true;
}

bool read_time_us(struct str_view word, int64_t *out) {
  static const struct {
    const char *name;
    int64_t us;
  } units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", 3600000000}, {"d", 86400000000}};
  int64_t thousandths;
  struct str_view unit;
  if (!read_thousandths(word, &thousandths, &unit)) return false;
  for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++) {
    if (!str_view_equal(unit, str_view_from_c(units[i].name))) continue;
    *out = units[i].us == 1 ? thousandths / 1000 : thousandths * (units[i].us / 1000);
    return true;
  }
  return false;
}

bool read_ppm(struct str_view word, uint32_t *out) {
  int64_t thousandths;
  struct str_view unit;
  if (!read_thousandths(word, &thousandths, &unit) || !str_view_equal(unit, STR_VIEW("%")) || thousandths > 100000)
    return false;
  *out = (uint32_t)(thousandths * 10);
  return true;
}

static struct str_view without_comma(struct str_view word) {
  if (word.length > 1 && word.data[word.length - 1] == ',') word.length--;
  return word;
}

static bool read_status(struct str_view word, unsigned *status_out) {
  uint32_t status;
  bool is_class = word.length == 3 && word.data[1] == 'x' && word.data[2] == 'x';
  if (is_class) word.length = 1;
  if (word.length != (is_class ? 1 : 3) || !str_view_to_u32(word, &status)) return false;
  *status_out = status;
  return true;
}

unsigned read_message_pattern(const struct str_view *words, unsigned word_count, struct message_pattern *out) {
  *out = (struct message_pattern){0};
  if (word_count == 0) return 0;
  struct str_view word = without_comma(words[0]);
  if (!read_status(word, &out->status)) {
    out->is_request = true;
    out->method = sip_method_from_text(word);
    return out->method == SIP_METHOD_UNKNOWN ? 0 : 1;
  }
  if (word_count < 2 || word.length != words[0].length) return 1;
  out->method = sip_method_from_text(without_comma(words[1]));
  return out->method == SIP_METHOD_UNKNOWN ? 1 : 2;
}
