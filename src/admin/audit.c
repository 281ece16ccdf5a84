#include "admin/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_SHOWN_MAX 4096 /* of a longer one only the length is noted */
#define PRUNE_EVERY    256
#define PRUNE_AT_ONCE  512
#define PAGE_DEFAULT   200
#define PAGE_MAX       1000

static bool is_secret(const char *key) {
  static const char *const secrets[] = {"password", "token", "old", "new", "ha1_md5", "ha1_sha256"};
  for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
    if (strcmp(key, secrets[i]) == 0) return true;
  return false;
}

static void hide_secrets(json_t *document) {
  const char *key;
  json_t *value;
  size_t i;
  if (json_is_object(document)) {
    json_object_foreach(document, key, value) {
      if (is_secret(key))
        json_object_set_new(document, key, json_string("***"));
      else
        hide_secrets(value);
    }
  }
  if (json_is_array(document)) json_array_foreach(document, i, value) hide_secrets(value);
}

json_t *audit_without_secrets(const json_t *document) {
  json_t *copy = json_deep_copy(document);
  hide_secrets(copy);
  return copy;
}

void audit_name(int64_t at_us, unsigned number, char *name) {
  snprintf(name, AUDIT_NAME_BYTES, "%019lld-%04u", (long long)(INT64_MAX - at_us), 9999 - number % 10000);
}

static json_t *body_json(const struct api_request *request) {
  if (request->body_length == 0) return json_null();
  if (request->body_length > BODY_SHOWN_MAX) return json_pack("{s:I}", "bytes", (json_int_t)request->body_length);
  json_t *body = json_loadb(request->body, request->body_length, 0, NULL);
  json_t *shown = body ? audit_without_secrets(body) : json_null();
  json_decref(body);
  return shown;
}

struct page {
  json_t *items;
  uint32_t limit;
  char last_name[AUDIT_NAME_BYTES];
  bool more;
};

static void keep_name(void *context, const char *name, const char *document, const char *changed_by,
                      int64_t changed_at_us) {
  (void)document, (void)changed_by, (void)changed_at_us;
  json_array_append_new(context, json_string(name));
}

/* Walks to the entry that is the oldest to be kept, page by page, and removes some of what is behind it. */
static void prune(struct store *store) {
  char problem[256];
  char after[AUDIT_NAME_BYTES] = "";
  for (unsigned kept = 0; kept < AUDIT_ENTRIES_MAX; kept += PAGE_MAX) {
    json_t *names = json_array();
    (void)!store_page_objects(store, "audit", after, PAGE_MAX, keep_name, names);
    size_t count = json_array_size(names);
    if (count == PAGE_MAX) snprintf(after, sizeof after, "%s", json_string_value(json_array_get(names, count - 1)));
    json_decref(names);
    if (count < PAGE_MAX) return;
  }
  json_t *names = json_array(), *name;
  size_t i;
  (void)!store_page_objects(store, "audit", after, PRUNE_AT_ONCE, keep_name, names);
  if (json_array_size(names) > 0 && store_begin(store, problem, sizeof problem) == RESULT_OK) {
    json_array_foreach(names, i, name)(void) !store_delete_object(store, "audit", json_string_value(name));
    (void)!store_commit(store, problem, sizeof problem);
  }
  json_decref(names);
}

void audit_note(const struct api_request *request, const char *what, const json_t *change) {
  static unsigned number; /* atomic */
  const struct admin_options *parts = request->switch_parts;
  int64_t now_us = worker_group_wall_now(parts->group).value;
  unsigned mine = __atomic_add_fetch(&number, 1, __ATOMIC_RELAXED);
  char name[AUDIT_NAME_BYTES], problem[256];
  audit_name(now_us, mine, name);
  json_t *entry = json_pack("{s:s,s:s,s:s,s:o}", "role", role_name(request->role), "from", request->address, "what",
                            what, "change", change ? json_deep_copy(change) : body_json(request));
  char *text = json_dumps(entry, JSON_COMPACT);
  json_decref(entry);
  if (text && store_begin(parts->store, problem, sizeof problem) == RESULT_OK) {
    if (store_put_object(parts->store, "audit", name, text, request->by, now_us) == RESULT_OK)
      (void)!store_commit(parts->store, problem, sizeof problem);
    else
      store_rollback(parts->store);
  }
  free(text);
  if (mine % PRUNE_EVERY == 0) prune(parts->store);
}

static void add_entry(void *context, const char *name, const char *document, const char *changed_by,
                      int64_t changed_at_us) {
  struct page *page = context;
  page->more = json_array_size(page->items) == page->limit;
  if (page->more) return;
  json_t *entry = json_loads(document, 0, NULL);
  json_object_set_new(entry, "at", api_stamp(changed_at_us));
  json_object_set_new(entry, "by", json_string(changed_by));
  json_array_append_new(page->items, entry);
  snprintf(page->last_name, sizeof page->last_name, "%s", name);
}

void api_audit_list(const struct api_request *request, struct api_response *response) {
  struct page page = {0};
  if (!api_query_number(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &page.limit, response)) return;
  const char *after = api_query(request, "cursor");
  page.items = json_array();
  enum result result =
      store_page_objects(request->switch_parts->store, "audit", after ? after : "", page.limit + 1, add_entry, &page);
  if (result == RESULT_OK) {
    api_respond_list(response, page.items, page.more ? page.last_name : NULL);
  } else {
    json_decref(page.items);
    api_respond_result(response, result, "the store cannot be read", NULL);
  }
}
