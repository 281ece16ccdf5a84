#include "routing/number_transform.h"

/* Where the `*` of a pattern began and ended in the number. */
struct number_match {
  bool matched;
  unsigned fixed_count; /* characters of the pattern that are neither `*` nor `?` */
  struct str_view star; /* what the `*` stands for; empty when the pattern has none */
};

static bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

static bool pattern_char_matches(char pattern, char byte) {
  return pattern == '?' ? is_digit(byte) : pattern == byte;
}

static bool pattern_matches(struct str_view pattern, struct str_view text) {
  if (pattern.length != text.length) return false;
  for (size_t i = 0; i < pattern.length; i++)
    if (!pattern_char_matches(pattern.data[i], text.data[i])) return false;
  return true;
}

static bool all_digits(struct str_view text) {
  for (size_t i = 0; i < text.length; i++)
    if (!is_digit(text.data[i])) return false;
  return true;
}

/* An original has at most one `*` (number_rule_parse), so what it stands for is what lies between the fixed ends. */
static struct number_match number_rule_match(struct str_view original, struct str_view number) {
  struct number_match match = {0};
  for (size_t i = 0; i < original.length; i++)
    match.fixed_count += original.data[i] != '*' && original.data[i] != '?';
  size_t head = str_view_find(original, '*');
  if (head == original.length) {
    match.matched = pattern_matches(original, number);
    return match;
  }
  size_t tail = original.length - head - 1;
  if (number.length < head + tail) return match;
  match.star = str_view_slice(number, head, number.length - head - tail);
  match.matched = pattern_matches(str_view_slice(original, 0, head), str_view_slice(number, 0, head)) &&
                  pattern_matches(str_view_from(original, head + 1), str_view_from(number, number.length - tail)) &&
                  all_digits(match.star);
  return match;
}

/* `$` keeps the digit at its own place: counted from the front, or, behind a `*`, from the end, because there only the
 * distance to the end is the same in number and pattern. */
static struct str_view digit_at_place(struct str_view number, struct str_view target, size_t place, bool behind_star) {
  size_t from_end = target.length - place;
  if (!behind_star) return str_view_slice(number, place, 1);
  return from_end <= number.length ? str_view_slice(number, number.length - from_end, 1) : (struct str_view){0};
}

static void number_rule_write(struct str_view target, struct str_view number, struct str_view star,
                              struct text_builder *builder) {
  bool behind_star = false;
  for (size_t i = 0; i < target.length; i++) {
    if (target.data[i] == '*') {
      text_builder_add(builder, star);
      behind_star = true;
    } else if (target.data[i] == '$') {
      text_builder_add(builder, digit_at_place(number, target, i, behind_star));
    } else {
      text_builder_add_char(builder, target.data[i]);
    }
  }
}

struct str_view number_transform(struct str_view number, const struct number_rule *rules, unsigned rule_count,
                                 struct arena *arena) {
  const struct number_rule *best = NULL;
  struct number_match best_match = {0};
  for (unsigned i = 0; i < rule_count; i++) {
    struct number_match match = number_rule_match(rules[i].original, number);
    if (!match.matched || (best && match.fixed_count <= best_match.fixed_count)) continue;
    best = &rules[i];
    best_match = match;
  }
  if (!best) return number;
  struct text_builder builder = arena_builder(arena, NUMBER_LENGTH_MAX);
  number_rule_write(best->target, number, best_match.star, &builder);
  return builder.overflowed ? number : text_builder_view(&builder);
}

static enum result rule_problem(struct text_builder *problem, struct str_view text, const char *what) {
  text_builder_add_literal(problem, "number rule \"");
  text_builder_add(problem, text);
  text_builder_add_literal(problem, "\" ");
  text_builder_add(problem, str_view_from_c(what));
  return RESULT_MALFORMED;
}

/* Letters too: customers' prefixes such as `a` are common. */
static bool rule_characters_are_known(struct str_view text, const char *allowed) {
  for (size_t i = 0; i < text.length; i++) {
    char lower = (char)(text.data[i] | 0x20);
    bool is_letter = lower >= 'a' && lower <= 'z';
    if (!is_digit(text.data[i]) && !is_letter && !memchr(allowed, text.data[i], strlen(allowed))) return false;
  }
  return true;
}

static unsigned count_stars(struct str_view text) {
  unsigned stars = 0;
  for (size_t i = 0; i < text.length; i++)
    stars += text.data[i] == '*';
  return stars;
}

enum result number_rule_parse(struct str_view text, struct number_rule *rule_out, struct text_builder *problem) {
  size_t colon = str_view_find(text, ':');
  if (colon == text.length) return rule_problem(problem, text, "has no colon: it is written original:target");
  struct str_view original = str_view_trim(str_view_slice(text, 0, colon));
  struct str_view target = str_view_trim(str_view_from(text, colon + 1));
  if (original.length == 0) return rule_problem(problem, text, "has nothing before the colon");
  if (original.length > NUMBER_LENGTH_MAX || target.length > NUMBER_LENGTH_MAX)
    return rule_problem(problem, text, "is longer than 64 characters on one side");
  if (!rule_characters_are_known(original, "*?+#._-"))
    return rule_problem(problem, text, "may have digits, letters, + # . _ - * and ? before the colon");
  if (!rule_characters_are_known(target, "*$+#._-"))
    return rule_problem(problem, text, "may have digits, letters, + # . _ - * and $ behind the colon");
  if (count_stars(original) > 1) return rule_problem(problem, text, "has more than one * before the colon");
  if (count_stars(target) > count_stars(original))
    return rule_problem(problem, text, "has a * behind the colon that stands for nothing");
  if (target.length == 0) return rule_problem(problem, text, "has nothing behind the colon");
  *rule_out = (struct number_rule){original, target};
  return RESULT_OK;
}
