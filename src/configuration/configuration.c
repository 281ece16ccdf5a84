/* The door: one change at a time, and the loading at the start. */
#include "configuration/configuration.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "configuration/configuration_names.h"
#include "configuration/configuration_private.h"
#include "configuration/json_place.h"

#define ARENA_BYTES (1ull << 34) /* lists of devices while a picture is built; address space only */

#define LARGE_DOCUMENT_BYTES (1u << 20)

/* JSON of a million phones takes a gigabyte of the heap, which keeps it unless it is told that nobody will come for it
 * again. */
static void give_heap_back(void) {
  (void)malloc_trim(0);
}

void *configuration_reserve(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void picture_drop(struct picture *picture) {
  if (picture->memory) munmap(picture->memory, picture->bytes);
  *picture = (struct picture){0};
}

/* --- the door ---------------------------------------------------------------------------------------------------- */

static json_t *parse(const char *document, size_t length, struct configuration_problem *problem) {
  json_error_t error;
  json_t *root = json_loadb(document, length, JSON_REJECT_DUPLICATES, &error);
  if (root) return root;
  snprintf(problem->text, sizeof problem->text, "not JSON: %s", error.text);
  problem->pointer[0] = '\0';
  problem->line = error.line;
  return NULL;
}

enum result configuration_apply(struct configuration *configuration, const char *document, size_t length,
                                const char *by, struct configuration_problem *problem) {
  *problem = (struct configuration_problem){0};
  json_t *root = parse(document, length, problem);
  if (!root) return RESULT_MALFORMED;
  struct change change;
  pthread_mutex_lock(&configuration->mutex);
  enum result result = RESULT_FULL;
  if (change_begin(&change, configuration, by, problem)) result = change_read_document(&change, root);
  if (result == RESULT_OK) result = change_commit(&change);
  change_end(&change);
  pthread_mutex_unlock(&configuration->mutex);
  if (result == RESULT_OK && configuration->names) configuration_names_wake(configuration->names);
  json_decref(root);
  if (length >= LARGE_DOCUMENT_BYTES) give_heap_back();
  if (result != RESULT_OK) problem->line = json_place_line(document, length, problem->pointer);
  return result;
}

enum result configuration_put_object(struct configuration *configuration, const struct object_kind *kind,
                                     const char *name, const char *document, size_t length, const char *by,
                                     struct configuration_problem *problem) {
  *problem = (struct configuration_problem){0};
  json_t *root = parse(document, length, problem);
  if (!root) return RESULT_MALFORMED;
  const json_t *own_name = json_object_get(root, kind->name_key);
  if (own_name && (!json_is_string(own_name) || strcmp(json_string_value(own_name), name) != 0)) {
    json_decref(root);
    return configuration_say(problem, RESULT_MALFORMED, "", "the name in the document is not the one in the path");
  }
  if (json_is_object(root)) json_object_set_new(root, kind->name_key, json_string(name));
  struct change change;
  pthread_mutex_lock(&configuration->mutex);
  enum result result = RESULT_FULL;
  if (change_begin(&change, configuration, by, problem)) result = change_put(&change, kind, root);
  if (result == RESULT_OK) result = change_commit(&change);
  change_end(&change);
  pthread_mutex_unlock(&configuration->mutex);
  if (result == RESULT_OK && configuration->names) configuration_names_wake(configuration->names);
  json_decref(root);
  return result;
}

enum result configuration_delete_object(struct configuration *configuration, const struct object_kind *kind,
                                        const char *name, const char *by, struct configuration_problem *problem) {
  struct change change;
  pthread_mutex_lock(&configuration->mutex);
  enum result result = RESULT_FULL;
  if (change_begin(&change, configuration, by, problem)) result = change_delete(&change, kind, name);
  if (result == RESULT_OK) result = change_commit(&change);
  change_end(&change);
  pthread_mutex_unlock(&configuration->mutex);
  return result;
}

enum result configuration_set_parameter(struct configuration *configuration, const char *name, const char *value,
                                        const char *by, struct configuration_problem *problem) {
  struct change change;
  pthread_mutex_lock(&configuration->mutex);
  enum result result = RESULT_FULL;
  if (change_begin(&change, configuration, by, problem)) result = change_parameter(&change, name, value);
  if (result == RESULT_OK) result = change_commit(&change);
  change_end(&change);
  pthread_mutex_unlock(&configuration->mutex);
  return result;
}

enum result configuration_apply_preset(struct configuration *configuration, const char *preset, const char *by,
                                       struct configuration_problem *problem) {
  struct change change;
  pthread_mutex_lock(&configuration->mutex);
  enum result result = RESULT_FULL;
  if (change_begin(&change, configuration, by, problem)) result = change_preset(&change, preset);
  if (result == RESULT_OK) result = change_commit(&change);
  change_end(&change);
  pthread_mutex_unlock(&configuration->mutex);
  return result;
}

bool configuration_parameter_changed(struct configuration *configuration, const char *name, int64_t *at_us, char *by,
                                     size_t by_bytes) {
  pthread_mutex_lock(&configuration->mutex);
  const json_t *entry = json_object_get(configuration->parameter_changes, name);
  if (entry) {
    *at_us = json_integer_value(json_object_get(entry, "at"));
    snprintf(by, by_bytes, "%s", json_string_value(json_object_get(entry, "by")));
  }
  pthread_mutex_unlock(&configuration->mutex);
  return entry != NULL;
}

void configuration_copy_parameters(struct configuration *configuration, struct parameters *parameters_out) {
  pthread_mutex_lock(&configuration->mutex);
  *parameters_out = *configuration->parameters;
  pthread_mutex_unlock(&configuration->mutex);
}

void configuration_parameter_value(struct configuration *configuration, const struct parameter_row *row,
                                   struct text_builder *builder) {
  pthread_mutex_lock(&configuration->mutex);
  parameter_to_text(configuration->parameters, row, builder);
  pthread_mutex_unlock(&configuration->mutex);
}

uint32_t configuration_device_calls(struct configuration *configuration, enum device_kind kind, const char *name) {
  pthread_mutex_lock(&configuration->mutex);
  const struct device *device = configuration_find_device(configuration, kind, str_view_from_c(name));
  uint32_t calls = device ? directory_usage(configuration->picture.directory, device->usage) : 0;
  pthread_mutex_unlock(&configuration->mutex);
  return calls;
}

void configuration_each_device(struct configuration *configuration, enum device_kind kind,
                               configuration_device_visitor *each, void *context) {
  pthread_mutex_lock(&configuration->mutex);
  const struct directory *directory = configuration->picture.directory;
  for (size_t i = 0; i < directory_count(directory, kind); i++) {
    const struct device *device = directory_at(directory, kind, i);
    each(context, device, directory_usage(directory, device->usage));
  }
  pthread_mutex_unlock(&configuration->mutex);
}

json_t *configuration_found_addresses(struct configuration *configuration, const char *gateway_name) {
  json_t *list = NULL;
  pthread_mutex_lock(&configuration->mutex);
  const struct device *device =
      configuration_find_device(configuration, DEVICE_ROUTING_GATEWAY, str_view_from_c(gateway_name));
  if (device && device->gateway->host.length > 0) list = json_array();
  for (uint8_t i = 0; list && i < device->gateway->address_count; i++) {
    char text[80];
    struct text_builder builder = text_builder_over(text, sizeof text);
    address_to_text(&device->gateway->addresses[i], &builder);
    json_array_append_new(list, json_stringn(builder.data, builder.length));
  }
  pthread_mutex_unlock(&configuration->mutex);
  return list;
}

const struct parameters *configuration_parameters(const struct configuration *configuration) {
  return configuration->parameters;
}

const struct directory *configuration_directory(const struct configuration *configuration) {
  return configuration->picture.directory;
}

void configuration_attach(struct configuration *configuration, struct worker_group *group, const char *name_servers) {
  if (!group) configuration_names_stop(&configuration->names);
  pthread_mutex_lock(&configuration->mutex);
  configuration->group = group;
  pthread_mutex_unlock(&configuration->mutex);
  if (group && !configuration->names) configuration->names = configuration_names_start(configuration, name_servers);
}

/* --- loading ----------------------------------------------------------------------------------------------------- */

struct loading {
  struct change change;
  const struct object_kind *kind; /* NULL: parameters */
  json_t *documents;              /* keeps what the devices' texts point into */
  enum result result;
};

static void load_object(void *context, const char *name, const char *document, const char *changed_by,
                        int64_t changed_at_us) {
  struct loading *loading = context;
  if (loading->result != RESULT_OK) return;
  json_t *root = json_loads(document, 0, NULL);
  json_array_append_new(loading->documents, root);
  struct change *change = &loading->change;
  if (loading->kind) {
    struct device device;
    loading->result =
        device_document_read(root, loading->kind, NULL, &change->configuration->arena, &device, change->problem);
    if (loading->result == RESULT_OK && !change_append_device(change, &device)) loading->result = RESULT_FULL;
  } else {
    const char *value = json_string_value(json_object_get(root, "value"));
    loading->result = change_parameter(change, name, value ? value : "");
    json_object_set_new(change->configuration->parameter_changes, name,
                        json_pack("{s:I,s:s}", "at", (json_int_t)changed_at_us, "by", changed_by));
  }
  if (loading->result == RESULT_OK) return;
  char why[256];
  snprintf(why, sizeof why, "%.200s", change->problem->text);
  snprintf(change->problem->text, sizeof change->problem->text, "stored %s %.100s: %s",
           loading->kind ? loading->kind->store_name : "parameter", name, why);
}

static enum result load(struct configuration *configuration, struct configuration_problem *problem) {
  struct loading loading = {.result = RESULT_OK, .documents = json_array()};
  if (!change_begin(&loading.change, configuration, "", problem)) loading.result = RESULT_FULL;
  if (loading.result == RESULT_OK &&
      store_each_object(configuration->store, "parameter", load_object, &loading) != RESULT_OK)
    loading.result = configuration_say(problem, RESULT_FAILED, "", "the stored parameters cannot be read");
  for (size_t k = 0; k < object_kind_count && loading.result == RESULT_OK; k++) {
    loading.kind = &object_kinds[k];
    if (store_each_object(configuration->store, object_kinds[k].store_name, load_object, &loading) != RESULT_OK)
      loading.result = configuration_say(problem, RESULT_FAILED, "", "the stored objects cannot be read");
  }
  if (loading.result == RESULT_OK) loading.result = change_build_picture(&loading.change, &configuration->picture);
  if (loading.result == RESULT_OK) *configuration->parameters = loading.change.parameters;
  change_end(&loading.change);
  json_decref(loading.documents);
  return loading.result;
}

static struct configuration *create(struct store *store) {
  struct configuration *configuration = calloc(1, sizeof *configuration);
  if (!configuration) return NULL;
  pthread_mutex_init(&configuration->mutex, NULL);
  configuration->store = store;
  configuration->parameters = malloc(sizeof *configuration->parameters);
  configuration->parameter_changes = json_object();
  configuration->usage_counts = configuration_reserve(DEVICES_USAGE_MAX * sizeof *configuration->usage_counts);
  configuration->arena_memory = configuration_reserve(ARENA_BYTES);
  if (!configuration->parameters || !configuration->parameter_changes || !configuration->usage_counts ||
      !configuration->arena_memory) {
    configuration_close(&configuration);
    return NULL;
  }
  arena_init(&configuration->arena, configuration->arena_memory, ARENA_BYTES);
  parameters_set_defaults(configuration->parameters);
  return configuration;
}

struct configuration *configuration_open(struct store *store, struct configuration_problem *problem) {
  *problem = (struct configuration_problem){0};
  struct configuration *configuration = create(store);
  if (!configuration) {
    configuration_say(problem, RESULT_FULL, "", "no memory");
    return NULL;
  }
  if (load(configuration, problem) != RESULT_OK) configuration_close(&configuration);
  give_heap_back();
  return configuration;
}

void configuration_close(struct configuration **configuration_pointer) {
  struct configuration *configuration = *configuration_pointer;
  if (!configuration) return;
  *configuration_pointer = NULL;
  configuration_names_stop(&configuration->names);
  picture_drop(&configuration->picture);
  json_decref(configuration->parameter_changes);
  free(configuration->parameters);
  if (configuration->usage_counts)
    munmap(configuration->usage_counts, DEVICES_USAGE_MAX * sizeof *configuration->usage_counts);
  if (configuration->arena_memory) munmap(configuration->arena_memory, ARENA_BYTES);
  pthread_mutex_destroy(&configuration->mutex);
  free(configuration);
}

enum result configuration_check(const char *document, size_t length, struct configuration_problem *problem) {
  *problem = (struct configuration_problem){0};
  struct configuration *configuration = create(NULL);
  if (!configuration) return configuration_say(problem, RESULT_FULL, "", "no memory");
  enum result result = configuration_apply(configuration, document, length, "check", problem);
  configuration_close(&configuration);
  return result;
}
