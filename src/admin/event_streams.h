/* Server-sent events: the same frame for everyone who listens, at most EVENT_STREAMS_MAX of them. A listener that does
 * not keep up misses frames and never delays anybody. Any thread. */
#ifndef ADMIN_EVENT_STREAMS_H
#define ADMIN_EVENT_STREAMS_H

#include <stdbool.h>

#include "admin/session_table.h"

#define EVENT_STREAMS_MAX 128

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

/* Ends the streams of that owner: he may not see any more. */
void event_streams_end(struct event_streams *streams, const char *owner);

/* Ends all streams; before the HTTP server is stopped. */
void event_streams_stop(struct event_streams *streams);

#endif
