#include "cli/cli_client.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_control_socket(const char *data_dir, char *problem, size_t problem_bytes) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", data_dir);
  if (length < 0 || (size_t)length >= sizeof address.sun_path) {
    snprintf(problem, problem_bytes, "the path %s/control.sock is too long for a socket", data_dir);
    return -1;
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  snprintf(problem, problem_bytes, "no switch answers at %s: %s (is it running? --data names its directory)",
           address.sun_path, strerror(errno));
  if (fd >= 0) close(fd);
  return -1;
}

/* Splits http://HOST:PORT; the host may be an IPv6 address in brackets. */
static bool split_url(const char *url, char *host, size_t host_bytes, char *port, size_t port_bytes) {
  static const char scheme[] = "http://";
  if (strncmp(url, scheme, sizeof scheme - 1) != 0) return false;
  const char *start = url + sizeof scheme - 1;
  const char *end = start + strcspn(start, "/");
  const char *colon = memrchr(start, ':', (size_t)(end - start));
  if (!colon || colon == start) return false;
  const char *host_end = colon;
  if (*start == '[' && host_end[-1] == ']') start++, host_end--;
  int host_length = snprintf(host, host_bytes, "%.*s", (int)(host_end - start), start);
  int port_length = snprintf(port, port_bytes, "%.*s", (int)(end - colon - 1), colon + 1);
  return host_length > 0 && (size_t)host_length < host_bytes && port_length > 0 && (size_t)port_length < port_bytes;
}

static int connect_url(const char *url, char *problem, size_t problem_bytes) {
  char host[256], port[16];
  if (!split_url(url, host, sizeof host, port, sizeof port)) {
    snprintf(problem, problem_bytes, "--admin %s is not of the form http://ADDRESS:PORT", url);
    return -1;
  }
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
  int code = getaddrinfo(host, port, &hints, &found);
  if (code != 0) {
    snprintf(problem, problem_bytes, "%s cannot be found: %s", host, gai_strerror(code));
    return -1;
  }
  int fd = -1;
  for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
    fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
      int reason = errno;
      close(fd);
      errno = reason;
      fd = -1;
    }
  }
  if (fd < 0) snprintf(problem, problem_bytes, "no switch answers at %s: %s", url, strerror(errno));
  freeaddrinfo(found);
  return fd;
}

static bool send_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    length -= (size_t)sent;
  }
  return true;
}

/* Reads until the other side closes; heap, NUL-terminated, NULL on failure. */
static char *receive_all(int fd, size_t *length_out) {
  size_t capacity = 64 * 1024, length = 0;
  char *bytes = malloc(capacity);
  while (bytes) {
    ssize_t got = recv(fd, bytes + length, capacity - length - 1, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) {
      bytes[length] = '\0';
      *length_out = length;
      return bytes;
    }
    if (got < 0 || capacity > CLI_ANSWER_BYTES_MAX) break;
    length += (size_t)got;
    if (length + 1 < capacity) continue;
    capacity *= 2;
    char *larger = realloc(bytes, capacity);
    if (!larger) break;
    bytes = larger;
  }
  free(bytes);
  return NULL;
}

/* Finds status and body in a whole HTTP answer; the body is moved to the start of `bytes`, which the answer then owns.
 */
static bool read_answer(char *bytes, size_t length, struct cli_answer *answer) {
  int status = 0;
  if (sscanf(bytes, "HTTP/1.%*1[01] %3d", &status) != 1) return false;
  char *body = memmem(bytes, length, "\r\n\r\n", 4);
  if (!body) return false;
  body += 4;
  answer->status = status;
  answer->length = length - (size_t)(body - bytes);
  memmove(bytes, body, answer->length + 1);
  answer->body = bytes;
  return true;
}

static bool send_request(int fd, const struct cli_client *client, const char *method, const char *path,
                         const char *body) {
  char *head = NULL;
  int length =
      asprintf(&head, "%s %s HTTP/1.0\r\nHost: belfry\r\n%s%s%s%sContent-Length: %zu\r\n\r\n", method, path,
               client->token ? "Authorization: Bearer " : "", client->token ? client->token : "",
               client->token ? "\r\n" : "", body ? "Content-Type: application/json\r\n" : "", body ? strlen(body) : 0);
  bool sent = length > 0 && send_all(fd, head, (size_t)length) && (!body || send_all(fd, body, strlen(body)));
  free(head);
  return sent;
}

enum result cli_client_request(const struct cli_client *client, const char *method, const char *path, const char *body,
                               struct cli_answer *answer_out, char *problem, size_t problem_bytes) {
  int fd = client->admin ? connect_url(client->admin, problem, problem_bytes)
                         : connect_control_socket(client->data_dir, problem, problem_bytes);
  if (fd < 0) return RESULT_UNREACHABLE;
  struct timeval timeout = {.tv_sec = CLI_TIMEOUT_S};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  size_t length = 0;
  char *bytes = send_request(fd, client, method, path, body) ? receive_all(fd, &length) : NULL;
  close(fd);
  if (bytes && read_answer(bytes, length, answer_out)) return RESULT_OK;
  free(bytes);
  snprintf(problem, problem_bytes, "the switch gave no answer within %d s", CLI_TIMEOUT_S);
  return RESULT_TIMED_OUT;
}

void cli_answer_free(struct cli_answer *answer) {
  free(answer->body);
  answer->body = NULL;
}
