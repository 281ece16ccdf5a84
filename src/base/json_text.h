/* Writes JSON (RFC 8259) into a text builder, append-only and without a state of its own: whether a comma is due is
 * seen from the last byte written (a value never ends in one of `{[:,`). So objects written one after the other are
 * separated by commas.
 *
 *   json_text_open_object(&b);
 *   json_text_field_string(&b, "number", number);
 *   json_text_key(&b, "keep_alive");
 *   json_text_open_object(&b); … json_text_close_object(&b);
 *   json_text_close_object(&b);
 *
 * A builder that overflows has dropped a piece: the text is then not JSON and must not be used. */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_view.h"
#include "base/text_builder.h"
#include "base/time.h"

void json_text_open_object(struct text_builder *builder);
void json_text_close_object(struct text_builder *builder);
void json_text_open_array(struct text_builder *builder);
void json_text_close_array(struct text_builder *builder);

/* The name of the member whose value is written next. */
void json_text_key(struct text_builder *builder, const char *name);

/* Any bytes: quotes, backslashes and control characters are escaped, every byte that is not part of well-formed UTF-8
 * becomes U+FFFD, so that whatever a device sends stays JSON. */
void json_text_string(struct text_builder *builder, struct str_view text);
void json_text_u64(struct text_builder *builder, uint64_t value);
void json_text_i64(struct text_builder *builder, int64_t value);
void json_text_bool(struct text_builder *builder, bool value);
void json_text_null(struct text_builder *builder);

/* RFC 3339 in UTC with milliseconds, as a string; null for 0. */
void json_text_stamp(struct text_builder *builder, struct wall_us stamp);

/* Key and value in one. */
void json_text_field_string(struct text_builder *builder, const char *name, struct str_view text);
void json_text_field_u64(struct text_builder *builder, const char *name, uint64_t value);
void json_text_field_i64(struct text_builder *builder, const char *name, int64_t value);
void json_text_field_bool(struct text_builder *builder, const char *name, bool value);
void json_text_field_null(struct text_builder *builder, const char *name);
void json_text_field_stamp(struct text_builder *builder, const char *name, struct wall_us stamp);

#endif
