/* Where a phone is, as bytes on the way from one worker to another: the answer itself, then its texts in the order of
 * the contacts. */
#ifndef WORKER_LOCATION_LETTER_H
#define WORKER_LOCATION_LETTER_H

#include "base/str_view.h"
#include "base/text_builder.h"
#include "boundary/event.h"

/* Appends the letter; the builder overflows when it does not fit. */
void location_letter_write(const struct location_answer *answer, struct text_builder *builder);

/* Reads a letter; the texts of `*answer_out` are views into `letter`. */
enum result location_letter_read(struct str_view letter, struct location_answer *answer_out) MUST_USE;

#endif
