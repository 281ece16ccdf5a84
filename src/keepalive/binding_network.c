#include "keepalive/binding_network.h"

#include "base/check.h"
#include "base/packed.h"
#include "parameters/parameters.h"

_Static_assert(sizeof(struct binding_network) <= 32, "a network costs 32 bytes");

/* Boxes forget after 30, 60, 90, 120, 150, 180, 240, 300 s and multiples of these: the gap tried for a rung is just
 * shorter than one of them. */
static const uint16_t ladder_s[] = {0,   15,  20,  24,  30,  40,  50,  75,   100,  125,
                                    150, 200, 260, 330, 400, 500, 750, 1000, 1500, 3000};
#define RUNGS_MAX (sizeof ladder_s / sizeof ladder_s[0])

/* A keep-alive may be late by a lost packet or a lost batch: the gap that is tried is longer than the period by that.
 */
#define MARGIN_PART 8
#define MARGIN_S    2

size_t binding_networks_memory_bytes(void) {
  return pool_memory_bytes(sizeof(struct binding_network), BINDING_NETWORKS_MAX) +
         hash_table_memory_bytes(BINDING_NETWORKS_MAX);
}

void binding_networks_init(struct binding_networks *networks, void *memory) {
  pool_init(&networks->pool, memory, sizeof(struct binding_network), BINDING_NETWORKS_MAX);
  char *behind = (char *)memory + pool_memory_bytes(sizeof(struct binding_network), BINDING_NETWORKS_MAX);
  hash_table_init(&networks->by_prefix, behind, BINDING_NETWORKS_MAX);
}

/* --- which network ----------------------------------------------------------------------------------------------- */

static size_t prefix_bytes(uint8_t family) {
  return family == ADDRESS_IPV6 ? BINDING_PREFIX_IPV6_BYTES : BINDING_PREFIX_IPV4_BYTES;
}

/* Keyed: who registers chooses where from. */
static uint64_t hash_of(const struct context *context, const struct binding_network *network) {
  uint8_t bytes[BINDING_PREFIX_IPV6_BYTES + 1];
  memcpy(bytes, network->prefix, BINDING_PREFIX_IPV6_BYTES);
  bytes[BINDING_PREFIX_IPV6_BYTES] = network->family;
  return siphash(&context->local->nonce_key, bytes, sizeof bytes);
}

static struct binding_network *find(const struct binding_networks *networks, const struct binding_network *wanted,
                                    uint64_t hash) {
  uint32_t index;
  for (uint32_t at = hash_table_first(&networks->by_prefix, hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&networks->by_prefix, hash, at, &index)) {
    struct binding_network *network = pool_at(&networks->pool, index);
    if (network->family == wanted->family && memcmp(network->prefix, wanted->prefix, sizeof wanted->prefix) == 0)
      return network;
  }
  return NULL;
}

static uint16_t number_of(const struct binding_networks *networks, const struct binding_network *network) {
  return (uint16_t)(pool_handle_of(&networks->pool, network).index + 1);
}

/* --- what survives a restart ------------------------------------------------------------------------------------- */

#define KEEP_VERSION 1

static struct journal_key key_of(const struct context *context, const struct binding_network *network) {
  uint64_t low = network->family;
  for (unsigned i = 0; i < BINDING_PREFIX_IPV6_BYTES; i++)
    low = low << 8 | network->prefix[i];
  return journal_key_of(JOURNAL_NETWORK, context->local->worker, low);
}

/* FULL: it is learnt again after a restart. */
static void keep(const struct context *context, const struct binding_network *network) {
  char memory[16];
  struct text_builder state = text_builder_over(memory, sizeof memory);
  struct journal_key key = key_of(context, network);
  if (network->safe_rung == 0 && network->too_long == 0) {
    (void)!outbox_journal(context->outbox, JOURNAL_SOON, JOURNAL_DROP, key, (struct str_view){0});
    return;
  }
  int64_t tried_again_in_s = (int32_t)(network->tried_again_s - (uint32_t)(context->now.value / 1000));
  packed_add(&state, KEEP_VERSION, 1);
  packed_add(&state, ladder_s[network->safe_rung], 2);
  packed_add(&state, ladder_s[network->too_long], 2);
  packed_add(&state, (uint64_t)(context->wall_now.value / 1000000 + tried_again_in_s), 6);
  (void)!outbox_journal(context->outbox, JOURNAL_SOON, JOURNAL_PUT, key, text_builder_view(&state));
}

/* The ladder may be another one by now: the next shorter rung is as safe, the next longer one as much too long. */
static uint8_t rung_of(uint32_t period_s, bool is_upwards) {
  uint8_t rung = 0;
  while (rung + 1U < RUNGS_MAX && ladder_s[rung] < period_s)
    rung++;
  return rung > 0 && !is_upwards && ladder_s[rung] > period_s ? (uint8_t)(rung - 1) : rung;
}

enum result binding_networks_restore(struct binding_networks *networks, const struct context *context,
                                     struct journal_key key, struct str_view state) {
  struct packed_reader reader = {.rest = state};
  struct address remote = {.family = (uint8_t)(key.low >> 48)};
  if (packed_take(&reader, 1) != KEEP_VERSION) return RESULT_MALFORMED;
  uint8_t safe_rung = rung_of((uint32_t)packed_take(&reader, 2), false);
  uint8_t too_long = rung_of((uint32_t)packed_take(&reader, 2), true);
  int64_t in_s = (int64_t)packed_take(&reader, 6) - context->wall_now.value / 1000000;
  if (reader.broken || (remote.family != ADDRESS_IPV4 && remote.family != ADDRESS_IPV6)) return RESULT_MALFORMED;
  for (unsigned i = 0; i < BINDING_PREFIX_IPV6_BYTES; i++)
    remote.ip[i] = (uint8_t)(key.low >> (8 * (BINDING_PREFIX_IPV6_BYTES - 1 - i)));
  struct binding_network *network = binding_networks_at(networks, binding_networks_enter(networks, context, &remote));
  if (!network) return RESULT_FULL;
  network->device_count--;
  networks->learned_count += network->safe_rung == 0 && safe_rung > 0;
  network->safe_rung = safe_rung;
  network->too_long = too_long;
  in_s = in_s < 0 ? 0 : in_s > BINDING_TRIED_AGAIN_S ? BINDING_TRIED_AGAIN_S : in_s;
  network->tried_again_s = (uint32_t)(context->now.value / 1000 + in_s);
  return RESULT_OK;
}

/* --- coming and going -------------------------------------------------------------------------------------------- */

static void forget(struct binding_networks *networks, const struct context *context, struct binding_network *network) {
  enum result result =
      hash_table_remove(&networks->by_prefix, hash_of(context, network), number_of(networks, network) - 1U);
  require(result == RESULT_OK);
  networks->learned_count -= network->safe_rung > 0;
  if (network->safe_rung > 0 || network->too_long > 0)
    (void)!outbox_journal(context->outbox, JOURNAL_SOON, JOURNAL_DROP, key_of(context, network), (struct str_view){0});
  pool_give(&networks->pool, network);
}

/* When all places are taken, one whose devices have gone makes room, and what was learnt of it is forgotten. */
static void make_room(struct binding_networks *networks, const struct context *context) {
  struct binding_network *network;
  uint32_t at = 0;
  if (networks->pool.used < BINDING_NETWORKS_MAX) return;
  while ((network = pool_next(&networks->pool, &at)) != NULL) {
    if (network->device_count > 0) continue;
    forget(networks, context, network);
    return;
  }
}

uint16_t binding_networks_enter(struct binding_networks *networks, const struct context *context,
                                const struct address *remote) {
  struct binding_network wanted = {.family = remote->family};
  struct handle handle;
  memcpy(wanted.prefix, remote->ip, prefix_bytes(remote->family));
  uint64_t hash = hash_of(context, &wanted);
  struct binding_network *network = find(networks, &wanted, hash);
  if (!network) {
    make_room(networks, context);
    network = pool_take(&networks->pool, &handle);
    if (!network) return 0;
    *network = wanted;
    enum result result = hash_table_insert(&networks->by_prefix, hash, handle.index);
    require(result == RESULT_OK);
  }
  network->device_count++;
  return number_of(networks, network);
}

void binding_networks_leave(struct binding_networks *networks, const struct context *context, uint16_t number) {
  struct binding_network *network = binding_networks_at(networks, number);
  if (!network) return;
  require(network->device_count > 0);
  network->device_count--;
  bool knows_nothing = network->safe_rung == 0 && network->too_long == 0;
  if (network->device_count == 0 && knows_nothing) forget(networks, context, network);
}

struct binding_network *binding_networks_at(const struct binding_networks *networks, uint16_t number) {
  return number == 0 ? NULL : pool_at(&networks->pool, number - 1U);
}

/* --- the ladder -------------------------------------------------------------------------------------------------- */

static uint32_t now_s(const struct context *context) {
  return (uint32_t)(context->now.value / 1000);
}

static uint8_t first_rung_beyond(uint32_t period_s) {
  uint8_t rung = 1;
  while (rung < RUNGS_MAX && ladder_s[rung] <= period_s)
    rung++;
  return rung;
}

static uint8_t rung_on_trial(const struct binding_network *network, const struct context *context) {
  uint8_t rung = first_rung_beyond(context->parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD);
  return network->safe_rung >= rung ? (uint8_t)(network->safe_rung + 1) : rung;
}

uint32_t binding_network_gap_s(struct binding_network *network, const struct context *context) {
  uint8_t rung = rung_on_trial(network, context);
  if (network->too_long > 0 && (int32_t)(now_s(context) - network->tried_again_s) >= 0) network->too_long = 0;
  if (rung >= RUNGS_MAX || (network->too_long > 0 && rung >= network->too_long)) return 0;
  uint32_t period_s = ladder_s[rung];
  return period_s + period_s / MARGIN_PART + MARGIN_S;
}

static void begin_rung(struct binding_network *network) {
  network->survived_count = network->lost_count = network->doubt_count = 0;
}

bool binding_networks_note(struct binding_networks *networks, struct binding_network *network,
                           const struct context *context, enum binding_verdict verdict) {
  uint8_t rung = rung_on_trial(network, context);
  if (rung >= RUNGS_MAX) return false;
  if (verdict == BINDING_SURVIVED && ++network->survived_count >= BINDING_SURVIVED_WANTED) {
    networks->learned_count += network->safe_rung == 0;
    network->safe_rung = rung;
    begin_rung(network);
    keep(context, network);
    return true;
  }
  if (verdict == BINDING_LOST && ++network->lost_count >= BINDING_LOST_WANTED) {
    network->too_long = rung;
    network->tried_again_s = now_s(context) + BINDING_TRIED_AGAIN_S;
    begin_rung(network);
    keep(context, network);
    return true;
  }
  return false;
}

void binding_networks_doubt(struct binding_networks *networks, struct binding_network *network,
                            const struct context *context) {
  if (network->safe_rung == 0) return;
  if (network->doubt_count < UINT8_MAX) network->doubt_count++;
  if (network->doubt_count < BINDING_DOUBTS_LEAST || network->doubt_count * 10U < network->device_count) return;
  network->too_long = network->safe_rung;
  network->tried_again_s = now_s(context) + BINDING_TRIED_AGAIN_S;
  network->safe_rung--;
  if (network->safe_rung < first_rung_beyond(context->parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD)) network->safe_rung = 0;
  networks->learned_count -= network->safe_rung == 0;
  begin_rung(network);
  keep(context, network);
}

uint32_t binding_network_safe_s(const struct binding_network *network) {
  return ladder_s[network->safe_rung];
}

uint32_t binding_network_too_long_s(const struct binding_network *network) {
  return ladder_s[network->too_long];
}

/* --- words and sums ---------------------------------------------------------------------------------------------- */

void binding_network_to_text(const struct binding_network *network, struct text_builder *builder) {
  struct address address = {.family = network->family};
  memcpy(address.ip, network->prefix, prefix_bytes(network->family));
  address_ip_to_text(&address, builder);
  text_builder_add(builder, network->family == ADDRESS_IPV6 ? STR_VIEW("/48") : STR_VIEW("/24"));
}

uint64_t binding_network_saves_micro_per_s(const struct binding_network *network, uint32_t period_s) {
  uint32_t safe_s = binding_network_safe_s(network);
  if (safe_s <= period_s) return 0;
  return (uint64_t)network->device_count * (1000000 / period_s - 1000000 / safe_s);
}

uint64_t binding_networks_save_micro_per_s(const struct binding_networks *networks, uint32_t period_s) {
  const struct binding_network *network;
  uint64_t sum = 0;
  uint32_t at = 0;
  while (networks->learned_count > 0 && (network = pool_next(&networks->pool, &at)) != NULL)
    sum += binding_network_saves_micro_per_s(network, period_s);
  return sum;
}

bool binding_networks_check(const struct binding_networks *networks, uint32_t device_count,
                            struct text_builder *problem) {
  const struct binding_network *network;
  uint32_t at = 0, devices = 0, learned = 0;
  while ((network = pool_next(&networks->pool, &at)) != NULL) {
    devices += network->device_count;
    learned += network->safe_rung > 0;
  }
  if (devices == device_count && learned == networks->learned_count) return true;
  text_builder_add_literal(problem, "networks and their devices do not agree");
  return false;
}
