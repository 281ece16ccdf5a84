/* The layer's invariants, for the simulator and the tests: a walk over all transactions. */
#include "transaction/transaction_private.h"

static bool wrong(struct text_builder *problem, const struct transaction *transaction, struct str_view what) {
  text_builder_add_literal(problem, "transaction ");
  text_builder_add_u64(problem, transaction->self.index);
  text_builder_add_char(problem, ' ');
  text_builder_add(problem, what);
  return false;
}

static bool is_indexed(const struct transaction_layer *layer, uint64_t hash, uint32_t wanted) {
  uint32_t index = 0;
  for (uint32_t at = hash_table_first(&layer->index, hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&layer->index, hash, at, &index))
    if (index == wanted) return true;
  return false;
}

static bool check_one(const struct transaction_layer *layer, const struct transaction *transaction,
                      struct text_builder *problem) {
  const struct transaction_machine *machine = transaction_machine_of(transaction);
  if (!timer_is_armed(&transaction->timer)) return wrong(problem, transaction, STR_VIEW("has no timer"));
  if (machine->states[transaction->state].give_up_unreliable == SIP_TIMER_NONE)
    return wrong(problem, transaction, STR_VIEW("is in a state its machine does not have"));
  if (machine->is_client == transaction->indexed)
    return wrong(problem, transaction, STR_VIEW("is a client and indexed, or a server and not"));
  if (transaction->indexed && !is_indexed(layer, transaction->hash, transaction->self.index))
    return wrong(problem, transaction, STR_VIEW("is not found in the index"));
  if (transaction->merge_hash != 0 && !is_indexed(layer, transaction->merge_hash, transaction->self.index))
    return wrong(problem, transaction, STR_VIEW("is not found in the index of merged requests"));
  if (transaction->listed && !machine->rows[transaction->state][TRANSACTION_EVENT_TRANSPORT_ERROR].act)
    return wrong(problem, transaction, STR_VIEW("is listed under its flow, but a dead flow is nothing to it"));
  return true;
}

bool transaction_layer_check(const struct transaction_layer *layer, struct text_builder *problem) {
  uint32_t at = 0, indexed = 0, live = 0;
  const struct transaction *transaction;
  while ((transaction = pool_next(&layer->pool, &at)) != NULL) {
    if (!check_one(layer, transaction, problem)) return false;
    indexed += (transaction->indexed ? 1U : 0U) + (transaction->merge_hash != 0 ? 1U : 0U);
    live++;
  }
  if (live == layer->pool.used && indexed == layer->index.used) return true;
  text_builder_add_literal(problem, "the index holds transactions that are gone");
  return false;
}
