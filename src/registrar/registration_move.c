/* A phone that is somewhere else than where it registered from: its NAT has given it another port or address. It is
 * followed when it proves by digest that it is there, with a request other than REGISTER: a call, mostly. Its Contact
 * tells which of the number's devices it is. Over UDP alone: a stream is its connection, and a Path a proxy's. */
#include "boundary/device_homes.h"
#include "registrar/registrar_private.h"
#include "sip/sip_uri.h"

#define MOVE_TOLD_EVERY_MS 1000

#define LETTER_SPLIT '\n' /* no number has one in it */

static bool is_known_there(const struct registrar *registrar, const struct context *context, const struct flow *flow) {
  if (keepalive_find(registrar->keepalive, context, flow)) return true;
  return context->homes && device_homes_find(context->homes, keepalive_flow_hash(context, flow)) != DEVICE_HOME_NONE;
}

static struct str_view contact_of(const struct sip_message *request) {
  struct sip_name_addr contact;
  struct str_view value = sip_message_header(request, SIP_HEADER_CONTACT);
  bool is_read = value.length > 0 && sip_name_addr_parse(value, &contact) == RESULT_OK && !contact.is_star;
  return is_read ? contact.uri_text : (struct str_view){0};
}

/* One line a second: where a provider gives every phone another address at night, thousands come at once. */
static bool may_tell(struct registrar *registrar, const struct context *context) {
  bool has_told = registrar->move_told_at.value != 0;
  if (has_told && mono_ms_since(context->now, registrar->move_told_at) < MOVE_TOLD_EVERY_MS) {
    registrar->moves_untold++;
    return false;
  }
  registrar->move_told_at = context->now;
  return true;
}

void registration_move_tell(struct registrar *registrar, struct context *context,
                            const struct registration_move *move) {
  char memory[360];
  struct text_builder line = text_builder_over(memory, sizeof memory);
  if (!may_tell(registrar, context)) return;
  text_builder_add_literal(&line, "NAT keep-alive: the device of ");
  text_builder_add(&line, move->number);
  text_builder_add_literal(&line, " at ");
  address_to_text(&move->from.remote, &line);
  text_builder_add(&line, move->has_registered ? STR_VIEW(" has registered from ") : STR_VIEW(" has called from "));
  address_to_text(&move->to.remote, &line);
  text_builder_add_literal(&line, ", and is reached there from now on");
  if (registrar->moves_untold > 0) {
    text_builder_add_literal(&line, "; so it is with ");
    text_builder_add_u64(&line, registrar->moves_untold);
    text_builder_add_literal(&line, " more since the last such line");
  }
  registrar->moves_untold = 0;
  outbox_alarm(context->outbox, text_builder_view(&line));
}

static bool is_it(const struct registrar *registrar, const struct registration *registration,
                  const struct sip_uri *contact) {
  struct sip_uri bound;
  bool is_udp = registration->device->flow.transport == TRANSPORT_UDP;
  struct registration_texts texts = registration_texts(&registrar->locations, registration);
  return is_udp && texts.path.length == 0 && sip_uri_parse(texts.contact, &bound) == RESULT_OK &&
         sip_uri_equal(&bound, contact);
}

static void follow(struct registrar *registrar, struct context *context, struct str_view number,
                   struct str_view contact_text, const struct flow *flow) {
  struct sip_uri contact;
  if (sip_uri_parse(contact_text, &contact) != RESULT_OK) return;
  struct registration *registration = location_table_first(&registrar->locations, context, number);
  while (registration && !is_it(registrar, registration, &contact))
    registration = registration->next;
  if (!registration || flow_equal(&registration->device->flow, flow)) return;
  struct registration_move move = {.number = number, .from = registration->device->flow, .to = *flow};
  counters_add(context->counters, device_moves_noticed);
  if (!location_table_move(&registrar->locations, context, registration, flow)) return;
  registration_keep_changes(&registrar->locations, context, registration, JOURNAL_SOON);
  counters_add(context->counters, device_moves_followed);
  registration_move_tell(registrar, context, &move);
}

void registrar_note_proof(struct registrar *registrar, struct context *context, const struct device *phone,
                          const struct sip_message *request, const struct flow *flow) {
  if (flow->transport != TRANSPORT_UDP || is_known_there(registrar, context, flow)) return;
  struct str_view contact = contact_of(request);
  uint8_t home = local_identity_steer(context->local, phone->name);
  if (home == context->local->worker) {
    follow(registrar, context, phone->name, contact, flow);
    return;
  }
  struct text_builder letter = arena_builder(context->arena, phone->name.length + 1 + contact.length);
  text_builder_add(&letter, phone->name);
  text_builder_add_char(&letter, LETTER_SPLIT);
  text_builder_add(&letter, contact);
  if (!letter.overflowed) outbox_tell_proof(context->outbox, home, flow, text_builder_view(&letter));
}

void registrar_take_proof(struct registrar *registrar, struct context *context, struct str_view letter,
                          const struct flow *flow) {
  size_t at = str_view_find(letter, LETTER_SPLIT);
  follow(registrar, context, str_view_slice(letter, 0, at), str_view_from(letter, at + 1), flow);
}
