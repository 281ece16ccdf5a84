/* Looks through the devices in memory, which is where their calls are counted, and reads the documents of those in
 * sight from the store. What a device's secret is made of is not looked at. */
#include "admin/api_objects_found.h"

#include <inttypes.h>
#include <string.h>

#include "admin/desk.h"
#include "admin/found_page.h"

#define TEXT_KEY_BYTES 32
#define KEY_BYTES      (2 * TEXT_KEY_BYTES)

enum device_sort {
#define DEVICE_SORT(name, ...) DEVICE_SORT_##name,
#include "admin/device_sorts.def"
#undef DEVICE_SORT
  DEVICE_SORT_COUNT
};

static const char *const sort_names[DEVICE_SORT_COUNT] = {
#define DEVICE_SORT(name, ...) [DEVICE_SORT_##name] = #name,
#include "admin/device_sorts.def"
#undef DEVICE_SORT
};

bool api_objects_are_sought(const struct api_request *request) {
  static const char *const names[] = {"q", "sort", "offset"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (api_query(request, names[i])) return true;
  return false;
}

struct device_search {
  struct found_page page;
  enum device_sort sort;
  char words[FOUND_WORD_BYTES_MAX + 1];
  json_t *known; /* by name: figures of recent calls, or those that fit; NULL where that does not matter */
};

/* --- what fits --------------------------------------------------------------------------------------------------- */

static bool gateway_contains(const struct gateway *gateway, struct str_view words) {
  if (str_view_contains_folded(gateway->host, words) || str_view_contains_folded(gateway->user, words)) return true;
  for (unsigned i = 0; i < gateway->address_count; i++) {
    char memory[80];
    struct text_builder text = text_builder_over(memory, sizeof memory);
    address_to_text(&gateway->addresses[i], &text);
    if (str_view_contains_folded(text_builder_view(&text), words)) return true;
  }
  for (unsigned i = 0; i < gateway->prefix_count; i++)
    if (str_view_contains_folded(gateway->prefixes[i], words)) return true;
  return false;
}

static bool fits(const struct device *device, struct str_view words) {
  return words.length == 0 || str_view_contains_folded(device->name, words) ||
         str_view_contains_folded(device->display, words) ||
         (device->gateway && gateway_contains(device->gateway, words));
}

/* --- keys -------------------------------------------------------------------------------------------------------- */

static struct str_view where(const struct device *device, struct text_builder *text) {
  if (!device->gateway) return device->display;
  if (device->gateway->host.length > 0) return device->gateway->host;
  if (device->gateway->address_count > 0) address_to_text(&device->gateway->addresses[0], text);
  return text_builder_view(text);
}

/* 0 where it is not known. */
static uint64_t known_key(const struct device_search *search, const struct device *device) {
  const json_t *known = json_object_getn(search->known, device->name.data, device->name.length);
  static const char *const fields[] = {
      [DEVICE_SORT_asr] = "asr_percent", [DEVICE_SORT_acd] = "acd_s", [DEVICE_SORT_pdd] = "pdd_ms"};
  const json_t *figure = json_object_get(known, fields[search->sort]);
  return json_is_number(figure) ? 1 + (uint64_t)(json_number_value(figure) * 10) : 0;
}

static uint64_t number_key(const struct device_search *search, const struct device *device, uint32_t calls) {
  if (search->sort == DEVICE_SORT_priority) return device->gateway ? device->gateway->priority : 0;
  if (search->sort == DEVICE_SORT_state) return device->locked;
  return search->sort == DEVICE_SORT_lines ? calls : known_key(search, device);
}

static void add_line(void *context, const struct device *device, uint32_t calls) {
  struct device_search *search = context;
  char key_memory[KEY_BYTES], where_memory[80];
  struct text_builder key = text_builder_over(key_memory, sizeof key_memory);
  struct text_builder address = text_builder_over(where_memory, sizeof where_memory);
  if (!fits(device, str_view_from_c(search->words))) return;
  if (search->sort == DEVICE_SORT_name)
    text_builder_add_sort_key(&key, device->name, TEXT_KEY_BYTES);
  else if (search->sort == DEVICE_SORT_where)
    text_builder_add_sort_key(&key, where(device, &address), TEXT_KEY_BYTES);
  else
    text_builder_add_hex(&key, number_key(search, device, calls), 16);
  fprintf(search->page.lines_in, "%.*s %.*s\n", (int)key.length, key.data, (int)device->name.length, device->name.data);
}

/* --- the question ------------------------------------------------------------------------------------------------ */

static bool read_sort(struct device_search *search, struct api_response *response) {
  char names[256] = "";
  for (unsigned i = 0; i < DEVICE_SORT_COUNT; i++) {
    search->sort = (enum device_sort)i;
    if (strcmp(search->page.sort, sort_names[i]) == 0) return true;
    size_t length = strlen(names);
    snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", sort_names[i]);
  }
  found_page_refuse_sort(names, response);
  return false;
}

static void find_figures(struct device_search *search, const struct api_request *request) {
  bool is_routing = request->kind->kind == DEVICE_ROUTING_GATEWAY;
  json_t *traffic = monitor_traffic(request->desk->monitor);
  search->known = json_incref(json_object_get(traffic, is_routing ? "callees" : "callers"));
  json_decref(traffic);
}

static void note_fitting(void *context, const struct device *device, uint32_t calls) {
  struct device_search *search = context;
  (void)calls;
  if (fits(device, str_view_from_c(search->words)))
    json_object_setn_new(search->known, device->name.data, device->name.length, json_true());
}

static void add_change(void *context, const char *name, int64_t changed_at_us) {
  struct device_search *search = context;
  if (search->known && !json_object_get(search->known, name)) return;
  fprintf(search->page.lines_in, "%016" PRIx64 " %s\n", (uint64_t)changed_at_us, name);
}

/* Only the store knows when a document was changed, and only the directory what stands in it. */
static enum result find_by_change(struct device_search *search, const struct api_request *request) {
  if (search->words[0]) {
    search->known = json_object();
    configuration_each_device(request->switch_parts->configuration, request->kind->kind, note_fitting, search);
  }
  return store_each_change(request->switch_parts->store, request->kind->store_name, add_change, search);
}

static enum result find(struct device_search *search, const struct api_request *request) {
  if (search->sort == DEVICE_SORT_changed) return find_by_change(search, request);
  if (search->sort == DEVICE_SORT_asr || search->sort == DEVICE_SORT_acd || search->sort == DEVICE_SORT_pdd)
    find_figures(search, request);
  configuration_each_device(request->switch_parts->configuration, request->kind->kind, add_line, search);
  return RESULT_OK;
}

static void respond(const struct device_search *search, const struct api_request *request,
                    struct api_response *response) {
  json_t *items = json_array();
  for (size_t i = search->page.from; i < search->page.to; i++) {
    json_t *object = api_object_find(request, request->kind, found_page_id(&search->page, i));
    if (object) json_array_append_new(items, object);
  }
  found_page_respond(&search->page, items, response);
}

void api_objects_find(const struct api_request *request, struct api_response *response) {
  struct device_search search = {0};
  if (found_page_begin(&search.page, request, "name", response) &&
      found_page_word(request, "q", true, search.words, response) && read_sort(&search, response)) {
    enum result result = find(&search, request);
    if (result == RESULT_OK) result = found_page_sort(&search.page);
    if (result == RESULT_OK)
      respond(&search, request, response);
    else
      api_respond_result(response, result, "the store cannot be read", NULL);
  }
  json_decref(search.known);
  found_page_free(&search.page);
}
