/* How the lines of a scenario are recognised: a line matches a pattern word by word.
 *
 *   "phone NAME NUMBER [at ADDRESS] [registers]"
 *
 * Words in capitals stand for any word, which is kept under that name; groups in brackets may be there or not, in any
 * order, and are kept under their first word. Numbers have units: 200ms, 3s, 1.5m, 2h, 10%. */
#ifndef SIM_SCENARIO_MATCH_H
#define SIM_SCENARIO_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_view.h"
#include "sim/network.h"

#define SCENARIO_WORDS_MAX 96
#define MATCH_VALUES_MAX   24

struct match {
  struct str_view names[MATCH_VALUES_MAX], values[MATCH_VALUES_MAX];
  unsigned count;
};

/* Splits at blanks; what stands behind '#' is left out. Returns how many words. */
unsigned scenario_split(struct str_view line, struct str_view words[SCENARIO_WORDS_MAX]);

/* True when all words match. `*matched_out` (may be NULL): how many words did. */
bool scenario_match(const char *pattern, const struct str_view *words, unsigned word_count, struct match *match,
                    unsigned *matched_out);

/* What stood there; data NULL: nothing did. */
struct str_view match_value(const struct match *match, const char *name);
bool match_has(const struct match *match, const char *name);

/* False, and `*out` untouched, when it is not written so. */
bool read_time_us(struct str_view word, int64_t *out);
bool read_ppm(struct str_view word, uint32_t *out);

/* "BYE", "180", "200 INVITE", "2xx INVITE"; returns how many words it takes, 0: none of these. A comma may follow. */
unsigned read_message_pattern(const struct str_view *words, unsigned word_count, struct message_pattern *out);

#endif
