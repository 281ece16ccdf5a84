/* Every message comes through here twice, so what is searched for is one rare letter of each name ("AuthoriZation",
 * "crYpto", "keY-mgmt"), and the rest of the name only where that stands. */
#include "trace/trace_mask.h"

#include <stdbool.h>
#include <stdint.h>

#define SECRETS_MAX 48

struct secret {
  const char *start, *end;
};

/* In the order of their places. */
struct secrets {
  struct secret rows[SECRETS_MAX];
  unsigned count;
};

/* Too many to be anybody's message: then all from the last one on is secret. */
static void add(struct secrets *secrets, const char *start, const char *end, const char *bytes_end) {
  if (end > start && end[-1] == '\r') end--;
  if (start >= end) return;
  if (secrets->count == SECRETS_MAX) {
    secrets->rows[SECRETS_MAX - 1].end = bytes_end;
    return;
  }
  unsigned at = secrets->count++;
  for (; at > 0 && secrets->rows[at - 1].start > start; at--)
    secrets->rows[at] = secrets->rows[at - 1];
  secrets->rows[at] = (struct secret){start, end};
}

enum { BLANK = 1, NAME_ENDS = 2, VALUE_ENDS = 4 }; /* what a byte of credentials is, or does */

static const uint8_t kinds[256] = {
    [' '] = BLANK | NAME_ENDS | VALUE_ENDS,
    ['\t'] = BLANK | NAME_ENDS | VALUE_ENDS,
    ['\r'] = BLANK | NAME_ENDS | VALUE_ENDS,
    ['\n'] = BLANK | NAME_ENDS | VALUE_ENDS,
    [','] = NAME_ENDS | VALUE_ENDS,
    ['='] = NAME_ENDS,
    ['"'] = NAME_ENDS,
};

static bool is_a(char byte, unsigned kind) {
  return (kinds[(uint8_t)byte] & kind) != 0;
}

static bool is_blank(char byte) {
  return is_a(byte, BLANK);
}

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && is_blank(*at))
    at++;
  return at;
}

static const char *line_end(const char *at, const char *end) {
  const char *found = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
  return found ? found : end;
}

/* The end of a header field's value, folds included (RFC 3261 §7.3.1). */
static const char *value_end(const char *at, const char *end) {
  at = line_end(at, end);
  while (at + 1 < end && (at[1] == ' ' || at[1] == '\t'))
    at = line_end(at + 1, end);
  if (at > end) return end;
  return at;
}

/* --- credentials ------------------------------------------------------------------------------------------------- */

static bool is_told(struct str_view name) {
  static const struct str_view told[] = {STR_VIEW_LITERAL("username"), STR_VIEW_LITERAL("realm"),
                                         STR_VIEW_LITERAL("uri"),      STR_VIEW_LITERAL("algorithm"),
                                         STR_VIEW_LITERAL("qop"),      STR_VIEW_LITERAL("nc")};
  for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
    if (name.length != told[i].length || (name.data[0] | 0x20) != told[i].data[0]) continue;
    if (str_view_equal_nocase(name, told[i])) return true;
  }
  return false;
}

static const char *quoted_end(const char *at, const char *end) {
  const char *quote = memchr(at + 1, '"', (size_t)(end - at - 1));
  if (quote && !memchr(at + 1, '\\', (size_t)(quote - at - 1))) return quote; /* as mostly */
  for (at++; at < end && *at != '"'; at++)
    if (*at == '\\' && at + 1 < end) at++;
  return at < end ? at : end;
}

/* One name=value after the other; from the first that is none on, everything is secret. */
static void find_in_digest(struct secrets *secrets, const char *at, const char *end, const char *bytes_end) {
  while ((at = skip_blanks(at, end)) < end) {
    const char *name = at;
    while (at < end && !is_a(*at, NAME_ENDS))
      at++;
    struct str_view name_view = str_view_of(name, (size_t)(at - name));
    at = skip_blanks(at, end);
    if (at == end || *at != '=') {
      add(secrets, name, end, bytes_end);
      return;
    }
    at = skip_blanks(at + 1, end);
    bool is_quoted = at < end && *at == '"';
    const char *value = is_quoted ? at + 1 : at;
    if (is_quoted)
      at = quoted_end(at, end);
    else
      while (at < end && !is_a(*at, VALUE_ENDS))
        at++;
    if (!is_told(name_view)) add(secrets, value, at, bytes_end);
    if (is_quoted && at < end) at++;
    at = skip_blanks(at, end);
    if (at < end && *at != ',') {
      add(secrets, at, end, bytes_end);
      return;
    }
    if (at < end) at++;
  }
}

/* `value` is behind the colon. */
static void find_in_credentials(struct secrets *secrets, const char *value, const char *bytes_end) {
  static const char digest[] = "digest";
  const size_t length = sizeof digest - 1;
  const char *end = value_end(value, bytes_end);
  value = skip_blanks(value, end);
  struct str_view scheme = str_view_slice(str_view_of(value, (size_t)(end - value)), 0, length);
  if (str_view_equal_nocase(scheme, str_view_of(digest, length)) && value + length < end && is_blank(value[length]))
    find_in_digest(secrets, value + length, end, bytes_end);
  else
    add(secrets, value, end, bytes_end);
}

/* `hit` is the seventh letter behind the first, if this is the name. */
static void look_at_z(struct secrets *secrets, struct str_view bytes, const char *hit) {
  static const char name[] = "authorization";
  const size_t before = 7, length = sizeof name - 1;
  const char *end = bytes.data + bytes.length;
  if ((size_t)(hit - bytes.data) < before || (hit[-1] | 0x20) != 'i') return;
  struct str_view word = str_view_slice(str_view_of(hit - before, (size_t)(end - hit) + before), 0, length);
  if (!str_view_equal_nocase(word, str_view_of(name, length))) return;
  const char *colon = skip_blanks(hit - before + length, end);
  if (colon < end && *colon == ':') find_in_credentials(secrets, colon + 1, end);
}

/* --- keys -------------------------------------------------------------------------------------------------------- */

static bool stands_before(struct str_view bytes, const char *at, struct str_view text) {
  return (size_t)(at - bytes.data) >= text.length && memcmp(at - text.length, text.data, text.length) == 0;
}

static bool stands_at(struct str_view bytes, const char *at, struct str_view text) {
  return (size_t)(bytes.data + bytes.length - at) >= text.length && memcmp(at, text.data, text.length) == 0;
}

/* a=crypto:1 SUITE inline:KEY…, a=key-mgmt:mikey DATA: what stands behind the first "inline:", or the first blank. */
static void look_at_y(struct secrets *secrets, struct str_view bytes, const char *hit) {
  const char *end = bytes.data + bytes.length;
  bool is_crypto = stands_before(bytes, hit, STR_VIEW("a=cr")) && stands_at(bytes, hit, STR_VIEW("ypto:"));
  bool is_mikey = stands_before(bytes, hit, STR_VIEW("a=ke")) && stands_at(bytes, hit, STR_VIEW("y-mgmt:"));
  if (!is_crypto && !is_mikey) return;
  const char *last = line_end(hit, end);
  const char *key = is_crypto ? memmem(hit, (size_t)(last - hit), "inline:", 7) : NULL;
  if (key) {
    add(secrets, key + 7, last, end);
    return;
  }
  const char *blank = memchr(hit, ' ', (size_t)(last - hit));
  add(secrets, blank ? blank + 1 : hit, last, end);
}

static void look_at_k(struct secrets *secrets, struct str_view bytes, const char *hit) {
  const char *end = bytes.data + bytes.length;
  if (stands_before(bytes, hit, STR_VIEW("\n")) && stands_at(bytes, hit, STR_VIEW("k=")))
    add(secrets, hit + 2, line_end(hit, end), end);
}

/* --- both -------------------------------------------------------------------------------------------------------- */

static void look_for(struct secrets *secrets, struct str_view bytes, char letter,
                     void (*look)(struct secrets *secrets, struct str_view bytes, const char *hit)) {
  const char *at = bytes.data, *end = bytes.data + bytes.length;
  while ((at = memchr(at, letter, (size_t)(end - at))) != NULL)
    look(secrets, bytes, at++);
}

/* Credentials stand in requests only. */
static bool is_response(struct str_view bytes) {
  return bytes.length >= 8 && memcmp(bytes.data, "SIP/2.0 ", 8) == 0;
}

static bool has_body(struct str_view bytes) {
  return bytes.length < 4 || memcmp(bytes.data + bytes.length - 4, "\r\n\r\n", 4) != 0;
}

void trace_mask_copy(struct str_view bytes, char *place) {
  struct secrets secrets;
  secrets.count = 0;
  if (bytes.length == 0) return;
  if (!is_response(bytes)) {
    look_for(&secrets, bytes, 'z', look_at_z);
    look_for(&secrets, bytes, 'Z', look_at_z);
  }
  if (has_body(bytes)) {
    look_for(&secrets, bytes, 'y', look_at_y);
    look_for(&secrets, bytes, 'k', look_at_k);
  }
  const char *at = bytes.data;
  for (unsigned i = 0; i < secrets.count; i++) {
    const struct secret *secret = &secrets.rows[i];
    if (secret->end <= at) continue;
    const char *start = secret->start > at ? secret->start : at;
    memcpy(place + (at - bytes.data), at, (size_t)(start - at));
    memset(place + (start - bytes.data), '*', (size_t)(secret->end - start));
    at = secret->end;
  }
  memcpy(place + (at - bytes.data), at, (size_t)(bytes.data + bytes.length - at));
}
