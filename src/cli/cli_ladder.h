/* A ladder that grows downwards in the terminal while a trace is followed: columns come as participants are heard,
 * callers left of the switch, everybody else right of it. */
#ifndef CLI_CLI_LADDER_H
#define CLI_CLI_LADDER_H

#include <jansson.h>
#include <stdio.h>

#define CLI_LADDER_LANES_MAX 8
#define CLI_LADDER_NAME_MAX  64

struct cli_lane {
  char address[CLI_LADDER_NAME_MAX]; /* "": the switch */
  char side[16];                     /* "caller", "callee", "" */
};

/* All zero: nothing has been heard yet. */
struct cli_ladder {
  struct cli_lane lanes[CLI_LADDER_LANES_MAX];
  unsigned count, ours; /* `ours`: the switch's lane */
};

/* Draws the items of one answer of GET /api/v1/trace below what is there, with a head whenever a column has come, on
 * `columns` characters. A participant for whom there is no column any more is drawn in the last. */
void cli_ladder_draw(struct cli_ladder *ladder, const json_t *page, int columns, FILE *screen);

#endif
