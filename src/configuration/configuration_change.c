/* A change in the making: what the devices and parameters will be, and what is to be saved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configuration/configuration_private.h"

const struct object_kind object_kinds[] = {
    {DEVICE_PHONE, "phone", "phones", "phones", "number"},
    {DEVICE_MAPPING_GATEWAY, "mapping_gateway", "mapping_gateways", "mapping-gateways", "name"},
    {DEVICE_ROUTING_GATEWAY, "routing_gateway", "routing_gateways", "routing-gateways", "name"},
};
const size_t object_kind_count = sizeof object_kinds / sizeof object_kinds[0];

/* --- the list of devices in the making --------------------------------------------------------------------------- */

struct device *change_append_device(struct change *change, const struct device *device) {
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
      if (!change_append_device(change, directory_at(directory, object_kinds[k].kind, i))) return false;
  }
  return true;
}

const struct device *configuration_find_device(const struct configuration *configuration, enum device_kind kind,
                                               struct str_view name) {
  const struct directory *directory = configuration->picture.directory;
  if (!directory) return NULL;
  return kind == DEVICE_PHONE ? directory_find_phone(directory, name) : directory_find_gateway(directory, kind, name);
}

static bool is_called(const struct device *device, enum device_kind kind, struct str_view name) {
  return device->kind == kind && str_view_equal(device->name, name);
}

/* Where begin_with_present_devices has put it; beyond the end for one that was not there. */
static size_t first_place_of(const struct change *change, enum device_kind kind, struct str_view name) {
  const struct directory *directory = change->configuration->picture.directory;
  const struct device *present = configuration_find_device(change->configuration, kind, name);
  if (!present) return SIZE_MAX;
  size_t place = (size_t)(present - directory_at(directory, kind, 0));
  for (size_t k = 0; object_kinds[k].kind != kind; k++)
    place += directory_count(directory, object_kinds[k].kind);
  return place;
}

/* Mostly it is still where it was, so that to replace a million phones does not compare each with each. */
static struct device *find_in_change(struct change *change, enum device_kind kind, struct str_view name) {
  size_t place = first_place_of(change, kind, name);
  if (place < change->device_count && is_called(&change->devices[place], kind, name)) return &change->devices[place];
  for (size_t i = 0; i < change->device_count; i++)
    if (is_called(&change->devices[i], kind, name)) return &change->devices[i];
  return NULL;
}

/* Replaces the device of that kind and name or adds it. A present device is only searched for when there is one, so
 * that loading a million phones does not compare each with each. */
static enum result put_device(struct change *change, const struct device *device) {
  struct device *present = NULL;
  if (configuration_find_device(change->configuration, device->kind, device->name))
    present = find_in_change(change, device->kind, device->name);
  if (present)
    *present = *device;
  else if (!change_append_device(change, device))
    return RESULT_FULL;
  change->devices_changed = true;
  return RESULT_OK;
}

static void remove_device(struct change *change, struct device *device) {
  *device = change->devices[--change->device_count];
  change->devices_changed = true;
}

bool change_begin(struct change *change, struct configuration *configuration, const char *by,
                  struct configuration_problem *problem) {
  *problem = (struct configuration_problem){0};
  arena_reset(&configuration->arena);
  *change = (struct change){.configuration = configuration, .by = by, .problem = problem};
  change->parameters = *configuration->parameters;
  change->saves = json_array();
  change->deletes = json_array();
  if (change->saves && change->deletes && begin_with_present_devices(change)) return true;
  configuration_say(problem, RESULT_FULL, "", "no memory");
  return false;
}

void change_end(struct change *change) {
  json_decref(change->saves);
  json_decref(change->deletes);
  free(change->devices);
}

/* --- reading documents ------------------------------------------------------------------------------------------- */

enum result configuration_say(struct configuration_problem *problem, enum result result, const char *pointer,
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
enum result change_put(struct change *change, const struct object_kind *kind, json_t *document) {
  const char *name = json_string_value(json_object_get(document, kind->name_key));
  const struct device *previous =
      name ? configuration_find_device(change->configuration, kind->kind, str_view_from_c(name)) : NULL;
  struct device device;
  enum result result =
      device_document_read(document, kind, previous, &change->configuration->arena, &device, change->problem);
  if (result == RESULT_FULL) return configuration_say(change->problem, result, "", "no memory for that many objects");
  if (result != RESULT_OK) return result;
  result = put_device(change, &device);
  json_t *save = json_pack("[s,o,o,O]", kind->store_name, json_stringn(device.name.data, device.name.length),
                           device_document_for_store(document, &device), document);
  if (result != RESULT_OK || !save || json_array_append_new(change->saves, save) != 0)
    return configuration_say(change->problem, RESULT_FULL, "", "no memory for that many objects");
  return RESULT_OK;
}

enum result change_delete(struct change *change, const struct object_kind *kind, const char *name) {
  struct device *device = find_in_change(change, kind->kind, str_view_from_c(name));
  if (!device) return configuration_say(change->problem, RESULT_NOT_FOUND, "", "there is no such object");
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

enum result change_parameter(struct change *change, const char *name, const char *value) {
  char pointer[sizeof change->problem->pointer];
  snprintf(pointer, sizeof pointer, "/parameters/%s", name);
  const struct parameter_row *row = parameter_find(str_view_from_c(name));
  if (!row) {
    char text[256];
    snprintf(text, sizeof text, "unknown parameter \"%.100s\"", name);
    return configuration_say(change->problem, RESULT_NOT_FOUND, pointer, text);
  }
  char why[sizeof change->problem->text];
  struct text_builder builder = text_builder_over(why, sizeof why - 1);
  enum result result = parameter_set(&change->parameters, row, str_view_from_c(value), &builder);
  why[builder.length] = '\0';
  if (result != RESULT_OK) return configuration_say(change->problem, result, pointer, why);
  change->parameters_changed = true;
  json_array_append_new(change->saves, json_pack("[s,s,{s:s}]", "parameter", name, "value", value));
  return RESULT_OK;
}

static enum result read_parameters(struct change *change, const json_t *section) {
  if (!json_is_object(section))
    return configuration_say(change->problem, RESULT_MALFORMED, "/parameters",
                             "parameters must be an object of names and values");
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)section, name, value) {
    char text[PARAMETER_TEXT_MAX * 4 + 1];
    if (!value_as_text(value, text, sizeof text)) {
      char pointer[256];
      snprintf(pointer, sizeof pointer, "/parameters/%.200s", name);
      return configuration_say(change->problem, RESULT_MALFORMED, pointer,
                               "a parameter's value must be text, a number or a boolean");
    }
    enum result result = change_parameter(change, name, text);
    if (result == RESULT_NOT_FOUND) return RESULT_MALFORMED; /* of a document it is an unknown key */
    if (result != RESULT_OK) return result;
  }
  return RESULT_OK;
}

static enum result read_section(struct change *change, const struct object_kind *kind, const json_t *section) {
  char pointer[64];
  snprintf(pointer, sizeof pointer, "/%s", kind->section);
  if (!json_is_array(section))
    return configuration_say(change->problem, RESULT_MALFORMED, pointer, "this section must be a list");
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
  if (!json_is_array(replace)) return configuration_say(change->problem, RESULT_MALFORMED, "/replace", expectation);
  json_array_foreach((json_t *)replace, index, item) {
    const struct object_kind *kind = NULL;
    for (size_t k = 0; k < object_kind_count && json_is_string(item); k++)
      if (strcmp(object_kinds[k].section, json_string_value(item)) == 0) kind = &object_kinds[k];
    if (!kind || !json_is_array(json_object_get(root, kind->section)))
      return configuration_say(change->problem, RESULT_MALFORMED, "/replace", expectation);
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
  if (!json_is_object(root))
    return configuration_say(change->problem, RESULT_MALFORMED, "", "the document must be an object");
  json_object_foreach((json_t *)root, key, value) {
    bool known = strcmp(key, "parameters") == 0 || strcmp(key, "replace") == 0;
    for (size_t k = 0; k < object_kind_count && !known; k++)
      known = strcmp(object_kinds[k].section, key) == 0;
    if (known) continue;
    char text[256], pointer[256];
    snprintf(text, sizeof text, "unknown key \"%.200s\"", key);
    snprintf(pointer, sizeof pointer, "/%.200s", key);
    return configuration_say(change->problem, RESULT_MALFORMED, pointer, text);
  }
  return RESULT_OK;
}

enum result change_read_document(struct change *change, const json_t *root) {
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

/* Every parameter that the preset makes different is saved like one that was set by hand. */
enum result change_preset(struct change *change, const char *preset) {
  struct parameters target = change->parameters;
  char why[sizeof change->problem->text];
  struct text_builder builder = text_builder_over(why, sizeof why - 1);
  enum result result = parameters_apply_preset(&target, str_view_from_c(preset), &builder);
  why[builder.length] = '\0';
  if (result != RESULT_OK) return configuration_say(change->problem, result, "", why);
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
