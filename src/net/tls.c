#include "net/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/tls_peer.h"

/* What is read from files; connections hold on to what they began with. */
struct tls_contexts {
  SSL_CTX *server;
  SSL_CTX *client;
};

struct tls_identity {
  pthread_mutex_t mutex;
  struct tls_contexts contexts;
};

struct tls_stream {
  SSL *ssl;
  const char *problem; /* static; NULL: none yet */
};

static void say(char *problem, size_t problem_bytes, const char *file) {
  const char *reason = ERR_reason_error_string(ERR_peek_error());
  snprintf(problem, problem_bytes, "%s: %s", file, reason ? reason : "cannot be used for TLS");
  ERR_clear_error();
}

/* TLS 1.2 and 1.3 (RFC 8996 has ended the older ones). */
static SSL_CTX *new_context(const SSL_METHOD *method) {
  SSL_CTX *context = SSL_CTX_new(method);
  if (!context) return NULL;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  return context;
}

/* The name of the file that cannot be used, or NULL. */
static const char *load_own(SSL_CTX *context, const struct tls_files *files) {
  if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1) return files->certificate;
  if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1) return files->key;
  return SSL_CTX_check_private_key(context) == 1 ? NULL : files->key;
}

static void free_contexts(struct tls_contexts *contexts) {
  SSL_CTX_free(contexts->server);
  SSL_CTX_free(contexts->client);
  *contexts = (struct tls_contexts){0};
}

/* Their chain must end at one of these; whose names they bear is not looked at, as phones have none. */
static const char *ask_clients(SSL_CTX *server, const char *file) {
  static const unsigned char session_context[] = "belfry";
  if (!file) return NULL;
  STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);
  if (!names || SSL_CTX_load_verify_file(server, file) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return file;
  }
  SSL_CTX_set_client_CA_list(server, names);
  SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  return SSL_CTX_set_session_id_context(server, session_context, sizeof session_context - 1) == 1 ? NULL : file;
}

static bool read_contexts(const struct tls_files *files, struct tls_contexts *contexts, char *problem,
                          size_t problem_bytes) {
  *contexts = (struct tls_contexts){new_context(TLS_server_method()), new_context(TLS_client_method())};
  const char *bad = "OpenSSL";
  if (contexts->server && contexts->client) {
    bad = load_own(contexts->server, files);
    /* Who asks for our certificate when we connect gets the same one (mutual TLS of carriers). */
    if (!bad) bad = load_own(contexts->client, files);
  }
  if (!bad && files->authorities) {
    SSL_CTX_set_verify(contexts->client, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_file(contexts->client, files->authorities) != 1) bad = files->authorities;
  }
  if (!bad) bad = ask_clients(contexts->server, files->clients);
  if (!bad) return true;
  say(problem, problem_bytes, bad);
  free_contexts(contexts);
  return false;
}

struct tls_identity *tls_identity_open(const struct tls_files *files, char *problem, size_t problem_bytes) {
  struct tls_identity *identity = calloc(1, sizeof *identity);
  if (!identity) return NULL;
  pthread_mutex_init(&identity->mutex, NULL);
  if (read_contexts(files, &identity->contexts, problem, problem_bytes)) return identity;
  tls_identity_close(&identity);
  return NULL;
}

void tls_identity_close(struct tls_identity **identity) {
  if (!*identity) return;
  free_contexts(&(*identity)->contexts);
  pthread_mutex_destroy(&(*identity)->mutex);
  free(*identity);
  *identity = NULL;
}

bool tls_identity_reload(struct tls_identity *identity, const struct tls_files *files, char *problem,
                         size_t problem_bytes) {
  struct tls_contexts fresh, old;
  if (!read_contexts(files, &fresh, problem, problem_bytes)) return false;
  pthread_mutex_lock(&identity->mutex);
  old = identity->contexts;
  identity->contexts = fresh;
  pthread_mutex_unlock(&identity->mutex);
  free_contexts(&old);
  return true;
}

struct tls_stream *tls_stream_open(struct tls_identity *identity, int fd, bool is_client) {
  struct tls_stream *stream = calloc(1, sizeof *stream);
  if (!stream) return NULL;
  pthread_mutex_lock(&identity->mutex);
  stream->ssl = SSL_new(is_client ? identity->contexts.client : identity->contexts.server);
  pthread_mutex_unlock(&identity->mutex);
  if (!stream->ssl || SSL_set_fd(stream->ssl, fd) != 1) {
    tls_stream_close(&stream);
    return NULL;
  }
  if (is_client)
    SSL_set_connect_state(stream->ssl);
  else
    SSL_set_accept_state(stream->ssl);
  return stream;
}

bool tls_stream_peer_is(const struct tls_stream *stream, struct str_view domain, const struct address *address) {
  if (SSL_get_verify_mode(stream->ssl) == SSL_VERIFY_NONE) return true;
  X509 *certificate = SSL_get0_peer_certificate(stream->ssl);
  if (!certificate) return false;
  return domain.length > 0 ? tls_peer_has_domain(certificate, domain) : tls_peer_has_address(certificate, address);
}

void tls_stream_close(struct tls_stream **stream) {
  if (!*stream) return;
  if ((*stream)->ssl) {
    if (SSL_is_init_finished((*stream)->ssl)) (void)SSL_shutdown((*stream)->ssl);
    SSL_free((*stream)->ssl);
    ERR_clear_error();
  }
  free(*stream);
  *stream = NULL;
}

/* What we think of the peer's certificate comes first, then what OpenSSL calls it, which may be the peer's alert. */
static const char *reason_of(const struct tls_stream *stream) {
  long verdict = SSL_get_verify_result(stream->ssl);
  if (verdict != X509_V_OK && SSL_get_verify_mode(stream->ssl) != SSL_VERIFY_NONE)
    return X509_verify_cert_error_string(verdict);
  const char *reason = ERR_reason_error_string(ERR_peek_error());
  return reason ? reason : "the connection broke";
}

static enum tls_outcome outcome_of(struct tls_stream *stream, int result) {
  enum tls_outcome outcome = TLS_FAILED;
  switch (SSL_get_error(stream->ssl, result)) {
  case SSL_ERROR_WANT_READ: outcome = TLS_WANTS_READ; break;
  case SSL_ERROR_WANT_WRITE: outcome = TLS_WANTS_WRITE; break;
  case SSL_ERROR_ZERO_RETURN: outcome = TLS_ENDED; break;
  default: stream->problem = reason_of(stream); break;
  }
  ERR_clear_error();
  return outcome;
}

enum tls_outcome tls_stream_shake(struct tls_stream *stream) {
  int result = SSL_do_handshake(stream->ssl);
  return result == 1 ? TLS_DONE : outcome_of(stream, result);
}

enum tls_outcome tls_stream_read(struct tls_stream *stream, void *bytes, size_t room, size_t *length_out) {
  int result = SSL_read_ex(stream->ssl, bytes, room, length_out);
  return result == 1 ? TLS_DONE : outcome_of(stream, result);
}

enum tls_outcome tls_stream_write(struct tls_stream *stream, const void *bytes, size_t length, size_t *length_out) {
  int result = SSL_write_ex(stream->ssl, bytes, length, length_out);
  return result == 1 ? TLS_DONE : outcome_of(stream, result);
}

const char *tls_stream_problem(const struct tls_stream *stream) {
  return stream->problem ? stream->problem : "the peer closed the connection";
}

bool tls_stream_has_more(const struct tls_stream *stream) {
  return SSL_has_pending(stream->ssl) == 1;
}
