/* The registrar of one worker (RFC 3261 §10, RFC 3327 Path, RFC 5626 where it concerns keep-alive) and the digest check
 * of everyone who claims to be a phone (RFC 3261 §22, RFC 7616, RFC 8760). Registrations of a number live on the worker
 * to which the number steers. */
#ifndef REGISTRAR_REGISTRAR_H
#define REGISTRAR_REGISTRAR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/block_store.h"
#include "base/handle.h"
#include "base/result.h"
#include "boundary/context.h"
#include "boundary/event.h"
#include "directory/directory.h"
#include "sip/sip_message.h"
#include "transaction/transaction.h"

struct keepalive; /* keepalive/keepalive.h */
struct registrar;

struct registrar_limits {
  uint32_t registrations_max;
  uint32_t suspensions_max; /* sources and users under observation for wrong credentials */
  uint32_t nonces_max;      /* nonces whose count (nc) is followed */
};

/* Each registration holds a device of `keepalive`, which has room for one more than there may be registrations. */
size_t registrar_memory_bytes(const struct registrar_limits *limits);
struct registrar *registrar_create(void *memory, const struct registrar_limits *limits, struct block_store *blocks,
                                   struct transaction_layer *transactions, struct keepalive *keepalive);

/* Handles a REGISTER that came without transaction completely: challenges, refuses, or registers, and answers it. A
 * number nobody knows is challenged like a known one. */
void registrar_receive_register(struct registrar *registrar, struct context *context, const struct sip_message *message,
                                const struct flow *flow);

/* Takes a due timer of kind TIMER_REGISTRATION, TIMER_REGISTRAR or TIMER_SUSPENSION. */
void registrar_timer_due(struct registrar *registrar, struct context *context, struct timer *timer);

/* context->directory is a new one: what it says of the phones' keep-alives holds for their registrations within
 * seconds.
 */
void registrar_directory_changed(struct registrar *registrar, struct context *context);

/* Where the phone with this number is: contacts in order of q, then newest first; of one that is not registered, the
 * address that its configuration gives it. Texts are views into the registrar or the arena, valid until the former's
 * next change and the event's end. `answer->asker` is left alone. */
void registrar_locate(const struct registrar *registrar, struct context *context, struct str_view number,
                      struct location_answer *answer);

/* A phone has proved by digest that a request of its came from `flow`. When it is registered over UDP from elsewhere,
 * with the Contact that the request has, it is reached there from now on. Any worker may say so; the one on which the
 * phone's registrations live is told. */
void registrar_note_proof(struct registrar *registrar, struct context *context, const struct device *phone,
                          const struct sip_message *request, const struct flow *flow);

/* What another worker has told. */
void registrar_take_proof(struct registrar *registrar, struct context *context, struct str_view letter,
                          const struct flow *flow);

/* --- over a restart (registration_keep.c) ------------------------------------------------------------------------ */

/* Whose the registration is that the journal has kept: it belongs to the worker to which that steers. Empty: unknown.
 */
struct str_view registrar_kept_number(struct str_view state);

/* Takes up a registration that the journal has kept under this key. RESULT_NOT_FOUND: it has run out meanwhile, or
 * there is no such phone any more; RESULT_MALFORMED: it cannot be read, or its transport is no more; RESULT_FULL. */
enum result registrar_restore(struct registrar *registrar, struct context *context, struct journal_key key,
                              struct str_view state, struct str_view note) MUST_USE;

/* The same of somebody who was refused for his wrong credentials (JOURNAL_SUSPENSION). RESULT_NOT_FOUND: that has ended
 * meanwhile. */
enum result registrar_restore_suspension(struct registrar *registrar, struct context *context, struct journal_key key,
                                         struct str_view state) MUST_USE;

/* Tells the journal anew of some registrations and suspensions, from `*index` (0 at first) on, and moves it. False:
 * that were all. No more than an event has room for in the outbox. */
bool registrar_tell_journal(struct registrar *registrar, struct context *context, uint32_t *index);

/* --- digest (subscriber_auth.c) ---------------------------------------------------------------------------------- */

enum auth_verdict {
  AUTH_PASSED,     /* `*phone_out` is who he says */
  AUTH_CHALLENGED, /* no credentials, or a stale or foreign nonce: `challenge` holds the header lines to answer 401/407
                      with */
  AUTH_WRONG,      /* wrong credentials: challenge again; counted */
  AUTH_REFUSED,    /* too often wrong: 403 until the suspension ends, or silence with SS_REPLY_UNAUTHORIZED off */
};

/* Checks a request's Authorization (as_proxy false; 401) or Proxy-Authorization (true; 407) against the directory, for
 * the user named in the credentials. RFC 2617 without qop is accepted for old phones, nc replay is not. `*challenge`
 * gets whole header lines (one per algorithm of BF_DIGEST_ALGORITHMS) in the arena. */
enum auth_verdict subscriber_auth_check(struct registrar *registrar, struct context *context,
                                        const struct sip_message *message, const struct flow *flow, bool as_proxy,
                                        const struct device **phone_out, struct str_view *challenge_out) MUST_USE;

/* --- operators --------------------------------------------------------------------------------------------------- */

/* Removes the registration with this id, as listed. RESULT_NOT_FOUND; RESULT_WRONG_STATE: a phone with an address has
 * not registered. */
enum result registrar_kick(struct registrar *registrar, struct context *context, struct str_view id) MUST_USE;

/* Appends registrations, and the phones that are reached without at an address by configuration ("static": true), as
 * JSON objects separated by commas, in the fields of GET /api/v1/registrations, starting at `*cursor` (0 at first)
 * until the builder has less than 2 KiB left or the end is reached (`*cursor` UINT32_MAX). */
void registrar_list(const struct registrar *registrar, struct context *context, struct text_builder *builder,
                    uint32_t *cursor);

/* Appends the one with this id as a JSON object. RESULT_NOT_FOUND; RESULT_FULL: it has no room. */
enum result registrar_show(const struct registrar *registrar, struct context *context, struct str_view id,
                           struct text_builder *builder) MUST_USE;

enum registration_sort {
#define REGISTRATION_SORT(name, ...) REGISTRATION_SORT_##name,
#include "registrar/registration_sorts.def"
#undef REGISTRATION_SORT
  REGISTRATION_SORT_COUNT
};

/* False: there is no such word. */
bool registration_sort_find(struct str_view name, enum registration_sort *sort_out);

/* Which registrations are meant. What is empty does not matter. */
struct registration_query {
  enum registration_sort sort;
  struct str_view state; /* "reachable", "unreachable" or "static" */
  struct str_view
      words; /* in lower case: part of the number, the contact, the address or what the device calls itself */
};

/* Appends a line "KEY ID" for each registration that fits, in no order: the keys are hexadecimal digits of one length,
 * so that lines compared as text are in the order of query->sort. Starts at `*cursor` (0 at first), looks at some
 * thousand at most, and sets it to where to go on; UINT32_MAX: that was all. */
void registrar_find(const struct registrar *registrar, struct context *context, const struct registration_query *query,
                    struct text_builder *lines, uint32_t *cursor);

uint32_t registrar_count(const struct registrar *registrar);
bool registrar_check(const struct registrar *registrar, struct text_builder *problem);

#endif
