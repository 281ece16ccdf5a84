/* Signing in and out: a password of a user, or the admin token, against a session's cookie. Every attempt that fails is
 * counted against the name and against the address it came from (lockout.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/audit.h"
#include "admin/desk.h"
#include "admin/security_log.h"
#include "admin/users.h"
#include "worker/clock.h"

struct attempt {
  const char *user, *password, *token; /* token: instead of the other two */
  char user_key[80], address_key[80];
};

static bool is_text(const json_t *value, size_t length_max) {
  return json_is_string(value) && json_string_length(value) > 0 && json_string_length(value) <= length_max;
}

/* Strings of the attempt point into `body`. */
static bool read_attempt(const struct api_request *request, const json_t *body, struct attempt *attempt) {
  const json_t *user = json_object_get(body, "user"), *password = json_object_get(body, "password"),
               *token = json_object_get(body, "token");
  *attempt = (struct attempt){0};
  snprintf(attempt->address_key, sizeof attempt->address_key, "address %s", request->address);
  if (json_object_size(body) == 1 && is_text(token, ADMIN_TOKEN_BYTES)) {
    attempt->token = json_string_value(token);
    return true;
  }
  if (json_object_size(body) != 2 || !is_text(user, USER_NAME_BYTES - 1) || !is_text(password, PASSWORD_LENGTH_MAX))
    return false;
  attempt->user = json_string_value(user);
  attempt->password = json_string_value(password);
  snprintf(attempt->user_key, sizeof attempt->user_key, "user %s", attempt->user);
  return true;
}

/* False after a 429. */
static bool may_try(const struct api_request *request, const struct attempt *attempt, struct api_response *response) {
  struct lockout *lockout = request->desk->lockout;
  struct mono_ms now = worker_clock_real_now();
  uint32_t wait_s = lockout_wait_s(lockout, attempt->address_key, now);
  uint32_t user_wait_s = attempt->user ? lockout_wait_s(lockout, attempt->user_key, now) : 0;
  if (user_wait_s > wait_s) wait_s = user_wait_s;
  if (wait_s == 0 && lockout_take_check(lockout, now)) return true;
  char detail[128];
  snprintf(detail, sizeof detail, "too many attempts to sign in: wait %u s", wait_s ? wait_s : 1);
  api_respond_problem(response, 429, detail, NULL);
  return false;
}

/* Who it is, or ROLE_NOBODY. */
static enum role check(const struct api_request *request, const struct attempt *attempt) {
  struct user user;
  if (attempt->token) {
    char header[sizeof "Bearer " + ADMIN_TOKEN_BYTES];
    snprintf(header, sizeof header, "Bearer %s", attempt->token);
    return admin_token_matches(request->desk->token, header) ? ROLE_ADMIN : ROLE_NOBODY;
  }
  bool is_known = users_find(request->switch_parts->store, attempt->user, &user);
  bool is_right = password_matches(is_known ? user.password : NULL, attempt->password);
  return is_right ? user.role : ROLE_NOBODY;
}

static void note(const struct api_request *request, const char *by, enum role role, const char *what) {
  struct api_request as = *request;
  as.by = by;
  as.role = role;
  as.body_length = 0;
  audit_note(&as, what, NULL);
}

static void note_failure(const struct api_request *request, const struct attempt *attempt) {
  struct mono_ms now = worker_clock_real_now();
  bool locks = lockout_failed(request->desk->lockout, attempt->address_key, now);
  if (attempt->user && lockout_failed(request->desk->lockout, attempt->user_key, now)) locks = true;
  /* A name that is nobody's may be a password typed into the wrong field. */
  struct user user;
  bool is_known = attempt->user && users_find(request->switch_parts->store, attempt->user, &user);
  security_log(locks ? "sign-in-locked-out" : "sign-in-refused", request->address, is_known ? attempt->user : "");
  note(request,
       attempt->token ? "token"
       : is_known     ? attempt->user
                      : "nobody",
       ROLE_NOBODY, locks ? "sign-in locked out" : "sign-in refused");
}

static json_t *session_json(const char *user, enum role role, json_t *expires_in_s) {
  return json_pack("{s:s,s:s,s:o,s:s}", "user", user, "role", role_name(role), "expires_in_s", expires_in_s, "version",
                   BELFRY_VERSION);
}

static void begin(const struct api_request *request, const struct attempt *attempt, enum role role,
                  struct api_response *response) {
  const char *user = attempt->token ? "token" : attempt->user;
  char key[SESSION_KEY_BYTES];
  if (!session_table_add(request->desk->sessions, user, role, worker_clock_real_now(), key)) {
    api_respond_problem(response, 503, "no random numbers", NULL);
    return;
  }
  lockout_succeeded(request->desk->lockout, attempt->address_key);
  if (attempt->user) lockout_succeeded(request->desk->lockout, attempt->user_key);
  if (request->session) session_table_remove(request->desk->sessions, request->session);
  snprintf(response->cookie, sizeof response->cookie,
           "belfry_session=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s", key, SESSION_LIFE_MS / 1000,
           request->is_over_tls ? "; Secure" : "");
  note(request, user, role, "sign-in");
  api_respond_json(response, 200, session_json(user, role, json_integer(SESSION_LIFE_MS / 1000)));
}

void api_session_begin(const struct api_request *request, struct api_response *response) {
  struct attempt attempt;
  json_t *body = json_loadb(request->body, request->body_length, JSON_REJECT_DUPLICATES, NULL);
  if (!read_attempt(request, body, &attempt)) {
    api_respond_problem(response, 400, "the body must be {\"user\": …, \"password\": …} or {\"token\": …}", NULL);
  } else if (may_try(request, &attempt, response)) {
    enum role role = check(request, &attempt);
    if (role == ROLE_NOBODY) {
      note_failure(request, &attempt);
      api_respond_problem(response, 401, attempt.token ? "that is not the admin token" : "wrong name or password",
                          NULL);
    } else {
      begin(request, &attempt, role, response);
    }
  }
  json_decref(body);
}

void api_session_get(const struct api_request *request, struct api_response *response) {
  struct session session;
  bool found = request->session &&
               session_table_find(request->desk->sessions, request->session, worker_clock_real_now(), &session);
  api_respond_json(response, 200,
                   session_json(request->by, request->role, found ? json_integer(session.expires_in_s) : json_null()));
}

void api_session_end(const struct api_request *request, struct api_response *response) {
  if (request->session) session_table_remove(request->desk->sessions, request->session);
  snprintf(response->cookie, sizeof response->cookie, "belfry_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
  api_respond_text(response, 204, "application/json", strdup(""));
}

/* A sentence about what is wrong, or NULL. */
static const char *change_password(const struct api_request *request, const json_t *body) {
  const json_t *new_password = json_object_get(body, "new"), *old_password = json_object_get(body, "old");
  struct user user;
  if (json_object_size(body) != 2 || !is_text(old_password, PASSWORD_LENGTH_MAX) || !json_is_string(new_password))
    return "the body must be {\"old\": …, \"new\": …}";
  if (json_string_length(new_password) < PASSWORD_LENGTH_MIN || json_string_length(new_password) > PASSWORD_LENGTH_MAX)
    return "new must have 10 to 256 characters";
  if (!users_find(request->switch_parts->store, request->by, &user))
    return "whoever has come with a token has no password";
  if (!password_matches(user.password, json_string_value(old_password))) return "old is not the present password";
  if (!password_hash(json_string_value(new_password), user.password)) return "the password cannot be hashed now";
  return users_save(request, request->by, &user) == RESULT_OK ? NULL : "the user cannot be saved";
}

void api_session_password(const struct api_request *request, struct api_response *response) {
  struct attempt attempt = {.user = request->by};
  snprintf(attempt.address_key, sizeof attempt.address_key, "address %s", request->address);
  snprintf(attempt.user_key, sizeof attempt.user_key, "user %s", request->by);
  if (!may_try(request, &attempt, response)) return;
  json_t *body = json_loadb(request->body, request->body_length, JSON_REJECT_DUPLICATES, NULL);
  const char *wrong = change_password(request, body);
  json_decref(body);
  if (wrong) {
    (void)!lockout_failed(request->desk->lockout, attempt.user_key, worker_clock_real_now());
    api_respond_problem(response, 400, wrong, NULL);
    return;
  }
  session_table_remove_user(request->desk->sessions, request->by, request->session);
  api_session_get(request, response);
}
