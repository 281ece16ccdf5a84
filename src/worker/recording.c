#include "worker/recording.h"

#include <stdio.h>
#include <string.h>

#define KEEPALIVE_SHARE 8 /* of the whole size, one in so many bytes */

static bool open_ring(struct recording *recording, enum recording_ring which, const char *dir, const char *name,
                      uint64_t bytes, char *problem, size_t problem_bytes) {
  return ring_file_open(&recording->files[which], &recording->rings[which], dir, name, trace_ring_block_count(bytes),
                        problem, problem_bytes);
}

bool recording_open(struct recording *recording, const char *dir, const struct local_identity *local, uint32_t size_mib,
                    char *problem, size_t problem_bytes) {
  char name[32];
  *recording = (struct recording){0};
  problem[0] = '\0';
  if (size_mib == 0 || !dir) return true;
  for (int i = 0; i < RECORDING_RINGS; i++)
    recording->rings[i].worker = local->worker;
  uint64_t bytes = ((uint64_t)size_mib << 20) / local->worker_count, keepalives = bytes / KEEPALIVE_SHARE;
  snprintf(name, sizeof name, "%u-calls", local->worker);
  bool is_open = open_ring(recording, RECORDING_CALLS, dir, name, bytes - keepalives, problem, problem_bytes);
  size_t told = is_open ? strlen(problem) : 0; /* both may have something to say */
  snprintf(name, sizeof name, "%u-keepalives", local->worker);
  is_open = is_open &&
            open_ring(recording, RECORDING_KEEPALIVES, dir, name, keepalives, problem + told, problem_bytes - told);
  if (!is_open) recording_close(recording);
  return is_open;
}

void recording_close(struct recording *recording) {
  for (int i = 0; i < RECORDING_RINGS; i++)
    ring_file_close(&recording->files[i]);
  *recording = (struct recording){0};
}

static bool is_any(const struct address *address) {
  static const uint8_t zero[16];
  return memcmp(address->ip, zero, sizeof zero) == 0;
}

void recording_add_message(struct recording *recording, const struct context *context, enum trace_direction direction,
                           const struct flow *flow, struct str_view bytes) {
  if (!recording_is_on(recording)) return;
  const struct local_socket *socket = &context->local->sockets[flow->socket_index];
  enum trace_kind kind = trace_kind_of(direction, bytes);
  struct trace_record record = {
      .wall = context->wall_now,
      .mono = context->now,
      .remote = flow->remote,
      .local = is_any(&socket->bound) ? socket->advertised : socket->bound,
      .kind = (uint8_t)kind,
      .direction = (uint8_t)direction,
      .transport = flow->transport,
      .payload = bytes,
  };
  trace_ring_append(&recording->rings[kind == TRACE_KEEPALIVE ? RECORDING_KEEPALIVES : RECORDING_CALLS], &record);
}

void recording_add_note(struct recording *recording, const struct context *context, const struct note *note) {
  char memory[TRACE_NOTE_BYTES_MAX];
  if (!recording_is_on(recording)) return;
  struct trace_record record = {.wall = context->wall_now,
                                .mono = context->now,
                                .kind = TRACE_NOTE,
                                .direction = TRACE_INSIDE,
                                .payload = trace_note_encode(note, memory)};
  trace_ring_append(&recording->rings[RECORDING_CALLS], &record);
}

void recording_settle(struct recording *recording) {
  for (int i = 0; i < RECORDING_RINGS; i++)
    trace_ring_settle(&recording->rings[i]);
}
