#include "admin/users.h"

#include <string.h>

#include "admin/desk.h"
#include "admin/operator_store.h"

/* True for 1 to 64 letters, digits, dots, at signs, dashes and underscores that are not a name of our own (token,
 * control, file). */
static bool is_good_name(const char *name) {
  static const char *const taken[] = {"token", "control", "file"};
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";
  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
    if (strcmp(name, taken[i]) == 0) return false;
  size_t length = strlen(name);
  return length > 0 && length < USER_NAME_BYTES && strspn(name, letters) == length;
}

static const struct operator_kind users = {"user", "password", "there is no such user"};

bool users_find(struct store *store, const char *name, struct user *user_out) {
  *user_out = (struct user){0};
  return is_good_name(name) &&
         operator_find(store, &users, name, &user_out->role, user_out->password, sizeof user_out->password);
}

enum result users_save(const struct api_request *request, const char *name, const struct user *user) {
  return operator_save(request, &users, name, user->role, user->password);
}

void api_users_list(const struct api_request *request, struct api_response *response) {
  operator_list(request, &users, response);
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
  if (!is_good_name(request->id)) {
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
  if (operator_delete(request, &users, response) != RESULT_OK) return;
  session_table_remove_user(request->desk->sessions, request->id, NULL);
  api_respond_text(response, 204, "application/json", strdup(""));
}
