/* What operators see of registrations, and how they end one. */
#include "base/json_text.h"
#include "parameters/parameters.h"
#include "registrar/registrar_private.h"

#define LIST_ITEM_BYTES_MAX 8192 /* longer than any item but one with a monstrous contact, which is left out */
#define LIST_ROOM_LEAST     2048
#define LIST_STEPS_MAX      4096

static struct wall_us wall_of(const struct context *context, struct mono_ms then) {
  return (struct wall_us){context->wall_now.value - mono_ms_since(context->now, then) * 1000};
}

/* Null: never. */
static void add_stamp(struct text_builder *builder, const struct context *context, const char *name,
                      const struct mono_ms *then) {
  if (then)
    json_text_field_stamp(builder, name, wall_of(context, *then));
  else
    json_text_field_null(builder, name);
}

static void add_times(const struct context *context, const struct registration_view *view,
                      struct text_builder *builder) {
  const struct registration *registration = view->registration;
  const struct keepalive_device *device = view->device;
  struct mono_ms refreshed_at = {0}, heard_at = {0};
  if (registration) refreshed_at = registration_refreshed_at(registration, context->now);
  if (device) heard_at = keepalive_device_heard_at(device, context->now);
  bool is_heard = device && (registration || device->was_ever_heard);
  add_stamp(builder, context, "registered_at", registration ? &registration->registered_at : NULL);
  add_stamp(builder, context, "refreshed_at", registration ? &refreshed_at : NULL);
  add_stamp(builder, context, "last_heard_at", is_heard ? &heard_at : NULL);
  if (registration)
    json_text_field_u64(builder, "expires_in_s", registration_expires_in_s(registration, context->now));
  else
    json_text_field_null(builder, "expires_in_s");
}

static void add_item(const struct registrar *registrar, const struct context *context,
                     const struct registration_view *view, struct text_builder *builder) {
  static const struct keepalive_device nothing = {.method = KEEP_ALIVE_OFF};
  char id_memory[32], source_memory[64];
  struct text_builder id = text_builder_over(id_memory, sizeof id_memory);
  struct text_builder source = text_builder_over(source_memory, sizeof source_memory);
  registration_view_write_id(registrar, context, view, &id);
  address_to_text(&view->flow.remote, &source);
  json_text_open_object(builder);
  json_text_field_string(builder, "id", text_builder_view(&id));
  json_text_field_string(builder, "number", view->texts.number);
  json_text_field_string(builder, "contact", view->texts.contact);
  json_text_field_string(builder, "source", text_builder_view(&source));
  json_text_field_string(builder, "transport", transport_name((enum transport)view->flow.transport));
  json_text_field_string(builder, "user_agent", view->texts.user_agent);
  json_text_field_string(builder, "path", view->texts.path);
  json_text_field_bool(builder, "behind_nat", view->is_behind_nat);
  json_text_field_bool(builder, "static", !view->registration);
  add_times(context, view, builder);
  json_text_key(builder, "keep_alive");
  keepalive_write_json(registrar->keepalive, context, view->device ? view->device : &nothing, builder);
  json_text_close_object(builder);
}

void registrar_list(const struct registrar *registrar, struct context *context, struct text_builder *builder,
                    uint32_t *cursor) {
  struct text_builder item = arena_builder(context->arena, LIST_ITEM_BYTES_MAX);
  bool is_first_here = true;
  for (unsigned looked = 0; looked < LIST_STEPS_MAX && builder->capacity - builder->length >= LIST_ROOM_LEAST;
       looked++) {
    struct registration_view view;
    uint32_t at = *cursor;
    enum registration_step step = registration_view_next(registrar, context, &at, &view);
    if (step == REGISTRATION_STEP_END) {
      *cursor = UINT32_MAX;
      return;
    }
    item.length = 0;
    item.overflowed = step == REGISTRATION_STEP_NOTHING;
    if (builder->length > 0 && builder->data[builder->length - 1] == '}') text_builder_add_char(&item, ',');
    if (step == REGISTRATION_STEP_ONE) add_item(registrar, context, &view, &item);
    bool fits = !item.overflowed && item.length <= builder->capacity - builder->length;
    if (!fits && !item.overflowed && !is_first_here) return; /* it comes first next time */
    if (fits) text_builder_add(builder, text_builder_view(&item));
    is_first_here = false;
    *cursor = at;
  }
}

enum result registrar_show(const struct registrar *registrar, struct context *context, struct str_view id,
                           struct text_builder *builder) {
  struct registration_view view;
  if (!registration_view_find(registrar, context, id, &view)) return RESULT_NOT_FOUND;
  add_item(registrar, context, &view, builder);
  return builder->overflowed ? RESULT_FULL : RESULT_OK;
}

enum result registrar_kick(struct registrar *registrar, struct context *context, struct str_view id) {
  struct registration_view view;
  if (!registration_view_find(registrar, context, id, &view)) return RESULT_NOT_FOUND;
  if (!view.registration) return RESULT_WRONG_STATE;
  struct pool *pool = &registrar->locations.registrations;
  registrar_remove(registrar, context, pool_get(pool, pool_handle_of(pool, view.registration)));
  return RESULT_OK;
}
