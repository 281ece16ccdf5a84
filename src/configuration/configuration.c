/* One change at a time: read the document → build the new picture beside the old one → save → hand over → drop the old
 * one. */
#include "configuration/configuration.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "configuration/device_document.h"
#include "configuration/json_place.h"

#define DEVICES_USAGE_MAX     4000000u     /* phones and gateways over the life of the process; address space only */
#define ARENA_BYTES           (1ull << 34) /* lists of devices while a picture is built; address space only */
#define HAND_OVER_DEADLINE_MS 10000

const struct object_kind object_kinds[] = {
    {DEVICE_PHONE, "phone", "phones", "phones", "number"},
    {DEVICE_MAPPING_GATEWAY, "mapping_gateway", "mapping_gateways", "mapping-gateways", "name"},
    {DEVICE_ROUTING_GATEWAY, "routing_gateway", "routing_gateways", "routing-gateways", "name"},
};
const size_t object_kind_count = sizeof object_kinds / sizeof object_kinds[0];

/* A directory and the memory it lies in. */
struct picture {
  struct directory *directory;
  void *memory;
  size_t bytes;
};

struct configuration {
  pthread_mutex_t mutex;
  struct store *store;        /* NULL: a check without store */
  struct worker_group *group; /* NULL: nobody listens yet */
  struct parameters *parameters;
  json_t *parameter_changes; /* name → {at, by} */
  struct picture picture;
  uint32_t *usage_counts;
  void *arena_memory;
  struct arena arena;
};

/* A change in the making: what the devices will be, and what is to be saved. */
struct change {
  struct configuration *configuration;
  struct parameters parameters;
  bool parameters_changed, devices_changed;
  struct device *devices;
  size_t device_count, device_capacity;
  json_t *saves;   /* list of [store name, object name, document] */
  json_t *deletes; /* list of [store name, object name] */
  const char *by;
  struct configuration_problem *problem;
};

static void *reserve(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

static void picture_drop(struct picture *picture) {
  if (picture->memory) munmap(picture->memory, picture->bytes);
  *picture = (struct picture){0};
}

/* --- the list of devices in the making
 * ---------------------------------------------------------------------------------- */

static struct device *append_device(struct change *change, const struct device *device) {
  if (change->device_count == change->device_capacity) {
    size_t capacity = change->device_capacity ? change->device_capacity * 2 : 64;
    struct device *larger = realloc(change->devices, capacity * sizeof *larger);
    if (!larger) return NULL;
    change->devices = larger;
    change->device_capacity = capacity;
  }
  change->devices[change->device_count] = *device;
  return &change->devices[change->device_count++];
}

static bool begin_with_present_devices(struct change *change) {
  const struct directory *directory = change->configuration->picture.directory;
  for (size_t k = 0; directory && k < object_kind_count; k++) {
    size_t count = directory_count(directory, object_kinds[k].kind);
    for (size_t i = 0; i < count; i++)
      if (!append_device(change, directory_at(directory, object_kinds[k].kind, i))) return false;
  }
  return true;
}

static const struct device *find_present(const struct configuration *configuration, enum device_kind kind,
                                         struct str_view name) {
  const struct directory *directory = configuration->picture.directory;
  if (!directory) return NULL;
  return kind == DEVICE_PHONE ? directory_find_phone(directory, name) : directory_find_gateway(directory, kind, name);
}

static struct device *find_in_change(struct change *change, enum device_kind kind, struct str_view name) {
  for (size_t i = 0; i < change->device_count; i++)
    if (change->devices[i].kind == kind && str_view_equal(change->devices[i].name, name)) return &change->devices[i];
  return NULL;
}

/* Replaces the device of that kind and name or adds it. A present device is only searched for when there is one, so
 * that loading a million phones does not compare each with each. */
static enum result put_device(struct change *change, const struct device *device) {
  struct device *present = NULL;
  if (find_present(change->configuration, device->kind, device->name))
    present = find_in_change(change, device->kind, device->name);
  if (present)
    *present = *device;
  else if (!append_device(change, device))
    return RESULT_FULL;
  change->devices_changed = true;
  return RESULT_OK;
}

static void remove_device(struct change *change, struct device *device) {
  *device = change->devices[--change->device_count];
  change->devices_changed = true;
}

/* --- reading documents
 * ---------------------------------------------------------------------------------------------------- */

static enum result say(struct configuration_problem *problem, enum result result, const char *pointer,
                       const char *text) {
  snprintf(problem->text, sizeof problem->text, "%s", text);
  snprintf(problem->pointer, sizeof problem->pointer, "%s", pointer);
  return result;
}

static void prefix_pointer(struct configuration_problem *problem, const char *section, size_t index) {
  char inner[sizeof problem->pointer];
  snprintf(inner, sizeof inner, "%s", problem->pointer);
  snprintf(problem->pointer, sizeof problem->pointer, "/%s/%zu%.200s", section, index, inner);
}

/* Reads one object's document into the change; `document` stays referenced by change->saves. */
static enum result change_put(struct change *change, const struct object_kind *kind, json_t *document) {
  const char *name = json_string_value(json_object_get(document, kind->name_key));
  const struct device *previous = name ? find_present(change->configuration, kind->kind, str_view_from_c(name)) : NULL;
  struct device device;
  enum result result =
      device_document_read(document, kind, previous, &change->configuration->arena, &device, change->problem);
  if (result == RESULT_FULL) return say(change->problem, result, "", "no memory for that many objects");
  if (result != RESULT_OK) return result;
  result = put_device(change, &device);
  json_t *save = json_pack("[s,o,o,O]", kind->store_name, json_stringn(device.name.data, device.name.length),
                           device_document_for_store(document, &device), document);
  if (result != RESULT_OK || !save || json_array_append_new(change->saves, save) != 0)
    return say(change->problem, RESULT_FULL, "", "no memory for that many objects");
  return RESULT_OK;
}

static enum result change_delete(struct change *change, const struct object_kind *kind, const char *name) {
  struct device *device = find_in_change(change, kind->kind, str_view_from_c(name));
  if (!device) return say(change->problem, RESULT_NOT_FOUND, "", "there is no such object");
  remove_device(change, device);
  json_array_append_new(change->deletes, json_pack("[s,s]", kind->store_name, name));
  return RESULT_OK;
}

/* A parameter's value may be written as text, number or boolean. */
static bool value_as_text(const json_t *value, char *text, size_t text_bytes) {
  if (json_is_string(value))
    snprintf(text, text_bytes, "%s", json_string_value(value));
  else if (json_is_integer(value))
    snprintf(text, text_bytes, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  else if (json_is_boolean(value))
    snprintf(text, text_bytes, "%s", json_is_true(value) ? "On" : "Off");
  else
    return false;
  return true;
}

static enum result change_parameter(struct change *change, const char *name, const char *value) {
  char pointer[sizeof change->problem->pointer];
  snprintf(pointer, sizeof pointer, "/parameters/%s", name);
  const struct parameter_row *row = parameter_find(str_view_from_c(name));
  if (!row) {
    char text[256];
    snprintf(text, sizeof text, "unknown parameter \"%.100s\"", name);
    return say(change->problem, RESULT_NOT_FOUND, pointer, text);
  }
  char why[sizeof change->problem->text];
  struct text_builder builder = text_builder_over(why, sizeof why - 1);
  enum result result = parameter_set(&change->parameters, row, str_view_from_c(value), &builder);
  why[builder.length] = '\0';
  if (result != RESULT_OK) return say(change->problem, result, pointer, why);
  change->parameters_changed = true;
  json_array_append_new(change->saves, json_pack("[s,s,{s:s}]", "parameter", name, "value", value));
  return RESULT_OK;
}

static enum result read_parameters(struct change *change, const json_t *section) {
  if (!json_is_object(section))
    return say(change->problem, RESULT_MALFORMED, "/parameters", "parameters must be an object of names and values");
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)section, name, value) {
    char text[PARAMETER_TEXT_MAX * 4 + 1];
    if (!value_as_text(value, text, sizeof text)) {
      char pointer[256];
      snprintf(pointer, sizeof pointer, "/parameters/%.200s", name);
      return say(change->problem, RESULT_MALFORMED, pointer, "a parameter's value must be text, a number or a boolean");
    }
    enum result result = change_parameter(change, name, text);
    if (result != RESULT_OK) return result;
  }
  return RESULT_OK;
}

static enum result read_section(struct change *change, const struct object_kind *kind, const json_t *section) {
  char pointer[64];
  snprintf(pointer, sizeof pointer, "/%s", kind->section);
  if (!json_is_array(section)) return say(change->problem, RESULT_MALFORMED, pointer, "this section must be a list");
  size_t index;
  json_t *document;
  json_array_foreach((json_t *)section, index, document) {
    enum result result = change_put(change, kind, document);
    if (result == RESULT_OK) continue;
    prefix_pointer(change->problem, kind->section, index);
    return result;
  }
  return RESULT_OK;
}

/* "replace": ["phones"] makes the section exactly what is given: what is present and not named goes first. */
static enum result read_replace(struct change *change, const json_t *root, const json_t *replace) {
  static const char expectation[] =
      "replace must be a list of section names: phones, mapping_gateways, routing_gateways";
  size_t index;
  json_t *item;
  if (!json_is_array(replace)) return say(change->problem, RESULT_MALFORMED, "/replace", expectation);
  json_array_foreach((json_t *)replace, index, item) {
    const struct object_kind *kind = NULL;
    for (size_t k = 0; k < object_kind_count && json_is_string(item); k++)
      if (strcmp(object_kinds[k].section, json_string_value(item)) == 0) kind = &object_kinds[k];
    if (!kind || !json_is_array(json_object_get(root, kind->section)))
      return say(change->problem, RESULT_MALFORMED, "/replace", expectation);
    for (size_t i = change->device_count; i-- > 0;) {
      if (change->devices[i].kind != kind->kind) continue;
      struct str_view name = change->devices[i].name;
      json_array_append_new(change->deletes,
                            json_pack("[s,o]", kind->store_name, json_stringn(name.data, name.length)));
      remove_device(change, &change->devices[i]);
    }
  }
  return RESULT_OK;
}

static enum result refuse_unknown_sections(struct change *change, const json_t *root) {
  const char *key;
  json_t *value;
  if (!json_is_object(root)) return say(change->problem, RESULT_MALFORMED, "", "the document must be an object");
  json_object_foreach((json_t *)root, key, value) {
    bool known = strcmp(key, "parameters") == 0 || strcmp(key, "replace") == 0;
    for (size_t k = 0; k < object_kind_count && !known; k++)
      known = strcmp(object_kinds[k].section, key) == 0;
    if (known) continue;
    char text[256], pointer[256];
    snprintf(text, sizeof text, "unknown key \"%.200s\"", key);
    snprintf(pointer, sizeof pointer, "/%.200s", key);
    return say(change->problem, RESULT_MALFORMED, pointer, text);
  }
  return RESULT_OK;
}

static enum result read_document(struct change *change, const json_t *root) {
  enum result result = refuse_unknown_sections(change, root);
  const json_t *replace = json_object_get(root, "replace");
  if (result == RESULT_OK && replace) result = read_replace(change, root, replace);
  const json_t *parameters = json_object_get(root, "parameters");
  if (result == RESULT_OK && parameters) result = read_parameters(change, parameters);
  for (size_t k = 0; k < object_kind_count && result == RESULT_OK; k++) {
    const json_t *section = json_object_get(root, object_kinds[k].section);
    if (section) result = read_section(change, &object_kinds[k], section);
  }
  return result;
}

/* --- making a change real
 * ---------------------------------------------------------------------------------------------------- */

static enum result build_picture(struct change *change, struct picture *picture) {
  struct configuration *configuration = change->configuration;
  picture->bytes = directory_memory_bytes(change->devices, change->device_count);
  picture->memory = reserve(picture->bytes);
  if (!picture->memory) return say(change->problem, RESULT_FULL, "", "no memory for that many objects");
  char why[sizeof change->problem->text];
  struct text_builder builder = text_builder_over(why, sizeof why - 1);
  picture->directory =
      directory_build(picture->memory, change->devices, change->device_count, STR_VIEW(CONFIGURATION_REALM),
                      configuration->picture.directory, configuration->usage_counts, DEVICES_USAGE_MAX, &builder);
  if (picture->directory) return RESULT_OK;
  why[builder.length] = '\0';
  picture_drop(picture);
  return say(change->problem, RESULT_EXISTS, "", why);
}

static int64_t stamp_now(const struct configuration *configuration) {
  if (configuration->group) return worker_group_wall_now(configuration->group).value;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static enum result save_rows(struct change *change, int64_t at_us) {
  struct store *store = change->configuration->store;
  size_t index;
  json_t *row;
  json_array_foreach(change->deletes, index, row) {
    enum result result = store_delete_object(store, json_string_value(json_array_get(row, 0)),
                                             json_string_value(json_array_get(row, 1)));
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) return result;
  }
  json_array_foreach(change->saves, index, row) {
    char *text = json_dumps(json_array_get(row, 2), JSON_COMPACT);
    enum result result = RESULT_FULL;
    if (text)
      result = store_put_object(store, json_string_value(json_array_get(row, 0)),
                                json_string_value(json_array_get(row, 1)), text, change->by, at_us);
    free(text);
    if (result != RESULT_OK) return result;
  }
  return RESULT_OK;
}

static enum result save(struct change *change, int64_t at_us) {
  struct configuration_problem *problem = change->problem;
  problem->pointer[0] = '\0';
  struct store *store = change->configuration->store;
  if (!store) return RESULT_OK;
  if (store_begin(store, problem->text, sizeof problem->text) != RESULT_OK) return RESULT_FAILED;
  if (save_rows(change, at_us) != RESULT_OK) {
    store_rollback(store);
    return say(problem, RESULT_FAILED, "", "the configuration cannot be saved");
  }
  return store_commit(store, problem->text, sizeof problem->text);
}

static void note_parameter_changes(struct change *change, int64_t at_us) {
  size_t index;
  json_t *row;
  json_array_foreach(change->saves, index, row) {
    if (strcmp(json_string_value(json_array_get(row, 0)), "parameter") != 0) continue;
    json_object_set_new(change->configuration->parameter_changes, json_string_value(json_array_get(row, 1)),
                        json_pack("{s:I,s:s}", "at", (json_int_t)at_us, "by", change->by));
  }
}

static enum result hand_over_directory(struct configuration *configuration, struct picture *picture) {
  if (configuration->group &&
      worker_group_set_directory(configuration->group, picture->directory, HAND_OVER_DEADLINE_MS) != RESULT_OK)
    return RESULT_TIMED_OUT; /* a worker may still look at the old picture: it is not freed */
  picture_drop(&configuration->picture);
  return RESULT_OK;
}

static enum result hand_over_parameters(struct configuration *configuration, struct parameters *parameters) {
  if (configuration->group &&
      worker_group_set_parameters(configuration->group, parameters, HAND_OVER_DEADLINE_MS) != RESULT_OK)
    return RESULT_TIMED_OUT;
  free(configuration->parameters);
  return RESULT_OK;
}

/* What is saved is in force even when a worker is late to take it up: it will. */
static void hand_over(struct change *change, struct picture *picture, struct parameters *parameters) {
  struct configuration *configuration = change->configuration;
  if (picture->directory) {
    (void)!hand_over_directory(configuration, picture);
    configuration->picture = *picture;
  }
  if (parameters) {
    (void)!hand_over_parameters(configuration, parameters);
    configuration->parameters = parameters;
  }
}

static enum result check_parameters(struct change *change) {
  char why[sizeof change->problem->text];
  struct text_builder builder = text_builder_over(why, sizeof why - 1);
  enum result result = parameters_check(&change->parameters, &builder);
  why[builder.length] = '\0';
  return result == RESULT_OK ? result : say(change->problem, result, "/parameters", why);
}

static enum result finish_change(struct change *change) {
  struct picture picture = {0};
  struct parameters *parameters = NULL;
  enum result result = change->parameters_changed ? check_parameters(change) : RESULT_OK;
  if (result == RESULT_OK && change->parameters_changed) {
    parameters = malloc(sizeof *parameters);
    if (!parameters) return say(change->problem, RESULT_FULL, "", "no memory");
    *parameters = change->parameters;
  }
  if (result == RESULT_OK && (change->devices_changed || !change->configuration->picture.directory))
    result = build_picture(change, &picture);
  int64_t at_us = stamp_now(change->configuration);
  if (result == RESULT_OK) result = save(change, at_us);
  if (result != RESULT_OK) {
    picture_drop(&picture);
    free(parameters);
    return result;
  }
  note_parameter_changes(change, at_us);
  hand_over(change, &picture, parameters);
  return RESULT_OK;
}

static bool change_begin(struct change *change, struct configuration *configuration, const char *by,
                         struct configuration_problem *problem) {
  *problem = (struct configuration_problem){0};
  arena_reset(&configuration->arena);
  *change = (struct change){.configuration = configuration, .by = by, .problem = problem};
  change->parameters = *configuration->parameters;
  change->saves = json_array();
  change->deletes = json_array();
  if (change->saves && change->deletes && begin_with_present_devices(change)) return true;
  say(problem, RESULT_FULL, "", "no memory");
  return false;
}

static void change_end(struct change *change) {
  json_decref(change->saves);
  json_decref(change->deletes);
  free(change->devices);
}

/* --- the door
 * ---------------------------------------------------------------------------------------------------------------- */

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
  if (change_begin(&change, configuration, by, problem)) result = read_document(&change, root);
  if (result == RESULT_OK) result = finish_change(&change);
  change_end(&change);
  pthread_mutex_unlock(&configuration->mutex);
  json_decref(root);
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
    return say(problem, RESULT_MALFORMED, "", "the name in the document is not the one in the path");
  }
  if (json_is_object(root)) json_object_set_new(root, kind->name_key, json_string(name));
  struct change change;
  pthread_mutex_lock(&configuration->mutex);
  enum result result = RESULT_FULL;
  if (change_begin(&change, configuration, by, problem)) result = change_put(&change, kind, root);
  if (result == RESULT_OK) result = finish_change(&change);
  change_end(&change);
  pthread_mutex_unlock(&configuration->mutex);
  json_decref(root);
  return result;
}

enum result configuration_delete_object(struct configuration *configuration, const struct object_kind *kind,
                                        const char *name, const char *by, struct configuration_problem *problem) {
  struct change change;
  pthread_mutex_lock(&configuration->mutex);
  enum result result = RESULT_FULL;
  if (change_begin(&change, configuration, by, problem)) result = change_delete(&change, kind, name);
  if (result == RESULT_OK) result = finish_change(&change);
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
  if (result == RESULT_OK) result = finish_change(&change);
  change_end(&change);
  pthread_mutex_unlock(&configuration->mutex);
  return result;
}

/* Every parameter that the preset makes different is saved like one that was set by hand. */
static enum result change_preset(struct change *change, const char *preset) {
  struct parameters target = change->parameters;
  char why[sizeof change->problem->text];
  struct text_builder builder = text_builder_over(why, sizeof why - 1);
  enum result result = parameters_apply_preset(&target, str_view_from_c(preset), &builder);
  why[builder.length] = '\0';
  if (result != RESULT_OK) return say(change->problem, result, "", why);
  for (size_t i = 0; i < parameter_row_count && result == RESULT_OK; i++) {
    char before[PARAMETER_TEXT_MAX * 4 + 1], after[PARAMETER_TEXT_MAX * 4 + 1];
    struct text_builder before_text = text_builder_over(before, sizeof before - 1);
    struct text_builder after_text = text_builder_over(after, sizeof after - 1);
    parameter_to_text(&change->parameters, &parameter_rows[i], &before_text);
    parameter_to_text(&target, &parameter_rows[i], &after_text);
    after[after_text.length] = '\0';
    if (!str_view_equal(text_builder_view(&before_text), text_builder_view(&after_text)))
      result = change_parameter(change, parameter_rows[i].name, after);
  }
  return result;
}

enum result configuration_apply_preset(struct configuration *configuration, const char *preset, const char *by,
                                       struct configuration_problem *problem) {
  struct change change;
  pthread_mutex_lock(&configuration->mutex);
  enum result result = RESULT_FULL;
  if (change_begin(&change, configuration, by, problem)) result = change_preset(&change, preset);
  if (result == RESULT_OK) result = finish_change(&change);
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

void configuration_parameter_value(struct configuration *configuration, const struct parameter_row *row,
                                   struct text_builder *builder) {
  pthread_mutex_lock(&configuration->mutex);
  parameter_to_text(configuration->parameters, row, builder);
  pthread_mutex_unlock(&configuration->mutex);
}

uint32_t configuration_device_calls(struct configuration *configuration, enum device_kind kind, const char *name) {
  pthread_mutex_lock(&configuration->mutex);
  const struct device *device = find_present(configuration, kind, str_view_from_c(name));
  uint32_t calls = device ? directory_usage(configuration->picture.directory, device->usage) : 0;
  pthread_mutex_unlock(&configuration->mutex);
  return calls;
}

const struct parameters *configuration_parameters(const struct configuration *configuration) {
  return configuration->parameters;
}

const struct directory *configuration_directory(const struct configuration *configuration) {
  return configuration->picture.directory;
}

void configuration_attach(struct configuration *configuration, struct worker_group *group) {
  pthread_mutex_lock(&configuration->mutex);
  configuration->group = group;
  pthread_mutex_unlock(&configuration->mutex);
}

/* --- loading
 * ------------------------------------------------------------------------------------------------------------------ */

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
    if (loading->result == RESULT_OK && !append_device(change, &device)) loading->result = RESULT_FULL;
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
    loading.result = say(problem, RESULT_FAILED, "", "the stored parameters cannot be read");
  for (size_t k = 0; k < object_kind_count && loading.result == RESULT_OK; k++) {
    loading.kind = &object_kinds[k];
    if (store_each_object(configuration->store, object_kinds[k].store_name, load_object, &loading) != RESULT_OK)
      loading.result = say(problem, RESULT_FAILED, "", "the stored objects cannot be read");
  }
  if (loading.result == RESULT_OK) loading.result = build_picture(&loading.change, &configuration->picture);
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
  configuration->usage_counts = reserve(DEVICES_USAGE_MAX * sizeof *configuration->usage_counts);
  configuration->arena_memory = reserve(ARENA_BYTES);
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
    say(problem, RESULT_FULL, "", "no memory");
    return NULL;
  }
  if (load(configuration, problem) != RESULT_OK) configuration_close(&configuration);
  return configuration;
}

void configuration_close(struct configuration **configuration_pointer) {
  struct configuration *configuration = *configuration_pointer;
  if (!configuration) return;
  *configuration_pointer = NULL;
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
  if (!configuration) return say(problem, RESULT_FULL, "", "no memory");
  enum result result = configuration_apply(configuration, document, length, "check", problem);
  configuration_close(&configuration);
  return result;
}
