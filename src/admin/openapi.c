/* The OpenAPI 3.1 document: paths from api_routes.def, schemas from openapi_schemas.json. */
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

static json_t *path_parameters(const char *path) {
  json_t *list = json_array();
  static const char *const names[] = {"kind", "id"};
  for (size_t i = 0; i < 2; i++) {
    if (!strstr(path, i == 0 ? "{kind}" : "{id}")) continue;
    json_t *schema = json_pack("{s:s}", "type", "string");
    if (i == 0) {
      json_t *kinds = json_array();
      for (size_t k = 0; k < object_kind_count; k++)
        json_array_append_new(kinds, json_string(object_kinds[k].path_segment));
      json_object_set_new(schema, "enum", kinds);
    }
    json_array_append_new(
        list, json_pack("{s:s,s:s,s:b,s:o}", "name", names[i], "in", "path", "required", true, "schema", schema));
  }
  return list;
}

static json_t *operation_of(const struct api_route *route) {
  json_t *operation = json_pack("{s:s,s:o,s:o}", "summary", route->summary, "parameters", path_parameters(route->path),
                                "responses", responses_of(route));
  if (route->request_schema[0]) json_object_set_new(operation, "requestBody", json_content(route->request_schema));
  if (!route->needs_token) json_object_set_new(operation, "security", json_array());
  return operation;
}

static json_t *paths(void) {
  json_t *object = json_object();
  for (size_t i = 0; i < api_route_count; i++) {
    json_t *path = json_object_get(object, api_routes[i].path);
    if (!path) {
      path = json_object();
      json_object_set_new(object, api_routes[i].path, path);
    }
    static const char *const methods[][2] = {{"GET", "get"}, {"PUT", "put"}, {"POST", "post"}, {"DELETE", "delete"}};
    for (size_t m = 0; m < 4; m++)
      if (strcmp(api_routes[i].method, methods[m][0]) == 0)
        json_object_set_new(path, methods[m][1], operation_of(&api_routes[i]));
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
