/* What operators have configured: system parameters, phones, mapping gateways, routing gateways. Documents come in as
 * JSON, are checked as a whole, saved in the store in one transaction, turned into one new picture (parameters,
 * directory) and handed to all workers; if anything is wrong nothing has changed. Used by one thread at a time: calls
 * lock inside. */
#ifndef CONFIGURATION_CONFIGURATION_H
#define CONFIGURATION_CONFIGURATION_H

#include <jansson.h>
#include <stdbool.h>

#include "base/result.h"
#include "directory/directory.h"
#include "parameters/parameters.h"
#include "store/store.h"
#include "worker/worker.h"

struct configuration;

/* What is wrong with a document: a sentence for the operator that names the key or value and what is allowed, and where
 * it stands. */
struct configuration_problem {
  char text[512];
  char pointer[256]; /* JSON pointer (RFC 6901) of the place, "" when it is the whole document */
  int line;          /* 1…; 0: not known */
};

/* The kinds of configured objects: their name in the store, in documents, and the key that names one. */
struct object_kind {
  enum device_kind kind;
  const char *store_name;   /* "phone" */
  const char *section;      /* "phones" */
  const char *path_segment; /* "phones", "mapping-gateways": in the API's paths */
  const char *name_key;     /* "number" or "name" */
};
extern const struct object_kind object_kinds[];
extern const size_t object_kind_count;

/* Loads everything from the store. NULL with a sentence in `problem` when what is stored cannot be used. `store` is
 * borrowed. */
struct configuration *configuration_open(struct store *store, struct configuration_problem *problem);
void configuration_close(struct configuration **configuration);

/* The present picture; valid until a change is made by one of the functions below, which is what the attached workers
 * rely on. */
const struct parameters *configuration_parameters(const struct configuration *configuration);
const struct directory *configuration_directory(const struct configuration *configuration);

/* A copy of the present parameters, for a thread that makes no changes. */
void configuration_copy_parameters(struct configuration *configuration, struct parameters *parameters_out);

/* From now on changes are handed to `group`, and gateways' host names are looked up for it (by `name_servers`,
 * "127.0.0.1:53" for tests, or NULL: those of the host). NULL for `group`: to nobody any more, before its workers end.
 */
void configuration_attach(struct configuration *configuration, struct worker_group *group, const char *name_servers);

/* Applies a document of the contract's form, all or nothing. `by` is who asks. RESULT_MALFORMED, RESULT_OUT_OF_RANGE …
 * with `problem`; RESULT_FAILED when the store cannot save it. */
enum result configuration_apply(struct configuration *configuration, const char *document, size_t length,
                                const char *by, struct configuration_problem *problem) MUST_USE;

/* One object, as `PUT` brings it; the name in the path and in the document must agree (it may be left out of the
 * document). */
enum result configuration_put_object(struct configuration *configuration, const struct object_kind *kind,
                                     const char *name, const char *document, size_t length, const char *by,
                                     struct configuration_problem *problem) MUST_USE;
enum result configuration_delete_object(struct configuration *configuration, const struct object_kind *kind,
                                        const char *name, const char *by,
                                        struct configuration_problem *problem) MUST_USE;

enum result configuration_set_parameter(struct configuration *configuration, const char *name, const char *value,
                                        const char *by, struct configuration_problem *problem) MUST_USE;
enum result configuration_apply_preset(struct configuration *configuration, const char *preset, const char *by,
                                       struct configuration_problem *problem) MUST_USE;

/* Calls that a device has in use now; 0 for one that is not there. */
uint32_t configuration_device_calls(struct configuration *configuration, enum device_kind kind, const char *name);

/* Calls `each` for every device of that kind with the number of its calls now, in no order. No change is made
 * meanwhile; `each` calls nothing of this room. */
typedef void configuration_device_visitor(void *context, const struct device *device, uint32_t calls);
void configuration_each_device(struct configuration *configuration, enum device_kind kind,
                               configuration_device_visitor *each, void *context);

/* The addresses that were found for a routing gateway's host name, as a list of texts; NULL when it is not named by
 * host. New reference. */
json_t *configuration_found_addresses(struct configuration *configuration, const char *gateway_name);

/* When and by whom a parameter was changed last. False when it never was. */
bool configuration_parameter_changed(struct configuration *configuration, const char *name, int64_t *at_us, char *by,
                                     size_t by_bytes);

/* Checks a document as `configuration_apply` would on an empty configuration, without store or switch: `belfry check`.
 */
enum result configuration_check(const char *document, size_t length, struct configuration_problem *problem) MUST_USE;

/* Appends the parameter's present value as text. */
void configuration_parameter_value(struct configuration *configuration, const struct parameter_row *row,
                                   struct text_builder *builder);

/* A stored object's document as operators may see it: without secrets. The caller gives it back with json_decref. */
json_t *configuration_public_document(const char *stored_document);

#endif
