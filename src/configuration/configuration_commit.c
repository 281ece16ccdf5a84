/* Making a change real: the new picture beside the old one → save → hand over → drop the old one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "configuration/configuration_private.h"
#include "store/csv.h"

#define HAND_OVER_DEADLINE_MS 10000

/* --- making a change real ---------------------------------------------------------------------------------------- */

enum result change_build_picture(struct change *change, struct picture *picture) {
  struct configuration *configuration = change->configuration;
  picture->bytes = directory_memory_bytes(change->devices, change->device_count);
  picture->memory = configuration_reserve(picture->bytes);
  if (!picture->memory) return configuration_say(change->problem, RESULT_FULL, "", "no memory for that many objects");
  char why[sizeof change->problem->text];
  struct text_builder builder = text_builder_over(why, sizeof why - 1);
  picture->directory =
      directory_build(picture->memory, change->devices, change->device_count, STR_VIEW(CONFIGURATION_REALM),
                      configuration->picture.directory, configuration->usage_counts, DEVICES_USAGE_MAX, &builder);
  if (picture->directory) return RESULT_OK;
  why[builder.length] = '\0';
  picture_drop(picture);
  return configuration_say(change->problem, RESULT_EXISTS, "", why);
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
  if (!store || (json_array_size(change->saves) == 0 && json_array_size(change->deletes) == 0)) return RESULT_OK;
  if (store_begin(store, problem->text, sizeof problem->text) != RESULT_OK) return RESULT_FAILED;
  if (save_rows(change, at_us) != RESULT_OK) {
    store_rollback(store);
    return configuration_say(problem, RESULT_FAILED, "", "the configuration cannot be saved");
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

static enum result check_columns(const struct parameter_text *text, struct text_builder *problem) {
  struct csv_columns columns;
  text_builder_add_literal(problem, "BF_CDR_FILE_COLUMNS: ");
  enum result result = csv_columns_read(str_view_of(text->bytes, text->length), &columns, problem);
  if (result == RESULT_OK) problem->length = 0;
  return result;
}

static enum result check_parameters(struct change *change) {
  char why[sizeof change->problem->text];
  struct text_builder builder = text_builder_over(why, sizeof why - 1);
  enum result result = parameters_check(&change->parameters, &builder);
  if (result == RESULT_OK) result = check_columns(&change->parameters.BF_CDR_FILE_COLUMNS, &builder);
  why[builder.length] = '\0';
  return result == RESULT_OK ? result : configuration_say(change->problem, result, "/parameters", why);
}

enum result change_commit(struct change *change) {
  struct picture picture = {0};
  struct parameters *parameters = NULL;
  enum result result = change->parameters_changed ? check_parameters(change) : RESULT_OK;
  if (result == RESULT_OK && change->parameters_changed) {
    parameters = malloc(sizeof *parameters);
    if (!parameters) return configuration_say(change->problem, RESULT_FULL, "", "no memory");
    *parameters = change->parameters;
  }
  if (result == RESULT_OK && (change->devices_changed || !change->configuration->picture.directory))
    result = change_build_picture(change, &picture);
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
