/* The transactions of one worker: their slots, the index by which requests find theirs, and the lists by flow.
 *
 * Strangers choose what the index is keyed with, so the hash is SipHash under a key drawn at the first message. */
#include "base/check.h"
#include "transaction/transaction_private.h"

#define KEY_BYTES        512
#define KEY_FIELD_BYTES  64
#define RESERVED_PART    8
#define PARSE_SLACK      64
#define DEFAULT_PORT     5060
#define DEFAULT_TLS_PORT 5061

/* --- memory ------------------------------------------------------------------------------------------------------ */

static size_t aligned(size_t bytes) {
  return (bytes + 63) & ~(size_t)63;
}

static uint32_t flow_list_count(const struct transaction_limits *limits) {
  uint32_t count = 64;
  while (count < limits->transactions_max / 4 && count < UINT32_C(1) << 20)
    count *= 2;
  return count;
}

/* Each server transaction stands in the index at most twice: under its key, and as an ongoing request. */
static uint32_t index_entries(const struct transaction_limits *limits) {
  return 2 * limits->transactions_max;
}

size_t transaction_layer_memory_bytes(const struct transaction_limits *limits) {
  return aligned(sizeof(struct transaction_layer)) +
         aligned(pool_memory_bytes(sizeof(struct transaction), limits->transactions_max)) +
         aligned(hash_table_memory_bytes(index_entries(limits))) + aligned(flow_list_count(limits) * sizeof(uint32_t)) +
         TRANSACTION_REFUSALS_MAX * sizeof(struct transaction_refusal);
}

struct transaction_layer *transaction_layer_create(void *memory, const struct transaction_limits *limits,
                                                   struct block_store *blocks) {
  char *at = memory;
  struct transaction_layer *layer = memory;
  at += aligned(sizeof *layer);
  pool_init(&layer->pool, at, sizeof(struct transaction), limits->transactions_max);
  at += aligned(pool_memory_bytes(sizeof(struct transaction), limits->transactions_max));
  hash_table_init(&layer->index, at, index_entries(limits));
  at += aligned(hash_table_memory_bytes(index_entries(limits)));
  layer->flow_first = (void *)at;
  at += aligned(flow_list_count(limits) * sizeof(uint32_t));
  layer->refusals = (void *)at;
  layer->flow_mask = flow_list_count(limits) - 1;
  layer->reserve = limits->transactions_max / RESERVED_PART;
  layer->blocks = blocks;
  return layer;
}

static struct transaction *transaction_at(const struct transaction_layer *layer, uint32_t index) {
  return (void *)(layer->pool.slots + (size_t)index * layer->pool.slot_bytes);
}

const struct pool *transaction_pool(const struct transaction_layer *layer) {
  return &layer->pool;
}

uint32_t transaction_count(const struct transaction_layer *layer) {
  return layer->pool.used;
}

struct transaction *transaction_table_get(const struct transaction_layer *layer, struct handle handle) {
  return pool_get(&layer->pool, handle);
}

struct transaction *transaction_table_take(struct transaction_layer *layer, bool fresh) {
  if (fresh && layer->pool.used >= layer->pool.capacity - layer->reserve) return NULL;
  struct handle self;
  struct transaction *transaction = pool_take(&layer->pool, &self);
  if (transaction) transaction->self = self;
  return transaction;
}

void transaction_table_give(struct transaction_layer *layer, struct context *context, struct transaction *transaction) {
  if (transaction->machine == TRANSACTION_INVITE_CLIENT) {
    struct transaction *cancel = transaction_table_get(layer, transaction->peer);
    if (cancel) transaction_table_give(layer, context, cancel);
  }
  timer_wheel_cancel(context->wheel, &transaction->timer);
  transaction_table_unlist(layer, transaction);
  if (transaction->indexed) (void)hash_table_remove(&layer->index, transaction->hash, transaction->self.index);
  transaction_table_forget_merge(layer, transaction);
  block_store_clear(layer->blocks, &transaction->kept);
  block_store_clear(layer->blocks, &transaction->head);
  pool_give(&layer->pool, transaction);
}

/* --- lists by flow ----------------------------------------------------------------------------------------------- */

/* List heads hold the slot's index plus one, so that memory handed in as zeros holds empty lists. */
static uint32_t *flow_head(struct transaction_layer *layer, const struct flow *flow) {
  uint8_t bytes[sizeof flow->remote.ip + 3];
  memcpy(bytes, flow->remote.ip, sizeof flow->remote.ip);
  bytes[sizeof flow->remote.ip] = (uint8_t)(flow->remote.port >> 8);
  bytes[sizeof flow->remote.ip + 1] = (uint8_t)flow->remote.port;
  bytes[sizeof flow->remote.ip + 2] = flow->transport;
  return &layer->flow_first[siphash(&layer->key, bytes, sizeof bytes) & layer->flow_mask];
}

void transaction_table_list(struct transaction_layer *layer, struct transaction *transaction) {
  uint32_t *head = flow_head(layer, &transaction->flow);
  transaction->flow_previous = 0;
  transaction->flow_next = *head;
  if (*head) transaction_at(layer, *head - 1)->flow_previous = transaction->self.index + 1;
  *head = transaction->self.index + 1;
  transaction->listed = true;
}

void transaction_table_unlist(struct transaction_layer *layer, struct transaction *transaction) {
  if (!transaction->listed) return;
  if (transaction->flow_previous)
    transaction_at(layer, transaction->flow_previous - 1)->flow_next = transaction->flow_next;
  else
    *flow_head(layer, &transaction->flow) = transaction->flow_next;
  if (transaction->flow_next)
    transaction_at(layer, transaction->flow_next - 1)->flow_previous = transaction->flow_previous;
  transaction->listed = false;
}

/* A transaction that asked for a connection to be opened (0) is on any connection to that address. */
static bool is_on(const struct transaction *transaction, const struct flow *flow) {
  const struct flow *own = &transaction->flow;
  return own->transport == flow->transport && address_equal(&own->remote, &flow->remote) &&
         (own->connection == flow->connection || own->connection == 0);
}

void transaction_flow_failed(struct transaction_layer *layer, struct context *context, const struct flow *flow) {
  for (uint32_t at = *flow_head(layer, flow); at != 0;) {
    struct transaction *transaction = transaction_at(layer, at - 1);
    at = transaction->flow_next;
    if (transaction->failed || !is_on(transaction, flow)) continue;
    transaction->failed = true;
    timer_wheel_arm(context->wheel, &transaction->timer, TIMER_TRANSACTION, context->now);
  }
}

/* --- keys of requests -------------------------------------------------------------------------------------------- */

struct key_bytes {
  uint8_t bytes[KEY_BYTES];
  size_t length;
};

/* Each field is preceded by its length, so that no two lists of fields look alike; a long one by 255 and stands as its
 * hash. */
static void key_add(const struct transaction_layer *layer, struct key_bytes *key, struct str_view field) {
  if (field.length <= KEY_FIELD_BYTES) {
    key->bytes[key->length++] = (uint8_t)field.length;
    if (field.length > 0) memcpy(key->bytes + key->length, field.data, field.length);
    key->length += field.length;
  } else {
    uint64_t hash = siphash(&layer->key, field.data, field.length);
    key->bytes[key->length++] = UINT8_MAX;
    memcpy(key->bytes + key->length, &hash, sizeof hash);
    key->length += sizeof hash;
  }
}

static void key_add_number(struct key_bytes *key, uint32_t number) {
  memcpy(key->bytes + key->length, &number, sizeof number);
  key->length += sizeof number;
}

uint16_t transaction_via_port(const struct sip_via *via) {
  if (via->port != 0) return via->port;
  return via->transport == TRANSPORT_TLS ? DEFAULT_TLS_PORT : DEFAULT_PORT;
}

/* Hosts compare without case (RFC 3261 19.1.4 and 20.42). */
static void key_add_sent_by(const struct transaction_layer *layer, struct key_bytes *key, const struct sip_via *via) {
  size_t start = key->length;
  key_add(layer, key, via->host);
  for (size_t i = start + 1; i < key->length && via->host.length <= KEY_FIELD_BYTES; i++)
    if (key->bytes[i] >= 'A' && key->bytes[i] <= 'Z') key->bytes[i] = (uint8_t)(key->bytes[i] + ('a' - 'A'));
  key_add_number(key, transaction_via_port(via));
}

void transaction_table_ensure_key(struct transaction_layer *layer, struct context *context) {
  if (layer->has_key) return;
  layer->key = (struct siphash_key){random_u64(context->random), random_u64(context->random)};
  layer->has_key = true;
}

enum result transaction_key_of(struct transaction_layer *layer, struct context *context,
                               const struct sip_message *message, struct transaction_key *key_out) {
  transaction_table_ensure_key(layer, context);
  key_out->message = message;
  enum result result = sip_message_top_via(message, &key_out->via);
  if (result != RESULT_OK) return result;
  key_out->legacy = !str_view_starts_with_nocase(key_out->via.branch, STR_VIEW("z9hG4bK"));
  transaction_key_hash(layer, key_out, message->method == SIP_METHOD_CANCEL);
  return RESULT_OK;
}

void transaction_key_hash(struct transaction_layer *layer, struct transaction_key *key, bool of_cancel) {
  struct key_bytes bytes;
  bytes.bytes[0] = of_cancel ? 'C' : 'R';
  bytes.bytes[1] = key->legacy ? 'L' : 'B';
  bytes.length = 2;
  key_add_sent_by(layer, &bytes, &key->via);
  if (key->legacy) {
    key_add(layer, &bytes, key->message->call_id);
    key_add(layer, &bytes, key->message->from_tag);
    key_add_number(&bytes, key->message->cseq);
  } else {
    key_add(layer, &bytes, key->via.branch);
  }
  key->hash = siphash(&layer->key, bytes.bytes, bytes.length);
}

uint64_t transaction_table_merge_hash(struct transaction_layer *layer, const struct sip_message *message) {
  struct key_bytes bytes;
  bytes.bytes[0] = 'M';
  bytes.bytes[1] = (uint8_t)message->method;
  bytes.length = 2;
  key_add(layer, &bytes, message->call_id);
  key_add(layer, &bytes, message->from_tag);
  key_add_number(&bytes, message->cseq);
  if (message->method == SIP_METHOD_UNKNOWN) key_add(layer, &bytes, message->method_text);
  uint64_t hash = siphash(&layer->key, bytes.bytes, bytes.length);
  return hash ? hash : 1;
}

/* --- what a server transaction keeps ----------------------------------------------------------------------------- */

static struct str_view after_line(struct str_view text) {
  return str_view_from(text, str_view_find(text, '\n') + 1);
}

/* The response block holds one Via value a line, the topmost first. */
struct str_view transaction_table_kept_via(const struct transaction_layer *layer,
                                           const struct transaction *transaction) {
  struct str_view text = block_store_view(layer->blocks, &transaction->head);
  if (text.length == 0) text = block_store_view(layer->blocks, &transaction->kept);
  if (str_view_starts_with(text, STR_VIEW("SIP/2.0 "))) text = after_line(text);
  struct str_view line = str_view_slice(text, 0, str_view_find(text, '\r'));
  return str_view_trim(str_view_from(line, str_view_find(line, ':') + 1));
}

static struct str_view kept_uri(const struct transaction_layer *layer, const struct transaction *transaction) {
  struct str_view head = block_store_view(layer->blocks, &transaction->head);
  return str_view_from(head, head.length - transaction->legacy_uri_length);
}

/* Reads kept bytes as a message: the head behind a status line of ours, or a response as it is. */
static enum result read_kept(const struct transaction_layer *layer, struct context *context,
                             const struct transaction *transaction, struct block block, struct sip_message *out) {
  struct str_view text = block_store_view(layer->blocks, &block);
  if (text.length == 0) return RESULT_NOT_FOUND;
  struct text_builder builder = arena_builder(context->arena, text.length + 32 + PARSE_SLACK);
  if (!str_view_starts_with(text, STR_VIEW("SIP/2.0 "))) {
    text.length -= transaction->legacy_uri_length;
    text_builder_add_literal(&builder, "SIP/2.0 100 Kept\r\n");
    text_builder_add(&builder, text);
    text_builder_add_literal(&builder, "\r\n");
  } else {
    text_builder_add(&builder, text);
  }
  struct sip_defect defect;
  return builder.overflowed ? RESULT_FULL : sip_message_parse(text_builder_view(&builder), out, &defect);
}

enum result transaction_table_read_response(const struct transaction_layer *layer, struct context *context,
                                            const struct transaction *transaction, struct sip_message *out) {
  return read_kept(layer, context, transaction, transaction->kept, out);
}

/* --- matching (RFC 3261 17.2.3) ---------------------------------------------------------------------------------- */

static bool same_sent_by(const struct sip_via *a, const struct sip_via *b) {
  return transaction_via_port(a) == transaction_via_port(b) && str_view_equal_nocase(a->host, b->host);
}

static bool same_uri(struct str_view a_text, struct str_view b_text) {
  struct sip_uri a, b;
  if (str_view_equal(a_text, b_text)) return true;
  return sip_uri_parse(a_text, &a) == RESULT_OK && sip_uri_parse(b_text, &b) == RESULT_OK && sip_uri_equal(&a, &b);
}

/* The rules of RFC 2543 for a request without the magic cookie. An ACK's To tag is the response's, any other's is that
 * of the request before. */
static bool matches_legacy(const struct transaction_layer *layer, struct context *context,
                           const struct transaction *transaction, const struct transaction_key *key) {
  const struct sip_message *message = key->message;
  struct sip_message kept;
  if (!same_uri(kept_uri(layer, transaction), message->request_uri)) return false;
  if (read_kept(layer, context, transaction, transaction->head, &kept) != RESULT_OK) return false;
  if (!str_view_equal(kept.from_tag, message->from_tag) || !str_view_equal(kept.call_id, message->call_id) ||
      kept.cseq != message->cseq)
    return false;
  if (message->method == SIP_METHOD_ACK &&
      read_kept(layer, context, transaction, transaction->kept, &kept) != RESULT_OK)
    return false;
  return str_view_equal(kept.to_tag, message->to_tag);
}

static bool method_matches(const struct transaction *transaction, const struct transaction_key *key, bool any_method) {
  if (any_method) return true; /* CANCELs are hashed apart */
  if (key->message->method == SIP_METHOD_ACK) return transaction->method == SIP_METHOD_INVITE;
  return transaction->method == key->message->method;
}

/* Branches are compared byte for byte, as clients repeat them and as those that make them of base64 need it. */
static bool matches(const struct transaction_layer *layer, struct context *context,
                    const struct transaction *transaction, const struct transaction_key *key) {
  struct sip_via via;
  if (!transaction->indexed || transaction->hash != key->hash || transaction->legacy != key->legacy) return false;
  if (sip_via_parse(transaction_table_kept_via(layer, transaction), &via) != RESULT_OK) return false;
  return str_view_equal(via.branch, key->via.branch) && same_sent_by(&via, &key->via) &&
         (!key->legacy || matches_legacy(layer, context, transaction, key));
}

struct transaction *transaction_table_find(struct transaction_layer *layer, struct context *context,
                                           const struct transaction_key *key, bool any_method) {
  uint32_t index = 0;
  for (uint32_t at = hash_table_first(&layer->index, key->hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&layer->index, key->hash, at, &index)) {
    struct transaction *transaction = transaction_at(layer, index);
    if (method_matches(transaction, key, any_method) && matches(layer, context, transaction, key)) return transaction;
  }
  return NULL;
}

void transaction_table_index(struct transaction_layer *layer, struct transaction *transaction,
                             const struct transaction_key *key) {
  transaction->hash = key->hash;
  transaction->indexed = hash_table_insert(&layer->index, key->hash, transaction->self.index) == RESULT_OK;
  expect_or(transaction->indexed, return );
}

/* --- merged requests (RFC 3261 8.2.2.2) -------------------------------------------------------------------------- */

/* Two requests that agree in 64 bits under a secret key are the same. */
bool transaction_table_is_merged(const struct transaction_layer *layer, uint64_t merge_hash) {
  uint32_t index = 0;
  for (uint32_t at = hash_table_first(&layer->index, merge_hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&layer->index, merge_hash, at, &index))
    if (transaction_at(layer, index)->merge_hash == merge_hash) return true;
  return false;
}

void transaction_table_note_merge(struct transaction_layer *layer, struct transaction *transaction,
                                  uint64_t merge_hash) {
  if (hash_table_insert(&layer->index, merge_hash, transaction->self.index) == RESULT_OK)
    transaction->merge_hash = merge_hash;
}

void transaction_table_forget_merge(struct transaction_layer *layer, struct transaction *transaction) {
  if (transaction->merge_hash == 0) return;
  (void)hash_table_remove(&layer->index, transaction->merge_hash, transaction->self.index);
  transaction->merge_hash = 0;
}
