#include "admin/operator_store.h"

#include <stdlib.h>
#include <string.h>

struct finding {
  const struct operator_kind *kind;
  enum role *role;
  char *secret;
  size_t secret_bytes;
  bool is_whole;
};

static void read_operator(void *context, const char *name, const char *document, const char *changed_by,
                          int64_t changed_at_us) {
  (void)name, (void)changed_by, (void)changed_at_us;
  struct finding *finding = context;
  json_t *root = json_loads(document, 0, NULL);
  const char *secret = json_string_value(json_object_get(root, finding->kind->secret));
  finding->is_whole = role_from_name(json_string_value(json_object_get(root, "role")), finding->role) && secret &&
                      strlen(secret) < finding->secret_bytes;
  if (finding->is_whole) memcpy(finding->secret, secret, strlen(secret) + 1);
  json_decref(root);
}

bool operator_find(struct store *store, const struct operator_kind *kind, const char *name, enum role *role_out,
                   char *secret_out, size_t secret_bytes) {
  struct finding finding = {kind, role_out, secret_out, secret_bytes, false};
  return store_find_object(store, kind->name, name, read_operator, &finding) == RESULT_OK && finding.is_whole;
}

/* What was begun comes to its end. */
static enum result commit(struct store *store, enum result result) {
  char problem[256];
  if (result == RESULT_OK) return store_commit(store, problem, sizeof problem);
  store_rollback(store);
  return result;
}

enum result operator_save(const struct api_request *request, const struct operator_kind *kind, const char *name,
                          enum role role, const char *secret) {
  struct store *store = request->switch_parts->store;
  char problem[256];
  json_t *root = json_pack("{s:s,s:s}", "role", role_name(role), kind->secret, secret);
  char *text = json_dumps(root, JSON_COMPACT);
  json_decref(root);
  enum result result = text ? store_begin(store, problem, sizeof problem) : RESULT_FAILED;
  if (result == RESULT_OK)
    result = commit(store, store_put_object(store, kind->name, name, text, request->by,
                                            worker_group_wall_now(request->switch_parts->group).value));
  free(text);
  return result;
}

static void add_operator(void *context, const char *name, const char *document, const char *changed_by,
                         int64_t changed_at_us) {
  json_t *root = json_loads(document, 0, NULL);
  json_array_append_new(context, json_pack("{s:s,s:O*,s:o,s:s}", "name", name, "role", json_object_get(root, "role"),
                                           "changed_at", api_stamp(changed_at_us), "changed_by", changed_by));
  json_decref(root);
}

void operator_list(const struct api_request *request, const struct operator_kind *kind, struct api_response *response) {
  json_t *items = json_array();
  enum result result = store_each_object(request->switch_parts->store, kind->name, add_operator, items);
  if (result == RESULT_OK) {
    api_respond_list(response, items, NULL);
  } else {
    json_decref(items);
    api_respond_result(response, result, "the store cannot be read", NULL);
  }
}

enum result operator_delete(const struct api_request *request, const struct operator_kind *kind,
                            struct api_response *response) {
  struct store *store = request->switch_parts->store;
  char problem[256];
  enum result result = store_begin(store, problem, sizeof problem);
  if (result == RESULT_OK) result = commit(store, store_delete_object(store, kind->name, request->id));
  if (result != RESULT_OK)
    api_respond_result(response, result, result == RESULT_NOT_FOUND ? kind->absent : "the store cannot be written",
                       NULL);
  return result;
}
