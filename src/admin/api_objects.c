/* Phones and gateways: list, one, create or replace, remove; and whole documents. */
#include <string.h>

#include "admin/api.h"
#include "admin/api_objects_found.h"

#define PAGE_DEFAULT 1000
#define PAGE_MAX     10000

struct listing {
  const struct api_request *request;
  json_t *items;
  uint32_t limit;
  char last_name[256];
  bool more;
};

/* The document as it was given, without secrets, and what is known of the object at the moment. */
static json_t *object_json(const struct api_request *request, const char *name, const char *document,
                           const char *changed_by, int64_t changed_at_us) {
  json_t *object = configuration_public_document(document);
  uint32_t calls = configuration_device_calls(request->switch_parts->configuration, request->kind->kind, name);
  json_object_set_new(object, "calls", json_integer(calls));
  json_t *found = request->kind->kind == DEVICE_ROUTING_GATEWAY
                      ? configuration_found_addresses(request->switch_parts->configuration, name)
                      : NULL;
  if (found) json_object_set_new(object, "resolved", found);
  json_object_set_new(object, "changed_at", api_stamp(changed_at_us));
  json_object_set_new(object, "changed_by", json_string(changed_by));
  return object;
}

static void add_to_listing(void *context, const char *name, const char *document, const char *changed_by,
                           int64_t changed_at_us) {
  struct listing *listing = context;
  listing->more = json_array_size(listing->items) == listing->limit;
  if (listing->more) return;
  json_array_append_new(listing->items, object_json(listing->request, name, document, changed_by, changed_at_us));
  strncpy(listing->last_name, name, sizeof listing->last_name - 1);
}

void api_objects_list(const struct api_request *request, struct api_response *response) {
  if (api_objects_are_sought(request)) {
    api_objects_find(request, response);
    return;
  }
  struct listing listing = {.request = request};
  if (!api_query_number(request, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &listing.limit, response)) return;
  const char *after = api_query(request, "cursor");
  listing.items = json_array();
  enum result result = store_page_objects(request->switch_parts->store, request->kind->store_name, after ? after : "",
                                          listing.limit + 1, add_to_listing, &listing);
  if (result == RESULT_OK) {
    api_respond_list(response, listing.items, listing.more ? listing.last_name : NULL);
  } else {
    json_decref(listing.items);
    api_respond_result(response, result, "the store cannot be read", NULL);
  }
}

struct finding {
  const struct api_request *request;
  json_t *object;
};

static void keep_found(void *context, const char *name, const char *document, const char *changed_by,
                       int64_t changed_at_us) {
  struct finding *finding = context;
  finding->object = object_json(finding->request, name, document, changed_by, changed_at_us);
}

json_t *api_object_find(const struct api_request *request, const struct object_kind *kind, const char *name) {
  struct api_request asking = *request;
  struct finding finding = {.request = &asking};
  asking.kind = kind;
  if (store_find_object(request->switch_parts->store, kind->store_name, name, keep_found, &finding) == RESULT_OK)
    return finding.object;
  json_decref(finding.object);
  return NULL;
}

static void respond_object(const struct api_request *request, struct api_response *response, unsigned status) {
  struct finding finding = {.request = request};
  enum result result =
      store_find_object(request->switch_parts->store, request->kind->store_name, request->id, keep_found, &finding);
  if (result != RESULT_OK)
    api_respond_result(response, result, "the store cannot be read", NULL);
  else if (!finding.object)
    api_respond_problem(response, 404, "there is no such object", NULL);
  else
    api_respond_json(response, status, finding.object);
}

void api_object_get(const struct api_request *request, struct api_response *response) {
  respond_object(request, response, 200);
}

void api_object_put(const struct api_request *request, struct api_response *response) {
  struct configuration_problem problem;
  enum result result = configuration_put_object(request->switch_parts->configuration, request->kind, request->id,
                                                request->body, request->body_length, request->by, &problem);
  if (result == RESULT_OK)
    respond_object(request, response, 200);
  else
    api_respond_result(response, result, problem.text, problem.pointer);
}

void api_object_delete(const struct api_request *request, struct api_response *response) {
  struct configuration_problem problem;
  enum result result = configuration_delete_object(request->switch_parts->configuration, request->kind, request->id,
                                                   request->by, &problem);
  if (result == RESULT_OK)
    api_respond_text(response, 204, "application/json", strdup(""));
  else
    api_respond_result(response, result, problem.text, problem.pointer);
}

void api_apply(const struct api_request *request, struct api_response *response) {
  struct configuration_problem problem;
  json_t *before = api_parameter_values(request);
  enum result result = configuration_apply(request->switch_parts->configuration, request->body, request->body_length,
                                           request->by, &problem);
  json_t *changes = api_parameter_changes(request, before);
  if (json_array_size(changes) > 0) /* else the body stands for itself */
    response->audit = json_pack("{s:I,s:O}", "bytes", (json_int_t)request->body_length, "parameters", changes);
  json_decref(changes);
  json_decref(before);
  if (result == RESULT_OK)
    api_respond_json(response, 200, json_pack("{s:b}", "applied", true));
  else
    api_respond_result(response, result, problem.text, problem.pointer);
}
