#include "admin/users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/desk.h"

bool users_name_is_good(const char *name) {
  static const char *const taken[] = {"token", "control", "file"};
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";
  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
    if (strcmp(name, taken[i]) == 0) return false;
  size_t length = strlen(name);
  return length > 0 && length < USER_NAME_BYTES && strspn(name, letters) == length;
}

struct finding {
  struct user *user;
  bool found;
};

static void read_user(void *context, const char *name, const char *document, const char *changed_by,
                      int64_t changed_at_us) {
  (void)name, (void)changed_by, (void)changed_at_us;
  struct finding *finding = context;
  json_t *root = json_loads(document, 0, NULL);
  const char *password = json_string_value(json_object_get(root, "password"));
  finding->found = role_from_name(json_string_value(json_object_get(root, "role")), &finding->user->role) && password;
  snprintf(finding->user->password, sizeof finding->user->password, "%s", password ? password : "");
  json_decref(root);
}

bool users_find(struct store *store, const char *name, struct user *user_out) {
  *user_out = (struct user){0};
  struct finding finding = {.user = user_out};
  return users_name_is_good(name) && store_find_object(store, "user", name, read_user, &finding) == RESULT_OK &&
         finding.found;
}

enum result users_save(const struct api_request *request, const char *name, const struct user *user) {
  struct store *store = request->switch_parts->store;
  char problem[256];
  json_t *root = json_pack("{s:s,s:s}", "role", role_name(user->role), "password", user->password);
  char *text = json_dumps(root, JSON_COMPACT);
  json_decref(root);
  enum result result = text ? store_begin(store, problem, sizeof problem) : RESULT_FAILED;
  if (result == RESULT_OK) {
    result = store_put_object(store, "user", name, text, request->by,
                              worker_group_wall_now(request->switch_parts->group).value);
    if (result == RESULT_OK)
      result = store_commit(store, problem, sizeof problem);
    else
      store_rollback(store);
  }
  free(text);
  return result;
}

static void add_user(void *context, const char *name, const char *document, const char *changed_by,
                     int64_t changed_at_us) {
  json_t *root = json_loads(document, 0, NULL);
  json_array_append_new(context, json_pack("{s:s,s:O*,s:o,s:s}", "name", name, "role", json_object_get(root, "role"),
                                           "changed_at", api_stamp(changed_at_us), "changed_by", changed_by));
  json_decref(root);
}

void api_users_list(const struct api_request *request, struct api_response *response) {
  json_t *items = json_array();
  enum result result = store_each_object(request->switch_parts->store, "user", add_user, items);
  if (result == RESULT_OK) {
    api_respond_list(response, items, NULL);
  } else {
    json_decref(items);
    api_respond_result(response, result, "the store cannot be read", NULL);
  }
}

/* Takes role and password of the body over into `user`; a sentence about what is wrong, or NULL. */
static const char *read_change(const json_t *body, bool is_new, struct user *user) {
  static const char length[] = "password must have 10 to 256 characters";
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)body, key, value) {
    if (strcmp(key, "role") != 0 && strcmp(key, "password") != 0) return "a user has a role and a password, no more";
  }
  const json_t *role = json_object_get(body, "role"), *password = json_object_get(body, "password");
  if (!json_is_object(body)) return "the body must be {\"role\": …, \"password\": …}";
  if (is_new && (!role || !password)) return "a new user needs a role and a password";
  if (role && !role_from_name(json_string_value(role), &user->role)) return "role must be viewer, operator or admin";
  if (!password) return NULL;
  size_t bytes = json_string_length(password);
  if (bytes < PASSWORD_LENGTH_MIN || bytes > PASSWORD_LENGTH_MAX) return length;
  return password_hash(json_string_value(password), user->password) ? NULL : "the password cannot be hashed now";
}

void api_user_put(const struct api_request *request, struct api_response *response) {
  struct user user;
  bool is_new = !users_find(request->switch_parts->store, request->id, &user);
  if (!users_name_is_good(request->id)) {
    api_respond_problem(response, 400,
                        "a user's name has 1 to 64 letters, digits and . _ @ -, and is not token, control or file",
                        NULL);
    return;
  }
  json_t *body = json_loadb(request->body, request->body_length, JSON_REJECT_DUPLICATES, NULL);
  const char *wrong = read_change(body, is_new, &user);
  json_decref(body);
  if (wrong) {
    api_respond_problem(response, 400, wrong, NULL);
    return;
  }
  enum result result = users_save(request, request->id, &user);
  if (result != RESULT_OK) {
    api_respond_result(response, result, "the user cannot be saved", NULL);
    return;
  }
  session_table_remove_user(request->desk->sessions, request->id, request->session);
  api_respond_json(response, 200, json_pack("{s:s,s:s}", "name", request->id, "role", role_name(user.role)));
}

void api_user_delete(const struct api_request *request, struct api_response *response) {
  struct store *store = request->switch_parts->store;
  char problem[256] = "";
  enum result result = store_begin(store, problem, sizeof problem);
  if (result == RESULT_OK) {
    result = store_delete_object(store, "user", request->id);
    if (result == RESULT_OK)
      result = store_commit(store, problem, sizeof problem);
    else
      store_rollback(store);
  }
  if (result != RESULT_OK) {
    api_respond_result(response, result, result == RESULT_NOT_FOUND ? "there is no such user" : problem, NULL);
    return;
  }
  session_table_remove_user(request->desk->sessions, request->id, NULL);
  api_respond_text(response, 204, "application/json", strdup(""));
}
