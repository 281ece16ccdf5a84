/* HTTP glue: two libmicrohttpd listeners, the table of routes, bodies, tokens. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/admin_token.h"
#include "admin/api.h"
#include "admin/route_match.h"

#define BODY_BYTES_MAX     (256u * 1024 * 1024)
#define CONNECTIONS_MAX    1024
#define IDLE_TIMEOUT_S     60
#define CONTROL_BACKLOG    64
#define ANONYMOUS_BODY_MAX (64u * 1024) /* before the token is checked nothing large is collected */

struct listener {
  struct admin *admin;
  struct MHD_Daemon *daemon;
  bool needs_token;
};

struct admin {
  struct admin_options parts;
  char token[ADMIN_TOKEN_BYTES];
  char control_path[sizeof((struct sockaddr_un *)0)->sun_path];
  struct mono_ms started;
  struct listener tcp, control;
};

/* One request while its body comes in. */
struct exchange {
  char *body;
  size_t length, capacity;
  bool too_large;
};

const char *api_query(const struct api_request *request, const char *name) {
  return MHD_lookup_connection_value(request->query, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result send_response(struct MHD_Connection *connection, const struct api_response *response) {
  struct MHD_Response *reply = MHD_create_response_from_buffer(response->length, response->body, MHD_RESPMEM_MUST_FREE);
  if (!reply) {
    free(response->body);
    return MHD_NO;
  }
  if (response->content_type) MHD_add_response_header(reply, "Content-Type", response->content_type);
  MHD_add_response_header(reply, "Cache-Control", "no-store");
  MHD_add_response_header(reply, "X-Content-Type-Options", "nosniff");
  if (response->status == 401) MHD_add_response_header(reply, "WWW-Authenticate", "Bearer realm=\"belfry\"");
  enum MHD_Result queued = MHD_queue_response(connection, response->status, reply);
  MHD_destroy_response(reply);
  return queued;
}

static enum MHD_Result collect(struct exchange *exchange, const char *data, size_t *data_length, size_t length_max) {
  size_t wanted = exchange->length + *data_length;
  if (wanted > length_max) exchange->too_large = true;
  if (!exchange->too_large && wanted + 1 > exchange->capacity) {
    size_t capacity = wanted + 1 > 2 * exchange->capacity ? wanted + 1 : 2 * exchange->capacity;
    char *larger = realloc(exchange->body, capacity);
    if (!larger) return MHD_NO;
    exchange->body = larger;
    exchange->capacity = capacity;
  }
  if (!exchange->too_large) {
    memcpy(exchange->body + exchange->length, data, *data_length);
    exchange->length = wanted;
    exchange->body[wanted] = '\0';
  }
  *data_length = 0;
  return MHD_YES;
}

static bool wants_csv(struct MHD_Connection *connection) {
  const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
  return accept && strstr(accept, "text/csv") != NULL;
}

static bool is_authorised(const struct listener *listener, struct MHD_Connection *connection) {
  if (!listener->needs_token) return true;
  const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
  return admin_token_matches(listener->admin->token, header);
}

static void handle(const struct listener *listener, struct MHD_Connection *connection, const char *method,
                   const char *path, const struct exchange *exchange, struct api_response *response) {
  struct route_match match;
  enum route_found found = route_match(method, path, &match);
  bool is_public = found == ROUTE_FOUND && !match.needs_token;
  if (!is_public && !is_authorised(listener, connection)) {
    api_respond_problem(response, 401, "a valid bearer token is needed (it is in DIR/admin.token)", NULL);
  } else if (found == ROUTE_NOT_FOUND) {
    api_respond_problem(response, 404, "there is no such path", NULL);
  } else if (found == ROUTE_OTHER_METHOD) {
    api_respond_problem(response, 405, "the path does not know that method", NULL);
  } else if (exchange->too_large) {
    api_respond_problem(response, 413, "the body is too large", NULL);
  } else {
    struct api_request request = {
        .switch_parts = &listener->admin->parts,
        .id = match.has_id ? match.id : NULL,
        .kind = match.kind,
        .body = exchange->body ? exchange->body : "",
        .body_length = exchange->length,
        .wants_csv = wants_csv(connection),
        .by = listener->needs_token ? "token" : "control",
        .started = listener->admin->started,
        .query = connection,
    };
    match.handler(&request, response);
  }
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *data, size_t *data_length, void **state) {
  (void)version;
  const struct listener *listener = context;
  struct exchange *exchange = *state;
  if (!exchange) {
    *state = calloc(1, sizeof *exchange);
    return *state ? MHD_YES : MHD_NO;
  }
  if (*data_length > 0) {
    bool trusted = is_authorised(listener, connection);
    return collect(exchange, data, data_length, trusted ? BODY_BYTES_MAX : ANONYMOUS_BODY_MAX);
  }
  struct api_response response = {0};
  handle(listener, connection, method, path, exchange, &response);
  return send_response(connection, &response);
}

static void forget(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code) {
  (void)context, (void)connection, (void)code;
  struct exchange *exchange = *state;
  if (!exchange) return;
  free(exchange->body);
  free(exchange);
  *state = NULL;
}

/* A bound and listening socket on DIR/control.sock; one left behind by a switch that was killed is taken over. */
static int open_control_socket(struct admin *admin, char *problem, size_t problem_bytes) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int length = snprintf(admin->control_path, sizeof admin->control_path, "%s/control.sock", admin->parts.data_dir);
  if (length < 0 || (size_t)length >= sizeof admin->control_path) {
    admin->control_path[0] = '\0';
    snprintf(problem, problem_bytes, "the path %s/control.sock is too long for a socket", admin->parts.data_dir);
    return -1;
  }
  memcpy(address.sun_path, admin->control_path, sizeof address.sun_path);
  unlink(admin->control_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && chmod(admin->control_path, 0600) == 0 &&
      listen(fd, CONTROL_BACKLOG) == 0)
    return fd;
  snprintf(problem, problem_bytes, "%s cannot be opened: %s", admin->control_path, strerror(errno));
  if (fd >= 0) close(fd);
  return -1;
}

static socklen_t to_sockaddr(const struct address *address, struct sockaddr_storage *storage) {
  *storage = (struct sockaddr_storage){0};
  if (address->family == ADDRESS_IPV6) {
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)storage;
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons(address->port);
    memcpy(&ipv6->sin6_addr, address->ip, sizeof ipv6->sin6_addr);
    return sizeof *ipv6;
  }
  struct sockaddr_in *ipv4 = (struct sockaddr_in *)storage;
  ipv4->sin_family = AF_INET;
  ipv4->sin_port = htons(address->port);
  memcpy(&ipv4->sin_addr, address->ip, sizeof ipv4->sin_addr);
  return sizeof *ipv4;
}

static int open_tcp_socket(const struct address *address, char *problem, size_t problem_bytes) {
  struct sockaddr_storage storage;
  socklen_t length = to_sockaddr(address, &storage);
  int one = 1;
  int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
      bind(fd, (struct sockaddr *)&storage, length) == 0 && listen(fd, CONTROL_BACKLOG) == 0)
    return fd;
  char text[80];
  struct text_builder builder = text_builder_over(text, sizeof text);
  address_to_text(address, &builder);
  snprintf(problem, problem_bytes, "the API cannot listen on %.*s: %s", (int)builder.length, builder.data,
           strerror(errno));
  if (fd >= 0) close(fd);
  return -1;
}

/* Takes the socket over; it is closed with the listener. */
static bool start_listener(struct listener *listener, struct admin *admin, int fd, bool needs_token, char *problem,
                           size_t problem_bytes) {
  if (fd < 0) return false;
  listener->admin = admin;
  listener->needs_token = needs_token;
  listener->daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, answer, listener, MHD_OPTION_LISTEN_SOCKET, fd,
      MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
      MHD_OPTION_NOTIFY_COMPLETED, forget, NULL, MHD_OPTION_END);
  if (listener->daemon) return true;
  snprintf(problem, problem_bytes, "the HTTP server cannot be started");
  close(fd);
  return false;
}

struct admin *admin_open(const struct admin_options *options, char *problem, size_t problem_bytes) {
  struct admin *admin = calloc(1, sizeof *admin);
  problem[0] = '\0';
  if (!admin) {
    snprintf(problem, problem_bytes, "no memory");
    return NULL;
  }
  admin->parts = *options;
  admin->started = worker_group_mono_now(options->group);
  bool open = admin_token_load(options->data_dir, admin->token, problem, problem_bytes) &&
              start_listener(&admin->tcp, admin, open_tcp_socket(options->listen, problem, problem_bytes), true,
                             problem, problem_bytes) &&
              start_listener(&admin->control, admin, open_control_socket(admin, problem, problem_bytes), false, problem,
                             problem_bytes);
  if (!open) admin_close(&admin);
  return admin;
}

struct address admin_address(const struct admin *admin) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(admin->tcp.daemon, MHD_DAEMON_INFO_BIND_PORT);
  struct address address = *admin->parts.listen;
  if (info) address.port = info->port;
  return address;
}

void admin_close(struct admin **admin_pointer) {
  struct admin *admin = *admin_pointer;
  if (!admin) return;
  *admin_pointer = NULL;
  if (admin->tcp.daemon) MHD_stop_daemon(admin->tcp.daemon);
  if (admin->control.daemon) {
    MHD_stop_daemon(admin->control.daemon);
    unlink(admin->control_path);
  }
  free(admin);
}
