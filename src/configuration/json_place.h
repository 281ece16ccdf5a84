/* Where in a JSON text the value of a JSON pointer stands: the parser keeps no places, so the text is walked once more.
 */
#ifndef CONFIGURATION_JSON_PLACE_H
#define CONFIGURATION_JSON_PLACE_H

#include <stddef.h>

/* The line (from 1) on which the value at `pointer` ("/phones/3/capacity") begins in `text`, which must be well-formed;
 * 0 when it is not there. Keys with "/" or "~" are not found: configuration documents have none. */
int json_place_line(const char *text, size_t length, const char *pointer);

#endif
