/* How long do the NAT bindings of a network of devices live? Devices behind one box, or one carrier's boxes, fare
 * alike, so what is learnt from few of them holds for all: IPv4 networks of 256 addresses (/24), IPv6 networks of one
 * site
 * (/48). Nothing is sent from here; keepalive_trials.c tries one silent gap after the other, and tells what came of it.
 *
 * The rungs of a ladder are periods. A rung is safe when a gap longer than its period has been survived three times,
 * and too long when two gaps were not. From the system's period on one rung after the other is tried, so that a network
 * loses no more than two bindings; a day after one was too long it is tried again, for boxes are exchanged. */
#ifndef KEEPALIVE_BINDING_NETWORK_H
#define KEEPALIVE_BINDING_NETWORK_H

#include "base/hash_table.h"
#include "base/pool.h"
#include "boundary/context.h"
#include "boundary/journal_key.h"

#define BINDING_NETWORKS_MAX      4096
#define BINDING_SURVIVED_WANTED   3
#define BINDING_LOST_WANTED       2
#define BINDING_DOUBTS_LEAST      3
#define BINDING_TRIED_AGAIN_S     86400
#define BINDING_PREFIX_IPV4_BYTES 3
#define BINDING_PREFIX_IPV6_BYTES 6

/* 32 bytes. */
struct binding_network {
  uint8_t prefix[BINDING_PREFIX_IPV6_BYTES];
  uint8_t family; /* enum address_family */
  bool is_on_trial;
  uint32_t device_count;
  uint32_t tried_again_s;      /* seconds of the monotonic clock: the rung that was too long is tried again then */
  uint8_t safe_rung, too_long; /* of the ladder; 0: none is known */
  uint8_t survived_count, lost_count; /* at the rung on trial */
  uint8_t doubt_count;                /* devices that were lost although the safe period was kept */
};

struct binding_networks {
  struct pool pool;
  struct hash_table by_prefix;
  uint32_t learned_count; /* networks with a safe rung */
};

enum binding_verdict { BINDING_SURVIVED, BINDING_LOST };

size_t binding_networks_memory_bytes(void);
void binding_networks_init(struct binding_networks *networks, void *memory);

/* One more device in the network of this address. Returns the network's number, from 1 on; 0 when there is no room for
 * a further network: its devices are kept alive, and nothing is learnt from them. */
uint16_t binding_networks_enter(struct binding_networks *networks, const struct context *context,
                                const struct address *remote);

/* One fewer. `number` may be 0. What has been learnt stays as long as there is room. */
void binding_networks_leave(struct binding_networks *networks, const struct context *context, uint16_t number);

/* What the journal has kept of a network of this worker's, under its key (JOURNAL_NETWORK): it is told whenever
 * something has been learnt. Before any device is there. RESULT_MALFORMED; RESULT_FULL. */
enum result binding_networks_restore(struct binding_networks *networks, const struct context *context,
                                     struct journal_key key, struct str_view state) MUST_USE;

/* NULL for number 0. */
struct binding_network *binding_networks_at(const struct binding_networks *networks, uint16_t number);

/* The next gap to try in seconds, given the system's period; 0 when nothing is to be tried now. */
uint32_t binding_network_gap_s(struct binding_network *network, const struct context *context);

/* What came of a trial of that gap. True when something has been learnt by it: a rung is safe, or too long. */
bool binding_networks_note(struct binding_networks *networks, struct binding_network *network,
                           const struct context *context, enum binding_verdict verdict);

/* A device was lost although the safe period was kept. When that happens to three, and a tenth of the network, the
 * period is no longer safe, and the one of the rung below is. */
void binding_networks_doubt(struct binding_networks *networks, struct binding_network *network,
                            const struct context *context);

/* The longest period that is safe, and the shortest that is too long; 0: unknown. */
uint32_t binding_network_safe_s(const struct binding_network *network);
uint32_t binding_network_too_long_s(const struct binding_network *network);

/* "203.0.113.0/24" */
void binding_network_to_text(const struct binding_network *network, struct text_builder *builder);

/* What the safe periods save, as far as they are longer than the system's period, in millionths of a keep-alive a
 * second. */
uint64_t binding_network_saves_micro_per_s(const struct binding_network *network, uint32_t period_s);
uint64_t binding_networks_save_micro_per_s(const struct binding_networks *networks, uint32_t period_s);

bool binding_networks_check(const struct binding_networks *networks, uint32_t device_count,
                            struct text_builder *problem);

#endif
