/* TLS for streams, by OpenSSL. One identity is shared by all workers; a stream belongs to one connection. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str_view.h"
#include "boundary/address.h"

struct tls_identity;
struct tls_stream;

struct tls_files {
  const char *certificate; /* PEM, our certificate and its chain */
  const char *key;         /* PEM */
  const char *authorities; /* PEM; NULL: certificates of those we connect to are not checked */
  const char *clients;     /* PEM; NULL: those who connect to us are not asked for a certificate, else it is refused to
                            * them without one from here */
};

/* NULL with a sentence in `problem` that names the file. */
struct tls_identity *tls_identity_open(const struct tls_files *files, char *problem, size_t problem_bytes);
void tls_identity_close(struct tls_identity **identity);

/* Reads the files anew: connections from now on use them, those that stand keep what they have. False with a sentence
 * in `problem`, and nothing has changed. Any thread. */
bool tls_identity_reload(struct tls_identity *identity, const struct tls_files *files, char *problem,
                         size_t problem_bytes);

/* Wraps a connected descriptor, which stays the caller's. NULL: no memory. */
struct tls_stream *tls_stream_open(struct tls_identity *identity, int fd, bool is_client);

/* True when the peer's certificate, where one is asked for, names this domain; without a domain, this address (RFC 5922
 * section 7.3). To be asked when a handshake that we began is done. */
bool tls_stream_peer_is(const struct tls_stream *stream, struct str_view domain, const struct address *address);

/* Says goodbye if it can, without waiting, and frees. */
void tls_stream_close(struct tls_stream **stream);

enum tls_outcome {
  TLS_DONE,
  TLS_WANTS_READ,
  TLS_WANTS_WRITE,
  TLS_ENDED, /* the peer has closed its side */
  TLS_FAILED,
};

enum tls_outcome tls_stream_shake(struct tls_stream *stream);

/* At least one byte when TLS_DONE. */
enum tls_outcome tls_stream_read(struct tls_stream *stream, void *bytes, size_t room, size_t *length_out);
enum tls_outcome tls_stream_write(struct tls_stream *stream, const void *bytes, size_t length, size_t *length_out);

/* Why the latest of these three said TLS_FAILED, in a few words of OpenSSL's or ours. */
const char *tls_stream_problem(const struct tls_stream *stream);

/* Bytes that have been received and decrypted but not read: epoll knows nothing of them. */
bool tls_stream_has_more(const struct tls_stream *stream);

#endif
