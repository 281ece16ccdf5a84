/* What the files of this room share: the present configuration, and a change in the making. */
#ifndef CONFIGURATION_CONFIGURATION_PRIVATE_H
#define CONFIGURATION_CONFIGURATION_PRIVATE_H

#include <pthread.h>

#include "configuration/configuration.h"
#include "configuration/device_document.h"

#define DEVICES_USAGE_MAX 4000000u /* phones and gateways over the life of the process; address space only */

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
  struct configuration_names *names; /* NULL: gateways' host names are not looked up */
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

/* Address space that is touched as it is used; NULL when there is none. */
void *configuration_reserve(size_t bytes);

void picture_drop(struct picture *picture);

/* --- configuration_change.c: what is to be changed --------------------------------------------------------------- */

/* Starts from the present configuration. False with a problem: no memory. Either way change_end gives back what it
 * holds. */
bool change_begin(struct change *change, struct configuration *configuration, const char *by,
                  struct configuration_problem *problem);
void change_end(struct change *change);

/* A device of the present directory, or NULL. */
const struct device *configuration_find_device(const struct configuration *configuration, enum device_kind kind,
                                               struct str_view name);

/* NULL: no memory. */
struct device *change_append_device(struct change *change, const struct device *device);

/* Each takes one thing into the change, or says what is wrong with it. */
enum result change_put(struct change *change, const struct object_kind *kind, json_t *document);
enum result change_delete(struct change *change, const struct object_kind *kind, const char *name);
enum result change_parameter(struct change *change, const char *name, const char *value);
enum result change_preset(struct change *change, const char *preset);
enum result change_read_document(struct change *change, const json_t *root);

/* Fills in the problem and returns `result`. */
enum result configuration_say(struct configuration_problem *problem, enum result result, const char *pointer,
                              const char *text);

/* --- configuration_commit.c: making it real ---------------------------------------------------------------------- */

/* Checks the whole, saves it, hands it to the workers. On failure nothing has changed. */
enum result change_commit(struct change *change);

/* Builds the directory of the change's devices. */
enum result change_build_picture(struct change *change, struct picture *picture);

#endif
