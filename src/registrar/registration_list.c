/* What operators see of registrations, and how they end one. */
#include "base/json_text.h"
#include "registrar/registrar_private.h"

#define LIST_ITEM_BYTES_MAX 8192 /* longer than any item but one with a monstrous contact, which is left out */
#define LIST_ROOM_LEAST     2048

void registration_write_id(const struct registrar *registrar, const struct context *context,
                           const struct registration *registration, struct text_builder *builder) {
  struct handle handle = pool_handle_of(&registrar->locations.registrations, registration);
  text_builder_add_u64(builder, context->local->worker);
  text_builder_add_char(builder, '-');
  text_builder_add_u64(builder, handle.index);
  text_builder_add_char(builder, '-');
  text_builder_add_u64(builder, handle.generation);
}

static struct wall_us wall_of(const struct context *context, struct mono_ms then) {
  return (struct wall_us){context->wall_now.value - mono_ms_since(context->now, then) * 1000};
}

static void add_item(const struct registrar *registrar, const struct context *context,
                     const struct registration *registration, struct text_builder *builder) {
  char id_memory[32], source_memory[64];
  struct registration_texts texts = registration_texts(&registrar->locations, registration);
  const struct keepalive_device *device = registration->device;
  struct text_builder id = text_builder_over(id_memory, sizeof id_memory);
  struct text_builder source = text_builder_over(source_memory, sizeof source_memory);
  registration_write_id(registrar, context, registration, &id);
  json_text_open_object(builder);
  json_text_field_string(builder, "id", text_builder_view(&id));
  json_text_field_string(builder, "number", texts.number);
  json_text_field_string(builder, "contact", texts.contact);
  address_to_text(&device->flow.remote, &source);
  json_text_field_string(builder, "source", text_builder_view(&source));
  json_text_field_string(builder, "transport", transport_name((enum transport)device->flow.transport));
  json_text_field_string(builder, "user_agent", texts.user_agent);
  json_text_field_string(builder, "path", texts.path);
  json_text_field_bool(builder, "behind_nat", registration->behind_nat);
  json_text_field_stamp(builder, "registered_at", wall_of(context, registration->registered_at));
  json_text_field_stamp(builder, "refreshed_at", wall_of(context, registration->refreshed_at));
  json_text_field_stamp(builder, "last_heard_at", wall_of(context, keepalive_device_heard_at(device, context->now)));
  json_text_field_u64(builder, "expires_in_s", registration_expires_in_s(registration, context->now));
  json_text_key(builder, "keep_alive");
  keepalive_write_json(registrar->keepalive, context, device, builder);
  json_text_close_object(builder);
}

void registrar_list(const struct registrar *registrar, struct context *context, struct text_builder *builder,
                    uint32_t *cursor) {
  struct text_builder item = arena_builder(context->arena, LIST_ITEM_BYTES_MAX);
  bool is_first_here = true;
  while (builder->capacity - builder->length >= LIST_ROOM_LEAST) {
    uint32_t at = *cursor;
    const struct registration *registration = pool_next(&registrar->locations.registrations, &at);
    if (!registration) {
      *cursor = UINT32_MAX;
      return;
    }
    item.length = 0;
    item.overflowed = false;
    if (builder->length > 0 && builder->data[builder->length - 1] == '}') text_builder_add_char(&item, ',');
    add_item(registrar, context, registration, &item);
    bool fits = !item.overflowed && item.length <= builder->capacity - builder->length;
    if (!fits && !item.overflowed && !is_first_here) return; /* it comes first next time */
    if (fits) text_builder_add(builder, text_builder_view(&item));
    is_first_here = false;
    *cursor = at;
  }
}

/* "WORKER-INDEX-GENERATION" */
static bool read_id(struct str_view id, uint32_t numbers[3]) {
  for (unsigned i = 0; i < 3; i++) {
    size_t end = i < 2 ? str_view_find(id, '-') : id.length;
    if (!str_view_to_u32(str_view_slice(id, 0, end), &numbers[i])) return false;
    id = str_view_from(id, end + 1);
  }
  return true;
}

/* NULL: there is none of that id on this worker. */
static struct registration *find_by_id(const struct registrar *registrar, const struct context *context,
                                       struct str_view id) {
  uint32_t numbers[3];
  if (!read_id(id, numbers) || numbers[0] != context->local->worker) return NULL;
  return pool_get(&registrar->locations.registrations, (struct handle){numbers[1], numbers[2]});
}

enum result registrar_show(const struct registrar *registrar, struct context *context, struct str_view id,
                           struct text_builder *builder) {
  const struct registration *registration = find_by_id(registrar, context, id);
  if (!registration) return RESULT_NOT_FOUND;
  add_item(registrar, context, registration, builder);
  return builder->overflowed ? RESULT_FULL : RESULT_OK;
}

enum result registrar_kick(struct registrar *registrar, struct context *context, struct str_view id) {
  struct registration *registration = find_by_id(registrar, context, id);
  if (!registration) return RESULT_NOT_FOUND;
  registrar_remove(registrar, context, registration);
  return RESULT_OK;
}
