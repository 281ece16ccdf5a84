#include "supervision/liveness.h"

void liveness_note(struct liveness *liveness, struct wall_us now, const struct sip_message *message) {
  liveness->at = now;
  liveness->method = (uint8_t)message->method;
  liveness->status = message->is_request ? 0 : message->status;
}

void liveness_write(const struct liveness *liveness, struct text_builder *builder) {
  if (liveness->at.value == 0) return;
  if (liveness->status != 0) {
    text_builder_add_u64(builder, liveness->status);
    text_builder_add_literal(builder, " to ");
  }
  text_builder_add(builder, sip_method_text((enum sip_method)liveness->method));
}
