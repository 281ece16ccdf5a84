/* Texts of strangers on an operator's terminal. Numbers, names and whole messages are what a peer wrote: what a
 * terminal would obey instead of showing (ESC, CR, C1 controls) is written as \x1b. With -j the answer is JSON, which
 * writes it so by itself. */
#ifndef CLI_CLI_PLAIN_H
#define CLI_CLI_PLAIN_H

#include <jansson.h>

/* A copy of `text` that a terminal only shows, to be freed; line ends stay, as LF. NULL: no memory. */
char *cli_plain_text(const char *text);

/* All texts inside `value` (an object or a list) become such ones; here line ends are written as \x0a, too, since each
 * stands in a line of its own. */
void cli_plain_json(json_t *value);

#endif
