/* The phones' own keep-alive settings. They are read at each REGISTER; when the directory changes, a sweep over the
 * registrations reads them anew, some at a time, so that a million of them take seconds and no call waits. */
#include "base/check.h"
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
