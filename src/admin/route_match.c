#include "admin/route_match.h"

#include <stdio.h>
#include <string.h>

const struct api_route api_routes[] = {
#define API_ROUTE(method, path, handler, ...) {method, path, handler, __VA_ARGS__},
#include "admin/api_routes.def"
#undef API_ROUTE
};
const size_t api_route_count = sizeof api_routes / sizeof api_routes[0];

static bool take_kind(const char *segment, size_t length, struct route_match *match) {
  for (size_t k = 0; k < object_kind_count; k++) {
    if (strlen(object_kinds[k].path_segment) != length || memcmp(object_kinds[k].path_segment, segment, length) != 0)
      continue;
    match->kind = &object_kinds[k];
    return true;
  }
  return false;
}

static bool take_id(const char *segment, size_t length, struct route_match *match) {
  if (length == 0 || length >= sizeof match->id) return false;
  memcpy(match->id, segment, length);
  match->id[length] = '\0';
  match->has_id = true;
  return true;
}

static bool path_matches(const char *pattern, const char *path, struct route_match *match) {
  while (*pattern && *path) {
    if (*pattern == '{') {
      size_t length = strcspn(path, "/");
      bool is_kind = strncmp(pattern, "{kind}", 6) == 0;
      if (!(is_kind ? take_kind(path, length, match) : take_id(path, length, match))) return false;
      pattern += strcspn(pattern, "}") + 1;
      path += length;
    } else if (*pattern++ != *path++) {
      return false;
    }
  }
  return *pattern == '\0' && *path == '\0';
}

enum route_found route_match(const char *method, const char *path, struct route_match *match) {
  enum route_found found = ROUTE_NOT_FOUND;
  for (size_t i = 0; i < api_route_count; i++) {
    *match = (struct route_match){0};
    if (!path_matches(api_routes[i].path, path, match)) continue;
    if (strcmp(api_routes[i].method, method) == 0) {
      match->handler = api_routes[i].handler;
      match->role = api_routes[i].role;
      return ROUTE_FOUND;
    }
    found = ROUTE_OTHER_METHOD;
  }
  return found;
}

void route_methods(const char *path, char *text, size_t text_bytes) {
  struct route_match match;
  size_t length = 0;
  text[0] = '\0';
  for (size_t i = 0; i < api_route_count; i++) {
    match = (struct route_match){0};
    if (!path_matches(api_routes[i].path, path, &match)) continue;
    bool is_get = strcmp(api_routes[i].method, "GET") == 0;
    int added = snprintf(text + length, text_bytes - length, "%s%s%s", length > 0 ? ", " : "", api_routes[i].method,
                         is_get ? ", HEAD" : "");
    if (added < 0 || (size_t)added >= text_bytes - length) return;
    length += (size_t)added;
  }
}
