/* HTTP glue: two libmicrohttpd listeners, the table of routes, bodies, who asks. */
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
#include "admin/api_tokens.h"
#include "admin/audit.h"
#include "admin/console_files.h"
#include "admin/desk.h"
#include "admin/route_match.h"
#include "admin/security_log.h"
#include "admin/status_document.h"
#include "worker/clock.h"

#define BODY_BYTES_MAX     (256u * 1024 * 1024)
#define CONNECTIONS_MAX    1024
#define IDLE_TIMEOUT_S     60
#define CONTROL_BACKLOG    64
#define HANDLER_THREADS    4 /* a slow answer holds up only its own quarter of the connections */
#define CONSOLE_HEADER     "X-Belfry-Console"
#define SESSION_COOKIE     "belfry_session"
#define ANONYMOUS_BODY_MAX (64u * 1024) /* before the token is checked nothing large is collected */

struct listener {
  struct admin *admin;
  struct MHD_Daemon *daemon;
  bool needs_token;
};

struct admin {
  struct desk desk;
  char control_path[sizeof((struct sockaddr_un *)0)->sun_path];
  struct listener tcp, control;
};

/* Who asks. */
struct caller {
  enum role role;
  char by[USER_NAME_BYTES];
  char address[64];
  const char *session; /* the key, valid or not, as the browser gave it; NULL: none */
  bool has_cookie_only;
};

/* One request while its body comes in. */
struct exchange {
  char *body;
  size_t length, capacity;
  bool too_large;
  const char *method, *path; /* while it is answered */
};

const char *api_query(const struct api_request *request, const char *name) {
  return MHD_lookup_connection_value(request->query, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result send_response(const struct admin *admin, struct MHD_Connection *connection,
                                     const struct caller *caller, struct api_response *response) {
  struct MHD_Response *reply = NULL;
  if (response->is_event_stream) {
    reply = event_streams_open(admin->desk.streams, connection, caller->by,
                               caller->has_cookie_only ? caller->session : NULL);
    response->content_type = "text/event-stream";
    if (!reply) api_respond_problem(response, 503, "there are as many listeners as there may be", NULL);
  }
  if (!reply) reply = MHD_create_response_from_buffer(response->length, response->body, MHD_RESPMEM_MUST_FREE);
  if (!reply) {
    free(response->body);
    return MHD_NO;
  }
  if (response->content_type) MHD_add_response_header(reply, "Content-Type", response->content_type);
  if (response->allow[0]) MHD_add_response_header(reply, "Allow", response->allow);
  if (response->cookie[0]) MHD_add_response_header(reply, "Set-Cookie", response->cookie);
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

static void write_address(struct MHD_Connection *connection, char *text, size_t text_bytes) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  snprintf(text, text_bytes, "unknown");
  if (!info || !info->client_addr) return;
  if (info->client_addr->sa_family == AF_INET)
    inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr, text,
              (socklen_t)text_bytes);
  if (info->client_addr->sa_family == AF_INET6)
    inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)info->client_addr)->sin6_addr, text,
              (socklen_t)text_bytes);
}

static struct caller caller_of(const struct listener *listener, struct MHD_Connection *connection) {
  const struct desk *desk = &listener->admin->desk;
  struct caller caller = {.role = ROLE_ADMIN, .by = "control", .address = "control"};
  if (!listener->needs_token) return caller;
  write_address(connection, caller.address, sizeof caller.address);
  caller.session = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, SESSION_COOKIE);
  const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
  struct session session;
  snprintf(caller.by, sizeof caller.by, "token");
  if (admin_token_matches(desk->token, header)) return caller;
  char token[API_TOKEN_NAME_BYTES];
  if (header && api_token_find(desk->parts.store, header, token, &caller.role)) {
    snprintf(caller.by, sizeof caller.by, "token:%s", token);
    return caller;
  }
  caller.role = ROLE_NOBODY;
  snprintf(caller.by, sizeof caller.by, "nobody");
  if (header || !caller.session ||
      !session_table_find(desk->sessions, caller.session, worker_clock_real_now(), &session))
    return caller;
  caller.role = session.role;
  caller.has_cookie_only = true;
  snprintf(caller.by, sizeof caller.by, "%s", session.user);
  return caller;
}

/* A page of another site can make a browser send requests, with cookies too where it is careless, but none with a
 * header of its own making. */
static bool may_be_forged(const struct listener *listener, struct MHD_Connection *connection,
                          const struct caller *caller, const char *method) {
  bool changes = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
  bool by_browser = listener->needs_token && (caller->has_cookie_only || caller->role == ROLE_NOBODY);
  return changes && by_browser && !MHD_lookup_connection_value(connection, MHD_HEADER_KIND, CONSOLE_HEADER);
}

static bool is_over_tls(struct MHD_Connection *connection) {
  const char *scheme = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Forwarded-Proto");
  return scheme && strcasecmp(scheme, "https") == 0;
}

/* Questions are asked by POST there, and are no changes. */
static bool is_question(const struct exchange *exchange) {
  return strcmp(exchange->method, "GET") == 0 || strncmp(exchange->path, "/external/server/Get", 20) == 0;
}

static void run_handler(const struct listener *listener, struct MHD_Connection *connection, const struct caller *caller,
                        const struct route_match *match, const struct exchange *exchange,
                        struct api_response *response) {
  struct desk *desk = &listener->admin->desk;
  struct api_request request = {
      .switch_parts = &desk->parts,
      .desk = desk,
      .id = match->has_id ? match->id : NULL,
      .kind = match->kind,
      .body = exchange->body ? exchange->body : "",
      .body_length = exchange->length,
      .wants_csv = wants_csv(connection),
      .by = caller->by,
      .role = caller->role,
      .address = caller->address,
      .session = caller->session,
      .is_over_tls = is_over_tls(connection),
      .started = desk->started,
      .query = connection,
  };
  match->handler(&request, response);
  if (response->status < 300 && match->role > ROLE_NOBODY && !is_question(exchange)) {
    char what[ROUTE_ID_BYTES + 64];
    snprintf(what, sizeof what, "%s %s", exchange->method, exchange->path);
    audit_note(&request, what, response->audit);
  }
  json_decref(response->audit);
  response->audit = NULL;
}

static void handle(const struct listener *listener, struct MHD_Connection *connection, const struct caller *caller,
                   const struct exchange *exchange, struct api_response *response) {
  struct route_match match;
  char detail[128];
  enum route_found found = route_match(exchange->method, exchange->path, &match);
  bool is_public = found == ROUTE_FOUND && match.role == ROLE_NOBODY;
  if (!is_public && caller->role == ROLE_NOBODY) {
    if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"))
      security_log("token-refused", caller->address, "");
    api_respond_problem(response, 401, "sign in, or send a valid bearer token (it is in DIR/admin.token)", NULL);
  } else if (found == ROUTE_NOT_FOUND) {
    api_respond_problem(response, 404, "there is no such path", NULL);
  } else if (found == ROUTE_OTHER_METHOD) {
    api_respond_problem(response, 405, "the path does not know that method", NULL);
    route_methods(exchange->path, response->allow, sizeof response->allow); /* RFC 9110 §15.5.6 */
  } else if (caller->role < match.role) {
    snprintf(detail, sizeof detail, "the role %s may not do this; it takes the role %s", role_name(caller->role),
             role_name(match.role));
    api_respond_problem(response, 403, detail, NULL);
  } else if (may_be_forged(listener, connection, caller, exchange->method)) {
    security_log("forged-request", caller->address, caller->by);
    api_respond_problem(response, 403,
                        "a request that changes something must carry a token or the header " CONSOLE_HEADER, NULL);
  } else if (exchange->too_large) {
    api_respond_problem(response, 413, "the body is too large", NULL);
  } else {
    run_handler(listener, connection, caller, &match, exchange, response);
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
  struct caller caller = caller_of(listener, connection);
  if (*data_length > 0)
    return collect(exchange, data, data_length, caller.role > ROLE_VIEWER ? BODY_BYTES_MAX : ANONYMOUS_BODY_MAX);
  const struct console_file *file = listener->needs_token ? console_file_find(path) : NULL;
  if (file && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)) return console_file_send(file, connection);
  exchange->method = method;
  exchange->path = path;
  struct api_response response = {0};
  handle(listener, connection, &caller, exchange, &response);
  return send_response(listener->admin, connection, &caller, &response);
}

static void forget(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code) {
  const struct listener *listener = context;
  struct exchange *exchange = *state;
  if (!exchange) return;
  if (code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED)
    event_streams_note_stalled(listener->admin->desk.streams, connection);
  free(exchange->body);
  free(exchange);
  *state = NULL;
}

/* A bound and listening socket on DIR/control.sock; one left behind by a switch that was killed is taken over. */
static int open_control_socket(struct admin *admin, char *problem, size_t problem_bytes) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int length = snprintf(admin->control_path, sizeof admin->control_path, "%s/control.sock", admin->desk.parts.data_dir);
  if (length < 0 || (size_t)length >= sizeof admin->control_path) {
    admin->control_path[0] = '\0';
    snprintf(problem, problem_bytes, "the path %s/control.sock is too long for a socket", admin->desk.parts.data_dir);
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
  listener->daemon =
      MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, answer,
                       listener, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                       MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, forget,
                       listener, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)HANDLER_THREADS, MHD_OPTION_END);
  if (listener->daemon) return true;
  snprintf(problem, problem_bytes, "the HTTP server cannot be started");
  close(fd);
  return false;
}

/* Everybody who listens sees how the switch is doing, and what has just changed. */
static void publish_status(void *context) {
  struct desk *desk = context;
  json_t *document = status_document(desk);
  char *status = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(12)), *frame = NULL;
  size_t length = 0;
  FILE *stream = status ? open_memstream(&frame, &length) : NULL;
  if (stream) {
    fprintf(stream, "event: status\ndata: %s\n\n", status);
    live_changes_append(&desk->changes, document, stream);
    fclose(stream);
  }
  json_decref(document);
  free(status);
  event_streams_publish(desk->streams, frame);
}

static struct wall_us wall_now(void *context) {
  struct desk *desk = context;
  return worker_group_wall_now(desk->parts.group);
}

static bool open_desk(struct desk *desk, const struct admin_options *options, char *problem, size_t problem_bytes) {
  desk->parts = *options;
  desk->started = worker_group_mono_now(options->group);
  if (!admin_token_load(options->data_dir, desk->token, problem, problem_bytes)) return false;
  desk->sessions = session_table_create();
  desk->lockout = lockout_create();
  desk->streams = desk->sessions ? event_streams_create(desk->sessions) : NULL;
  desk->debug_traces = debug_traces_open(options->data_dir, wall_now, desk);
  desk->monitor = monitor_open(&desk->parts);
  desk->doctor = doctor_look_open(&desk->parts);
  if (desk->doctor && desk->debug_traces && desk->lockout && desk->streams && desk->monitor &&
      monitor_start(desk->monitor, publish_status, desk))
    return true;
  snprintf(problem, problem_bytes, "no memory");
  return false;
}

struct admin *admin_open(const struct admin_options *options, char *problem, size_t problem_bytes) {
  struct admin *admin = calloc(1, sizeof *admin);
  problem[0] = '\0';
  if (!admin) {
    snprintf(problem, problem_bytes, "no memory");
    return NULL;
  }
  bool open = open_desk(&admin->desk, options, problem, problem_bytes) &&
              start_listener(&admin->tcp, admin, open_tcp_socket(options->listen, problem, problem_bytes), true,
                             problem, problem_bytes) &&
              start_listener(&admin->control, admin, open_control_socket(admin, problem, problem_bytes), false, problem,
                             problem_bytes);
  if (!open) admin_close(&admin);
  return admin;
}

struct address admin_address(const struct admin *admin) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(admin->tcp.daemon, MHD_DAEMON_INFO_BIND_PORT);
  struct address address = *admin->desk.parts.listen;
  if (info) address.port = info->port;
  return address;
}

void admin_note_file(struct admin *admin, const char *file, const char *when, const char *document, size_t length) {
  struct api_request request = {.switch_parts = &admin->desk.parts,
                                .desk = &admin->desk,
                                .by = "file",
                                .role = ROLE_ADMIN,
                                .address = "file",
                                .body = document,
                                .body_length = length};
  char what[512];
  snprintf(what, sizeof what, "apply %.400s %s", file, when);
  audit_note(&request, what, NULL);
}

void admin_close(struct admin **admin_pointer) {
  struct admin *admin = *admin_pointer;
  if (!admin) return;
  *admin_pointer = NULL;
  struct desk *desk = &admin->desk;
  monitor_stop(desk->monitor);
  if (desk->streams) event_streams_stop(desk->streams);
  if (admin->tcp.daemon) MHD_stop_daemon(admin->tcp.daemon);
  if (admin->control.daemon) {
    MHD_stop_daemon(admin->control.daemon);
    unlink(admin->control_path);
  }
  event_streams_destroy(&desk->streams);
  monitor_close(&desk->monitor);
  debug_traces_close(&desk->debug_traces);
  doctor_look_close(&desk->doctor);
  live_changes_free(&desk->changes);
  session_table_destroy(&desk->sessions);
  lockout_destroy(&desk->lockout);
  free(admin);
}
