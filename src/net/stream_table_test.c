#include "net/stream_table.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/poll_tag.h"
#include "net/socket_address.h"
#include "net/stream_private.h"
#include "tap.h"

#define CONNECTIONS 8
#define MESSAGE     "OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"

/* One table with its epoll, and what its hooks have told. */
struct rig {
  struct stream_table *table;
  void *memory;
  int epoll_fd, listener;
  struct address address;
  struct counters counters;
  struct mono_ms now;
  struct flow flow; /* of the latest news */
  unsigned messages, broken, closed;
  char text[70000];
  size_t text_length;
  const char *answer_broken;
  const char *why; /* TLS came to nothing with a peer that we (have not) begun to talk to */
  bool began;
};

static void on_message(void *context, const struct flow *flow, struct str_view bytes) {
  struct rig *rig = context;
  rig->messages++;
  rig->flow = *flow;
  rig->text_length = bytes.length;
  memcpy(rig->text, bytes.data, bytes.length);
}

static void on_broken(void *context, const struct flow *flow, struct str_view bytes) {
  struct rig *rig = context;
  (void)bytes;
  rig->broken++;
  rig->flow = *flow;
  if (!rig->answer_broken) return;
  stream_table_send(rig->table, flow, &rig->address, str_view_from_c(rig->answer_broken), rig->now);
  stream_table_close(rig->table, flow, rig->now);
}

static void on_closed(void *context, const struct flow *flow) {
  struct rig *rig = context;
  rig->closed++;
  rig->flow = *flow;
}

static void expect_why(const struct rig *rig, const char *wanted) {
  expect_bytes(rig->why ? rig->why : "", rig->why ? strlen(rig->why) : 0, wanted);
}

static void on_tls_failed(void *context, const struct flow *flow, bool is_outgoing, const char *why) {
  struct rig *rig = context;
  rig->flow = *flow;
  rig->began = is_outgoing;
  rig->why = why;
}

static struct rig *rig_open(enum transport transport, struct tls_identity *tls) {
  struct rig *rig = calloc(1, sizeof *rig);
  rig->memory = mmap(NULL, stream_table_memory_bytes(CONNECTIONS), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  rig->now.value = 1000000;
  rig->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct stream_options options = {.epoll_fd = rig->epoll_fd,
                                   .worker = 3,
                                   .connections_max = CONNECTIONS,
                                   .counters = &rig->counters,
                                   .tls = tls,
                                   .hooks = {.context = rig,
                                             .message = on_message,
                                             .broken = on_broken,
                                             .closed = on_closed,
                                             .tls_failed = on_tls_failed}};
  rig->table = stream_table_create(rig->memory, &options, rig->now);
  rig->address = (struct address){.ip = {127, 0, 0, 1}, .family = ADDRESS_IPV4};
  rig->listener = stream_listen(&rig->address);
  expect(rig->listener >= 0 && rig->address.port != 0);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = poll_tag(POLL_SOURCE_LISTENER, transport)};
  epoll_ctl(rig->epoll_fd, EPOLL_CTL_ADD, rig->listener, &event);
  return rig;
}

static void rig_close(struct rig *rig) {
  stream_table_destroy(rig->table);
  munmap(rig->memory, stream_table_memory_bytes(CONNECTIONS));
  close(rig->listener);
  close(rig->epoll_fd);
  free(rig);
}

/* Handles what happens until nothing has happened for `quiet_ms`. */
static void rig_run(struct rig *rig, int quiet_ms) {
  struct epoll_event events[16];
  int count;
  while ((count = epoll_wait(rig->epoll_fd, events, 16, quiet_ms)) > 0) {
    for (int i = 0; i < count; i++) {
      uint32_t number = poll_tag_number(events[i].data.u64);
      struct flow flow = {.transport = (uint8_t)number, .socket_index = 2};
      if (poll_tag_source(events[i].data.u64) == POLL_SOURCE_LISTENER)
        stream_table_accept(rig->table, rig->listener, &flow, rig->now);
      else
        stream_table_ready(rig->table, number, events[i].events, rig->now);
    }
  }
}

static int dial(const struct rig *rig) {
  union socket_address raw;
  socklen_t length = socket_address_from(&rig->address, &raw);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  expect(connect(fd, (const struct sockaddr *)&raw, length) == 0);
  return fd;
}

static void say(int fd, const char *text) {
  expect(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* What has come, "" for nothing, "EOF" at the end. */
static const char *hear(int fd) {
  static char text[4096];
  ssize_t length = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
  if (length == 0) return "EOF";
  text[length > 0 ? length : 0] = '\0';
  return text;
}

static void expect_heard(int fd, const char *wanted) {
  const char *text = hear(fd);
  expect_bytes(text, strlen(text), wanted);
}

static void test_messages_are_framed_however_they_are_cut(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  int fd = dial(rig);
  say(fd, MESSAGE);
  rig_run(rig, 20);
  expect_int(rig->messages, ==, 1);
  expect_bytes(rig->text, rig->text_length, MESSAGE);
  expect(rig->flow.connection != 0 && rig->flow.worker == 3 && rig->flow.socket_index == 2);
  expect_int(rig->flow.transport, ==, TRANSPORT_TCP);
  say(fd, MESSAGE MESSAGE "OPTIONS");
  rig_run(rig, 20);
  expect_int(rig->messages, ==, 3);
  say(fd, &MESSAGE[7]);
  rig_run(rig, 20);
  expect_int(rig->messages, ==, 4);
  expect_bytes(rig->text, rig->text_length, MESSAGE);
  for (const char *at = MESSAGE; *at; at++) {
    expect(send(fd, at, 1, 0) == 1);
    rig_run(rig, 1);
  }
  rig_run(rig, 20);
  expect_int(rig->messages, ==, 5);
  expect_bytes(rig->text, rig->text_length, MESSAGE);
  close(fd);
  rig_run(rig, 20);
  expect_int(rig->closed, ==, 1);
  expect_int(stream_table_count(rig->table), ==, 0);
  rig_close(rig);
}

static void test_a_long_message_arrives_whole(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  int fd = dial(rig);
  static char message[60050];
  int length = snprintf(message, sizeof message, "MESSAGE sip:a SIP/2.0\r\nContent-Length: 60000\r\n\r\n");
  memset(message + length, 'x', sizeof message - 1 - (size_t)length);
  length += 60000;
  for (int sent = 0; sent < length; sent += 1000) {
    expect(send(fd, message + sent, (size_t)(length - sent < 1000 ? length - sent : 1000), 0) > 0);
    rig_run(rig, 1);
  }
  rig_run(rig, 20);
  expect_int(rig->messages, ==, 1);
  expect_int(rig->text_length, ==, length);
  expect(memcmp(rig->text, message, (size_t)length) == 0);
  close(fd);
  rig_close(rig);
}

static void test_a_ping_gets_its_pong_and_is_told_as_life_sign(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  int fd = dial(rig);
  say(fd, "\r\n\r\n");
  rig_run(rig, 20);
  expect_heard(fd, "\r\n");
  expect_int(rig->messages, ==, 1);
  expect_bytes(rig->text, rig->text_length, "\r");
  say(fd, "\r\n\r\n" MESSAGE "\r\n");
  rig_run(rig, 20);
  expect_heard(fd, "\r\n");
  expect_int(rig->messages, ==, 4);
  close(fd);
  rig_close(rig);
}

static void test_a_ping_that_comes_in_pieces_gets_its_pong_and_two_pongs_get_none(void) {
  static const char *const pieces[][2] = {{"\r", "\n\r\n"}, {"\r\n", "\r\n"}, {"\r\n\r", "\n"}};
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  int fd = dial(rig), at_once = 1;
  expect_int(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once), ==, 0);
  for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
    say(fd, pieces[i][0]);
    rig_run(rig, 20);
    rig->now.value += 400;
    say(fd, pieces[i][1]);
    rig_run(rig, 20);
    expect_heard(fd, "\r\n");
  }
  char heard[8];
  for (unsigned i = 0; i < 3; i++) {
    say(fd, "\r\n");
    rig_run(rig, 20);
    rig->now.value += 10000;
  }
  say(fd, "\r\n");
  rig_run(rig, 20);
  say(fd, MESSAGE "\r\n");
  rig_run(rig, 20);
  expect_int(recv(fd, heard, sizeof heard, MSG_DONTWAIT), ==, -1);
  close(fd);
  rig_close(rig);
}

static void test_a_stream_without_frame_is_answered_and_closed(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  rig->answer_broken = "SIP/2.0 400 Bad Request\r\n\r\n";
  int fd = dial(rig);
  say(fd, "OPTIONS sip:a SIP/2.0\r\n\r\nand more that is never read");
  rig_run(rig, 20);
  expect_int(rig->broken, ==, 1);
  expect_heard(fd, "SIP/2.0 400 Bad Request\r\n\r\n");
  expect_heard(fd, "EOF");
  say(fd, "and still more");
  rig_run(rig, 20);
  expect_int(rig->closed, ==, 0);
  close(fd);
  rig_run(rig, 20);
  expect_int(rig->closed, ==, 1);
  expect_int(rig->messages, ==, 0);
  rig_close(rig);
}

static void test_a_stranger_protocol_is_closed_even_if_nobody_answers(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  int fd = dial(rig);
  say(fd, "\x16\x03\x01\x02");
  rig_run(rig, 20);
  expect_int(rig->broken, ==, 1);
  rig->now.value += 2100;
  stream_table_advance(rig->table, rig->now);
  expect_int(rig->closed, ==, 1);
  close(fd);
  rig_close(rig);
}

static void test_answers_take_the_connection_of_the_request(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  int fd = dial(rig);
  say(fd, MESSAGE);
  rig_run(rig, 20);
  struct flow flow = rig->flow;
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW("answer"), rig->now);
  expect_heard(fd, "answer");
  flow.connection = 0;
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW("request"), rig->now);
  expect_heard(fd, "request");
  expect_int(stream_table_count(rig->table), ==, 1);
  close(fd);
  rig_close(rig);
}

static void test_a_number_of_the_past_or_of_another_peer_is_answered_with_closed(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  int fd = dial(rig);
  say(fd, MESSAGE);
  rig_run(rig, 20);
  struct flow flow = rig->flow, forged = rig->flow;
  forged.remote.port ^= 1;
  stream_table_send(rig->table, &forged, &rig->address, STR_VIEW("x"), rig->now);
  expect_int(rig->closed, ==, 1);
  expect_heard(fd, "");
  close(fd);
  rig_run(rig, 20);
  expect_int(rig->closed, ==, 2);
  fd = dial(rig);
  rig_run(rig, 20);
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW("x"), rig->now);
  expect_int(rig->closed, ==, 3);
  flow.connection = UINT32_MAX;
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW("x"), rig->now);
  expect_int(rig->closed, ==, 4);
  expect_heard(fd, "");
  close(fd);
  rig_close(rig);
}

static void test_a_connection_is_opened_once_and_reused(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL), *peer = rig_open(TRANSPORT_TCP, NULL);
  struct flow flow = {.remote = peer->address, .transport = TRANSPORT_TCP, .socket_index = 2};
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW(MESSAGE), rig->now);
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW(MESSAGE), rig->now);
  expect_int(stream_table_count(rig->table), ==, 1);
  rig_run(rig, 20);
  rig_run(peer, 20);
  expect_int(peer->messages, ==, 2);
  expect_int(rig->counters.connections_opened, ==, 1);
  expect_int(peer->counters.connections_accepted, ==, 1);
  flow = peer->flow;
  stream_table_send(peer->table, &flow, &peer->address, STR_VIEW(MESSAGE), peer->now);
  rig_run(rig, 20);
  expect_int(rig->messages, ==, 1);
  expect(rig->flow.connection != 0 && address_equal(&rig->flow.remote, &peer->address));
  rig_close(peer);
  rig_run(rig, 20);
  expect_int(rig->closed, ==, 1);
  rig_close(rig);
}

static void test_a_refused_connection_is_told(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  struct flow flow = {.remote = rig->address, .transport = TRANSPORT_TCP};
  struct address gone = {.ip = {127, 0, 0, 1}, .family = ADDRESS_IPV4};
  int fd = stream_listen(&gone);
  close(fd);
  flow.remote.port = gone.port;
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW(MESSAGE), rig->now);
  rig_run(rig, 20);
  expect_int(rig->closed, ==, 1);
  expect(address_equal(&rig->flow.remote, &gone));
  expect_int(rig->counters.connections_failed, ==, 1);
  flow.transport = TRANSPORT_TLS;
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW(MESSAGE), rig->now);
  expect_int(rig->closed, ==, 2);
  rig_close(rig);
}

static void test_a_slow_reader_gets_everything_up_to_the_limit(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  int fd = dial(rig);
  say(fd, MESSAGE);
  rig_run(rig, 20);
  struct flow flow = rig->flow;
  static char block[10000], heard[65536];
  for (size_t i = 0; i < sizeof block; i++)
    block[i] = (char)('a' + i % 26);
  const struct stream_connection *connection = stream_find(rig->table, flow.connection);
  size_t sent = 0, got = 0, wrong = 0;
  for (int round = 0; round < 3 && rig->closed == 0; round++) {
    for (; rig->closed == 0 && connection->backlog_bytes < 700000; sent += sizeof block)
      stream_table_send(rig->table, &flow, &rig->address, str_view_of(block, sizeof block), rig->now);
    while (got < sent && rig->closed == 0) {
      ssize_t length = recv(fd, heard, sizeof heard, MSG_DONTWAIT);
      for (ssize_t i = 0; i < length; i++)
        wrong += heard[i] != block[(got + (size_t)i) % sizeof block];
      if (length > 0) got += (size_t)length;
      rig_run(rig, length > 0 ? 0 : 5);
    }
  }
  expect_int(wrong, ==, 0);
  expect_int(rig->closed, ==, 0);
  expect_int(connection->backlog_bytes, ==, 0);
  for (int i = 0; i < 5000 && rig->closed == 0; i++)
    stream_table_send(rig->table, &flow, &rig->address, str_view_of(block, sizeof block), rig->now);
  expect_int(rig->closed, ==, 1);
  expect_int(stream_table_count(rig->table), ==, 0);
  close(fd);
  rig_close(rig);
}

static void test_silence_and_unfinished_messages_end_a_connection(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  int silent = dial(rig), unfinished = dial(rig), proven = dial(rig);
  say(unfinished, MESSAGE "OPTIONS sip:");
  say(proven, MESSAGE);
  rig_run(rig, 20);
  expect_int(stream_table_count(rig->table), ==, 3);
  rig->now.value += 29000;
  stream_table_advance(rig->table, rig->now);
  expect_int(stream_table_count(rig->table), ==, 3);
  say(unfinished, "a SIP");
  rig_run(rig, 20);
  rig->now.value += 1100;
  stream_table_advance(rig->table, rig->now);
  expect_int(stream_table_count(rig->table), ==, 1);
  expect_heard(silent, "EOF");
  expect_heard(unfinished, "EOF");
  rig->now.value += 3600000;
  stream_table_advance(rig->table, rig->now);
  say(proven, "\r\n\r\n");
  rig_run(rig, 20);
  rig->now.value += 7199000;
  stream_table_advance(rig->table, rig->now);
  expect_int(stream_table_count(rig->table), ==, 1);
  rig->now.value += 2000;
  stream_table_advance(rig->table, rig->now);
  expect_int(stream_table_count(rig->table), ==, 0);
  expect_int(rig->counters.connections_timed_out, ==, 3);
  close(silent), close(unfinished), close(proven);
  rig_close(rig);
}

static void test_connections_beyond_the_limit_are_refused(void) {
  struct rig *rig = rig_open(TRANSPORT_TCP, NULL);
  int fds[CONNECTIONS + 2];
  for (int i = 0; i < CONNECTIONS + 2; i++)
    fds[i] = dial(rig);
  rig_run(rig, 20);
  expect_int(stream_table_count(rig->table), ==, CONNECTIONS);
  expect_int(rig->counters.connections_refused, ==, 2);
  for (int i = 0; i < CONNECTIONS + 2; i++)
    close(fds[i]);
  rig_run(rig, 20);
  expect_int(stream_table_count(rig->table), ==, 0);
  rig_close(rig);
}

/* --- TLS --------------------------------------------------------------------------------------------------------- */

static char certificate_path[] = "/tmp/belfry-certificate-XXXXXX", key_path[] = "/tmp/belfry-key-XXXXXX";

static FILE *create(char *path) {
  int fd = mkstemp(path);
  return fd < 0 ? NULL : fdopen(fd, "w");
}

/* A self-signed certificate and its key, in files. */
static void make_certificate_for(const char *names) {
  memcpy(certificate_path + sizeof certificate_path - 7, "XXXXXX", 6);
  memcpy(key_path + sizeof key_path - 7, "XXXXXX", 6);
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME *name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"belfry test", -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  if (names) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    expect(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate, key, EVP_sha256());
  FILE *certificate_file = create(certificate_path), *key_file = create(key_path);
  expect(certificate_file && key_file);
  PEM_write_X509(certificate_file, certificate);
  PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL);
  fclose(certificate_file);
  fclose(key_file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

/* For 127.0.0.1 and this domain. */
static void make_certificate(void) {
  make_certificate_for("URI:sip:belfry.example, DNS:other.example, IP:127.0.0.1, IP:::1");
}

static void run_both(struct rig *a, struct rig *b) {
  for (int i = 0; i < 10; i++) {
    rig_run(a, 5);
    rig_run(b, 5);
  }
}

static void test_messages_go_over_tls_in_both_directions(void) {
  make_certificate();
  char problem[256] = "";
  struct tls_files files = {certificate_path, key_path, certificate_path, NULL};
  struct tls_identity *tls = tls_identity_open(&files, problem, sizeof problem);
  if (!tls) printf("# %s\n", problem);
  expect(tls != NULL);
  if (!tls) return;
  struct rig *rig = rig_open(TRANSPORT_TLS, tls), *peer = rig_open(TRANSPORT_TLS, tls);
  struct flow flow = {.remote = peer->address, .transport = TRANSPORT_TLS, .socket_index = 2};
  static char long_message[40000];
  int length = snprintf(long_message, sizeof long_message, "MESSAGE sip:a SIP/2.0\r\nContent-Length: 39000\r\n\r\n");
  memset(long_message + length, 'x', 39000);
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW(MESSAGE), rig->now);
  stream_table_send(rig->table, &flow, &rig->address, str_view_of(long_message, (size_t)length + 39000), rig->now);
  run_both(rig, peer);
  expect_int(peer->messages, ==, 2);
  expect_int(peer->text_length, ==, length + 39000);
  flow = peer->flow;
  stream_table_send(peer->table, &flow, &peer->address, STR_VIEW(MESSAGE), peer->now);
  run_both(rig, peer);
  expect_int(rig->messages, ==, 1);
  expect_int(rig->flow.transport, ==, TRANSPORT_TLS);
  stream_table_close(peer->table, &peer->flow, peer->now);
  run_both(rig, peer);
  expect_int(rig->closed, ==, 1);
  expect_int(peer->closed, ==, 1);
  rig_close(rig);
  rig_close(peer);
  tls_identity_close(&tls);
}

static void test_a_certificate_of_nobody_we_trust_is_refused(void) {
  char problem[256] = "", other_certificate[sizeof certificate_path], other_key[sizeof key_path];
  memcpy(other_certificate, certificate_path, sizeof other_certificate);
  memcpy(other_key, key_path, sizeof other_key);
  make_certificate();
  struct tls_identity *ours = tls_identity_open(&(struct tls_files){certificate_path, key_path, certificate_path, NULL},
                                                problem, sizeof problem);
  struct tls_identity *theirs =
      tls_identity_open(&(struct tls_files){other_certificate, other_key, NULL, NULL}, problem, sizeof problem);
  struct rig *rig = rig_open(TRANSPORT_TLS, ours), *peer = rig_open(TRANSPORT_TLS, theirs);
  struct flow flow = {.remote = peer->address, .transport = TRANSPORT_TLS, .socket_index = 2};
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW(MESSAGE), rig->now);
  run_both(rig, peer);
  expect_int(rig->closed, ==, 1);
  expect_int(peer->messages, ==, 0);
  expect_why(rig, "self-signed certificate");
  expect(rig->began);
  expect(strstr(peer->why, "alert") != NULL);
  expect(!peer->began);
  expect_int(rig->counters.tls_failed, ==, 1);
  /* And who has no reason to check takes it. */
  flow.remote = rig->address;
  stream_table_send(peer->table, &flow, &peer->address, STR_VIEW(MESSAGE), peer->now);
  run_both(rig, peer);
  expect_int(rig->messages, ==, 1);
  rig_close(rig);
  rig_close(peer);
  tls_identity_close(&ours);
  tls_identity_close(&theirs);
  unlink(other_certificate), unlink(other_key), unlink(certificate_path), unlink(key_path);
}

static const char *expected_domain;

static struct str_view domain_of_peer(void *context, const struct flow *flow) {
  (void)context, (void)flow;
  return str_view_from_c(expected_domain);
}

/* Whether a message gets through to a peer that is expected to be `domain` and has a certificate for `names`. */
static bool reaches(const char *names, const char *domain) {
  signal(SIGPIPE, SIG_IGN); /* as the switch does: TLS says goodbye to who is gone */
  char problem[256];
  make_certificate_for(names);
  struct tls_files files = {certificate_path, key_path, certificate_path, NULL};
  struct tls_identity *tls = tls_identity_open(&files, problem, sizeof problem);
  struct rig *rig = rig_open(TRANSPORT_TLS, tls), *peer = rig_open(TRANSPORT_TLS, tls);
  struct flow flow = {.remote = peer->address, .transport = TRANSPORT_TLS, .socket_index = 2};
  expected_domain = domain;
  rig->table->options.hooks.domain = domain_of_peer;
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW(MESSAGE), rig->now);
  run_both(rig, peer);
  bool is_through = peer->messages == 1;
  expect_int(rig->closed, ==, is_through ? 0 : 1);
  expect_why(rig, is_through ? "" : "its certificate does not name it");
  rig_close(rig), rig_close(peer);
  tls_identity_close(&tls);
  unlink(certificate_path), unlink(key_path);
  return is_through;
}

/* RFC 5922 sections 7.1 and 7.2 */
static void test_a_peer_must_be_the_domain_that_was_meant(void) {
  expect(reaches("URI:sip:vendor.example", "Vendor.Example"));
  expect(reaches("DNS:a.example, DNS:vendor.example", "vendor.example"));
  expect(!reaches("DNS:vendor.example", "b.vendor.example"));
  expect(!reaches("DNS:*.vendor.example", "b.vendor.example"));
  expect(!reaches("URI:sip:a.example, DNS:vendor.example", "vendor.example")); /* URIs outweigh host names */
  expect(!reaches("URI:sip:user@vendor.example", "vendor.example"));
  expect(reaches("URI:sip:user@vendor.example, DNS:vendor.example", "vendor.example"));
  expect(!reaches("URI:https://vendor.example", "vendor.example"));
  expect(reaches(NULL, "belfry test")); /* the common name, where there is no other */
  expect(!reaches("DNS:vendor.example", "belfry test"));
  expect(reaches("IP:127.0.0.1", ""));
  expect(!reaches("DNS:vendor.example, IP:127.0.0.2", ""));
}

static void test_certificates_are_read_anew_and_bad_ones_left_alone(void) {
  char problem[256];
  make_certificate_for("DNS:old.example, IP:127.0.0.1");
  struct tls_files files = {certificate_path, key_path, NULL, NULL},
                   missing = {"/nonexistent.pem", key_path, NULL, NULL};
  struct tls_identity *tls = tls_identity_open(&files, problem, sizeof problem);
  unlink(certificate_path), unlink(key_path);
  make_certificate_for("DNS:new.example");
  expect(!tls_identity_reload(tls, &missing, problem, sizeof problem));
  expect(strstr(problem, "/nonexistent.pem: ") == problem);
  files = (struct tls_files){certificate_path, key_path, certificate_path, NULL};
  expect(tls_identity_reload(tls, &files, problem, sizeof problem));
  struct rig *rig = rig_open(TRANSPORT_TLS, tls), *peer = rig_open(TRANSPORT_TLS, tls);
  struct flow flow = {.remote = peer->address, .transport = TRANSPORT_TLS, .socket_index = 2};
  expected_domain = "new.example";
  rig->table->options.hooks.domain = domain_of_peer;
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW(MESSAGE), rig->now);
  run_both(rig, peer);
  expect_int(peer->messages, ==, 1);
  rig_close(rig), rig_close(peer);
  tls_identity_close(&tls);
  unlink(certificate_path), unlink(key_path);
}

/* One switch asks for certificates, another has one from `theirs`; the latter's message gets through or not. */
static struct rig *reach_with(const struct tls_files *ours, const struct tls_files *theirs, const char **why_out) {
  char problem[256] = "";
  struct tls_identity *asking = tls_identity_open(ours, problem, sizeof problem);
  struct tls_identity *asked = tls_identity_open(theirs, problem, sizeof problem);
  expect(problem[0] == '\0');
  struct rig *rig = rig_open(TRANSPORT_TLS, asked), *peer = rig_open(TRANSPORT_TLS, asking);
  struct flow flow = {.remote = peer->address, .transport = TRANSPORT_TLS, .socket_index = 2};
  stream_table_send(rig->table, &flow, &rig->address, STR_VIEW(MESSAGE), rig->now);
  run_both(rig, peer);
  *why_out = rig->why;
  rig_close(rig);
  tls_identity_close(&asking);
  tls_identity_close(&asked);
  return peer;
}

static void test_who_connects_is_asked_for_a_certificate_where_we_want_one(void) {
  char problem[256] = "", strange_certificate[sizeof certificate_path], strange_key[sizeof key_path];
  make_certificate();
  memcpy(strange_certificate, certificate_path, sizeof strange_certificate);
  memcpy(strange_key, key_path, sizeof strange_key);
  make_certificate();
  struct tls_files ours = {certificate_path, key_path, NULL, certificate_path};
  struct tls_files known = {certificate_path, key_path, NULL, NULL};
  struct tls_files strange = {strange_certificate, strange_key, NULL, NULL};
  const char *why;
  struct rig *peer = reach_with(&ours, &known, &why);
  expect_int(peer->messages, ==, 1);
  expect_why(peer, "");
  rig_close(peer);
  peer = reach_with(&ours, &strange, &why);
  expect_int(peer->messages, ==, 0);
  expect_why(peer, "self-signed certificate");
  expect(!peer->began);
  expect(why && strstr(why, "alert")); /* and the other hears of it, after the handshake was over for it */
  rig_close(peer);
  ours.clients = "/nonexistent/clients.pem";
  expect(tls_identity_open(&ours, problem, sizeof problem) == NULL);
  expect(strstr(problem, "/nonexistent/clients.pem: ") == problem);
  unlink(strange_certificate), unlink(strange_key), unlink(certificate_path), unlink(key_path);
}

static void test_who_begins_no_handshake_is_told_of_and_dropped(void) {
  char problem[256] = "";
  make_certificate();
  struct tls_files files = {certificate_path, key_path, NULL, NULL};
  struct tls_identity *tls = tls_identity_open(&files, problem, sizeof problem);
  struct rig *rig = rig_open(TRANSPORT_TLS, tls);
  int silent = dial(rig), plain = dial(rig);
  say(plain, MESSAGE);
  rig_run(rig, 20);
  expect_why(rig, "wrong version number");
  rig->now.value += 5100;
  stream_table_advance(rig->table, rig->now);
  expect_why(rig, "no handshake within 5 s");
  expect_int(rig->counters.tls_failed, ==, 2);
  expect_int(stream_table_count(rig->table), ==, 0);
  close(silent), close(plain);
  rig_close(rig);
  tls_identity_close(&tls);
  unlink(certificate_path), unlink(key_path);
}

static void test_tls_files_that_cannot_be_used_are_named(void) {
  char problem[256] = "";
  struct tls_files files = {"/nonexistent/certificate.pem", "/nonexistent/key.pem", NULL, NULL};
  expect(tls_identity_open(&files, problem, sizeof problem) == NULL);
  expect(strstr(problem, "/nonexistent/certificate.pem: ") == problem);
}

TAP_TESTS(TAP(test_messages_are_framed_however_they_are_cut), TAP(test_a_long_message_arrives_whole),
          TAP(test_a_ping_gets_its_pong_and_is_told_as_life_sign),
          TAP(test_a_ping_that_comes_in_pieces_gets_its_pong_and_two_pongs_get_none),
          TAP(test_a_stream_without_frame_is_answered_and_closed),
          TAP(test_a_stranger_protocol_is_closed_even_if_nobody_answers),
          TAP(test_answers_take_the_connection_of_the_request),
          TAP(test_a_number_of_the_past_or_of_another_peer_is_answered_with_closed),
          TAP(test_a_connection_is_opened_once_and_reused), TAP(test_a_refused_connection_is_told),
          TAP(test_a_slow_reader_gets_everything_up_to_the_limit),
          TAP(test_silence_and_unfinished_messages_end_a_connection),
          TAP(test_connections_beyond_the_limit_are_refused), TAP(test_messages_go_over_tls_in_both_directions),
          TAP(test_a_certificate_of_nobody_we_trust_is_refused), TAP(test_a_peer_must_be_the_domain_that_was_meant),
          TAP(test_certificates_are_read_anew_and_bad_ones_left_alone),
          TAP(test_who_connects_is_asked_for_a_certificate_where_we_want_one),
          TAP(test_who_begins_no_handshake_is_told_of_and_dropped), TAP(test_tls_files_that_cannot_be_used_are_named))
