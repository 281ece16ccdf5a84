/* Steps 6 and 7 of RFC 3261 §10.3: from Contact fields to changes of the location table, all of them or none. */
#include "parameters/parameters.h"
#include "registrar/register_request.h"
#include "sip/sip_header_values.h"

#define ONE_HOUR_S 3600

/* --- what a Contact field says ----------------------------------------------------------------------------------- */

/* A malformed value counts as not said (RFC 3261 §20.10 has its own default for it, the same as ours). */
static bool read_seconds(struct str_view text, uint32_t *seconds_out) {
  return text.length > 0 && sip_delta_seconds_parse(text, seconds_out) == RESULT_OK;
}

static uint32_t requested_expires_s(const struct register_request *request, struct str_view contact_parameters) {
  uint32_t seconds;
  struct str_view value;
  if (sip_parameter_find(contact_parameters, STR_VIEW("expires"), &value) && read_seconds(value, &seconds))
    return seconds;
  if (read_seconds(sip_message_header(request->message, SIP_HEADER_EXPIRES), &seconds)) return seconds;
  return request->context->parameters->SS_ENDPOINT_EXPIRE;
}

/* "0.7" → 700; 1000 when it is not given or not a qvalue (RFC 3261 §25.1: at most three decimals, at most 1). */
static uint16_t read_q_thousandths(struct str_view contact_parameters) {
  struct str_view text;
  const uint16_t most = 1000;
  if (!sip_parameter_find(contact_parameters, STR_VIEW("q"), &text) || text.length == 0 || text.length > 5) return most;
  if (text.data[0] != '0' || (text.length > 1 && text.data[1] != '.')) return most;
  unsigned thousandths = 0, weight = 100;
  for (size_t i = 2; i < text.length; i++, weight /= 10) {
    if (text.data[i] < '0' || text.data[i] > '9') return most;
    thousandths += weight * (unsigned)(text.data[i] - '0');
  }
  return (uint16_t)thousandths;
}

/* A device is behind NAT when its Contact names another address than the one it was heard from. A host name tells
 * nothing, so what was heard counts. Over a stream its own port is not the one it listens on. Behind a Path the proxy
 * knows the way. */
static bool is_behind_nat(const struct register_request *request, const struct sip_uri *uri) {
  struct address address;
  if (request->path.length > 0) return false;
  if (address_parse_ip(uri->host, &address) != RESULT_OK) return true;
  const uint16_t default_port = uri->scheme == SIP_URI_SIPS ? 5061 : 5060;
  address.port = uri->port ? uri->port : default_port;
  if (transport_is_stream(request->flow->transport)) address.port = request->flow->remote.port;
  return !address_equal(&address, &request->flow->remote);
}

static enum contact_problem read_contact(struct register_request *request, const struct sip_name_addr *contact,
                                         struct contact_change *change) {
  if (contact->uri.scheme != SIP_URI_SIP && contact->uri.scheme != SIP_URI_SIPS) return CONTACT_MALFORMED;
  *change = (struct contact_change){
      .uri = contact->uri,
      .facts = {.texts = {.number = request->number,
                          .contact = contact->uri_text,
                          .path = request->path,
                          .user_agent = sip_message_header(request->message, SIP_HEADER_USER_AGENT)},
                .flow = request->flow,
                .call_id_hash = request->call_id_hash,
                .branch_hash = request->branch_hash,
                .cseq = request->message->cseq,
                .expires_s = requested_expires_s(request, contact->parameters),
                .q_thousandths = read_q_thousandths(contact->parameters),
                .behind_nat = is_behind_nat(request, &contact->uri),
                .text_spoils = registrar_text_spoils(sip_message_header(request->message, SIP_HEADER_USER_AGENT)),
                .keep_alive_method = registrar_keep_alive_method(request->phone),
                .keep_alive_own_period_s = registrar_keep_alive_period_s(request->phone)}};
  return register_outbound_read_contact(request, contact->parameters, &change->facts);
}

/* A second field with the same URI speaks last. */
static struct contact_change *place_for(struct register_request *request, const struct sip_uri *uri) {
  for (unsigned i = 0; i < request->change_count; i++)
    if (sip_uri_equal(&request->changes[i].uri, uri)) return &request->changes[i];
  return request->change_count < EVENT_LOCATION_CONTACTS_MAX ? &request->changes[request->change_count++] : NULL;
}

static enum contact_problem read_contacts(struct register_request *request) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  unsigned field_count = 0;
  while (sip_message_next_value(request->message, SIP_HEADER_CONTACT, &cursor, &value)) {
    struct sip_name_addr contact;
    struct contact_change change;
    if (sip_name_addr_parse(value, &contact) != RESULT_OK) return CONTACT_MALFORMED;
    field_count++;
    if (contact.is_star) {
      request->has_star = true;
      continue;
    }
    enum contact_problem problem = read_contact(request, &contact, &change);
    if (problem != CONTACT_FINE) return problem;
    struct contact_change *place = place_for(request, &contact.uri);
    if (!place) return CONTACT_TOO_MANY;
    *place = change;
  }
  uint32_t expires_s = 1;
  bool says_zero = read_seconds(sip_message_header(request->message, SIP_HEADER_EXPIRES), &expires_s) && expires_s == 0;
  return request->has_star && (field_count > 1 || !says_zero) ? CONTACT_MALFORMED : CONTACT_FINE;
}

/* --- what is there already --------------------------------------------------------------------------------------- */

struct registration *register_contacts_first(struct register_request *request) {
  if (!request->first_is_known)
    request->first = location_table_first(&request->registrar->locations, request->context, request->number);
  request->first_is_known = true;
  return request->first;
}

static struct registration *find_binding(struct register_request *request, const struct contact_change *change) {
  const struct registration_facts *facts = &change->facts;
  for (struct registration *binding = register_contacts_first(request); binding; binding = binding->next) {
    struct sip_uri bound;
    if (binding->reg_id != facts->reg_id) continue;
    if (facts->reg_id != 0) {
      if (binding->instance_hash == facts->instance_hash) return binding;
      continue;
    }
    struct str_view text = registration_texts(&request->registrar->locations, binding).contact;
    if (str_view_equal(text, facts->texts.contact)) return binding; /* as a refresh has it */
    if (sip_uri_parse(text, &bound) == RESULT_OK && sip_uri_equal(&bound, &change->uri)) return binding;
  }
  return NULL;
}

/* Steps 6 and 7: of one Call-ID only a higher CSeq counts, so that a request overtaken by a later one changes nothing.
 */
static bool is_in_order(const struct register_request *request, const struct registration *binding) {
  return binding->call_id_hash != request->call_id_hash || request->message->cseq > binding->cseq;
}

static enum contact_problem plan_change(struct register_request *request, struct contact_change *change) {
  uint32_t *expires_s = &change->facts.expires_s;
  if (*expires_s > 0 && *expires_s < ONE_HOUR_S && *expires_s < REGISTER_EXPIRES_LEAST_S) return CONTACT_TOO_BRIEF;
  uint32_t longest_s = request->context->parameters->SS_ENDPOINT_EXPIRE;
  if (*expires_s > longest_s) *expires_s = longest_s;
  change->existing = find_binding(request, change);
  return change->existing && !is_in_order(request, change->existing) ? CONTACT_OUT_OF_ORDER : CONTACT_FINE;
}

bool register_contacts_add_any(const struct register_request *request) {
  for (unsigned i = 0; i < request->change_count; i++)
    if (request->changes[i].facts.expires_s > 0) return true;
  return false;
}

static bool is_named(const struct register_request *request, const struct registration *binding) {
  for (unsigned i = 0; i < request->change_count; i++)
    if (request->changes[i].existing == binding) return true;
  return register_outbound_is_other_flow(request, binding);
}

/* SS_ENDPOINT_REGISTER_REPLACE: whoever registers last is the number's only device. A request that only removes
 * something, or asks, replaces nothing. */
static bool replaces_others(const struct register_request *request) {
  return request->context->parameters->SS_ENDPOINT_REGISTER_REPLACE && register_contacts_add_any(request);
}

static bool removes_unnamed(const struct register_request *request) {
  return request->has_star || replaces_others(request);
}

/* Also a binding that the request does not name is only removed by a request that was not overtaken. */
static enum contact_problem plan_removal_of_unnamed(struct register_request *request) {
  for (struct registration *binding = register_contacts_first(request); binding; binding = binding->next)
    if (!is_named(request, binding) && !is_in_order(request, binding)) return CONTACT_OUT_OF_ORDER;
  return CONTACT_FINE;
}

/* A flow is registered by itself (RFC 5626 §6). */
static bool mixes_flows(const struct register_request *request) {
  unsigned added = 0;
  for (unsigned i = 0; i < request->change_count; i++)
    added += request->changes[i].facts.expires_s > 0;
  return request->has_flow && added > 1;
}

static bool too_many_remain(struct register_request *request) {
  unsigned count = 0;
  for (struct registration *binding = register_contacts_first(request); binding; binding = binding->next)
    count +=
        register_outbound_is_other_flow(request, binding) || (!is_named(request, binding) && !removes_unnamed(request));
  for (unsigned i = 0; i < request->change_count; i++)
    count += request->changes[i].facts.expires_s > 0;
  return count > EVENT_LOCATION_CONTACTS_MAX;
}

/* --- preparing and committing ------------------------------------------------------------------------------------ */

static void discard_all(struct register_request *request) {
  for (unsigned i = 0; i < request->change_count; i++) {
    struct contact_change *change = &request->changes[i];
    if (change->made) location_table_discard(&request->registrar->locations, request->context, change->made);
    change->made = NULL;
  }
}

static bool prepare(struct register_request *request, struct contact_change *change) {
  struct location_table *locations = &request->registrar->locations;
  if (change->facts.expires_s == 0) return true;
  if (change->existing && location_table_can_refresh(locations, change->existing, &change->facts)) return true;
  change->made = location_table_prepare(locations, request->context, &change->facts);
  return change->made != NULL;
}

enum contact_problem register_contacts_plan(struct register_request *request) {
  enum contact_problem problem = read_contacts(request);
  if (problem == CONTACT_FINE && mixes_flows(request)) problem = CONTACT_MALFORMED;
  if (problem != CONTACT_FINE) return problem;
  for (unsigned i = 0; i < request->change_count && problem == CONTACT_FINE; i++)
    problem = plan_change(request, &request->changes[i]);
  if (problem == CONTACT_FINE && removes_unnamed(request)) problem = plan_removal_of_unnamed(request);
  if (problem == CONTACT_FINE && too_many_remain(request)) problem = CONTACT_TOO_MANY;
  for (unsigned i = 0; i < request->change_count && problem == CONTACT_FINE; i++)
    if (!prepare(request, &request->changes[i])) problem = CONTACT_NO_ROOM;
  if (problem != CONTACT_FINE) discard_all(request);
  return problem;
}

static void remove_unnamed(struct register_request *request) {
  struct registration *next;
  for (struct registration *binding = register_contacts_first(request); binding; binding = next) {
    next = binding->next;
    if (is_named(request, binding)) continue;
    registrar_remove(request->registrar, request->context, binding);
    request->first_is_known = false;
  }
}

/* A new connection is what phones have every day; another address for datagrams, behind which the phone is the same, is
 * another binding of its NAT, or another network. */
static void tell_move(struct register_request *request, const struct flow *from) {
  struct registration_move move = {
      .number = request->number, .from = *from, .to = *request->flow, .has_registered = true};
  if (from->transport == TRANSPORT_UDP && request->flow->transport == TRANSPORT_UDP)
    registration_move_tell(request->registrar, request->context, &move);
}

/* Where the phone is where it was, the journal has all that matters but until when. */
static void refresh(struct register_request *request, const struct contact_change *change) {
  struct location_table *locations = &request->registrar->locations;
  struct flow before = change->existing->device->flow;
  bool has_moved = !flow_equal(&before, change->facts.flow);
  location_table_refresh(locations, request->context, change->existing, &change->facts);
  registration_keep_changes(locations, request->context, change->existing, has_moved ? JOURNAL_SOON : JOURNAL_LAZY);
  counters_add(request->context->counters, registrations_refreshed);
  if (has_moved) tell_move(request, &before);
}

static void commit_change(struct register_request *request, const struct contact_change *change) {
  struct location_table *locations = &request->registrar->locations;
  struct context *context = request->context;
  if (change->existing && !change->made && change->facts.expires_s > 0) {
    refresh(request, change);
    return;
  }
  request->first_is_known = false;
  if (change->existing && change->made) { /* the same contact, written or routed otherwise */
    change->made->registered_at = change->existing->registered_at;
    keepalive_inherit(change->made->device, change->existing->device);
    location_table_remove(locations, context, change->existing);
  } else if (change->existing) {
    registrar_remove(request->registrar, context, change->existing);
  }
  if (!change->made) return;
  location_table_link(locations, context, change->made, change->facts.expires_s);
  registration_keep(locations, context, change->made);
  if (change->existing)
    counters_add(context->counters, registrations_refreshed);
  else
    counters_add(context->counters, registrations_added);
}

void register_contacts_commit(struct register_request *request) {
  if (removes_unnamed(request)) remove_unnamed(request);
  for (unsigned i = 0; i < request->change_count; i++)
    commit_change(request, &request->changes[i]);
}
