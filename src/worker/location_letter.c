#include "worker/location_letter.h"

#include <string.h>

void location_letter_write(const struct location_answer *answer, struct text_builder *builder) {
  text_builder_add(builder, str_view_of((const char *)answer, sizeof *answer));
  for (unsigned i = 0; i < answer->contact_count; i++) {
    text_builder_add(builder, answer->contacts[i].uri);
    text_builder_add(builder, answer->contacts[i].path);
  }
}

/* Lets `*text`, whose length has come with the letter, point to the bytes at `*offset`. */
static bool point_into(struct str_view letter, size_t *offset, struct str_view *text) {
  size_t length = text->length;
  *text = str_view_slice(letter, *offset, length);
  *offset += length;
  return text->length == length;
}

enum result location_letter_read(struct str_view letter, struct location_answer *answer_out) {
  if (letter.length < sizeof *answer_out) return RESULT_MALFORMED;
  memcpy(answer_out, letter.data, sizeof *answer_out);
  if (answer_out->contact_count > EVENT_LOCATION_CONTACTS_MAX) return RESULT_MALFORMED;
  size_t offset = sizeof *answer_out;
  for (unsigned i = 0; i < answer_out->contact_count; i++) {
    struct location_contact *contact = &answer_out->contacts[i];
    if (!point_into(letter, &offset, &contact->uri) || !point_into(letter, &offset, &contact->path))
      return RESULT_MALFORMED;
  }
  return offset == letter.length ? RESULT_OK : RESULT_MALFORMED;
}
