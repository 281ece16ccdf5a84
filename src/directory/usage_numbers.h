/* Which numbers the devices of a new picture get for their counts of calls in use. */
#ifndef DIRECTORY_USAGE_NUMBERS_H
#define DIRECTORY_USAGE_NUMBERS_H

#include "base/result.h"
#include "directory/directory_picture.h"

/* Memory for choosing among numbers when a picture has that many devices. */
size_t usage_numbers_memory_bytes(size_t device_count);

/* Gives every device of `picture` its number: that of the device of the same kind and name in `previous`, else one that
 * no device of `previous` has and whose count is 0. RESULT_FULL when there are none left below picture->usage_max.
 * `bits` is zero-filled and of usage_numbers_memory_bytes(). */
enum result usage_numbers_give(struct directory *picture, const struct directory *previous, uint64_t *bits,
                               size_t bits_bytes) MUST_USE;

#endif
