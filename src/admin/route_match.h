/* Which handler a method and path belong to (api_routes.def). */
#ifndef ADMIN_ROUTE_MATCH_H
#define ADMIN_ROUTE_MATCH_H

#include "admin/api.h"

#define ROUTE_ID_BYTES 512

enum route_found { ROUTE_NOT_FOUND, ROUTE_OTHER_METHOD, ROUTE_FOUND };

struct route_match {
  api_handler *handler;
  enum role role;
  bool has_id;
  char id[ROUTE_ID_BYTES];        /* {id} as the HTTP library has decoded it */
  const struct object_kind *kind; /* {kind} */
};

/* {kind} matches only the three kinds there are. HEAD is answered like GET by the HTTP library. */
enum route_found route_match(const char *method, const char *path, struct route_match *match);

/* Writes the methods that the path knows, as Allow has them: "GET, HEAD, PUT". */
void route_methods(const char *path, char *text, size_t text_bytes);

struct api_route {
  const char *method, *path;
  api_handler *handler;
  enum role role;
  const char *request_schema, *response_schema, *summary;
};
extern const struct api_route api_routes[];
extern const size_t api_route_count;

#endif
