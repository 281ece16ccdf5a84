/* The last proof of life of a leg's peer: when it came, and what it was. Whatever comes from the peer inside the dialog
 * proves it: a request, a response of any status, an ACK. */
#ifndef SUPERVISION_LIVENESS_H
#define SUPERVISION_LIVENESS_H

#include <stdint.h>

#include "base/text_builder.h"
#include "base/time.h"
#include "sip/sip_message.h"

struct liveness {
  struct wall_us at; /* 0: never heard */
  uint16_t status;   /* of a response; 0: a request */
  uint8_t method;    /* enum sip_method */
};

void liveness_note(struct liveness *liveness, struct wall_us now, const struct sip_message *message);

/* Appends "200 to UPDATE" or "INVITE"; nothing when it was never heard. */
void liveness_write(const struct liveness *liveness, struct text_builder *builder);

#endif
