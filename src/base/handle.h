/* Names an object across time: the slot's index in its pool and the generation the slot had when the handle was made.
 * A handle whose object has died finds nothing, even when the slot lives again. Generation 0 is never given out. */
#ifndef BASE_HANDLE_H
#define BASE_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

struct handle {
  uint32_t index;
  uint32_t generation;
};

#define HANDLE_NONE ((struct handle){0, 0})

static inline bool handle_is_none(struct handle handle) {
  return handle.generation == 0;
}

static inline bool handle_equal(struct handle a, struct handle b) {
  return a.index == b.index && a.generation == b.generation;
}

#endif
