/* Dial plan rules as VOS3000 operators write them, `original:target`: `*` stands for any digits (also none), `?` for
 * one digit; the longest matching original wins (its fixed characters count), first of equals; in the target `*` stands
 * for what the original's `*` matched and `$` keeps the digit at that place (behind a `*`: at that place from the end).
 * All other characters (digits, letters, + # . _ -) stand for themselves. "*:00*" puts 00 before any number;
 * "0049*:49*" replaces; "a*:*" takes a customer's prefix off. No rule matches: the number stays. An original has at
 * most one `*`. */
#ifndef ROUTING_NUMBER_TRANSFORM_H
#define ROUTING_NUMBER_TRANSFORM_H

#include "base/arena.h"
#include "directory/directory.h"

#define NUMBER_LENGTH_MAX 64

/* The number after the rules, in the arena or `number` itself. A result longer than NUMBER_LENGTH_MAX leaves the number
 * as it was. */
struct str_view number_transform(struct str_view number, const struct number_rule *rules, unsigned rule_count,
                                 struct arena *arena);

/* RESULT_MALFORMED with a sentence in `*problem` when a rule text is not original:target. */
enum result number_rule_parse(struct str_view text, struct number_rule *rule_out,
                              struct text_builder *problem) MUST_USE;

#endif
