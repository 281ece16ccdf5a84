/* Inside of the room. */
#ifndef KEEPALIVE_KEEPALIVE_PRIVATE_H
#define KEEPALIVE_KEEPALIVE_PRIVATE_H

#include "keepalive/binding_network.h"
#include "keepalive/binding_trial.h"
#include "keepalive/keepalive.h"

/* Those whom one parameter change concerns alike: the method (own or the parameter's), with and without NAT. */
#define KEEPALIVE_CLASSES 16

struct keepalive {
  struct timer timer; /* the next batch; armed as long as somebody is seated */
  struct keepalive_devices devices;
  struct keepalive_schedule schedule;
  uint32_t class_counts[KEEPALIVE_PACES][KEEPALIVE_CLASSES];
  uint32_t unreachable_count;
  bool demand_has_changed;     /* since the round was last judged */
  uint64_t warned_keep_alives; /* a round of so many was called too long; 0: none was */
  struct binding_networks networks;
  struct binding_trial *trials; /* BINDING_TRIALS_MAX */
  uint32_t trial_count;
  struct mono_ms rate_since; /* when the bytes sent were last looked at, and how many they were */
  uint64_t rate_from, bytes_per_s;
  keepalive_contact_of *contact_of;
  keepalive_is_busy *is_busy;
  keepalive_has_changed *has_changed;
  const void *contact_reader;
};

/* What the device gets at its turn. */
enum keepalive_kind keepalive_kind_of(const struct context *context, const struct keepalive_device *device);

/* keepalive_keep.c: what is known of it should be kept anew. */
void keepalive_tell_changed(const struct keepalive *keepalive, struct context *context,
                            const struct keepalive_device *device);

/* keepalive_follow.c: an answer to an OPTIONS came from `flow`, which is not the device's. */
void keepalive_follow(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                      const struct flow *flow, bool is_proven);

/* Sends an OPTIONS of the device's series to `flow`. Returns its length. */
size_t keepalive_send_options(const struct keepalive *keepalive, struct context *context,
                              const struct keepalive_device *device, const struct flow *flow);

/* --- keepalive_trials.c: how long do bindings live? -------------------------------------------------------------- */

/* It is the device's turn: true when a trial has begun with an OPTIONS to it, which is its keep-alive of this round. */
bool keepalive_trials_begin(struct keepalive *keepalive, struct context *context, struct keepalive_device *device);

/* Something came from a device on trial. */
void keepalive_trials_heard(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                            enum keepalive_sign sign);

/* Something that leaves the trial of the device without meaning; nothing when it is on none. */
void keepalive_trials_void(struct keepalive *keepalive, struct context *context, struct keepalive_device *device);

/* With each batch: what is due of all trials. */
void keepalive_trials_turn(struct keepalive *keepalive, struct context *context);

#endif
