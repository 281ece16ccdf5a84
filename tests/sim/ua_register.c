/* Registrations of phones: REGISTER, the answer to its challenge, renewal at half time. */
#include "sim/actor_verbs.h"
#include "sim/ua_message.h"
#include "sip/sip_header_values.h"

#define RETRY_US       (30 * SECOND_US)
#define CHALLENGES_MAX 2

static void renew(struct world *world, void *subject, void *detail) {
  (void)world;
  (void)detail;
  struct actor *actor = subject;
  actor->registration.refresh = NULL;
  actor_register(actor, true);
}

static void renew_after(struct actor *actor, int64_t delay_us) {
  struct world *world = actor->world;
  world_cancel(&actor->registration.refresh);
  if (!world->is_closing) actor->registration.refresh = world_at(world, world->now_us + delay_us, renew, actor, NULL);
}

static void send_register(struct actor *actor, struct str_view lines) {
  struct ua_registration *registration = &actor->registration;
  registration->cseq++;
  uint32_t expires_s = registration->is_wanted ? registration->expires_s : 0;
  struct str_view branch = ua_message_branch(actor);
  ua_transaction_start(actor, NULL, SIP_METHOD_REGISTER, branch, ua_message_register(actor, branch, expires_s, lines));
}

void actor_register(struct actor *actor, bool is_wanted) {
  struct ua_registration *registration = &actor->registration;
  if (registration->call_id.length == 0) {
    registration->call_id = actor_new_id(actor, "registration");
    registration->tag = actor_new_id(actor, "tag");
  }
  registration->is_wanted = is_wanted;
  registration->challenges = 0;
  world_cancel(&registration->refresh);
  send_register(actor, (struct str_view){0});
}

/* What the registrar grants: the expires parameter of our Contact, or Expires. */
static uint32_t granted_s(const struct actor *actor, const struct sip_message *response) {
  struct sip_value_cursor cursor = {0};
  struct str_view value, parameter;
  struct sip_name_addr contact;
  uint32_t seconds;
  while (sip_message_next_value(response, SIP_HEADER_CONTACT, &cursor, &value)) {
    if (sip_name_addr_parse(value, &contact) != RESULT_OK) continue;
    if (!str_view_equal(contact.uri.user, actor->number)) continue;
    if (sip_parameter_find(contact.parameters, STR_VIEW("expires"), &parameter) && str_view_to_u32(parameter, &seconds))
      return seconds;
  }
  value = sip_message_header(response, SIP_HEADER_EXPIRES);
  return str_view_to_u32(value, &seconds) ? seconds : 0;
}

static void take_acceptance(struct actor *actor, const struct sip_message *response) {
  struct ua_registration *registration = &actor->registration;
  registration->is_registered = registration->is_wanted;
  if (!registration->is_wanted) return;
  uint32_t seconds = granted_s(actor, response);
  if (seconds == 0) {
    world_fail(actor->world, "%s: a 200 to REGISTER without our Contact and its expires (RFC 3261 10.3)", actor->name);
    return;
  }
  renew_after(actor, (int64_t)seconds * SECOND_US / 2);
}

void actor_register_answered(struct ua_transaction *transaction, const struct sip_message *response) {
  struct actor *actor = transaction->actor;
  struct ua_registration *registration = &actor->registration;
  uint32_t minimum_s;
  if (response->status < 200 || transaction->method != SIP_METHOD_REGISTER) return;
  registration->final_status = response->status;
  if (response->status < 300) {
    take_acceptance(actor, response);
    return;
  }
  if ((response->status == 401 || response->status == 407) && registration->challenges++ < CHALLENGES_MAX) {
    struct str_view uri = actor_server_uri(actor, (struct str_view){0});
    struct str_view lines = ua_message_credentials(actor, response, SIP_METHOD_REGISTER, uri);
    if (lines.length) {
      send_register(actor, lines);
      return;
    }
  }
  registration->is_registered = false;
  if (response->status == 423 && str_view_to_u32(sip_message_header(response, SIP_HEADER_MIN_EXPIRES), &minimum_s)) {
    registration->expires_s = minimum_s;
    actor_register(actor, registration->is_wanted);
  } else if (registration->is_wanted) {
    renew_after(actor, RETRY_US);
  }
}

void actor_register_timed_out(struct ua_transaction *transaction) {
  struct actor *actor = transaction->actor;
  if (transaction->method != SIP_METHOD_REGISTER) return;
  log_line(actor->world, "%s: no answer to REGISTER", actor->name);
  if (actor->registration.is_wanted) renew_after(actor, RETRY_US);
}
