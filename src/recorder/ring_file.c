#include "recorder/ring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLACK_BYTES 64 /* that the reader of messages may look at */

/* Closes `fd` and says what errno was. */
static bool fail(int fd, char *problem, size_t problem_bytes, const char *what, const char *path) {
  snprintf(problem, problem_bytes, "%s %s: %s", what, path, strerror(errno));
  if (fd >= 0) close(fd);
  return false;
}

static bool map(struct ring_file *file, int fd, size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return false;
  *file = (struct ring_file){memory, bytes};
  return true;
}

enum left_behind { LEFT_NOTHING, LEFT_RING, LEFT_OTHER_SIZE, LEFT_BROKEN };

/* Takes up the ring that is there, when it is of this size. */
static enum left_behind resume(struct ring_file *file, struct trace_ring *ring, const char *path,
                               uint32_t block_count) {
  struct stat status;
  struct trace_ring_view view;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? LEFT_NOTHING : LEFT_BROKEN;
  enum left_behind found = LEFT_BROKEN;
  if (fstat(fd, &status) == 0 && status.st_size >= TRACE_HEADER_BYTES && map(file, fd, (size_t)status.st_size)) {
    bool is_ring = trace_ring_view_read(file->memory, &view) == RESULT_OK &&
                   trace_ring_memory_bytes(view.block_count) == (size_t)status.st_size;
    if (is_ring) found = LEFT_OTHER_SIZE;
    bool is_ours = is_ring && posix_fallocate(fd, 0, status.st_size) == 0 &&
                   trace_ring_resume(ring, file->memory, block_count, ring->worker) == RESULT_OK;
    if (is_ours) {
      found = LEFT_RING;
      /* After a reboot it is on the disk only, and a page that is written over is read before: not while calls wait. */
      (void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
    } else {
      ring_file_close(file);
    }
  }
  close(fd);
  return found;
}

/* Under another name first, so that a reader sees the old ring or the new one. */
static bool create(struct ring_file *file, struct trace_ring *ring, const char *path, uint32_t block_count,
                   char *problem, size_t problem_bytes) {
  char fresh[RING_PATH_BYTES + 8];
  uint8_t worker = ring->worker;
  size_t bytes = trace_ring_memory_bytes(block_count);
  snprintf(fresh, sizeof fresh, "%s.new", path);
  int fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(fd, problem, problem_bytes, "the flight recorder cannot make", fresh);
  errno = posix_fallocate(fd, 0, (off_t)bytes);
  if (errno != 0 || !map(file, fd, bytes)) {
    unlink(fresh);
    return fail(fd, problem, problem_bytes, "the flight recorder has no room for", path);
  }
  trace_ring_create(ring, file->memory, block_count, worker);
  if (rename(fresh, path) != 0) {
    ring_file_close(file);
    return fail(fd, problem, problem_bytes, "the flight recorder cannot make", path);
  }
  close(fd);
  return true;
}

bool ring_file_open(struct ring_file *file, struct trace_ring *ring, const char *dir, const char *name,
                    uint32_t block_count, char *problem, size_t problem_bytes) {
  char path[RING_PATH_BYTES], broken[RING_PATH_BYTES + 8], sentence[RING_PATH_BYTES + 128] = "";
  *file = (struct ring_file){0};
  problem[0] = '\0';
  int length = snprintf(path, sizeof path, "%s/%s.ring", dir, name);
  if (length < 0 || (size_t)length >= sizeof path) {
    snprintf(problem, problem_bytes, "the flight recorder's path is too long");
    return false;
  }
  if (mkdir(dir, 0700) != 0 && errno != EEXIST)
    return fail(-1, problem, problem_bytes, "the flight recorder cannot make", dir);
  enum left_behind left = resume(file, ring, path, block_count);
  if (left == LEFT_RING) return true;
  if (left == LEFT_BROKEN) {
    snprintf(broken, sizeof broken, "%s.broken", path);
    if (rename(path, broken) == 0)
      snprintf(sentence, sizeof sentence,
               "%s was no ring of the flight recorder: kept as %s.broken, a new one is begun", path, name);
  }
  if (!create(file, ring, path, block_count, problem, problem_bytes)) return false;
  snprintf(problem, problem_bytes, "%s", sentence);
  return true;
}

void ring_file_close(struct ring_file *file) {
  if (file->memory) munmap(file->memory, file->bytes);
  *file = (struct ring_file){0};
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static bool read_at(int fd, void *bytes, size_t count, uint64_t offset) {
  return pread(fd, bytes, count, (off_t)offset) == (ssize_t)count;
}

bool ring_reader_refresh(struct ring_reader *reader) {
  _Alignas(64) char header[256];
  return read_at(reader->fd, header, sizeof header, 0) && trace_ring_view_read(header, &reader->view) == RESULT_OK;
}

bool ring_reader_open(struct ring_reader *reader, const char *path, char *problem, size_t problem_bytes) {
  *reader = (struct ring_reader){.fd = open(path, O_RDONLY | O_CLOEXEC)};
  if (reader->fd < 0) return fail(-1, problem, problem_bytes, "cannot read", path);
  reader->block = malloc(TRACE_BLOCK_BYTES + SLACK_BYTES);
  if (reader->block && ring_reader_refresh(reader)) {
    memset(reader->block + TRACE_BLOCK_BYTES, 0, SLACK_BYTES);
    return true;
  }
  snprintf(problem, problem_bytes, "%s: %s", path, reader->block ? "no ring of the flight recorder" : "no memory");
  ring_reader_close(reader);
  return false;
}

void ring_reader_close(struct ring_reader *reader) {
  if (reader->fd >= 0) close(reader->fd);
  free(reader->block);
  *reader = (struct ring_reader){.fd = -1};
}

/* The head is looked at before and after: before, for what is whole; after, for what was written over meanwhile. */
enum result ring_reader_take(struct ring_reader *reader, uint64_t block, struct trace_block_cursor *cursor) {
  if (!ring_reader_refresh(reader)) return RESULT_MALFORMED;
  uint64_t head = reader->view.head, offset = trace_ring_block_offset(&reader->view, block);
  if (!read_at(reader->fd, reader->block, TRACE_BLOCK_BYTES, offset)) return RESULT_MALFORMED;
  if (!ring_reader_refresh(reader)) return RESULT_MALFORMED;
  if (block < trace_ring_first_block(&reader->view)) return RESULT_NOT_FOUND;
  return trace_block_open(cursor, reader->block, block, head);
}

bool ring_reader_block_started(struct ring_reader *reader, uint64_t block, struct wall_us *started_out) {
  _Alignas(8) char head[64];
  struct trace_block_cursor cursor;
  uint64_t offset = trace_ring_block_offset(&reader->view, block);
  if (!read_at(reader->fd, head, sizeof head, offset) ||
      trace_block_open(&cursor, head, block, reader->view.head) != RESULT_OK)
    return false;
  *started_out = trace_block_started(head);
  return true;
}
