/* The memory of one simulated world: taken bit by bit, given back all at once with the world. Nothing dangles
 * meanwhile, so that a late event may look at what it was about. */
#ifndef SIM_SIM_MEMORY_H
#define SIM_SIM_MEMORY_H

#include <stddef.h>

#include "base/str_view.h"

struct sim_chunk;

struct sim_memory {
  struct sim_chunk *newest;
  size_t bytes_taken;
};

/* Zero-filled, aligned to 16. Ends the process when the machine has no memory left. */
void *sim_take(struct sim_memory *memory, size_t bytes);

/* Gives the end of what was taken last back, from `bytes` on; nothing happens when something was taken since. */
void sim_shrink(struct sim_memory *memory, void *taken, size_t bytes_taken, size_t bytes);

/* A copy, followed by 64 zero bytes (the slack that the parser wants behind a message). */
struct str_view sim_copy(struct sim_memory *memory, struct str_view text);

/* As printf, NUL-terminated. */
char *sim_format(struct sim_memory *memory, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same as a view without the NUL. */
#define sim_format_view(memory, ...) str_view_from_c(sim_format((memory), __VA_ARGS__))

/* A NUL-terminated copy, for printf and friends. */
char *sim_c_text(struct sim_memory *memory, struct str_view text);

void sim_memory_reset(struct sim_memory *memory);

#endif
