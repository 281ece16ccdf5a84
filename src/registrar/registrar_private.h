/* Inside of the registrar. Only files of this room include it. */
#ifndef REGISTRAR_REGISTRAR_PRIVATE_H
#define REGISTRAR_REGISTRAR_PRIVATE_H

#include "registrar/location_table.h"
#include "registrar/nonce_counts.h"
#include "registrar/registrar.h"
#include "registrar/suspensions.h"
#include "sip/sip_digest_compute.h"

#define REGISTER_URI_KEPT_MAX 64

/* H(A2) of the REGISTER that came last: all phones of a switch write the same URI, its name, mostly. */
struct register_ha2 {
  struct sip_digest_hex ha2; /* length 0: none yet */
  uint8_t algorithm;         /* enum sip_digest_algorithm */
  uint8_t uri_length;
  char uri[REGISTER_URI_KEPT_MAX];
};

struct registrar {
  struct timer sweep_timer; /* armed while a sweep is under way */
  struct location_table locations;
  struct suspensions suspensions;
  struct nonce_counts nonces;
  struct transaction_layer *transactions;
  struct keepalive *keepalive;
  struct register_ha2 register_ha2;
  struct mono_ms move_told_at; /* the latest line about a device that moved; 0: none yet */
  uint32_t moves_untold;       /* since then */
  uint32_t sweep_at;           /* index of the registration that the sweep looks at next */
  bool nonces_begun;           /* the time before which nonces are not known has been noted */
};

/* What the phone's own settings say; its method or KEEPALIVE_USE_PARAMETER, its period or 0. */
uint8_t registrar_keep_alive_method(const struct device *phone);
uint32_t registrar_keep_alive_period_s(const struct device *phone);

/* The device with this User-Agent would take the text for the beginning of the next message (keep_alive_quirks.def). */
bool registrar_text_spoils(struct str_view user_agent);

/* --- registration_move.c ------------------------------------------------------------------------------------------ */

struct registration_move {
  struct str_view number;
  struct flow from, to;
  bool has_registered; /* that is how it has proved to be there; else it has called */
};

/* Says that a device is elsewhere than it was. */
void registration_move_tell(struct registrar *registrar, struct context *context, const struct registration_move *move);

/* --- registration_view.c: what operators see ---------------------------------------------------------------------- */

#define REGISTRATION_VIEW_BYTES 320 /* "sip:", a name of any length that numbers have, "@", the longest address */

/* A registration, or a phone that its configuration gives an address and that has not registered: it is reached there
 * without. */
struct registration_view {
  const struct registration *registration; /* NULL: a phone with an address */
  uint32_t fixed_number;                   /* directory_fixed_phone_at, for those */
  struct registration_texts texts;
  struct flow flow;
  const struct keepalive_device *device; /* NULL: nothing is sent to it */
  bool is_behind_nat, is_reachable;
  char memory[REGISTRATION_VIEW_BYTES];
};

enum registration_step { REGISTRATION_STEP_END, REGISTRATION_STEP_NOTHING, REGISTRATION_STEP_ONE };

/* What stands at `*cursor`, which becomes that of the next: 0 at first; registrations, then phones with an address. */
enum registration_step registration_view_next(const struct registrar *registrar, const struct context *context,
                                              uint32_t *cursor, struct registration_view *view);

/* The one with this id. False: there is none of that id on this worker. */
bool registration_view_find(const struct registrar *registrar, const struct context *context, struct str_view id,
                            struct registration_view *view);

/* The phone with an address, whether it is registered or not. False: there is no socket towards it. */
bool registration_view_fixed(const struct registrar *registrar, const struct context *context,
                             const struct device *phone, struct registration_view *view);

/* Appends "WORKER-INDEX-GENERATION", or "WORKER-sNUMBER-CHECK" for a phone with an address. */
void registration_view_write_id(const struct registrar *registrar, const struct context *context,
                                const struct registration_view *view, struct text_builder *builder);

/* The next part of the sweep. */
void registrar_sweep_due(struct registrar *registrar, struct context *context);

/* Removes one registration and counts it. */
void registrar_remove(struct registrar *registrar, struct context *context, struct registration *registration);

#endif
