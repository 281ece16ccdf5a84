#include "boot/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

static bool path_of(char path[PATH_BYTES], const char *dir, const char *name) {
  int length = snprintf(path, PATH_BYTES, "%s/%s", dir, name);
  if (length > 0 && length < PATH_BYTES) return true;
  errno = ENAMETOOLONG;
  return false;
}

static int lock_dir(const char *dir) {
  char path[PATH_BYTES];
  if (!path_of(path, dir, "lock")) return -1;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  int problem = errno;
  close(fd);
  errno = problem;
  return -1;
}

int data_dir_open(const char *dir, char *problem, size_t problem_bytes) {
  if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
    snprintf(problem, problem_bytes, "cannot make the data directory %s: %s", dir, strerror(errno));
    return -1;
  }
  int fd = lock_dir(dir);
  if (fd >= 0) return fd;
  if (errno == EWOULDBLOCK)
    snprintf(problem, problem_bytes, "another switch is running in %s", dir);
  else
    snprintf(problem, problem_bytes, "cannot use the data directory %s: %s", dir, strerror(errno));
  return -1;
}

bool data_dir_read(const char *dir, const char *name, char *text, size_t text_bytes) {
  char path[PATH_BYTES];
  if (!path_of(path, dir, name)) return false;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, text, text_bytes - 1);
  int problem = errno;
  close(fd);
  errno = problem;
  if (length < 0) return false;
  text[length] = '\0';
  return true;
}

static bool write_whole(int fd, const char *text) {
  size_t length = strlen(text);
  ssize_t written = write(fd, text, length);
  if (written >= 0 && (size_t)written < length) errno = ENOSPC;
  return written == (ssize_t)length && fsync(fd) == 0;
}

bool data_dir_write(const char *dir, const char *name, const char *text) {
  char path[PATH_BYTES], fresh[PATH_BYTES];
  if (!path_of(path, dir, name)) return false;
  int length = snprintf(fresh, sizeof fresh, "%s.new", path);
  if (length >= (int)sizeof fresh) return false;
  int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  bool is_done = write_whole(fd, text) && rename(fresh, path) == 0;
  int problem = errno;
  if (!is_done) (void)unlink(fresh);
  close(fd);
  errno = problem;
  return is_done;
}

static bool key_from_text(const char *text, struct siphash_key *key_out) {
  unsigned long long k0, k1;
  char rest;
  if (strspn(text, "0123456789abcdef") != 32 || sscanf(text, "%16llx%16llx%c", &k0, &k1, &rest) < 2) return false;
  *key_out = (struct siphash_key){k0, k1};
  return strcmp(text + 32, "\n") == 0;
}

bool data_dir_key(const char *dir, const char *name, struct siphash_key *key_out, char *problem, size_t problem_bytes) {
  char text[64];
  if (data_dir_read(dir, name, text, sizeof text)) {
    if (key_from_text(text, key_out)) return true;
    snprintf(problem, problem_bytes, "%s/%s holds no key; remove it and a new one is made", dir, name);
    return false;
  }
  bool is_made = errno == ENOENT && getrandom(key_out, sizeof *key_out, 0) == (ssize_t)sizeof *key_out;
  if (is_made) {
    snprintf(text, sizeof text, "%016llx%016llx\n", (unsigned long long)key_out->k0, (unsigned long long)key_out->k1);
    is_made = data_dir_write(dir, name, text);
  }
  explicit_bzero(text, sizeof text);
  if (!is_made) snprintf(problem, problem_bytes, "cannot keep a key in %s/%s: %s", dir, name, strerror(errno));
  return is_made;
}
