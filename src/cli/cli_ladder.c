#include "cli/cli_ladder.h"

#include <stdbool.h>
#include <string.h>

#define TIME_WIDTH     14 /* "12:00:01.123  " */
#define LANE_WIDTH_MIN 18
#define LANE_WIDTH_MAX 38
#define LINE_MAX       (TIME_WIDTH + CLI_LADDER_LANES_MAX * LANE_WIDTH_MAX + 1)

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "";
}

static int lane_width(const struct cli_ladder *ladder, int columns) {
  int width = (columns - TIME_WIDTH) / (int)ladder->count;
  return width < LANE_WIDTH_MIN ? LANE_WIDTH_MIN : width > LANE_WIDTH_MAX ? LANE_WIDTH_MAX : width;
}

/* --- columns ----------------------------------------------------------------------------------------------------- */

static unsigned find_lane(const struct cli_ladder *ladder, const char *address) {
  unsigned i = 0;
  while (i < ladder->count && strcmp(ladder->lanes[i].address, address) != 0)
    i++;
  return i;
}

/* Before the switch for a caller, else behind everybody. */
static void add_lane(struct cli_ladder *ladder, const char *address, const char *side) {
  bool is_caller = strcmp(side, "caller") == 0 && ladder->count > 0;
  unsigned at = is_caller ? ladder->ours : ladder->count;
  memmove(&ladder->lanes[at + 1], &ladder->lanes[at], (ladder->count - at) * sizeof ladder->lanes[0]);
  ladder->lanes[at] = (struct cli_lane){0};
  snprintf(ladder->lanes[at].address, sizeof ladder->lanes[at].address, "%s", address);
  snprintf(ladder->lanes[at].side, sizeof ladder->lanes[at].side, "%s", side);
  ladder->count++;
  if (is_caller) ladder->ours++;
}

/* True when a column has come. Only participants that say something in this answer are in it. */
static bool add_lanes(struct cli_ladder *ladder, const json_t *participants) {
  unsigned before = ladder->count;
  const json_t *participant;
  size_t i;
  if (ladder->count == 0) add_lane(ladder, "", "");
  json_array_foreach(participants, i, participant) {
    const char *address = text_of(participant, "address");
    if (find_lane(ladder, address) == ladder->count && ladder->count < CLI_LADDER_LANES_MAX)
      add_lane(ladder, address, text_of(participant, "name"));
  }
  return ladder->count != before;
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

static void put_centred(char *line, int from, int width, const char *word) {
  int length = (int)strlen(word);
  if (length > width) length = width;
  memcpy(line + from + (width - length) / 2, word, (size_t)length);
}

static void end_line(char *line, FILE *screen) {
  size_t length = LINE_MAX - 1;
  while (length > 0 && line[length - 1] == ' ')
    length--;
  /* A peer's words must not move the cursor of a terminal. */
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)line[i] < ' ' || (unsigned char)line[i] > '~') line[i] = '?';
  fprintf(screen, "%.*s\n", (int)length, line);
}

static void draw_head(const struct cli_ladder *ladder, int width, FILE *screen) {
  for (int row = 0; row < 2; row++) {
    char line[LINE_MAX];
    memset(line, ' ', sizeof line);
    for (unsigned i = 0; i < ladder->count; i++) {
      const struct cli_lane *lane = &ladder->lanes[i];
      const char *name = i == ladder->ours ? "belfry" : lane->side;
      put_centred(line, TIME_WIDTH + (int)i * width, width, row == 0 ? name : lane->address);
    }
    end_line(line, screen);
  }
}

static int middle(unsigned lane, int width) {
  return TIME_WIDTH + (int)lane * width + width / 2;
}

/* "|---- INVITE ---->|" between two columns. */
static void put_arrow(char *line, unsigned from, unsigned to, int width, const char *label) {
  int left = middle(from < to ? from : to, width) + 1, right = middle(from < to ? to : from, width);
  char words[LINE_MAX];
  memset(line + left, '-', (size_t)(right - left));
  line[to < from ? left : right - 1] = to < from ? '<' : '>';
  snprintf(words, sizeof words, " %.*s ", right - left - 4, label);
  put_centred(line, left + 1, right - left - 2, words);
}

static unsigned lane_of(const struct cli_ladder *ladder, const json_t *participants, const json_t *item,
                        const char *end) {
  size_t index = (size_t)json_integer_value(json_object_get(item, end));
  unsigned lane = find_lane(ladder, text_of(json_array_get(participants, index), "address"));
  return lane < ladder->count ? lane : ladder->count - 1;
}

static void draw_item(const struct cli_ladder *ladder, const json_t *participants, const json_t *item, int width,
                      FILE *screen) {
  char line[LINE_MAX], note[LINE_MAX];
  const char *at = text_of(item, "at"), *summary = text_of(item, "summary");
  unsigned from = lane_of(ladder, participants, item, "from"), to = lane_of(ladder, participants, item, "to");
  memset(line, ' ', sizeof line);
  if (strlen(at) > 11) memcpy(line, at + 11, strnlen(at + 11, 12));
  for (unsigned i = 0; i < ladder->count; i++)
    line[middle(i, width)] = '|';
  if (from != to) {
    put_arrow(line, from, to, width, summary);
  } else {
    int left = middle(ladder->ours, width);
    int length = snprintf(note, sizeof note, "* %.*s", LINE_MAX - left - 4, summary);
    memcpy(line + left, note, (size_t)length);
  }
  end_line(line, screen);
}

void cli_ladder_draw(struct cli_ladder *ladder, const json_t *page, int columns, FILE *screen) {
  const json_t *participants = json_object_get(page, "participants"), *items = json_object_get(page, "items"), *item;
  size_t i;
  if (json_array_size(items) == 0) return;
  bool has_grown = add_lanes(ladder, participants);
  int width = lane_width(ladder, columns);
  if (has_grown) draw_head(ladder, width, screen);
  json_array_foreach(items, i, item) {
    draw_item(ladder, participants, item, width, screen);
  }
}
