/* The phones' own keep-alive settings. They are read at each REGISTER; when the directory changes, a sweep over the
 * registrations reads them anew, some at a time, so that a million of them take seconds and no call waits. */
#include "registrar/registrar_private.h"

#define SWEPT_AT_ONCE  1000
#define SWEEP_EVERY_MS 10

uint8_t registrar_keep_alive_method(const struct device *phone) {
  int32_t method = phone->overrides.keep_alive;
  return method == DEVICE_USE_PARAMETER ? (uint8_t)KEEPALIVE_USE_PARAMETER : (uint8_t)method;
}

uint32_t registrar_keep_alive_period_s(const struct device *phone) {
  int32_t period_s = phone->overrides.keep_alive_period_s;
  return period_s == DEVICE_USE_PARAMETER ? 0 : (uint32_t)period_s;
}

static bool contains_nocase(struct str_view text, struct str_view part) {
  for (size_t at = 0; at + part.length <= text.length; at++)
    if (str_view_equal_nocase(str_view_slice(text, at, part.length), part)) return true;
  return false;
}

bool registrar_text_spoils(struct str_view user_agent) {
  static const struct str_view quirks[] = {
#define KEEP_ALIVE_QUIRK(part, why) STR_VIEW_LITERAL(part),
#include "registrar/keep_alive_quirks.def"
#undef KEEP_ALIVE_QUIRK
  };
  for (size_t i = 0; i < sizeof quirks / sizeof quirks[0]; i++)
    if (contains_nocase(user_agent, quirks[i])) return true;
  return false;
}

static void read_anew(struct registrar *registrar, struct context *context, struct registration *registration) {
  struct str_view number = registration_texts(&registrar->locations, registration).number;
  const struct device *phone = directory_find_phone(context->directory, number);
  if (!phone) return; /* it is not called any more, and the registration runs out */
  location_table_change_keep_alive(&registrar->locations, context, registration, registrar_keep_alive_method(phone),
                                   registrar_keep_alive_period_s(phone));
}

static void sweep(struct registrar *registrar, struct context *context) {
  struct registration *registration;
  for (unsigned i = 0; i < SWEPT_AT_ONCE; i++) {
    registration = pool_next(&registrar->locations.registrations, &registrar->sweep_at);
    if (!registration) return;
    if (timer_is_armed(&registration->timer)) read_anew(registrar, context, registration);
  }
  timer_wheel_arm(context->wheel, &registrar->sweep_timer, TIMER_REGISTRAR, mono_ms_add(context->now, SWEEP_EVERY_MS));
}

void registrar_directory_changed(struct registrar *registrar, struct context *context) {
  registrar->sweep_at = 0;
  timer_wheel_cancel(context->wheel, &registrar->sweep_timer);
  sweep(registrar, context);
}

void registrar_sweep_due(struct registrar *registrar, struct context *context) {
  sweep(registrar, context);
}
