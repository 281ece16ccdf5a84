#include "admin/route_match.h"

#include "tap.h"

static void test_paths_find_their_handlers(void) {
  struct route_match match;
  expect(route_match("GET", "/api/v1/calls", &match) == ROUTE_FOUND && match.handler == api_calls_list);
  expect(route_match("DELETE", "/api/v1/calls/abc-1", &match) == ROUTE_FOUND && match.handler == api_call_delete);
  expect(strcmp(match.id, "abc-1") == 0 && match.role == ROLE_OPERATOR);
  expect(route_match("GET", "/api/v1/cdrs/x/explanation", &match) == ROUTE_FOUND &&
         match.handler == api_cdr_explanation);
  expect(route_match("PUT", "/api/v1/mapping-gateways/a", &match) == ROUTE_FOUND && match.handler == api_object_put);
  expect(match.kind && match.kind->kind == DEVICE_MAPPING_GATEWAY && strcmp(match.id, "a") == 0);
  expect(route_match("GET", "/healthz", &match) == ROUTE_FOUND && match.role == ROLE_NOBODY);
}

static void test_other_paths_and_methods_are_told_apart(void) {
  struct route_match match;
  expect(route_match("GET", "/api/v1/trunks", &match) == ROUTE_NOT_FOUND);
  expect(route_match("GET", "/api/v1/calls/", &match) == ROUTE_NOT_FOUND);
  expect(route_match("GET", "/api/v1/calls/a/b", &match) == ROUTE_NOT_FOUND);
  expect(route_match("GET", "/", &match) == ROUTE_NOT_FOUND);
  expect(route_match("DELETE", "/api/v1/cdrs", &match) == ROUTE_OTHER_METHOD);
}

static void test_the_methods_of_a_path_are_named(void) {
  char allow[64];
  route_methods("/api/v1/phones/1001", allow, sizeof allow);
  expect(strcmp(allow, "GET, HEAD, PUT, DELETE") == 0);
  route_methods("/api/v1/apply", allow, sizeof allow);
  expect(strcmp(allow, "POST") == 0);
  route_methods("/api/v1/nothing", allow, sizeof allow);
  expect(strcmp(allow, "") == 0);
}

static void test_only_what_says_so_is_public(void) {
  for (size_t i = 0; i < api_route_count; i++) {
    bool is_sign_in = strcmp(api_routes[i].path, "/api/v1/session") == 0 && strcmp(api_routes[i].method, "GET") != 0;
    const char *path = api_routes[i].path;
    bool is_api = strncmp(path, "/api/", 5) == 0 || strncmp(path, "/external/", 10) == 0;
    bool is_public = !is_api || strstr(path, "openapi") != NULL;
    expect((api_routes[i].role == ROLE_NOBODY) == (is_public || is_sign_in));
  }
}

static void test_a_viewer_changes_nothing_but_his_own_password(void) {
  for (size_t i = 0; i < api_route_count; i++) {
    bool is_his_own = strncmp(api_routes[i].path, "/api/v1/session", 15) == 0;
    bool asks_by_post = strncmp(api_routes[i].path, "/external/server/Get", 20) == 0;
    bool changes = strcmp(api_routes[i].method, "GET") != 0 && !asks_by_post;
    expect(!changes || is_his_own || api_routes[i].role > ROLE_VIEWER);
  }
}

TAP_TESTS(TAP(test_paths_find_their_handlers), TAP(test_other_paths_and_methods_are_told_apart),
          TAP(test_the_methods_of_a_path_are_named), TAP(test_only_what_says_so_is_public),
          TAP(test_a_viewer_changes_nothing_but_his_own_password))
