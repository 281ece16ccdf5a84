#include "sim/watcher.h"

#include "base/siphash.h"
#include "sim/stream.h"
#include "sim/switch_node.h"
#include "sim/world.h"

#define TICK_US (10 * MS_US)

void watcher_create(struct world *world) {
  world->watcher = sim_take(&world->memory, sizeof *world->watcher);
}

/* --- the books --------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(struct str_view text) {
  static const struct siphash_key key = {1, 2};
  return siphash(&key, text.data, text.length);
}

struct watched_transaction *watcher_find(const struct sighting *sighting, bool is_client, enum sip_method method) {
  uint64_t bucket = hash_of(sighting->via.branch) % WATCHER_BUCKETS;
  struct watched_transaction *transaction = sighting->world->watcher->transactions[bucket];
  for (; transaction; transaction = transaction->next_in_bucket)
    if (transaction->endpoint == sighting->endpoint && transaction->is_client == is_client &&
        transaction->method == method && str_view_equal(transaction->branch, sighting->via.branch) &&
        (method != SIP_METHOD_UNKNOWN || transaction->cseq == sighting->message.cseq))
      return transaction;
  return NULL;
}

struct watched_transaction *watcher_add(struct sighting *sighting, bool is_client) {
  struct world *world = sighting->world;
  struct watcher *watcher = world->watcher;
  const struct sip_message *message = &sighting->message;
  struct watched_transaction *transaction = sim_take(&world->memory, sizeof *transaction);
  *transaction = (struct watched_transaction){.endpoint = sighting->endpoint,
                                              .is_client = is_client,
                                              .is_stream = sighting->transport != TRANSPORT_UDP,
                                              .method = message->method,
                                              .cseq = message->cseq,
                                              .branch = sighting->via.branch,
                                              .call_id = message->call_id,
                                              .own_tag = is_client ? message->from_tag : message->to_tag,
                                              .request = sighting->bytes,
                                              .method_text = message->method_text,
                                              .remote = sighting->remote,
                                              .first_us = world->now_us,
                                              .last_us = world->now_us,
                                              .count = 1};
  uint64_t bucket = hash_of(transaction->branch) % WATCHER_BUCKETS;
  transaction->next_in_bucket = watcher->transactions[bucket];
  watcher->transactions[bucket] = transaction;
  if (watcher->last)
    watcher->last->next = transaction;
  else
    watcher->first = transaction;
  watcher->last = transaction;
  return transaction;
}

static struct watched_dialog *find_dialog(const struct sighting *sighting, uint64_t bucket, struct str_view own_tag,
                                          struct str_view remote_tag) {
  struct watched_dialog *dialog = sighting->world->watcher->dialogs[bucket];
  while (dialog && (dialog->endpoint != sighting->endpoint || !str_view_equal(dialog->own_tag, own_tag) ||
                    !str_view_equal(dialog->remote_tag, remote_tag) ||
                    !str_view_equal(dialog->call_id, sighting->message.call_id)))
    dialog = dialog->next_in_bucket;
  return dialog;
}

/* A dialog with a remote tag goes on from the INVITE that had none. */
struct watched_dialog *watcher_dialog(struct sighting *sighting) {
  const struct sip_message *message = &sighting->message;
  bool is_from = message->is_request == sighting->is_said;
  struct str_view own_tag = is_from ? message->from_tag : message->to_tag;
  struct str_view remote_tag = is_from ? message->to_tag : message->from_tag;
  uint64_t bucket = hash_of(own_tag) % WATCHER_BUCKETS;
  struct watched_dialog *dialog = find_dialog(sighting, bucket, own_tag, remote_tag);
  if (dialog) return dialog;
  const struct watched_dialog *beginning = find_dialog(sighting, bucket, own_tag, (struct str_view){0});
  struct watcher *watcher = sighting->world->watcher;
  dialog = sim_take(&sighting->world->memory, sizeof *dialog);
  if (beginning) *dialog = *beginning;
  dialog->endpoint = sighting->endpoint;
  dialog->call_id = message->call_id;
  dialog->own_tag = own_tag;
  dialog->remote_tag = remote_tag;
  dialog->next_in_bucket = watcher->dialogs[bucket];
  watcher->dialogs[bucket] = dialog;
  dialog->older = watcher->newest_dialog;
  watcher->newest_dialog = dialog;
  return dialog;
}

/* --- blame ------------------------------------------------------------------------------------------------------- */

void watcher_blame(struct sighting *sighting, const char *rule) {
  size_t length = str_view_find(sighting->bytes, '\r');
  world_fail(sighting->world, "%s %s \"%.*s\" (%u %.*s, Call-ID %.*s): %s", sighting->endpoint->name,
             sighting->is_said ? "said" : "heard", (int)length, sighting->bytes.data, sighting->message.cseq,
             (int)sip_method_text(sighting->message.method).length, sip_method_text(sighting->message.method).data,
             (int)sighting->message.call_id.length, sighting->message.call_id.data, rule);
}

void watcher_blame_transaction(struct world *world, const struct watched_transaction *transaction, const char *rule) {
  world_fail(world, "%s, %s of %u %.*s at %lld.%03lld (Call-ID %.*s): %s", transaction->endpoint->name,
             transaction->is_client ? "client" : "server", transaction->cseq, (int)transaction->method_text.length,
             transaction->method_text.data, (long long)(transaction->first_us / SECOND_US),
             (long long)(transaction->first_us % SECOND_US / MS_US), (int)transaction->call_id.length,
             transaction->call_id.data, rule);
}

bool watcher_is_lenient(const struct world *world) {
  for (unsigned i = 0; i < world->node_count; i++)
    if (switch_node_was_stalled(world->nodes[i])) return true;
  return false;
}

bool watcher_is_about(int64_t value_us, int64_t wanted_us) {
  return value_us >= wanted_us - TICK_US && value_us <= wanted_us + 2 * TICK_US;
}

/* --- what is seen ------------------------------------------------------------------------------------------------ */

static bool look_at(struct sighting *sighting) {
  struct sip_defect defect;
  if (sip_message_parse(sighting->bytes, &sighting->message, &defect) != RESULT_OK) {
    bool is_sip = sighting->bytes.length > 40; /* pings are shorter */
    if (sighting->is_said && is_sip) watcher_blame(sighting, defect.rule);
    /* A request of somebody who breaks the grammar is answered where that is possible. */
    if (sighting->is_said || !sighting->message.is_request || !sighting->message.has_top_via) return false;
  }
  if (sip_message_top_via(&sighting->message, &sighting->via) != RESULT_OK) {
    watcher_blame(sighting, "its topmost Via cannot be read");
    return false;
  }
  sighting->world->watcher->messages_seen++;
  return true;
}

void watcher_said(struct world *world, struct endpoint *endpoint, const struct address *to, enum transport transport,
                  struct str_view bytes) {
  struct sighting sighting;
  sighting.world = world;
  sighting.endpoint = endpoint;
  sighting.bytes = sim_copy(&world->memory, bytes);
  sighting.transport = transport;
  sighting.remote = *to;
  sighting.is_said = true;
  sighting.is_cut_off = false;
  if (!world->watcher || !look_at(&sighting)) return;
  watch_message_said(&sighting);
  if (sighting.message.is_request)
    watch_request_said(&sighting);
  else
    watch_response_said(&sighting);
}

void watcher_heard(struct world *world, struct endpoint *endpoint, const struct arrival *arrival) {
  struct sighting sighting;
  sighting.world = world;
  sighting.endpoint = endpoint;
  sighting.bytes = arrival->bytes;
  sighting.transport = arrival->transport;
  sighting.remote = arrival->source;
  sighting.is_said = false;
  sighting.is_cut_off = arrival->connection && arrival->connection->is_broken;
  if (!world->watcher || !look_at(&sighting)) return;
  if (sighting.message.is_request)
    watch_request_heard(&sighting);
  else
    watch_response_heard(&sighting);
}

void watcher_refused(struct world *world, struct endpoint *endpoint, const struct address *remote) {
  if (!world->watcher) return;
  for (struct watched_transaction *transaction = world->watcher->first; transaction; transaction = transaction->next)
    if (transaction->endpoint == endpoint && address_equal(&transaction->remote, remote))
      transaction->is_excused = true;
}

void watcher_forget(struct world *world, struct endpoint *endpoint) {
  if (!world->watcher) return;
  for (struct watched_transaction *transaction = world->watcher->first; transaction; transaction = transaction->next)
    if (transaction->endpoint == endpoint) transaction->endpoint = NULL;
  for (unsigned i = 0; i < WATCHER_BUCKETS; i++)
    for (struct watched_dialog *dialog = world->watcher->dialogs[i]; dialog; dialog = dialog->next_in_bucket)
      if (dialog->endpoint == endpoint) dialog->endpoint = NULL;
}

/* --- what comes back after a restart ----------------------------------------------------------------------------- */

static void recall_dialogs(const struct sighting *sighting, const struct watched_transaction *transaction) {
  for (struct watched_dialog *dialog = sighting->world->watcher->newest_dialog; dialog; dialog = dialog->older)
    if (!dialog->endpoint && str_view_equal(dialog->call_id, transaction->call_id) &&
        str_view_equal(dialog->own_tag, transaction->own_tag))
      dialog->endpoint = sighting->endpoint;
}

static struct watched_transaction *find_forgotten(struct sighting *sighting, bool is_client) {
  struct endpoint *endpoint = sighting->endpoint;
  sighting->endpoint = NULL; /* watcher_forget */
  struct watched_transaction *transaction = watcher_find(sighting, is_client, SIP_METHOD_INVITE);
  sighting->endpoint = endpoint;
  return sighting->world->crash.is_tried ? transaction : NULL;
}

bool watcher_was_known(struct sighting *sighting, bool is_client) {
  return find_forgotten(sighting, is_client) != NULL;
}

struct watched_transaction *watcher_recall(struct sighting *sighting, bool is_client) {
  struct watched_transaction *transaction = find_forgotten(sighting, is_client);
  if (!transaction) return NULL;
  transaction->endpoint = sighting->endpoint;
  transaction->is_excused = transaction->is_recalled = true;
  recall_dialogs(sighting, transaction);
  return transaction;
}
