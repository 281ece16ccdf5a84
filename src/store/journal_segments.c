/* The journal's files: found, begun, read, removed. A new one is written under another name first, so that a file of
 * the right name always has its first record, which says how much of the file before it counts. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "store/journal_private.h"

#define SUFFIX_NEW  ".new"
#define FIRST_BYTES 4096 /* the first record is among them, also one that a later version has made longer */

void journal_report(struct call_journal *journal, const char *format, ...) {
  char line[512];
  if (!journal->report) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  journal->report(journal->report_context, line);
}

static void path_of(const struct call_journal *journal, const struct journal_segment *segment, char *path) {
  snprintf(path, JOURNAL_PATH_BYTES + 64, "%s/" JOURNAL_NAME_FORMAT, journal->dir, segment->number, segment->salt);
}

struct journal_segment *journal_segment_find(const struct call_journal *journal, uint32_t number) {
  uint32_t low = 0, high = journal->segment_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (journal->segments[middle].number < number)
      low = middle + 1;
    else
      high = middle;
  }
  bool found = low < journal->segment_count && journal->segments[low].number == number;
  return found ? &journal->segments[low] : NULL;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

void journal_file_release(const struct call_journal *journal, struct journal_file *file) {
  journal->files.give_back(journal->files.context, file->memory, file->bytes);
  *file = (struct journal_file){0};
}

static bool make_room(const struct call_journal *journal, struct journal_file *file, size_t bytes) {
  if (file->bytes >= bytes) return true;
  journal_file_release(journal, file);
  file->memory = journal->files.allocate(journal->files.context, bytes);
  if (file->memory) file->bytes = bytes;
  return file->memory != NULL;
}

static bool read_fully(const struct call_journal *journal, int fd, char *memory, size_t bytes, uint64_t from) {
  size_t done = 0;
  while (done < bytes) {
    ssize_t count = journal->files.read_at(journal->files.context, fd, memory + done, bytes - done, from + done);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = EIO; /* it is shorter than it was */
    if (count <= 0) return false;
    done += (size_t)count;
  }
  return true;
}

static bool read_part(const struct call_journal *journal, const struct journal_segment *segment, char *memory,
                      size_t bytes, uint64_t from) {
  char path[JOURNAL_PATH_BYTES + 64];
  path_of(journal, segment, path);
  int fd = journal->files.open(journal->files.context, path);
  if (fd < 0) return false;
  bool is_read = read_fully(journal, fd, memory, bytes, from);
  journal->files.close(journal->files.context, fd);
  return is_read;
}

struct str_view journal_segment_read_into(const struct call_journal *journal, const struct journal_segment *segment,
                                          struct journal_file *file) {
  if (file->number == segment->number && file->length >= segment->bytes)
    return str_view_of(file->memory, segment->bytes);
  file->number = 0;
  if (segment->bytes == 0 || !make_room(journal, file, segment->bytes) ||
      !read_part(journal, segment, file->memory, segment->bytes, 0))
    return (struct str_view){0};
  file->number = segment->number;
  file->length = segment->bytes;
  return str_view_of(file->memory, segment->bytes);
}

struct str_view journal_segment_read(struct call_journal *journal, const struct journal_segment *segment) {
  return journal_segment_read_into(journal, segment, &journal->file);
}

/* What it holds has numbers that nobody knows: those to come are above them. */
void journal_segment_is_unread(struct call_journal *journal, struct journal_segment *segment) {
  journal_report(journal, JOURNAL_NAME_FORMAT " cannot be read: %s; it stays, and is read at the next start",
                 segment->number, segment->salt, strerror(errno));
  segment->is_unread = journal->keeps_all = true;
  pthread_mutex_lock(&journal->health_mutex);
  journal->health.files_unread++;
  pthread_mutex_unlock(&journal->health_mutex);
  segment->bytes = 0;
  journal->sequence += JOURNAL_SEGMENT_MAX;
}

bool journal_place_read(const struct call_journal *journal, const struct journal_place *place, char *memory,
                        struct journal_record *record_out) {
  const struct journal_segment *segment = journal_segment_find(journal, place->segment);
  size_t bytes;
  return segment && place->bytes <= JOURNAL_PAYLOAD_MAX + 64 &&
         read_part(journal, segment, memory, place->bytes, place->at) &&
         journal_record_read(str_view_of(memory, place->bytes), segment->salt, record_out, &bytes) == RESULT_OK;
}

/* --- finding ----------------------------------------------------------------------------------------------------- */

static void note_name(void *subject, const char *name) {
  struct call_journal *journal = subject;
  struct journal_segment segment = {0};
  char again[64], path[JOURNAL_PATH_BYTES + 64];
  if (sscanf(name, "journal-%8x-%8x", &segment.number, &segment.salt) != 2) return;
  snprintf(again, sizeof again, JOURNAL_NAME_FORMAT, segment.number, segment.salt);
  size_t length = strlen(again);
  bool is_new = strncmp(name, again, length) == 0 && strcmp(name + length, SUFFIX_NEW) == 0;
  if (is_new) { /* it was begun and never became one */
    snprintf(path, sizeof path, "%s/%s", journal->dir, name);
    journal->files.remove(journal->files.context, path);
  }
  if (strcmp(again, name) != 0) return; /* or somebody's copy */
  if (journal->segment_count < JOURNAL_SEGMENTS_MAX) journal->segments[journal->segment_count++] = segment;
}

static int by_number(const void *a, const void *b) {
  const struct journal_segment *first = a, *second = b;
  return first->number < second->number ? -1 : first->number > second->number;
}

static uint32_t get_u32(const char *place) {
  uint32_t value;
  memcpy(&value, place, sizeof value);
  return value;
}

/* The first record of a file tells how much of the one before it counts. */
static bool read_first_record(struct call_journal *journal, uint32_t place, uint32_t *version_out) {
  struct journal_segment *segment = &journal->segments[place];
  struct journal_record record;
  char memory[FIRST_BYTES];
  size_t bytes = segment->bytes < FIRST_BYTES ? segment->bytes : FIRST_BYTES;
  *version_out = JOURNAL_VERSION;
  if (!read_part(journal, segment, memory, bytes, 0) ||
      journal_record_read(str_view_of(memory, bytes), segment->salt, &record, &bytes) != RESULT_OK ||
      record.kind != JOURNAL_SEGMENT || record.payload.length < JOURNAL_HEADER_PAYLOAD)
    return false;
  *version_out = get_u32(record.payload.data);
  uint32_t previous_number = get_u32(record.payload.data + 4), previous_bytes = get_u32(record.payload.data + 8);
  if (place == 0) return true;
  struct journal_segment *previous = &journal->segments[place - 1];
  if (previous->number == previous_number && previous_bytes < previous->bytes) previous->bytes = previous_bytes;
  return true;
}

/* How long the files are, as the system says. */
static void read_sizes(struct call_journal *journal) {
  for (uint32_t i = 0; i < journal->segment_count; i++) {
    struct journal_segment *segment = &journal->segments[i];
    char path[JOURNAL_PATH_BYTES + 64];
    path_of(journal, segment, path);
    int fd = journal->files.open(journal->files.context, path);
    int64_t size = fd < 0 ? -1 : journal->files.size(journal->files.context, fd);
    if (fd >= 0) journal->files.close(journal->files.context, fd);
    segment->bytes = size < 0 ? 0 : size > JOURNAL_SEGMENT_MAX ? JOURNAL_SEGMENT_MAX : (uint32_t)size;
    if (size < 0) journal_segment_is_unread(journal, segment);
  }
}

bool journal_segments_find(struct call_journal *journal, char *problem, size_t problem_bytes) {
  if (journal->files.make_directory(journal->files.context, journal->dir) != 0 ||
      journal->files.list(journal->files.context, journal->dir, note_name, journal) != 0) {
    snprintf(problem, problem_bytes, "%s cannot be used: %s", journal->dir, strerror(errno));
    return false;
  }
  qsort(journal->segments, journal->segment_count, sizeof *journal->segments, by_number);
  read_sizes(journal);
  for (uint32_t i = 0; i < journal->segment_count; i++) {
    uint32_t version;
    journal->next_number = journal->segments[i].number + 1;
    if (!read_first_record(journal, i, &version) && !journal->segments[i].is_unread)
      journal_report(journal, JOURNAL_NAME_FORMAT " has no readable beginning", journal->segments[i].number,
                     journal->segments[i].salt);
    if (version <= JOURNAL_VERSION) continue;
    snprintf(problem, problem_bytes, "%s is of version %u, this program knows up to %d", journal->dir, version,
             JOURNAL_VERSION);
    return false;
  }
  return true;
}

/* --- beginning --------------------------------------------------------------------------------------------------- */

static size_t write_first_record(struct call_journal *journal, const struct journal_segment *segment, char *place) {
  char payload[JOURNAL_HEADER_PAYLOAD] = {0};
  const struct journal_segment *last =
      journal->segment_count > 0 ? &journal->segments[journal->segment_count - 1] : NULL;
  uint32_t counts = last && last->is_unread ? JOURNAL_BYTES_UNKNOWN : last ? last->bytes : 0;
  uint32_t words[3] = {JOURNAL_VERSION, last ? last->number : 0, counts};
  memcpy(payload, words, sizeof words);
  memcpy(payload + 16, &journal->stored, sizeof journal->stored);
  struct journal_record record = {
      .kind = JOURNAL_SEGMENT, .sequence = journal->sequence, .payload = str_view_of(payload, sizeof payload)};
  return journal_record_write(place, segment->salt, &record);
}

/* Room is asked for at once: a disk that fills up later does not hurt what is written into this file. */
static bool fill_new_file(struct call_journal *journal, struct journal_segment *segment, int fd) {
  const struct journal_files *files = &journal->files;
  char first[JOURNAL_HEADER_BYTES + JOURNAL_HEADER_PAYLOAD + 8];
  size_t length = write_first_record(journal, segment, first);
  if (files->reserve(files->context, fd, journal->segment_bytes) != 0 && (errno == ENOSPC || errno == EDQUOT))
    return false;
  if (files->write_at(files->context, fd, first, length, 0) != (ssize_t)length) return false;
  segment->bytes = (uint32_t)length;
  return files->flush(files->context, fd) == 0;
}

bool journal_segment_begin(struct call_journal *journal) {
  const struct journal_files *files = &journal->files;
  struct journal_segment segment = {.number = journal->next_number};
  char path[JOURNAL_PATH_BYTES + 64], path_new[JOURNAL_PATH_BYTES + 96];
  if (journal->segment_count == JOURNAL_SEGMENTS_MAX || getrandom(&segment.salt, sizeof segment.salt, 0) < 0)
    return false;
  path_of(journal, &segment, path);
  snprintf(path_new, sizeof path_new, "%s" SUFFIX_NEW, path);
  int fd = files->create(files->context, path_new);
  if (fd < 0) return false;
  bool is_there = fill_new_file(journal, &segment, fd) && files->rename(files->context, path_new, path) == 0;
  if (!is_there || files->flush_directory(files->context, journal->dir) != 0) {
    int error = errno;
    files->close(files->context, fd);
    files->remove(files->context, is_there ? path : path_new);
    errno = error;
    return false;
  }
  if (journal->fd >= 0) files->close(files->context, journal->fd);
  journal->fd = fd;
  journal->next_number++;
  journal->segments[journal->segment_count++] = segment;
  journal->total_bytes += segment.bytes;
  return true;
}

/* --- removing ---------------------------------------------------------------------------------------------------- */

bool journal_segment_remove_first(struct call_journal *journal) {
  char path[JOURNAL_PATH_BYTES + 64];
  path_of(journal, &journal->segments[0], path);
  if (journal->files.remove(journal->files.context, path) != 0 && errno != ENOENT) {
    /* A file older than one that is gone must not come back, so nothing else is removed before it. */
    return false;
  }
  journal->total_bytes -= journal->segments[0].bytes;
  journal->segment_count--;
  memmove(journal->segments, journal->segments + 1, journal->segment_count * sizeof *journal->segments);
  return true;
}
