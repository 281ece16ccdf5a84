/* Where phones are: the contacts of each number, 88 bytes a contact and a block for its texts, up to
 * EVENT_LOCATION_CONTACTS_MAX contacts chained per number. Nothing here knows SIP: what a REGISTER means is decided in
 * register_request.c. The flow on which a contact is reached belongs to a device of keepalive/, and so does what is
 * known of its life.
 *
 *   by_number: hash of the number → first contact → next → …          each contact → its device
 */
#ifndef REGISTRAR_LOCATION_TABLE_H
#define REGISTRAR_LOCATION_TABLE_H

#include "base/block_store.h"
#include "base/hash_table.h"
#include "base/pool.h"
#include "boundary/context.h"
#include "keepalive/keepalive.h"

#define REGISTRATION_AGENT_MAX 64 /* a longer User-Agent is cut */

struct registration_texts {
  struct str_view number;
  struct str_view contact;    /* the URI */
  struct str_view path;       /* Route header value, mostly empty */
  struct str_view user_agent; /* at most REGISTRATION_AGENT_MAX bytes */
};

/* One contact of one number. The texts stand one behind the other in a block. */
struct registration {
  struct timer timer;        /* armed as long as it is linked; due when it expires */
  struct registration *next; /* of the same number */
  struct keepalive_device *device;
  struct mono_ms registered_at;
  struct block texts;
  uint32_t call_id_hash, branch_hash; /* with cseq: of the request that came last */
  uint32_t instance_hash;             /* with reg_id: of the device that named this flow */
  uint32_t refreshed_at_ms;           /* low bits of the monotonic clock: registration_refreshed_at */
  uint32_t cseq;
  uint32_t reg_id;                        /* the number that the device has given this flow (RFC 5626); 0: none */
  uint16_t number_length, contact_length; /* then the path, then: */
  uint16_t q_thousandths;
  uint8_t user_agent_length;
  bool behind_nat;
};

/* What one REGISTER says about one contact. */
struct registration_facts {
  struct registration_texts texts;
  const struct flow *flow;
  uint32_t call_id_hash, branch_hash, instance_hash; /* keyed, the same after a restart */
  uint32_t reg_id;                                   /* 0: the Contact names no flow */
  uint32_t cseq;
  uint32_t expires_s;
  uint16_t q_thousandths;
  bool behind_nat;
  bool is_kept;                     /* not said by the phone just now: taken up after a restart */
  bool text_spoils;                 /* no text for this device: struct keepalive_facts */
  uint8_t keep_alive_method;        /* enum keep_alive_method_choice, or KEEPALIVE_USE_PARAMETER */
  uint32_t keep_alive_own_period_s; /* 0: the parameter's */
};

struct location_table {
  struct pool registrations;
  struct hash_table by_number;
  struct keepalive *keepalive;
  struct block_store *blocks;
};

size_t location_table_memory_bytes(uint32_t registrations_max);
void location_table_init(struct location_table *table, void *memory, uint32_t registrations_max,
                         struct block_store *blocks, struct keepalive *keepalive);

/* Views into the registration, valid until it is refreshed or removed. */
struct registration_texts registration_texts(const struct location_table *table,
                                             const struct registration *registration);

/* When the phone last said so; SS_ENDPOINT_EXPIRE, a day at most, is long before the 24 days that the bits can tell
 * apart. */
struct mono_ms registration_refreshed_at(const struct registration *registration, struct mono_ms now);
void registration_set_refreshed_at(struct registration *registration, struct mono_ms then);

/* Seconds until it expires, rounded up. */
uint32_t registration_expires_in_s(const struct registration *registration, struct mono_ms now);

/* A registration that nobody can find yet; NULL when there is no room. It is then either linked, which cannot fail, or
 * discarded. */
struct registration *location_table_prepare(struct location_table *table, struct context *context,
                                            const struct registration_facts *facts);
void location_table_link(struct location_table *table, struct context *context, struct registration *registration,
                         uint32_t expires_s);
void location_table_discard(struct location_table *table, struct context *context, struct registration *registration);

/* True when only what location_table_refresh sets would change. */
bool location_table_can_refresh(const struct location_table *table, const struct registration *registration,
                                const struct registration_facts *facts);
void location_table_refresh(struct location_table *table, struct context *context, struct registration *registration,
                            const struct registration_facts *facts);

/* The phone is at `flow` now, which is all that changes. False when it cannot be kept there. */
bool location_table_move(struct location_table *table, struct context *context, struct registration *registration,
                         const struct flow *flow);

/* The phone's own keep-alive settings may have changed. */
void location_table_change_keep_alive(struct location_table *table, struct context *context,
                                      struct registration *registration, uint8_t method, uint32_t own_period_s);

/* Unlinks it and gives everything back; the journal is told. */
void location_table_remove(struct location_table *table, struct context *context, struct registration *registration);

/* Tell the journal of one that is linked: all of it, what may change without it being another one, that it is no more
 * (registration_keep.c). */
void registration_keep(const struct location_table *table, struct context *context,
                       const struct registration *registration);
void registration_keep_changes(const struct location_table *table, struct context *context,
                               const struct registration *registration, enum journal_haste haste);
void registration_keep_no_more(const struct location_table *table, struct context *context,
                               const struct registration *registration);

/* Keyed; the same after a restart. */
uint64_t location_table_number_hash(const struct context *context, struct str_view number);

/* The first contact of the number, the others behind ->next; NULL when there is none. */
struct registration *location_table_first(const struct location_table *table, const struct context *context,
                                          struct str_view number);

#endif
