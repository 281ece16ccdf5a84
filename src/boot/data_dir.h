/* The directory that belongs to one running switch: made at the first start, readable for its owner only, locked while
 * it is in use. Small files in it are replaced as a whole or not at all. */
#ifndef BOOT_DATA_DIR_H
#define BOOT_DATA_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/siphash.h"

/* Makes the directory with mode 0700 when it is not there, and takes its lock (DIR/lock). Returns a descriptor that
 * holds the lock until it is closed or the process ends, or -1 with a sentence in `problem`. */
int data_dir_open(const char *dir, char *problem, size_t problem_bytes);

/* Reads at most text_bytes − 1 bytes of DIR/`name`, NUL-terminated. False with errno; ENOENT: there is none. */
bool data_dir_read(const char *dir, const char *name, char *text, size_t text_bytes);

/* Replaces DIR/`name` with mode 0600. False with errno: the old file is as it was. */
bool data_dir_write(const char *dir, const char *name, const char *text);

/* The key in DIR/`name` (32 hexadecimal digits), made of the kernel's random numbers at the first start. False with a
 * sentence in `problem`; a damaged file is not replaced. */
bool data_dir_key(const char *dir, const char *name, struct siphash_key *key_out, char *problem, size_t problem_bytes);

#endif
