#include "recorder/trace_query.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/ring_file.h"

#define SLACK_BYTES 64
#define NAME_BYTES  32

/* A record that is to be given, and where it came from. */
struct taken {
  struct trace_record record;
  uint32_t source;
};

struct source {
  char name[NAME_BYTES]; /* without .ring */
  struct ring_reader reader;
  uint64_t from; /* records before this position are known to who asks */
  uint64_t end;  /* records from here on came after the first walk, or may get notes: they are for the next answer */
  struct taken *taken; /* no more than are given, and one: the first, or round and round the last */
  size_t taken_count, taken_max;
};

struct links {
  struct trace_link *items;
  size_t count, max;
};

struct search {
  const struct trace_query *query;
  struct trace_selection selection;
  struct source sources[TRACE_RINGS_MAX];
  unsigned source_count;
  struct links links;
  struct taken *taken; /* of all sources */
  size_t taken_count, taken_bytes;
  uint64_t fit_count; /* also those that were not kept */
  bool is_out_of_memory, is_cut;
  struct trace_result *result;
  void (*show)(void *context, const struct trace_record *record);
  void *show_context;
};

/* False: enough of this source. */
typedef bool visitor(struct search *search, unsigned source, const struct trace_record *record);

/* --- the files --------------------------------------------------------------------------------------------------- */

/* A ring that has not come so far is another one: the recorder's size was changed. */
static void go_on_from(struct source *source, uint64_t position) {
  source->from = position <= source->end ? position : 0;
}

static bool read_cursor(struct search *search, const char *cursor) {
  for (const char *at = cursor; *at;) {
    char name[NAME_BYTES];
    uint64_t position;
    int length = 0;
    if (sscanf(at, "%31[0-9a-z-]:%" SCNu64 "%n", name, &position, &length) != 2 || length == 0) return false;
    for (unsigned i = 0; i < search->source_count; i++)
      if (strcmp(search->sources[i].name, name) == 0) go_on_from(&search->sources[i], position);
    at += length;
    if (*at == '.') at++;
  }
  return true;
}

static void write_cursor(const struct search *search, const uint64_t *next, char *cursor) {
  size_t length = 0;
  cursor[0] = '\0';
  for (unsigned i = 0; i < search->source_count && length + 64 < TRACE_CURSOR_BYTES; i++)
    length += (size_t)snprintf(cursor + length, TRACE_CURSOR_BYTES - length, "%s%s:%" PRIu64, length ? "." : "",
                               search->sources[i].name, next[i]);
}

static void open_source(struct search *search, const char *dir, const char *file_name) {
  char path[RING_PATH_BYTES], problem[RING_PATH_BYTES + 128];
  struct source *source = &search->sources[search->source_count];
  size_t length = strlen(file_name);
  if (length < 6 || length - 5 >= NAME_BYTES || strcmp(file_name + length - 5, ".ring") != 0) return;
  bool is_keepalives = strstr(file_name, "-keepalives.") != NULL;
  if (is_keepalives && !search->query->wants_keepalives) return;
  *source = (struct source){0};
  memcpy(source->name, file_name, length - 5);
  snprintf(path, sizeof path, "%s/%s", dir, file_name);
  if (!ring_reader_open(&source->reader, path, problem, sizeof problem)) {
    search->result->unreadable++;
    return;
  }
  source->end = source->reader.view.settled;
  search->source_count++;
}

static void open_sources(struct search *search, const char *dir) {
  DIR *listing = opendir(dir);
  if (!listing) return;
  const struct dirent *entry;
  while ((entry = readdir(listing)) != NULL && search->source_count < TRACE_RINGS_MAX)
    open_source(search, dir, entry->d_name);
  closedir(listing);
}

static void close_sources(struct search *search) {
  for (unsigned i = 0; i < search->source_count; i++) {
    ring_reader_close(&search->sources[i].reader);
    free(search->sources[i].taken);
  }
}

/* --- walking ----------------------------------------------------------------------------------------------------- */

/* The first block that may hold something of `since` or later: the one before the first that was begun after it. */
static uint64_t first_block(struct source *source, struct wall_us since) {
  uint64_t first = trace_ring_first_block(&source->reader.view), last = trace_ring_last_block(&source->reader.view);
  struct wall_us started;
  while (first < last && ring_reader_block_started(&source->reader, first + 1, &started) && started.value < since.value)
    first++;
  return first;
}

static bool walk_block(struct search *search, unsigned index, uint64_t block, uint64_t from, visitor *visit) {
  struct source *source = &search->sources[index];
  struct trace_block_cursor cursor;
  struct trace_record record;
  if (ring_reader_take(&source->reader, block, &cursor) != RESULT_OK) return true;
  while (trace_block_next(&cursor, &record))
    if (record.position >= from && !visit(search, index, &record)) return false;
  if (cursor.is_torn) search->result->is_torn = true;
  return true;
}

/* Every record from `since` on, and of each source from its `from` on if `goes_on`. */
static void walk(struct search *search, bool goes_on, visitor *visit) {
  struct wall_us since = search->selection.filter.since;
  for (unsigned i = 0; i < search->source_count; i++) {
    struct source *source = &search->sources[i];
    uint64_t from = goes_on ? source->from : 0;
    if (!ring_reader_refresh(&source->reader)) continue;
    uint64_t block = first_block(source, since), last = trace_ring_last_block(&source->reader.view);
    if (block < from / TRACE_BLOCK_BYTES) block = from / TRACE_BLOCK_BYTES;
    for (; block <= last; block++)
      if (!walk_block(search, i, block, from, visit)) break;
  }
}

static bool keep_link(struct search *search, const struct trace_link *link) {
  struct links *links = &search->links;
  if (links->count == links->max) {
    size_t more = links->max ? links->max * 2 : 1024;
    struct trace_link *larger = realloc(links->items, more * sizeof *larger);
    if (!larger) return false;
    links->items = larger;
    links->max = more;
  }
  links->items[links->count++] = *link;
  return true;
}

static bool seek(struct search *search, unsigned source, const struct trace_record *record) {
  struct trace_link link;
  (void)source;
  if (trace_link_read(record, &link)) {
    search->is_out_of_memory |= !keep_link(search, &link);
    return !search->is_out_of_memory;
  }
  if (trace_selection_is_in_time(&search->selection, record->wall)) trace_selection_seek(&search->selection, record);
  return true;
}

static void link_legs(struct search *search) {
  bool has_linked;
  do {
    has_linked = false;
    for (size_t i = 0; i < search->links.count; i++)
      has_linked |= trace_selection_link(&search->selection, &search->links.items[i]);
  } while (has_linked);
  free(search->links.items);
  search->links = (struct links){0};
}

/* --- taking ------------------------------------------------------------------------------------------------------ */

/* Where the next record of that source goes; NULL: nowhere. When only the latest are wanted, the oldest gives way. */
static struct taken *make_room(struct search *search, struct source *source) {
  size_t enough = search->query->limit + 1;
  if (source->taken_count < source->taken_max) return &source->taken[source->taken_count++];
  if (source->taken_max >= enough) {
    struct taken *oldest = &source->taken[source->taken_count++ % source->taken_max];
    free((char *)oldest->record.payload.data);
    search->taken_bytes -= oldest->record.payload.length + sizeof *oldest;
    return oldest;
  }
  size_t more = source->taken_max ? source->taken_max * 2 : 256;
  if (more > enough) more = enough;
  struct taken *larger = realloc(source->taken, more * sizeof *larger);
  if (!larger) return NULL;
  source->taken = larger;
  source->taken_max = more;
  return &source->taken[source->taken_count++];
}

static bool take(struct search *search, unsigned index, const struct trace_record *record) {
  struct source *source = &search->sources[index];
  if (record->position >= source->end) return false;
  if (!trace_selection_takes(&search->selection, record)) return true;
  if (search->taken_bytes > TRACE_RESULT_BYTES_MAX) {
    search->is_cut = true;
    source->end = record->position;
    return false;
  }
  char *copy = malloc(record->payload.length + SLACK_BYTES);
  struct taken *taken = copy ? make_room(search, source) : NULL;
  if (!taken) {
    free(copy);
    search->is_out_of_memory = true;
    return false;
  }
  memcpy(copy, record->payload.data, record->payload.length);
  memset(copy + record->payload.length, 0, SLACK_BYTES);
  *taken = (struct taken){*record, index};
  taken->record.payload.data = copy;
  search->taken_bytes += record->payload.length + sizeof *taken;
  search->fit_count++;
  return search->query->wants_latest || source->taken_count <= search->query->limit;
}

/* All sources' into one. */
static bool gather(struct search *search) {
  size_t count = 0;
  for (unsigned i = 0; i < search->source_count; i++) {
    struct source *source = &search->sources[i];
    if (source->taken_count > source->taken_max) source->taken_count = source->taken_max;
    count += source->taken_count;
  }
  search->taken = calloc(count ? count : 1, sizeof *search->taken);
  for (unsigned i = 0; i < search->source_count; i++) {
    struct source *source = &search->sources[i];
    for (size_t k = 0; k < source->taken_count; k++) {
      if (search->taken)
        search->taken[search->taken_count++] = source->taken[k];
      else
        free((char *)source->taken[k].record.payload.data);
    }
  }
  return search->taken != NULL;
}

/* By time, then by ring and place, so that what one worker recorded in one moment keeps its order. */
static int compare(const void *left, const void *right) {
  const struct taken *a = left, *b = right;
  if (a->record.wall.value != b->record.wall.value) return a->record.wall.value < b->record.wall.value ? -1 : 1;
  if (a->source != b->source) return a->source < b->source ? -1 : 1;
  return a->record.position < b->record.position ? -1 : 1;
}

/* Where each source is to be gone on from: at the first record that was left for later, or where this answer ends. */
static void find_next(const struct search *search, size_t end, uint64_t *next) {
  for (unsigned i = 0; i < search->source_count; i++)
    next[i] = search->sources[i].end;
  for (size_t i = end; i < search->taken_count; i++) {
    const struct taken *left = &search->taken[i];
    if (left->record.position < next[left->source]) next[left->source] = left->record.position;
  }
}

static bool give(struct search *search) {
  struct trace_result *result = search->result;
  const struct trace_query *query = search->query;
  uint64_t next[TRACE_RINGS_MAX];
  if (!gather(search)) return false;
  if (search->taken_count > 0) qsort(search->taken, search->taken_count, sizeof *search->taken, compare);
  size_t count = search->taken_count < query->limit ? search->taken_count : query->limit;
  size_t start = query->wants_latest ? search->taken_count - count : 0;
  result->has_more = search->is_cut || count < search->fit_count;
  find_next(search, start + count, next);
  write_cursor(search, next, result->cursor);
  result->records = calloc(count ? count : 1, sizeof *result->records);
  for (size_t i = 0; i < search->taken_count; i++) {
    if (result->records && i >= start && i < start + count)
      result->records[result->count++] = search->taken[i].record;
    else
      free((char *)search->taken[i].record.payload.data);
  }
  free(search->taken);
  search->taken = NULL;
  return result->records && !search->is_out_of_memory;
}

static bool run(struct search *search, const char *dir, char *problem, size_t problem_bytes) {
  const struct trace_query *query = search->query;
  trace_selection_init(&search->selection, &query->filter);
  open_sources(search, dir);
  if (query->cursor && !read_cursor(search, query->cursor)) {
    close_sources(search);
    snprintf(problem, problem_bytes, "cursor is not one that a trace has given");
    return false;
  }
  if (!trace_selection_is_all(&search->selection)) {
    walk(search, false, seek);
    link_legs(search);
  }
  walk(search, query->cursor != NULL, take);
  bool is_given = give(search);
  close_sources(search);
  if (is_given) return true;
  trace_result_free(search->result);
  snprintf(problem, problem_bytes, "no memory for so long a trace");
  return false;
}

bool trace_query_run(const char *dir, const struct trace_query *query, struct trace_result *result, char *problem,
                     size_t problem_bytes) {
  struct search *search = calloc(1, sizeof *search);
  *result = (struct trace_result){0};
  problem[0] = '\0';
  if (!search) {
    snprintf(problem, problem_bytes, "no memory");
    return false;
  }
  search->query = query;
  search->result = result;
  bool is_done = run(search, dir, problem, problem_bytes);
  free(search);
  return is_done;
}

void trace_result_free(struct trace_result *result) {
  for (size_t i = 0; i < result->count; i++)
    free((char *)result->records[i].payload.data);
  free(result->records);
  result->records = NULL;
  result->count = 0;
}

static bool show(struct search *search, unsigned source, const struct trace_record *record) {
  (void)source;
  if (trace_selection_is_in_time(&search->selection, record->wall)) search->show(search->show_context, record);
  return true;
}

void trace_read_all(const char *dir, struct wall_us since, void (*show_record)(void *, const struct trace_record *),
                    void *context) {
  struct trace_result result = {0};
  struct trace_query query = {.filter.since = since};
  struct search *search = calloc(1, sizeof *search);
  if (!search) return;
  search->query = &query;
  search->result = &result;
  search->show = show_record;
  search->show_context = context;
  trace_selection_init(&search->selection, &query.filter);
  open_sources(search, dir);
  walk(search, false, show);
  close_sources(search);
  free(search);
}
