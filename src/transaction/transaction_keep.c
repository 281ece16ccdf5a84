/* What is left of pending INVITEs over a restart: as much as it takes to end them. Ours can be cancelled, for the
 * branch is known; the peer's can be answered, for what each response repeats is. Slots and generations stay as they
 * were: of ours they are part of the branch.
 *
 *   ours:     [slot 4][generation 4][random bits 8][keeps its flow 1][flow]
 *   a peer's: [slot 4][generation 4][flow][Via … CSeq, To with our tag, to the end] */
#include "boundary/kept_flow.h"
#include "transaction/transaction_private.h"

/* --- saving ------------------------------------------------------------------------------------------------------ */

void transaction_save_client(const struct transaction_layer *layer, struct handle handle,
                             struct text_builder *builder) {
  const struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction || transaction->machine != TRANSACTION_INVITE_CLIENT) return;
  packed_add(builder, handle.index, 4);
  packed_add(builder, handle.generation, 4);
  packed_add(builder, transaction->hash, 8);
  packed_add(builder, transaction->keeps_flow, 1);
  kept_flow_save(&transaction->flow, builder);
}

void transaction_save_server(const struct transaction_layer *layer, struct handle handle, struct str_view to_tag,
                             struct text_builder *builder) {
  const struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction || transaction->machine != TRANSACTION_INVITE_SERVER ||
      transaction->state != TRANSACTION_PROCEEDING || transaction->legacy)
    return;
  packed_add(builder, handle.index, 4);
  packed_add(builder, handle.generation, 4);
  kept_flow_save(&transaction->flow, builder);
  transaction_server_add_head(layer, transaction, to_tag, builder);
}

/* --- restoring --------------------------------------------------------------------------------------------------- */

static struct handle take_handle(struct packed_reader *reader) {
  struct handle handle = {.index = (uint32_t)packed_take(reader, 4)};
  handle.generation = (uint32_t)packed_take(reader, 4);
  return handle;
}

static struct transaction *take_at(struct transaction_layer *layer, struct handle handle, const struct flow *flow) {
  struct transaction *transaction = pool_take_at(&layer->pool, handle);
  if (!transaction) return NULL;
  transaction->self = handle;
  transaction->method = SIP_METHOD_INVITE;
  transaction->flow = *flow;
  return transaction;
}

enum result transaction_restore_client(struct transaction_layer *layer, struct context *context,
                                       struct packed_reader *reader, struct transaction_owner owner,
                                       struct transaction_restored *restored_out) {
  struct handle handle = take_handle(reader);
  uint64_t random_bits = packed_take(reader, 8);
  bool keeps_flow = packed_take(reader, 1) != 0;
  *restored_out = (struct transaction_restored){0};
  if (!kept_flow_read(reader, context->local, &restored_out->flow)) return RESULT_MALFORMED;
  transaction_table_ensure_key(layer, context);
  struct transaction *transaction = take_at(layer, handle, &restored_out->flow);
  if (!transaction) return RESULT_FULL;
  transaction->machine = TRANSACTION_INVITE_CLIENT;
  transaction->hash = random_bits;
  transaction->owner = owner;
  transaction->keeps_flow = keeps_flow;
  transaction_machine_begin(context, transaction);
  transaction_table_list(layer, transaction);
  restored_out->transaction = handle;
  restored_out->branch = transaction_client_branch(context, transaction);
  return RESULT_OK;
}

void transaction_restore_request(struct transaction_layer *layer, struct context *context, struct handle handle,
                                 struct str_view request, bool is_answered) {
  struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction) return;
  if (block_store_set(layer->blocks, &transaction->kept, request) != RESULT_OK) {
    transaction_table_give(layer, context, transaction);
    return;
  }
  transaction->answered = is_answered;
  transaction_machine_resume(context, transaction, is_answered ? TRANSACTION_PROCEEDING : TRANSACTION_CALLING);
}

/* Over a stream the connection is gone: another one is opened to where the topmost Via says (RFC 3261 18.2.2). */
static void find_way_back(struct transaction *transaction, const struct sip_via *via) {
  if (transport_is_stream((enum transport)transaction->flow.transport))
    transaction->flow.remote.port = transaction_via_port(via);
}

static enum result fill_server(struct transaction_layer *layer, struct transaction *transaction, struct str_view head) {
  struct transaction_key key = {0};
  if (block_store_set(layer->blocks, &transaction->head, head) != RESULT_OK) return RESULT_FULL;
  if (sip_via_parse(transaction_table_kept_via(layer, transaction), &key.via) != RESULT_OK) return RESULT_MALFORMED;
  transaction_key_hash(layer, &key, false);
  transaction_table_index(layer, transaction, &key);
  find_way_back(transaction, &key.via);
  return RESULT_OK;
}

enum result transaction_restore_server(struct transaction_layer *layer, struct context *context,
                                       struct packed_reader *reader, struct transaction_owner owner,
                                       struct handle *transaction_out) {
  struct flow flow;
  struct handle handle = take_handle(reader);
  bool has_way = kept_flow_read(reader, context->local, &flow);
  struct str_view head = reader->rest;
  *transaction_out = HANDLE_NONE;
  if (!has_way || head.length == 0) return RESULT_MALFORMED;
  transaction_table_ensure_key(layer, context);
  struct transaction *transaction = take_at(layer, handle, &flow);
  if (!transaction) return RESULT_FULL;
  transaction->machine = TRANSACTION_INVITE_SERVER;
  transaction->has_to_tag = true;
  transaction->owner = owner;
  transaction_machine_resume(context, transaction, TRANSACTION_PROCEEDING);
  enum result result = fill_server(layer, transaction, head);
  if (result != RESULT_OK) {
    transaction_table_give(layer, context, transaction);
    return result;
  }
  transaction_table_list(layer, transaction);
  *transaction_out = handle;
  return RESULT_OK;
}

void transaction_layer_restored(struct transaction_layer *layer) {
  pool_restored(&layer->pool);
}
