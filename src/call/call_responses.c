/* Which status one side gets for the other's (call_response.def), and responses without a body. */
#include "call/call_private.h"
#include "sip/sip_build.h"

struct response_row {
  uint16_t from, to, setup, inside;
};

static const struct response_row rows[] = {
#define RESPONSE(from, to, setup, inside, why) {from, to, setup, inside},
#include "call/call_response.def"
#undef RESPONSE
};

static const struct response_row *find_row(unsigned status) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (status >= rows[i].from && status <= rows[i].to) return &rows[i];
  return NULL;
}

/* RFC 3261 §8.1.3.2: a final response that is not understood is the x00 of its class. */
static const struct response_row *row_of(unsigned *status) {
  const struct response_row *row = find_row(*status);
  if (!row) *status = *status / 100 * 100;
  return row ? row : find_row(*status);
}

unsigned call_response_in_setup(unsigned status) {
  const struct response_row *row = row_of(&status);
  return row && row->setup != 0 ? row->setup : status;
}

unsigned call_response_inside(unsigned status) {
  const struct response_row *row = row_of(&status);
  return row && row->inside != 0 ? row->inside : status;
}

/* RFC 3261 §8.2.6.2: every response but 100 has a To tag; outside of a dialog any will do. */
static struct str_view to_tag(struct call_step *step) {
  if (step->leg) return dialog_local_tag(step->table->rooms.dialogs, step->context, step->leg->dialog);
  struct text_builder tag = arena_builder(step->context->arena, 16);
  text_builder_add_hex(&tag, random_u64(step->context->random), 16);
  return text_builder_view(&tag);
}

void call_respond(struct call_step *step, struct handle transaction, unsigned status, struct str_view lines) {
  (void)!transaction_respond_simple(step->table->rooms.transactions, step->context, transaction, status, to_tag(step),
                                    lines);
}

void call_respond_later(struct call_step *step) {
  char memory[32];
  struct text_builder lines = text_builder_over(memory, sizeof memory);
  sip_build_header_u32(&lines, SIP_HEADER_RETRY_AFTER, random_between(step->context->random, 0, 10));
  call_respond(step, step->transaction, 500, text_builder_view(&lines));
}
