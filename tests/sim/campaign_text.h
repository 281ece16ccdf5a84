/* The text of a scenario that is being made up, and the chance that makes it. */
#ifndef SIM_CAMPAIGN_TEXT_H
#define SIM_CAMPAIGN_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "base/str_view.h"

struct campaign_text {
  struct random random;
  char *text;
  size_t length;
};

/* `memory` of CAMPAIGN_BYTES. */
void campaign_text_init(struct campaign_text *text, uint64_t seed, char *memory);
struct str_view campaign_text_view(const struct campaign_text *text);

/* Appends a line, as printf without the line's end. */
void campaign_line(struct campaign_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* From `low` to `high`, both included. */
unsigned campaign_draw(struct campaign_text *text, unsigned low, unsigned high);
bool campaign_chance(struct campaign_text *text, unsigned percent);

#endif
