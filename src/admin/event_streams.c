/* The HTTP server asks for more of a stream whenever the connection can take it. A stream that has sent the present
 * frame suspends its connection; publishing resumes them all. Both happen under the lock, so no wake-up is lost. */
#include "admin/event_streams.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "worker/clock.h"

#define BLOCK_BYTES        16384
#define STREAM_OWNER_BYTES 80

struct frame {
  unsigned users; /* the hub and the streams that are sending it; under the lock */
  uint64_t number;
  size_t length;
  char *text;
};

struct stream {
  struct event_streams *hub;
  struct MHD_Connection *connection;
  struct frame *frame; /* being sent, or NULL */
  size_t sent;
  uint64_t last_number;
  bool is_suspended, is_over;
  char owner[STREAM_OWNER_BYTES];
  char session_key[SESSION_KEY_BYTES];
};

struct event_streams {
  pthread_mutex_t mutex;
  struct session_table *sessions;
  struct frame *present;
  uint64_t next_number;
  unsigned long long dropped;
  bool is_stopping;
  struct stream *streams[EVENT_STREAMS_MAX];
};

struct event_streams *event_streams_create(struct session_table *sessions) {
  struct event_streams *hub = calloc(1, sizeof *hub);
  if (!hub) return NULL;
  pthread_mutex_init(&hub->mutex, NULL);
  hub->sessions = sessions;
  hub->next_number = 1;
  return hub;
}

static void frame_release(struct frame **frame) {
  if (*frame && --(*frame)->users == 0) {
    free((*frame)->text);
    free(*frame);
  }
  *frame = NULL;
}

void event_streams_destroy(struct event_streams **streams) {
  struct event_streams *hub = *streams;
  if (!hub) return;
  frame_release(&hub->present);
  pthread_mutex_destroy(&hub->mutex);
  free(hub);
  *streams = NULL;
}

static void resume(struct stream *stream) {
  if (!stream->is_suspended) return;
  stream->is_suspended = false;
  MHD_resume_connection(stream->connection);
}

static void resume_all(struct event_streams *hub) {
  for (size_t i = 0; i < EVENT_STREAMS_MAX; i++)
    if (hub->streams[i]) resume(hub->streams[i]);
}

void event_streams_publish(struct event_streams *hub, char *text) {
  struct frame *frame = text ? calloc(1, sizeof *frame) : NULL;
  if (!frame) {
    free(text);
    return;
  }
  *frame = (struct frame){.users = 1, .text = text, .length = strlen(text)};
  pthread_mutex_lock(&hub->mutex);
  frame->number = hub->next_number++;
  frame_release(&hub->present);
  hub->present = frame;
  resume_all(hub);
  pthread_mutex_unlock(&hub->mutex);
}

void event_streams_stop(struct event_streams *hub) {
  pthread_mutex_lock(&hub->mutex);
  hub->is_stopping = true;
  resume_all(hub);
  pthread_mutex_unlock(&hub->mutex);
}

void event_streams_end(struct event_streams *hub, const char *owner) {
  pthread_mutex_lock(&hub->mutex);
  for (size_t i = 0; i < EVENT_STREAMS_MAX; i++) {
    struct stream *stream = hub->streams[i];
    if (!stream || strcmp(stream->owner, owner) != 0) continue;
    stream->is_over = true;
    resume(stream);
  }
  pthread_mutex_unlock(&hub->mutex);
}

static bool may_go_on(struct stream *stream) {
  struct session session;
  return !stream->hub->is_stopping && !stream->is_over &&
         (!stream->session_key[0] ||
          session_table_find(stream->hub->sessions, stream->session_key, worker_clock_real_now(), &session));
}

/* Takes up the next frame, or suspends the connection until there is one. False: suspended. */
static bool take_up(struct stream *stream) {
  struct frame *present = stream->hub->present;
  if (!present || present->number == stream->last_number) {
    stream->is_suspended = true;
    MHD_suspend_connection(stream->connection);
    return false;
  }
  present->users++;
  stream->frame = present;
  stream->sent = 0;
  stream->last_number = present->number;
  return true;
}

static ssize_t give(void *context, uint64_t position, char *buffer, size_t buffer_bytes) {
  (void)position;
  struct stream *stream = context;
  struct event_streams *hub = stream->hub;
  ssize_t given = 0;
  pthread_mutex_lock(&hub->mutex);
  if (!stream->frame && !may_go_on(stream)) {
    given = MHD_CONTENT_READER_END_OF_STREAM;
  } else if (stream->frame || take_up(stream)) {
    size_t left = stream->frame->length - stream->sent, length = left < buffer_bytes ? left : buffer_bytes;
    memcpy(buffer, stream->frame->text + stream->sent, length);
    stream->sent += length;
    if (stream->sent == stream->frame->length) frame_release(&stream->frame);
    given = (ssize_t)length;
  }
  pthread_mutex_unlock(&hub->mutex);
  return given;
}

static void forget(void *context) {
  struct stream *stream = context;
  struct event_streams *hub = stream->hub;
  pthread_mutex_lock(&hub->mutex);
  frame_release(&stream->frame);
  for (size_t i = 0; i < EVENT_STREAMS_MAX; i++)
    if (hub->streams[i] == stream) hub->streams[i] = NULL;
  pthread_mutex_unlock(&hub->mutex);
  free(stream);
}

void event_streams_note_stalled(struct event_streams *hub, struct MHD_Connection *connection) {
  pthread_mutex_lock(&hub->mutex);
  for (size_t i = 0; i < EVENT_STREAMS_MAX; i++)
    if (hub->streams[i] && hub->streams[i]->connection == connection) hub->dropped++;
  pthread_mutex_unlock(&hub->mutex);
}

struct event_stream_counts event_streams_count(struct event_streams *hub) {
  struct event_stream_counts counts = {0};
  pthread_mutex_lock(&hub->mutex);
  counts.dropped = hub->dropped;
  for (size_t i = 0; i < EVENT_STREAMS_MAX; i++)
    counts.listening += hub->streams[i] != NULL;
  pthread_mutex_unlock(&hub->mutex);
  return counts;
}

/* The server drops who takes nothing for so long. It notices when the kernel takes no more, which with the kernel's own
 * idea of a buffer, some megabytes, would be after half an hour of events. */
static void bound(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  int bytes = EVENT_STREAM_SOCKET_BYTES;
  if (info) (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)EVENT_STREAM_STALLED_S);
}

static bool enlist(struct event_streams *hub, struct stream *stream) {
  bool enlisted = false;
  pthread_mutex_lock(&hub->mutex);
  for (size_t i = 0; i < EVENT_STREAMS_MAX && !enlisted && !hub->is_stopping; i++) {
    if (hub->streams[i]) continue;
    hub->streams[i] = stream;
    enlisted = true;
  }
  pthread_mutex_unlock(&hub->mutex);
  return enlisted;
}

struct MHD_Response *event_streams_open(struct event_streams *hub, struct MHD_Connection *connection, const char *owner,
                                        const char *session_key) {
  struct stream *stream = calloc(1, sizeof *stream);
  if (!stream) return NULL;
  stream->hub = hub;
  stream->connection = connection;
  snprintf(stream->owner, sizeof stream->owner, "%s", owner);
  if (session_key) snprintf(stream->session_key, sizeof stream->session_key, "%s", session_key);
  if (!enlist(hub, stream)) {
    free(stream);
    return NULL;
  }
  struct MHD_Response *response =
      MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, give, stream, forget);
  if (!response)
    forget(stream);
  else
    bound(connection);
  return response;
}
