/* Every call of the journal to the system that can fail, as a table: the real ones, and in tests some that fail when
 * they are told to. As the system's own they return −1 (NULL) with errno. */
#ifndef STORE_JOURNAL_FILES_H
#define STORE_JOURNAL_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct journal_files {
  int (*make_directory)(void *context, const char *path);
  int (*list)(void *context, const char *directory, void (*each)(void *subject, const char *name), void *subject);
  int (*create)(void *context, const char *path); /* for reading and writing, its owner only; not if it exists */
  int (*open)(void *context, const char *path);   /* for reading */
  int64_t (*size)(void *context, int fd);
  int (*reserve)(void *context, int fd, uint64_t bytes); /* room on the disk; may not be possible */
  ssize_t (*write_at)(void *context, int fd, const void *bytes, size_t count, uint64_t offset);
  ssize_t (*read_at)(void *context, int fd, void *bytes, size_t count, uint64_t offset);
  int (*flush)(void *context, int fd); /* what was written is on the disk afterwards */
  int (*flush_directory)(void *context, const char *directory);
  int (*rename)(void *context, const char *from, const char *to);
  int (*remove)(void *context, const char *path);
  void (*close)(void *context, int fd);
  void *(*allocate)(void *context, size_t bytes); /* zero-filled */
  void (*give_back)(void *context, void *memory, size_t bytes);
  void *context;
};

/* The system's own. Static storage. */
const struct journal_files *journal_files_real(void);

#endif
