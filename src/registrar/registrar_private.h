/* Inside of the registrar. Only files of this room include it. */
#ifndef REGISTRAR_REGISTRAR_PRIVATE_H
#define REGISTRAR_REGISTRAR_PRIVATE_H

#include "registrar/location_table.h"
#include "registrar/nonce_counts.h"
#include "registrar/registrar.h"
#include "registrar/suspensions.h"

struct registrar {
  struct timer sweep_timer; /* armed while a sweep is under way */
  struct location_table locations;
  struct suspensions suspensions;
  struct nonce_counts nonces;
  struct transaction_layer *transactions;
  struct keepalive *keepalive;
  uint32_t sweep_at; /* index of the registration that the sweep looks at next */
  bool nonces_begun; /* the time before which nonces are not known has been noted */
};

/* What the phone's own settings say; its method or KEEPALIVE_USE_PARAMETER, its period or 0. */
uint8_t registrar_keep_alive_method(const struct device *phone);
uint32_t registrar_keep_alive_period_s(const struct device *phone);

/* The device with this User-Agent would take the text for the beginning of the next message (keep_alive_quirks.def). */
bool registrar_text_spoils(struct str_view user_agent);

/* Appends "WORKER-INDEX-GENERATION". */
void registration_write_id(const struct registrar *registrar, const struct context *context,
                           const struct registration *registration, struct text_builder *builder);

/* The next part of the sweep. */
void registrar_sweep_due(struct registrar *registrar, struct context *context);

/* Removes one registration and counts it. */
void registrar_remove(struct registrar *registrar, struct context *context, struct registration *registration);

#endif
