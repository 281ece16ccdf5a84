/* The operators' door: the HTTP API (CONTRACT), Prometheus metrics and, later, the console. Two listeners with the same
 * answers: TCP, where every call but /healthz, /metrics and the OpenAPI document needs the bearer token of
 * DIR/admin.token, and DIR/control.sock, where file permissions decide. Own threads; workers are only asked through
 * orders with a deadline. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "boundary/address.h"
#include "configuration/configuration.h"
#include "store/call_journal.h"
#include "store/record_keeper.h"
#include "store/store.h"
#include "worker/worker.h"

struct admin;

struct admin_options {
  const char *data_dir;
  const struct address *listen; /* port 0: any free one */
  struct store *store;
  struct call_journal *journal; /* store/call_journal.h */
  struct record_keeper *keeper;
  struct configuration *configuration;
  struct worker_group *group;
  bool has_external_api; /* --vos3000-api */
};

/* Makes DIR/admin.token if there is none, opens both listeners, starts answering. NULL with a sentence in `problem`.
 * Everything in `options` is borrowed until admin_close. */
struct admin *admin_open(const struct admin_options *options, char *problem, size_t problem_bytes);

/* The TCP listener's address as really bound. */
struct address admin_address(const struct admin *admin);

/* Notes in the audit log that the document of --apply FILE was applied, `when`: "at the start", "on SIGHUP". */
void admin_note_file(struct admin *admin, const char *file, const char *when, const char *document, size_t length);

/* Ends both listeners; requests that are being answered are finished. */
void admin_close(struct admin **admin);

#endif
