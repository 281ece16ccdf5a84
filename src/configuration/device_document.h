/* One phone's or gateway's JSON document ⇄ struct device. */
#ifndef CONFIGURATION_DEVICE_DOCUMENT_H
#define CONFIGURATION_DEVICE_DOCUMENT_H

#include <jansson.h>

#include "base/arena.h"
#include "configuration/configuration.h"
#include "directory/directory.h"

#define CONFIGURATION_REALM "belfry"

/* Reads `document` (an object) into `device`; what it points to is in the arena or in the document, which must stay. A
 * phone's password becomes H(A1) here and goes no further. `previous` (may be NULL) lends H(A1) to a phone's document
 * that has none. RESULT_MALFORMED or RESULT_OUT_OF_RANGE with `problem` (its pointer relative to the document);
 * RESULT_FULL: the arena is. */
enum result device_document_read(const json_t *document, const struct object_kind *kind, const struct device *previous,
                                 struct arena *arena, struct device *device,
                                 struct configuration_problem *problem) MUST_USE;

/* What is stored: the document as given, a phone's password replaced by its H(A1), a gateway's filled in where it was
 * not given again. New reference. */
json_t *device_document_for_store(const json_t *document, const struct device *device);

#endif
