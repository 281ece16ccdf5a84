/* Whom the call reaches. A number of a phone of ours goes to where the phone registered, its contacts one after the
 * other in the order of their q; any other number to the routing gateways, one after the other as route_select finds
 * them. */
#include "call/call_private.h"
#include "directory/directory.h"

/* Says why there is nowhere to go, unless an attempt before said more. */
static enum call_event nowhere(struct call_step *step, enum end_reason reason) {
  if (!step->call->has_failed) step->call->attempts->failure = call_end_of(reason, END_BY_SWITCH);
  return CALL_EVENT_NOWHERE;
}

/* The device's set-up stages are needed before the state is entered whose clock they are. */
static enum call_event found(struct call_step *step) {
  call_apply_overrides(step, step->destination.device, CALL_CALLEE);
  if (step->call->has_failed) counters_add(step->context->counters, calls_failed_over);
  return CALL_EVENT_DESTINATION;
}

/* --- gateways ---------------------------------------------------------------------------------------------------- */

/* Aims at another of the gateway's addresses that we have a socket for, drawn for each call where a name has several
 * servers (RFC 2782: a look-up's draw would send all calls of an hour to one); false: there is none (any more). */
static bool aim_at_gateway(struct call_step *step, const struct device *device) {
  const struct local_identity *local = step->context->local;
  struct call_destination *destination = &step->destination;
  const struct gateway *gateway = device->gateway;
  enum transport transport = gateway_transport(gateway);
  *destination = (struct call_destination){.device = device};
  int index;
  while ((index = server_draw(gateway->ranks, gateway->address_count, step->call->attempts->tried_addresses,
                              step->context->random)) >= 0) {
    const struct address *address = &gateway->addresses[index];
    step->call->attempts->tried_addresses |= (uint16_t)(1u << index);
    if (!local_identity_find_socket(local, transport, address->family, &destination->flow.socket_index)) continue;
    destination->flow.remote = *address;
    destination->flow.transport = (uint8_t)transport;
    destination->flow.worker = local->worker;
    return true;
  }
  return false;
}

static enum call_event next_gateway(struct call_step *step) {
  struct call *call = step->call;
  for (unsigned tries = 0; tries < ROUTE_CANDIDATES_MAX; tries++) {
    const struct device *device;
    struct str_view number = call_text(step->table, call, CALL_TEXT_CALLEE_NUMBER);
    enum result result = route_select(step->context, number, &call->attempts->routes, &device);
    if (result == RESULT_FULL) return nowhere(step, END_REASON_capacity);
    if (result != RESULT_OK) return nowhere(step, END_REASON_route_not_found);
    call->callee_usage = device->usage;
    call->attempts->tried_addresses = 0;
    if (aim_at_gateway(step, device)) return found(step);
    /* A gateway whose name has no address (yet), or for whose transport we do not listen. */
    call_release_callee(step);
    if (!call->has_failed) call->attempts->failure = call_end_of(END_REASON_gateway_timeout, END_BY_SWITCH);
    call->has_failed = true;
  }
  return nowhere(step, END_REASON_route_not_found);
}

enum call_event call_destination_other_address(struct call_step *step) {
  struct call *call = step->call;
  const struct device *device;
  struct str_view number = call_text(step->table, call, CALL_TEXT_CALLEE_NUMBER);
  if (call->callee_is_phone || route_select_again(step->context, number, &call->attempts->routes, &device) != RESULT_OK)
    return CALL_EVENT_NONE;
  call->callee_usage = device->usage;
  if (aim_at_gateway(step, device)) return found(step);
  call_release_callee(step);
  return CALL_EVENT_NONE;
}

/* --- phones ------------------------------------------------------------------------------------------------------ */

/* What is kept of a contact; the URI and the Path follow it. */
struct kept_contact {
  struct flow flow;
  uint16_t uri_length, path_length;
  bool follow_flow;
};

/* Keeps the contacts that are worth a try, in their order. False when the phone is registered, and none is. */
static bool keep_contacts(struct call_step *step, const struct location_answer *answer) {
  size_t bytes = 0;
  unsigned reachable_count = 0;
  for (unsigned i = 0; i < answer->contact_count; i++)
    bytes += sizeof(struct kept_contact) + answer->contacts[i].uri.length + answer->contacts[i].path.length;
  struct text_builder kept = arena_builder(step->context->arena, bytes);
  for (unsigned i = 0; i < answer->contact_count; i++) {
    const struct location_contact *contact = &answer->contacts[i];
    struct kept_contact head = {.flow = contact->flow,
                                .uri_length = (uint16_t)contact->uri.length,
                                .path_length = (uint16_t)contact->path.length,
                                .follow_flow = contact->behind_nat};
    if (!contact->reachable) continue;
    reachable_count++;
    text_builder_add(&kept, str_view_of((const char *)&head, sizeof head));
    text_builder_add(&kept, contact->uri);
    text_builder_add(&kept, contact->path);
  }
  struct str_view view = kept.overflowed ? (struct str_view){0} : text_builder_view(&kept);
  /* No room for the list: the phone is as good as not there. */
  (void)!block_store_set(step->table->rooms.blocks, &step->call->attempts->contacts, view);
  return answer->contact_count == 0 || reachable_count > 0;
}

/* Takes the first of the kept contacts. */
static bool take_contact(struct call_step *step) {
  struct block_store *blocks = step->table->rooms.blocks;
  struct str_view kept = arena_copy(step->context->arena, block_store_view(blocks, &step->call->attempts->contacts));
  struct kept_contact head;
  if (kept.length < sizeof head) return false;
  memcpy(&head, kept.data, sizeof head);
  step->destination.flow = head.flow;
  step->destination.follow_flow = head.follow_flow;
  step->destination.request_uri = str_view_slice(kept, sizeof head, head.uri_length);
  step->destination.route = str_view_slice(kept, sizeof head + head.uri_length, head.path_length);
  struct str_view rest = str_view_from(kept, sizeof head + head.uri_length + head.path_length);
  return block_store_set(blocks, &step->call->attempts->contacts, rest) == RESULT_OK;
}

static enum call_event next_contact(struct call_step *step) {
  struct str_view number = call_text(step->table, step->call, CALL_TEXT_CALLEE_NUMBER);
  const struct device *phone = directory_find_phone(step->context->directory, number);
  step->destination = (struct call_destination){.device = phone};
  if (!phone || !take_contact(step)) return nowhere(step, END_REASON_not_registered);
  if (directory_acquire(step->context->directory, phone) != RESULT_OK) return nowhere(step, END_REASON_capacity);
  step->call->callee_usage = phone->usage;
  return found(step);
}

/* Where the phone is that was looked for: nobody waits for one that keep-alives have found gone. */
static enum call_event first_contact(struct call_step *step, const struct location_answer *answer) {
  if (keep_contacts(step, answer)) return next_contact(step);
  step->call->attempts->failure = call_end_of(END_REASON_not_registered, END_BY_SWITCH);
  step->call->attempts->failure.cause = END_CAUSE_unreachable;
  return CALL_EVENT_NOWHERE;
}

static enum call_event locate(struct call_step *step, const struct device *phone) {
  const struct local_identity *local = step->context->local;
  uint8_t worker = local_identity_steer(local, phone->name);
  struct location_answer answer = {0};
  if (worker != local->worker) {
    outbox_ask_location(step->context->outbox, worker, phone->name, pool_handle_of(&step->table->calls, step->call));
    return CALL_EVENT_ASKED;
  }
  registrar_locate(step->table->rooms.registrar, step->context, phone->name, &answer);
  return first_contact(step, &answer);
}

/* --- the door ---------------------------------------------------------------------------------------------------- */

enum call_event call_destination_first(struct call_step *step) {
  struct str_view number = call_text(step->table, step->call, CALL_TEXT_CALLEE_NUMBER);
  const struct device *phone = directory_find_phone(step->context->directory, number);
  if (number.length == 0) return nowhere(step, END_REASON_route_not_found);
  if (!phone) return next_gateway(step);
  step->call->callee_is_phone = true;
  if (phone->locked) return nowhere(step, END_REASON_forbidden);
  return locate(step, phone);
}

enum call_event call_destination_located(struct call_step *step) {
  return first_contact(step, step->location);
}

enum call_event call_destination_next(struct call_step *step) {
  return step->call->callee_is_phone ? next_contact(step) : next_gateway(step);
}

void call_receive_location(struct call_table *table, struct context *context, const struct location_answer *answer) {
  struct call *call = pool_get(&table->calls, answer->asker);
  if (!call || call->state != CALL_STATE_LOCATING) return; /* cancelled or given up meanwhile */
  struct call_step step = {.table = table, .context = context, .call = call, .location = answer};
  call_dispatch(&step, CALL_EVENT_LOCATED);
}
