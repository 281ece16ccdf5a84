#include "sim/campaign_text.h"

#include <stdarg.h>
#include <stdio.h>

#include "sim/campaign.h"
#include "sim/world.h"

void campaign_text_init(struct campaign_text *text, uint64_t seed, char *memory) {
  *text = (struct campaign_text){.text = memory};
  random_seed(&text->random, (struct siphash_key){seed, CHANCE_CAMPAIGN});
}

struct str_view campaign_text_view(const struct campaign_text *text) {
  return str_view_of(text->text, text->length);
}

void campaign_line(struct campaign_text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  size_t left = CAMPAIGN_BYTES - text->length;
  int written = vsnprintf(text->text + text->length, left, format, arguments);
  va_end(arguments);
  if (written > 0 && (size_t)written + 1 < left) {
    text->length += (size_t)written;
    text->text[text->length++] = '\n';
  }
}

unsigned campaign_draw(struct campaign_text *text, unsigned low, unsigned high) {
  return random_between(&text->random, low, high);
}

bool campaign_chance(struct campaign_text *text, unsigned percent) {
  return campaign_draw(text, 1, 100) <= percent;
}
