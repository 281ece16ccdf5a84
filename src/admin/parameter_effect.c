#include "admin/parameter_effect.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "keepalive/keepalive_round.h"

/* The two pictures, and where the sentences go. */
struct effect {
  const struct parameters *before, *after;
  const struct worker_group_status *status;
  struct text_builder *builder;
};

static void say(const struct effect *effect, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct effect *effect, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (effect->builder->length > 0) text_builder_add_char(effect->builder, ' ');
  text_builder_add(effect->builder, str_view_from_c(text));
}

static uint32_t refresh_s(const struct parameters *parameters) {
  uint32_t segment = parameters->SS_SIP_SESSION_UPDATE_SEGMENT;
  return segment ? parameters->SS_SIP_SESSION_TTL / segment : 0;
}

static const char *sooner_or_later(uint32_t before, uint32_t after) {
  return after < before ? "more often" : "less often";
}

static void say_session(const struct effect *effect) {
  uint32_t calls = effect->status->counts.calls_answered;
  uint32_t before_s = refresh_s(effect->before), after_s = refresh_s(effect->after);
  if (effect->after->SS_SIP_SESSION_TTL == 0) {
    say(effect, "Session timers are off for calls from now on; then only BF_NO_TIMER_PROBE and "
                "SS_SIP_NO_TIMER_REINVITE_INTERVAL watch them.");
  } else if (before_s == after_s) {
    say(effect, "Refreshes stay %" PRIu32 " s apart.", after_s);
  } else if (before_s == 0) {
    say(effect, "Calls from now on are refreshed every %" PRIu32 " s.", after_s);
  } else {
    say(effect,
        "%" PRIu32 " answered calls are refreshed %s: every %" PRIu32 " s instead of every %" PRIu32
        " s, where the switch refreshes.",
        calls, sooner_or_later(before_s, after_s), after_s, before_s);
    say(effect, "At this many calls that is about %.1f refreshes a second instead of %.1f.", 2.0 * calls / after_s,
        2.0 * calls / before_s);
  }
}

static void say_cap(const struct effect *effect) {
  uint32_t cap_s = effect->after->SS_SIP_NO_TIMER_REINVITE_INTERVAL;
  if (cap_s == 0)
    say(effect, "Calls whose caller knows no session timers are no longer ended for their length.");
  else
    say(effect,
        "Calls whose caller knows no session timers end %" PRIu32 " s after their answer; %" PRIu32
        " calls are answered now.",
        cap_s, effect->status->counts.calls_answered);
}

static void say_early_hangup(const struct effect *effect) {
  uint32_t early_s = effect->after->SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP;
  if (early_s == PARAMETER_AUTO)
    say(effect, "A session that is not refreshed is ended 32 s, or a third of its interval if that is less, before it "
                "expires.");
  else if (early_s == 0)
    say(effect, "A session that is not refreshed is ended when it expires.");
  else
    say(effect,
        "A session that is not refreshed is ended %" PRIu32 " s before it expires, at most a third of its interval.",
        early_s);
}

static void say_keep_alive_round(const struct effect *effect) {
  const struct keepalive_demand *demand = &effect->status->counts.keepalive.demand;
  struct keepalive_rate rate = keepalive_rate_of(effect->after);
  keepalive_round_to_text(demand, &rate, effect->builder);
  text_builder_add_char(effect->builder, '.');
  if (rate.period_s > 0)
    say(effect, "That is %.1f keep-alives a second.",
        (double)keepalive_round_of(demand, &rate).keep_alives / (double)rate.period_s);
}

static void say_keep_alive(const struct effect *effect) {
  say(effect, "From its next keep-alive on for each of %" PRIu32 " devices.", effect->status->counts.keepalive.devices);
}

static void say_registration(const struct effect *effect) {
  say(effect, "For each of %" PRIu32 " registered devices from its next registration on.",
      effect->status->counts.registrations);
}

static void say_set_up(const struct effect *effect) {
  say(effect, "From the next message on; %" PRIu32 " calls are being set up now.",
      effect->status->counts.calls - effect->status->counts.calls_answered);
}

static void say_at_once(const struct effect *effect) {
  say(effect, "From the next message on, for the %" PRIu32 " calls that are there now too.",
      effect->status->counts.calls);
}

/* The first row whose beginning the parameter's name has. */
static const struct {
  const char *begins;
  void (*say)(const struct effect *effect);
} rows[] = {
    {"SS_SIP_SESSION_TTL", say_session},
    {"SS_SIP_SESSION_UPDATE_SEGMENT", say_session},
    {"SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", say_early_hangup},
    {"SS_SIP_NO_TIMER_REINVITE_INTERVAL", say_cap},
    {"SS_SIP_NAT_KEEP_ALIVE_PERIOD", say_keep_alive_round},
    {"SS_SIP_NAT_KEEP_ALIVE_SEND", say_keep_alive_round},
    {"SS_SIP_NAT_KEEP_ALIVE", say_keep_alive},
    {"BF_NAT_KEEP_ALIVE", say_keep_alive},
    {"SS_ENDPOINT", say_registration},
    {"SS_SIP_TIMEOUT", say_set_up},
    {"SS_GATEWAY_SWITCH", say_set_up},
    {"SS_SIP_STOP_SWITCH", say_set_up},
    {"", say_at_once},
};

void parameter_effect_to_text(const struct parameter_row *row, const struct parameters *before,
                              const struct parameters *after, const struct worker_group_status *status,
                              struct text_builder *builder) {
  const struct effect effect = {before, after, status, builder};
  size_t i = 0;
  while (strncmp(row->name, rows[i].begins, strlen(rows[i].begins)) != 0)
    i++;
  rows[i].say(&effect);
}
