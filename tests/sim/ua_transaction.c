#include "sim/ua_transaction.h"

#include "sim/ua_call.h"
#include "sim/ua_message.h"
#include "sip/sip_header_values.h"

#define T1_US   (500 * MS_US)
#define T2_US   (4 * SECOND_US)
#define LIFE_US (64 * T1_US)

static struct ua_transaction *create(struct actor *actor, bool is_client, enum sip_method method,
                                     struct str_view branch, struct str_view request) {
  struct ua_transaction *transaction = sim_take(&actor->world->memory, sizeof *transaction);
  struct sip_message message;
  struct sip_defect defect;
  transaction->actor = actor;
  transaction->is_client = is_client;
  transaction->method = method;
  transaction->branch = sim_copy(&actor->world->memory, branch);
  transaction->request = sim_copy(&actor->world->memory, request);
  if (sip_message_parse(transaction->request, &message, &defect) != RESULT_OK && !actor->traits.breaks_grammar)
    world_fail(actor->world, "%s made a request that cannot be read: %s", actor->name, defect.rule);
  transaction->cseq = message.cseq;
  transaction->is_session_offer = message.body.length > 0;
  transaction->next = actor->transactions;
  actor->transactions = transaction;
  return transaction;
}

void ua_transaction_drop(struct ua_transaction *transaction) {
  transaction->state = UA_DEAD;
  world_cancel(&transaction->resend);
  world_cancel(&transaction->end);
  struct ua_transaction **link = &transaction->actor->transactions;
  while (*link && *link != transaction)
    link = &(*link)->next;
  if (*link) *link = transaction->next;
}

static void drop_later(struct world *world, void *subject, void *detail) {
  (void)world;
  (void)detail;
  struct ua_transaction *transaction = subject;
  transaction->end = NULL;
  ua_transaction_drop(transaction);
}

static void end_after(struct ua_transaction *transaction, int64_t delay_us,
                      void (*happen)(struct world *, void *, void *)) {
  struct world *world = transaction->actor->world;
  world_cancel(&transaction->end);
  transaction->end = world_at(world, world->now_us + delay_us, happen, transaction, NULL);
}

static bool is_datagram(const struct ua_transaction *transaction) {
  return transaction->actor->transport == TRANSPORT_UDP && !transaction->way.connection;
}

/* --- client ------------------------------------------------------------------------------------------------------ */

static void resend_request(struct world *world, void *subject, void *detail) {
  struct ua_transaction *transaction = subject;
  (void)detail;
  actor_send(transaction->actor, &transaction->way, transaction->request);
  bool is_invite = transaction->method == SIP_METHOD_INVITE;
  transaction->interval_us *= 2;
  if (!is_invite && (transaction->interval_us > T2_US || transaction->state == UA_PROCEEDING))
    transaction->interval_us = T2_US;
  transaction->resend = world_at(world, world->now_us + transaction->interval_us, resend_request, transaction, NULL);
}

static void time_out(struct world *world, void *subject, void *detail) {
  struct ua_transaction *transaction = subject;
  (void)world;
  (void)detail;
  transaction->end = NULL;
  ua_transaction_drop(transaction);
  ua_call_timed_out(transaction);
}

struct ua_transaction *ua_transaction_start(struct actor *actor, struct ua_call *call, enum sip_method method,
                                            struct str_view branch, struct str_view request) {
  struct ua_transaction *transaction = create(actor, true, method, branch, request);
  struct world *world = actor->world;
  transaction->call = call;
  transaction->way = call ? ua_call_way(call) : actor_way_to_server(actor);
  actor_send(actor, &transaction->way, transaction->request);
  transaction->interval_us = T1_US;
  if (is_datagram(transaction))
    transaction->resend = world_at(world, world->now_us + T1_US, resend_request, transaction, NULL);
  end_after(transaction, LIFE_US, time_out);
  return transaction;
}

static void send_cancel(struct ua_transaction *transaction) {
  struct actor *actor = transaction->actor;
  transaction->cancel_sent = true;
  struct str_view cancel = ua_message_cancel(transaction);
  struct ua_transaction *own = create(actor, true, SIP_METHOD_CANCEL, transaction->branch, cancel);
  own->way = transaction->way;
  own->interval_us = T1_US;
  actor_send(actor, &own->way, own->request);
  if (is_datagram(own)) own->resend = world_at(actor->world, actor->world->now_us + T1_US, resend_request, own, NULL);
  end_after(own, LIFE_US, time_out);
  end_after(transaction, LIFE_US, time_out);
}

void ua_transaction_cancel(struct ua_transaction *transaction) {
  transaction->cancel_wanted = true;
  if (transaction->state == UA_PROCEEDING && !transaction->cancel_sent) send_cancel(transaction);
}

static bool take_invite_response(struct ua_transaction *transaction, const struct sip_message *response) {
  if (response->status < 200) {
    if (transaction->state == UA_COMPLETED) return false;
    world_cancel(&transaction->resend);
    if (transaction->state == UA_TRYING) world_cancel(&transaction->end);
    transaction->state = UA_PROCEEDING;
    if (transaction->cancel_wanted && !transaction->cancel_sent) send_cancel(transaction);
    return true;
  }
  bool is_first = transaction->state != UA_COMPLETED;
  if (!is_first && (transaction->status >= 300) != (response->status >= 300)) return false;
  world_cancel(&transaction->resend);
  transaction->state = UA_COMPLETED;
  if (is_first) end_after(transaction, LIFE_US, drop_later);
  if (response->status < 300) return true; /* each 2xx is the call's business */
  if (is_first) transaction->ack = ua_message_ack_of_refusal(transaction, response);
  actor_send(transaction->actor, &transaction->way, transaction->ack);
  return is_first;
}

static bool take_other_response(struct ua_transaction *transaction, const struct sip_message *response) {
  if (transaction->state == UA_COMPLETED) return false;
  if (response->status < 200) {
    transaction->state = UA_PROCEEDING;
    return true;
  }
  transaction->state = UA_COMPLETED;
  world_cancel(&transaction->resend);
  end_after(transaction, LIFE_US, drop_later);
  return true;
}

struct ua_transaction *ua_transaction_take_response(struct actor *actor, const struct sip_message *response,
                                                    bool *is_news_out) {
  struct sip_via via;
  *is_news_out = false;
  if (sip_message_top_via(response, &via) != RESULT_OK) return NULL;
  struct ua_transaction *transaction = actor->transactions;
  while (transaction && (!transaction->is_client || transaction->method != response->method ||
                         !str_view_equal(transaction->branch, via.branch)))
    transaction = transaction->next;
  if (!transaction) return NULL;
  *is_news_out = transaction->method == SIP_METHOD_INVITE ? take_invite_response(transaction, response)
                                                          : take_other_response(transaction, response);
  if (*is_news_out) transaction->status = response->status;
  return transaction;
}

/* --- server ------------------------------------------------------------------------------------------------------ */

static void resend_response(struct world *world, void *subject, void *detail) {
  struct ua_transaction *transaction = subject;
  (void)detail;
  actor_send(transaction->actor, &transaction->way, transaction->response);
  transaction->interval_us = 2 * transaction->interval_us < T2_US ? 2 * transaction->interval_us : T2_US;
  transaction->resend = world_at(world, world->now_us + transaction->interval_us, resend_response, transaction, NULL);
}

void ua_transaction_respond(struct ua_transaction *transaction, unsigned status, struct str_view response) {
  struct world *world = transaction->actor->world;
  if (transaction->state == UA_COMPLETED || transaction->state == UA_DEAD) return;
  transaction->response = response;
  transaction->status = status;
  transaction->state = status < 200 ? UA_PROCEEDING : UA_COMPLETED;
  actor_send(transaction->actor, &transaction->way, response);
  if (status < 200) return;
  end_after(transaction, LIFE_US, drop_later);
  if (transaction->method != SIP_METHOD_INVITE || status < 300 || !is_datagram(transaction)) return;
  transaction->interval_us = T1_US;
  transaction->resend = world_at(world, world->now_us + T1_US, resend_response, transaction, NULL);
}

static struct ua_transaction *find_server(struct actor *actor, struct str_view branch, enum sip_method method) {
  struct ua_transaction *transaction = actor->transactions;
  while (transaction &&
         (transaction->is_client || transaction->method != method || !str_view_equal(transaction->branch, branch)))
    transaction = transaction->next;
  return transaction;
}

bool ua_transaction_take_request(struct actor *actor, const struct sip_message *request, const struct arrival *arrival,
                                 struct ua_transaction **transaction_out) {
  struct sip_via via = {0};
  *transaction_out = NULL;
  if (sip_message_top_via(request, &via) != RESULT_OK) return true;
  bool is_ack = request->method == SIP_METHOD_ACK;
  struct ua_transaction *known = find_server(actor, via.branch, is_ack ? SIP_METHOD_INVITE : request->method);
  if (known && is_ack) {
    known->is_acknowledged = true;
    world_cancel(&known->resend);
    return true;
  }
  if (known) {
    bool is_accepted = known->method == SIP_METHOD_INVITE && known->status >= 200 && known->status < 300;
    if (known->response.length && !is_accepted) actor_send(actor, &known->way, known->response);
    return true;
  }
  if (is_ack) return false;
  struct ua_transaction *transaction = create(actor, false, request->method, via.branch, request->bytes);
  transaction->way = (struct ua_way){arrival->source, arrival->connection};
  *transaction_out = transaction;
  return false;
}

struct ua_transaction *ua_transaction_cancelled(struct actor *actor, const struct sip_message *cancel) {
  struct sip_via via;
  if (sip_message_top_via(cancel, &via) != RESULT_OK) return NULL;
  return find_server(actor, via.branch, SIP_METHOD_INVITE);
}
