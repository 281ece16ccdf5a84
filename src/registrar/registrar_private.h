/* Inside of the registrar. Only files of this room include it. */
#ifndef REGISTRAR_REGISTRAR_PRIVATE_H
#define REGISTRAR_REGISTRAR_PRIVATE_H

#include "registrar/location_table.h"
#include "registrar/nonce_counts.h"
#include "registrar/registrar.h"
#include "registrar/suspensions.h"

struct registrar {
  struct location_table locations;
  struct suspensions suspensions;
  struct nonce_counts nonces;
  struct transaction_layer *transactions;
  bool nonces_begun; /* the time before which nonces are not known has been noted */
};

/* Removes one registration and counts it. */
void registrar_remove(struct registrar *registrar, struct context *context, struct registration *registration);

#endif
