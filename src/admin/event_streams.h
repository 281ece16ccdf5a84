/* Server-sent events: the same frame for everyone who listens, at most EVENT_STREAMS_MAX of them. A listener that does
 * not keep up misses frames and never delays anybody: for him there are one frame, a block of 16 KiB, and what the
 * kernel holds (EVENT_STREAM_SOCKET_BYTES). Who takes nothing of that for EVENT_STREAM_STALLED_S is dropped: his
 * connection is closed in the middle of a chunk, his place is free, and he may come again. Any thread. */
#ifndef ADMIN_EVENT_STREAMS_H
#define ADMIN_EVENT_STREAMS_H

#include <stdbool.h>

#include "admin/session_table.h"

#define EVENT_STREAMS_MAX         128
#define EVENT_STREAM_STALLED_S    10
#define EVENT_STREAM_SOCKET_BYTES (16 * 1024) /* asked for; Linux makes it twice as much */

struct MHD_Connection;
struct MHD_Response;
struct event_streams;

/* A stream that was opened with a session ends with it. `sessions` is borrowed. */
struct event_streams *event_streams_create(struct session_table *sessions);
void event_streams_destroy(struct event_streams **streams);

/* Hands everybody a frame ("event: …\ndata: …\n\n"), which is taken over (heap). */
void event_streams_publish(struct event_streams *streams, char *frame);

/* The answer to a request for events of `owner` ("token:grafana"), `session_key` NULL when he has none; NULL when there
 * are enough listeners. */
struct MHD_Response *event_streams_open(struct event_streams *streams, struct MHD_Connection *connection,
                                        const char *owner, const char *session_key);

/* The server has closed this connection because nothing could be written to it. */
void event_streams_note_stalled(struct event_streams *streams, struct MHD_Connection *connection);

struct event_stream_counts {
  unsigned listening;
  unsigned long long dropped; /* since the start */
};
struct event_stream_counts event_streams_count(struct event_streams *streams);

/* Ends the streams of that owner: he may not see any more. */
void event_streams_end(struct event_streams *streams, const char *owner);

/* Ends all streams; before the HTTP server is stopped. */
void event_streams_stop(struct event_streams *streams);

#endif
