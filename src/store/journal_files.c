#include "store/journal_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int real_make_directory(void *context, const char *path) {
  (void)context;
  return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

static int real_list(void *context, const char *directory, void (*each)(void *subject, const char *name),
                     void *subject) {
  (void)context;
  DIR *stream = opendir(directory);
  if (!stream) return -1;
  for (const struct dirent *entry; (entry = readdir(stream)) != NULL;)
    each(subject, entry->d_name);
  return closedir(stream);
}

static int real_create(void *context, const char *path) {
  (void)context;
  return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int real_open(void *context, const char *path) {
  (void)context;
  return open(path, O_RDONLY | O_CLOEXEC);
}

static int64_t real_size(void *context, int fd) {
  (void)context;
  struct stat status;
  return fstat(fd, &status) == 0 ? status.st_size : -1;
}

static int real_reserve(void *context, int fd, uint64_t bytes) {
  (void)context;
  return fallocate(fd, 0, 0, (off_t)bytes);
}

static ssize_t real_write_at(void *context, int fd, const void *bytes, size_t count, uint64_t offset) {
  (void)context;
  return pwrite(fd, bytes, count, (off_t)offset);
}

static ssize_t real_read_at(void *context, int fd, void *bytes, size_t count, uint64_t offset) {
  (void)context;
  return pread(fd, bytes, count, (off_t)offset);
}

static int real_flush(void *context, int fd) {
  (void)context;
  return fdatasync(fd);
}

static int real_flush_directory(void *context, const char *directory) {
  (void)context;
  int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  int result = fsync(fd);
  close(fd);
  return result;
}

static int real_rename(void *context, const char *from, const char *to) {
  (void)context;
  return rename(from, to);
}

static int real_remove(void *context, const char *path) {
  (void)context;
  return unlink(path);
}

static void real_close(void *context, int fd) {
  (void)context;
  close(fd);
}

static void *real_allocate(void *context, size_t bytes) {
  (void)context;
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

static void real_give_back(void *context, void *memory, size_t bytes) {
  (void)context;
  if (memory) munmap(memory, bytes);
}

const struct journal_files *journal_files_real(void) {
  static const struct journal_files files = {
      .make_directory = real_make_directory,
      .list = real_list,
      .create = real_create,
      .open = real_open,
      .size = real_size,
      .reserve = real_reserve,
      .write_at = real_write_at,
      .read_at = real_read_at,
      .flush = real_flush,
      .flush_directory = real_flush_directory,
      .rename = real_rename,
      .remove = real_remove,
      .close = real_close,
      .allocate = real_allocate,
      .give_back = real_give_back,
  };
  return &files;
}
