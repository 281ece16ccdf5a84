/* A small HTTP/1.0 client for the switch's own API, over its control socket or TCP. Blocking, with time-outs. */
#ifndef CLI_CLI_CLIENT_H
#define CLI_CLI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/result.h"

#define CLI_TIMEOUT_S        30
#define CLI_ANSWER_BYTES_MAX (512u * 1024 * 1024)

struct cli_client {
  const char *data_dir; /* where control.sock is */
  const char *admin;    /* http://ADDR:PORT, or NULL: the control socket */
  const char *token;    /* for `admin`; NULL: none */
};

struct cli_answer {
  int status;
  char *body; /* heap, NUL-terminated */
  size_t length;
};

/* One request. RESULT_OK with an answer of any status, to be freed with cli_answer_free; else a sentence in `problem`.
 */
enum result cli_client_request(const struct cli_client *client, const char *method, const char *path, const char *body,
                               struct cli_answer *answer_out, char *problem, size_t problem_bytes) MUST_USE;
void cli_answer_free(struct cli_answer *answer);

#endif
