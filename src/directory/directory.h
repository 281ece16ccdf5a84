/* Whom we know: phones, mapping gateways (customers) and routing gateways (vendors), as one immutable picture. An edge
 * reads the store and builds a new picture whenever an operator changes something; every worker gets the pointer with
 * ORDER_DIRECTORY_CHANGED, and the old picture goes when the last worker has let go of it. All look-ups are O(1) or
 * O(digits).
 *
 * Calls in use per device are counted in an array beside the picture that lives on over changes: `usage` numbers are
 * given out by name and never change meaning while a device exists (directory_build keeps them). The counts are shared
 * by all workers and atomic: the one thing workers share beside queues, because a capacity is a promise about the whole
 * switch. */
#ifndef DIRECTORY_DIRECTORY_H
#define DIRECTORY_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/str_view.h"
#include "base/text_builder.h"
#include "boundary/address.h"
#include "boundary/server_rank.h"
#include "parameters/parameters.h"

struct directory;

enum device_kind { DEVICE_NONE = 0, DEVICE_PHONE, DEVICE_MAPPING_GATEWAY, DEVICE_ROUTING_GATEWAY };

/* -1 in a signed field: the system parameter rules. */
#define DEVICE_USE_PARAMETER (-1)

/* One rule of a dial plan, VOS3000's form `original:target` (routing/number_transform.h says how it is applied). */
struct number_rule {
  struct str_view original;
  struct str_view target;
};
#define NUMBER_RULES_MAX 32

/* What an operator may override for one device. Seconds; DEVICE_USE_PARAMETER: the parameter rules, 0: none. */
struct device_overrides {
  bool sip_timer;     /* false: session timers are off towards this device */
  int32_t refresher;  /* enum session_refresher_choice */
  int32_t keep_alive; /* enum keep_alive_method_choice */
  int32_t keep_alive_period_s;
  int32_t max_duration_s;
  int32_t timeout_invite_s, timeout_trying_s, timeout_session_progress_s, timeout_session_progress_sdp_s,
      timeout_ringing_s;
};

#define GATEWAY_ADDRESSES_MAX     SERVER_ADDRESSES_MAX
#define GATEWAY_PREFIXES_MAX      256
#define GATEWAY_PREFIX_LENGTH_MAX 63

/* What only gateways have; kept apart so that a phone stays small where there are a million of them. */
struct gateway {
  struct address addresses[GATEWAY_ADDRESSES_MAX]; /* port 0 (mapping): any port of that address */
  struct server_rank ranks[GATEWAY_ADDRESSES_MAX]; /* routing: what DNS said of each, for `host` */
  uint8_t address_count;
  struct str_view host;     /* routing: a host name instead of an address, resolved by the edge into `addresses` */
  enum transport transport; /* routing; NONE: as DNS says */
  enum transport found_transport;  /* routing: what DNS said, for `host` */
  const struct str_view *prefixes; /* routing: digits, or "*" for any number */
  uint16_t prefix_count;
  uint16_t priority; /* routing: lower is tried first */
  /* What we answer its challenges with (RFC 3261 §22); no user: nothing. The password is never shown. */
  struct str_view user, password;
  struct str_view realm; /* the only one that is answered; empty: any */
};

/* A phone, or a gateway of either kind. Texts live as long as the picture. */
struct device {
  enum device_kind kind;
  uint32_t usage;          /* index of its count of calls in use */
  struct str_view name;    /* gateway's name or phone's number: names the device in CDRs and lists */
  struct str_view display; /* phones: shown name, may be empty */
  char ha1_md5[32];        /* phones: H(A1) in hexadecimal; the password itself is not kept */
  char ha1_sha256[64];
  const struct gateway *gateway; /* NULL for phones */
  const struct address *address; /* phones: where it is without registering, over UDP; NULL: it registers */
  const struct number_rule *callee_rules, *caller_rules; /* `number_rules` are callee rules */
  uint8_t callee_rule_count, caller_rule_count;
  bool locked;       /* takes and makes no calls */
  uint32_t capacity; /* most calls at once; UINT32_MAX: no limit */
  struct device_overrides overrides;
};

/* Over what a routing gateway is reached. */
static inline enum transport gateway_transport(const struct gateway *gateway) {
  if (gateway->transport != TRANSPORT_NONE) return gateway->transport;
  return gateway->found_transport != TRANSPORT_NONE ? gateway->found_transport : TRANSPORT_UDP;
}

/* Fills in "no overrides, no limit, unlocked". */
void device_set_defaults(struct device *device, enum device_kind kind);

/* No address, no prefix, UDP, priority 1. */
void gateway_set_defaults(struct gateway *gateway);

#define DIRECTORY_REALM_MAX 255

/* Bytes of memory that directory_build needs for these devices, texts included. */
size_t directory_memory_bytes(const struct device *devices, size_t device_count);

/* Builds a picture in `memory` (aligned to 64, zero-filled) with copies of everything that the devices point to.
 * `realm` is the digest realm, at most DIRECTORY_REALM_MAX bytes. Usage numbers are kept from `previous` (NULL at
 * first) by kind and name; new devices get numbers below `usage_max` that no device of `previous` has and whose count
 * is 0, so that a late directory_release cannot hit a stranger. `usage_counts` (`usage_max` zeroes at first) outlives
 * all pictures. NULL with a sentence in `*problem`: two devices of one kind and name, two phones or mapping gateways
 * claiming one address, a gateway's prefix or lists beyond the limits, usage_max reached. */
struct directory *directory_build(void *memory, const struct device *devices, size_t device_count,
                                  struct str_view realm, const struct directory *previous, uint32_t *usage_counts,
                                  uint32_t usage_max, struct text_builder *problem);

struct str_view directory_realm(const struct directory *directory);
size_t directory_count(const struct directory *directory, enum device_kind kind);
const struct device *directory_at(const struct directory *directory, enum device_kind kind, size_t index);

const struct device *directory_find_phone(const struct directory *directory, struct str_view number);
const struct device *directory_find_gateway(const struct directory *directory, enum device_kind kind,
                                            struct str_view name);

/* The mapping gateway that calls from `source`: one with exactly this address and port before one with any port. NULL:
 * a stranger. */
const struct device *directory_find_mapping_gateway(const struct directory *directory, const struct address *source);

/* The phone that is always at this address and port, and needs no password there; NULL when there is none. */
const struct device *directory_find_phone_at(const struct directory *directory, const struct address *source);

/* All phones that have an address, by number of such a phone. */
size_t directory_fixed_phone_count(const struct directory *directory);
const struct device *directory_fixed_phone_at(const struct directory *directory, size_t index);

/* Who may call from `source` without a password: that phone, or that mapping gateway. NULL: nobody. */
const struct device *directory_find_caller(const struct directory *directory, const struct address *source);

/* The routing gateway at this address and port, NULL when there is none (requests from vendors: OPTIONS, in-dialog
 * only). */
const struct device *directory_find_routing_gateway(const struct directory *directory, const struct address *source);

/* All routing gateways for `number`, best first: longest prefix, then priority, then name. At most `candidates_max`.
 * Returns how many. */
unsigned directory_find_routes(const struct directory *directory, struct str_view number,
                               const struct device **candidates_out, unsigned candidates_max);

/* Takes one call of the device's capacity; RESULT_FULL when it is used up. Given back exactly once with
 * directory_release, also after the device is gone from the picture: keep the usage number. */
enum result directory_acquire(const struct directory *directory, const struct device *device) MUST_USE;
void directory_release(const struct directory *directory, uint32_t usage);
uint32_t directory_usage(const struct directory *directory, uint32_t usage);

#endif
