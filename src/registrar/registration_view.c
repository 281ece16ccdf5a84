/* Whom operators see as being there: who has registered, and who is reached without, at the address that its
 * configuration gives it (as a switch with static and dynamic registration shows both among its online phones). The
 * latter belong to the worker that keeps them alive, to which their number steers. */
#include "registrar/registrar_private.h"
#include "sip/sip_uri.h"

#define FIXED_MARK 's'

static void view_registration(const struct registrar *registrar, const struct registration *registration,
                              struct registration_view *view) {
  view->registration = registration;
  view->texts = registration_texts(&registrar->locations, registration);
  view->flow = registration->device->flow;
  view->device = registration->device;
  view->is_behind_nat = registration->behind_nat;
  view->is_reachable = !registration->device->is_unreachable;
}

bool registration_view_fixed(const struct registrar *registrar, const struct context *context,
                             const struct device *phone, struct registration_view *view) {
  struct flow flow = {.remote = *phone->address, .transport = TRANSPORT_UDP, .worker = context->local->worker};
  if (!local_identity_find_socket(context->local, TRANSPORT_UDP, flow.remote.family, &flow.socket_index)) return false;
  struct text_builder uri = text_builder_over(view->memory, sizeof view->memory);
  sip_uri_write(&uri, phone->name, phone->address, TRANSPORT_UDP);
  if (uri.overflowed) return false;
  view->registration = NULL;
  view->texts = (struct registration_texts){.number = phone->name, .contact = text_builder_view(&uri)};
  view->flow = flow;
  view->device = keepalive_find(registrar->keepalive, context, &flow);
  view->is_behind_nat = false;
  view->is_reachable = !view->device || !view->device->is_unreachable;
  return true;
}

/* One that has registered is seen as such. */
static bool view_fixed_number(const struct registrar *registrar, const struct context *context, uint32_t number,
                              struct registration_view *view) {
  const struct device *phone = directory_fixed_phone_at(context->directory, number);
  view->fixed_number = number;
  return phone && local_identity_steer(context->local, phone->name) == context->local->worker &&
         !location_table_first(&registrar->locations, context, phone->name) &&
         registration_view_fixed(registrar, context, phone, view);
}

enum registration_step registration_view_next(const struct registrar *registrar, const struct context *context,
                                              uint32_t *cursor, struct registration_view *view) {
  const struct pool *pool = &registrar->locations.registrations;
  if (*cursor < pool->capacity) {
    const struct registration *registration = pool_next(pool, cursor);
    if (!registration) {
      *cursor = pool->capacity;
      return REGISTRATION_STEP_NOTHING;
    }
    view_registration(registrar, registration, view);
    return REGISTRATION_STEP_ONE;
  }
  uint32_t number = *cursor - pool->capacity;
  if (!context->directory || number >= directory_fixed_phone_count(context->directory)) return REGISTRATION_STEP_END;
  ++*cursor;
  bool is_one = view_fixed_number(registrar, context, number, view);
  return is_one ? REGISTRATION_STEP_ONE : REGISTRATION_STEP_NOTHING;
}

/* --- ids --------------------------------------------------------------------------------------------------------- */

/* So that an id does not come to name another phone when the directory has changed. */
static uint32_t check_of(const struct context *context, struct str_view number) {
  return (uint32_t)location_table_number_hash(context, number);
}

void registration_view_write_id(const struct registrar *registrar, const struct context *context,
                                const struct registration_view *view, struct text_builder *builder) {
  text_builder_add_u64(builder, context->local->worker);
  text_builder_add_char(builder, '-');
  if (view->registration) {
    struct handle handle = pool_handle_of(&registrar->locations.registrations, view->registration);
    text_builder_add_u64(builder, handle.index);
    text_builder_add_char(builder, '-');
    text_builder_add_u64(builder, handle.generation);
    return;
  }
  text_builder_add_char(builder, FIXED_MARK);
  text_builder_add_u64(builder, view->fixed_number);
  text_builder_add_char(builder, '-');
  text_builder_add_u64(builder, check_of(context, view->texts.number));
}

static bool read_id(struct str_view id, uint32_t numbers[3], bool *is_fixed_out) {
  for (unsigned i = 0; i < 3; i++) {
    size_t end = i < 2 ? str_view_find(id, '-') : id.length;
    struct str_view part = str_view_slice(id, 0, end);
    bool is_marked = i == 1 && part.length > 1 && part.data[0] == FIXED_MARK;
    if (i == 1) *is_fixed_out = is_marked;
    if (!str_view_to_u32(str_view_from(part, is_marked), &numbers[i])) return false;
    id = str_view_from(id, end + 1);
  }
  return true;
}

bool registration_view_find(const struct registrar *registrar, const struct context *context, struct str_view id,
                            struct registration_view *view) {
  uint32_t numbers[3];
  bool is_fixed = false;
  if (!read_id(id, numbers, &is_fixed) || numbers[0] != context->local->worker) return false;
  if (is_fixed)
    return context->directory && view_fixed_number(registrar, context, numbers[1], view) &&
           check_of(context, view->texts.number) == numbers[2];
  const struct registration *registration =
      pool_get(&registrar->locations.registrations, (struct handle){numbers[1], numbers[2]});
  if (registration) view_registration(registrar, registration, view);
  return registration != NULL;
}
