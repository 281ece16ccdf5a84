#include "admin/api_tokens.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "admin/api.h"
#include "admin/desk.h"
#include "admin/operator_store.h"

#define SECRET_BYTES 32
#define HASH_BYTES   32
#define HASH_TEXT    (2 * HASH_BYTES + 1)

bool api_token_name_is_good(const char *name) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  size_t length = strlen(name);
  return length > 0 && length < API_TOKEN_NAME_BYTES && strspn(name, letters) == length;
}

/* So many random bits need no salt and no slow hash. */
static bool hash_of(const char *text, char *hash) {
  uint8_t bytes[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_Digest(text, strlen(text), bytes, &length, EVP_sha256(), NULL) != 1 || length != HASH_BYTES) return false;
  struct text_builder builder = text_builder_over(hash, HASH_TEXT - 1);
  text_builder_add_hex_bytes(&builder, str_view_of((const char *)bytes, HASH_BYTES));
  hash[builder.length] = '\0';
  return true;
}

bool api_token_make(const char *name, char *text, char *hash) {
  char secret[SECRET_BYTES];
  if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret) return false;
  struct text_builder builder = text_builder_over(text, API_TOKEN_BYTES - 1);
  text_builder_add(&builder, str_view_from_c(name));
  text_builder_add_char(&builder, '.');
  text_builder_add_base64url(&builder, str_view_of(secret, sizeof secret));
  text[builder.length] = '\0';
  return !builder.overflowed && hash_of(text, hash);
}

static const struct operator_kind tokens = {"token", "hash", "there is no such token"};

bool api_token_find(struct store *store, const char *header, char *name, enum role *role_out) {
  static const char scheme[] = "Bearer ";
  if (!header || strncasecmp(header, scheme, sizeof scheme - 1) != 0) return false;
  const char *text = header + sizeof scheme - 1;
  size_t name_length = strcspn(text, ".");
  if (name_length == 0 || name_length >= API_TOKEN_NAME_BYTES || strlen(text) >= API_TOKEN_BYTES) return false;
  snprintf(name, API_TOKEN_NAME_BYTES, "%.*s", (int)name_length, text);
  char hash[HASH_TEXT], kept[HASH_TEXT];
  return api_token_name_is_good(name) && operator_find(store, &tokens, name, role_out, kept, sizeof kept) &&
         strlen(kept) == HASH_TEXT - 1 && hash_of(text, hash) && CRYPTO_memcmp(hash, kept, sizeof hash) == 0;
}

/* --- the API ----------------------------------------------------------------------------------------------------- */

void api_tokens_list(const struct api_request *request, struct api_response *response) {
  operator_list(request, &tokens, response);
}

/* Whoever listens with the old secret is not heard out. */
static void end_streams(const struct api_request *request) {
  char owner[sizeof "token:" + API_TOKEN_NAME_BYTES];
  snprintf(owner, sizeof owner, "token:%.*s", API_TOKEN_NAME_BYTES - 1, request->id);
  event_streams_end(request->desk->streams, owner);
}

void api_token_put(const struct api_request *request, struct api_response *response) {
  enum role role;
  char text[API_TOKEN_BYTES], hash[HASH_TEXT];
  json_t *body = json_loadb(request->body, request->body_length, JSON_REJECT_DUPLICATES, NULL);
  bool is_good = json_object_size(body) == 1 && role_from_name(json_string_value(json_object_get(body, "role")), &role);
  json_decref(body);
  if (!is_good || !api_token_name_is_good(request->id)) {
    api_respond_problem(
        response, 400,
        "the body must be {\"role\": \"viewer\", \"operator\" or \"admin\"}, and a token's name has 1 to "
        "32 letters, digits, dashes and underscores",
        NULL);
    return;
  }
  enum result result = api_token_make(request->id, text, hash)
                           ? operator_save(request, &tokens, request->id, role, hash)
                           : RESULT_FAILED;
  if (result == RESULT_OK) end_streams(request);
  if (result == RESULT_OK)
    api_respond_json(response, 200,
                     json_pack("{s:s,s:s,s:s}", "name", request->id, "role", role_name(role), "token", text));
  else
    api_respond_result(response, result, "the token cannot be saved", NULL);
}

void api_token_delete(const struct api_request *request, struct api_response *response) {
  if (operator_delete(request, &tokens, response) != RESULT_OK) return;
  end_streams(request);
  api_respond_text(response, 204, "application/json", strdup(""));
}
