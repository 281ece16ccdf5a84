#include "sip/sip_body.h"

#include "sip/sip_field.h"
#include "sip/sip_uri.h"

#define LEVELS_MAX         3
#define BOUNDARY_BYTES_MAX 70 /* RFC 2046 §5.1.1 */

/* m-type SLASH m-subtype, of which `type` and `subtype` are set; `parameters` is what stands behind the first ';'. */
struct media_type {
  struct str_view type, subtype, parameters;
};

static struct media_type read_media_type(struct str_view text) {
  struct sip_scan scan = sip_scan_of(sip_trim(text));
  struct media_type media = {.type = sip_scan_while(&scan, SIP_TOKEN)};
  sip_scan_blanks(&scan);
  if (!sip_scan_byte(&scan, '/')) return (struct media_type){0};
  sip_scan_blanks(&scan);
  media.subtype = sip_scan_while(&scan, SIP_TOKEN);
  if (!sip_scan_parameters(&scan, &media.parameters)) return (struct media_type){0};
  return media;
}

static bool same_media_type(const struct media_type *a, const struct media_type *b) {
  return a->subtype.length && str_view_equal_nocase(a->type, b->type) && str_view_equal_nocase(a->subtype, b->subtype);
}

/* The boundary of a multipart type; empty when this is none. */
static struct str_view boundary_of(const struct media_type *media) {
  struct str_view boundary;
  if (!str_view_equal_nocase(media->type, STR_VIEW("multipart"))) return (struct str_view){0};
  if (!sip_parameter_find(media->parameters, STR_VIEW("boundary"), &boundary)) return (struct str_view){0};
  boundary = sip_unquoted(boundary);
  return boundary.length <= BOUNDARY_BYTES_MAX ? boundary : (struct str_view){0};
}

/* The "--boundary" at or behind `from` that begins a line of `body`; NULL when there is none. */
static const char *find_delimiter(struct str_view body, const char *from, struct str_view boundary) {
  const char *end = body.data + body.length;
  while ((size_t)(end - from) >= boundary.length + 2) {
    from = memmem(from, (size_t)(end - from), "--", 2);
    if (!from || (size_t)(end - from) < boundary.length + 2) return NULL;
    bool begins_line = from == body.data || from[-1] == '\n';
    if (begins_line && memcmp(from + 2, boundary.data, boundary.length) == 0) return from;
    from++;
  }
  return NULL;
}

/* The next part behind the delimiter at `*delimiter`, its headers included, without the line break before the delimiter
 * that ends it, which `*delimiter` then is. False behind the last one. */
static bool next_part(struct str_view body, struct str_view boundary, const char **delimiter,
                      struct str_view *part_out) {
  const char *end = body.data + body.length, *start = *delimiter + 2 + boundary.length;
  if (end - start >= 2 && start[0] == '-' && start[1] == '-') return false;
  start = start < end ? memchr(start, '\n', (size_t)(end - start)) : NULL;
  if (!start) return false;
  *delimiter = find_delimiter(body, ++start, boundary);
  if (!*delimiter) return false;
  const char *part_end = *delimiter;
  if (part_end > start) part_end--;
  if (part_end > start && part_end[-1] == '\r') part_end--;
  *part_out = sip_view_between(start, part_end);
  return true;
}

/* Reads a part's headers off it; what is left is its content. */
static struct str_view content_of(struct str_view part, struct str_view *content_type_out) {
  struct sip_scan scan = sip_scan_of(part);
  struct sip_field field;
  *content_type_out = STR_VIEW("text/plain");
  while (sip_field_next(&scan, &field))
    if (field.flaw != SIP_FIELD_NAMELESS && field.header == SIP_HEADER_CONTENT_TYPE) *content_type_out = field.value;
  return sip_scan_rest(&scan);
}

static struct str_view find(struct str_view content_type, struct str_view body, const struct media_type *wanted,
                            unsigned levels) {
  struct media_type media = read_media_type(content_type);
  if (same_media_type(&media, wanted)) return body.data ? body : STR_VIEW("");
  struct str_view boundary = boundary_of(&media), part, part_type;
  if (boundary.length == 0 || body.length == 0 || levels == 0) return (struct str_view){0};
  const char *delimiter = find_delimiter(body, body.data, boundary);
  while (delimiter && next_part(body, boundary, &delimiter, &part)) {
    struct str_view content = content_of(part, &part_type);
    struct str_view found = find(part_type, content, wanted, levels - 1);
    if (found.data) return found;
  }
  return (struct str_view){0};
}

struct str_view sip_body_find(struct str_view content_type, struct str_view body, struct str_view media_type) {
  /* How nearly all of them are written. */
  if (body.data && str_view_equal(content_type, media_type)) return body;
  struct media_type wanted = read_media_type(media_type);
  return find(content_type, body, &wanted, LEVELS_MAX);
}
