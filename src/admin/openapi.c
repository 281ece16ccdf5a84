/* The OpenAPI 3.1 document: paths from api_routes.def, schemas from openapi_schemas.json. */
#include <stdio.h>
#include <string.h>

#include "admin/api.h"
#include "admin/route_match.h"
#include "openapi_schemas.inc"

static json_t *schema_reference(const char *name) {
  return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", name));
}

static json_t *json_content(const char *schema) {
  return json_pack("{s:{s:{s:o}}}", "content", "application/json", "schema", schema_reference(schema));
}

static json_t *problem_response(void) {
  return json_pack("{s:s,s:{s:{s:o}}}", "description", "A problem document (RFC 7807)", "content",
                   "application/problem+json", "schema", schema_reference("Problem"));
}

static json_t *responses_of(const struct api_route *route) {
  json_t *good = route->response_schema[0] ? json_content(route->response_schema) : json_object();
  json_object_set_new(good, "description", json_string(route->summary));
  bool empty = strcmp(route->method, "DELETE") == 0;
  return json_pack("{s:o,s:o}", empty ? "204" : "200", good, "default", problem_response());
}

/* What may stand in the query of a path, and with `is_family` of all that begin with it. */
static const struct {
  const char *path;
  bool is_family;
  const char *names;
} queries[] = {
    {"/api/v1/calls", false, "q number device state refresher expires_within_s sort offset limit cursor"},
    {"/api/v1/registrations", false, "q state sort offset limit cursor"},
    {"/api/v1/{kind}", false, "q sort offset limit cursor"},
    {"/api/v1/cdrs", false, "caller callee gateway reason from to limit cursor"},
    {"/api/v1/doctor", true, "since latest again"},
    {"/api/v1/trace", true, "call number address device since until limit cursor keepalives kept"},
};

static void add_queries(json_t *list, const char *path) {
  for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
    size_t length = strlen(queries[i].path);
    if (strncmp(path, queries[i].path, length) != 0 || (path[length] && path[length] != '.')) continue;
    if (!queries[i].is_family && strcmp(path, queries[i].path) != 0) continue;
    for (const char *name = queries[i].names; *name; name += strspn(name, " ")) {
      size_t name_length = strcspn(name, " ");
      json_array_append_new(
          list, json_pack("{s:s%,s:s,s:{s:s}}", "name", name, name_length, "in", "query", "schema", "type", "string"));
      name += name_length;
    }
  }
}

static json_t *path_parameters(const char *path) {
  json_t *list = json_array();
  add_queries(list, path);
  if (strstr(path, "{id}"))
    json_array_append_new(list, json_pack("{s:s,s:s,s:b,s:{s:s}}", "name", "id", "in", "path", "required", true,
                                          "schema", "type", "string"));
  return list;
}

static json_t *operation_of(const struct api_route *route) {
  json_t *operation = json_pack("{s:s,s:o,s:o}", "summary", route->summary, "parameters", path_parameters(route->path),
                                "responses", responses_of(route));
  if (route->request_schema[0]) json_object_set_new(operation, "requestBody", json_content(route->request_schema));
  if (route->role == ROLE_NOBODY) json_object_set_new(operation, "security", json_array());
  json_object_set_new(operation, "x-role", json_string(role_name(route->role)));
  return operation;
}

static void add_operation(json_t *paths, const char *path, const struct api_route *route) {
  static const char *const methods[][2] = {{"GET", "get"}, {"PUT", "put"}, {"POST", "post"}, {"DELETE", "delete"}};
  json_t *entry = json_object_get(paths, path);
  if (!entry) {
    entry = json_object();
    json_object_set_new(paths, path, entry);
  }
  for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++)
    if (strcmp(route->method, methods[m][0]) == 0) json_object_set_new(entry, methods[m][1], operation_of(route));
}

/* A route for {kind} stands for a path of each kind. */
static json_t *paths(void) {
  static const char mark[] = "{kind}";
  json_t *object = json_object();
  for (size_t i = 0; i < api_route_count; i++) {
    const char *path = api_routes[i].path, *at = strstr(path, mark);
    for (size_t k = 0; at && k < object_kind_count; k++) {
      char full[128];
      snprintf(full, sizeof full, "%.*s%s%s", (int)(at - path), path, object_kinds[k].path_segment,
               at + sizeof mark - 1);
      add_operation(object, full, &api_routes[i]);
    }
    if (!at) add_operation(object, path, &api_routes[i]);
  }
  return object;
}

void api_openapi(const struct api_request *request, struct api_response *response) {
  (void)request;
  json_t *schemas = json_loads(openapi_schemas[0].text, 0, NULL);
  api_respond_json(response, 200,
                   json_pack("{s:s,s:{s:s,s:s,s:s},s:[{s:[]}],s:o,s:{s:o,s:{s:{s:s,s:s}}}}", "openapi", "3.1.0", "info",
                             "title", "Belfry", "version", BELFRY_VERSION, "description",
                             "The operators' API of the Belfry SIP softswitch.", "security", "bearer", "paths", paths(),
                             "components", "schemas", schemas, "securitySchemes", "bearer", "type", "http", "scheme",
                             "bearer"));
}
