#include "configuration/json_place.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct walk {
  const char *at, *end;
  int line;
};

static void skip_blanks(struct walk *walk) {
  for (; walk->at < walk->end && strchr(" \t\r\n", *walk->at) && *walk->at; walk->at++)
    if (*walk->at == '\n') walk->line++;
}

/* Stands on the opening quote; afterwards behind the closing one. */
static void skip_string(struct walk *walk) {
  for (walk->at++; walk->at < walk->end && *walk->at != '"'; walk->at++)
    if (*walk->at == '\\') walk->at++;
  walk->at++;
}

static void skip_value(struct walk *walk) {
  int depth = 0;
  do {
    skip_blanks(walk);
    if (walk->at >= walk->end) return;
    if (*walk->at == '"') {
      skip_string(walk);
    } else {
      if (*walk->at == '{' || *walk->at == '[') depth++;
      if (*walk->at == '}' || *walk->at == ']') depth--;
      walk->at++;
      while (depth == 0 && walk->at < walk->end && !strchr(",]} \t\r\n", *walk->at))
        walk->at++;
    }
  } while (depth > 0);
}

static bool skip_byte(struct walk *walk, char byte) {
  skip_blanks(walk);
  if (walk->at >= walk->end || *walk->at != byte) return false;
  walk->at++;
  return true;
}

/* Goes to the member `key` of the object the walk stands on. Keys of configuration documents hold no escapes. */
static bool enter_member(struct walk *walk, const char *key, size_t key_length) {
  if (!skip_byte(walk, '{')) return false;
  do {
    skip_blanks(walk);
    const char *start = walk->at + 1;
    if (walk->at >= walk->end || *walk->at != '"') return false;
    skip_string(walk);
    bool found = (size_t)(walk->at - 1 - start) == key_length && memcmp(start, key, key_length) == 0;
    if (!skip_byte(walk, ':')) return false;
    skip_blanks(walk);
    if (found) return true;
    skip_value(walk);
  } while (skip_byte(walk, ','));
  return false;
}

static bool enter_item(struct walk *walk, long index) {
  if (!skip_byte(walk, '[')) return false;
  for (; index > 0; index--) {
    skip_value(walk);
    if (!skip_byte(walk, ',')) return false;
  }
  skip_blanks(walk);
  return true;
}

int json_place_line(const char *text, size_t length, const char *pointer) {
  struct walk walk = {text, text + length, 1};
  skip_blanks(&walk);
  while (*pointer == '/') {
    const char *step = pointer + 1;
    size_t step_length = strcspn(step, "/");
    bool is_array = walk.at < walk.end && *walk.at == '[';
    bool entered = is_array ? enter_item(&walk, strtol(step, NULL, 10)) : enter_member(&walk, step, step_length);
    if (!entered) return 0;
    pointer = step + step_length;
  }
  return walk.line;
}
