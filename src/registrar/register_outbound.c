/* SIP Outbound as a registrar's part of it (RFC 5626 §6): a device names itself (+sip.instance) and each of its flows
 * (reg-id), and a binding is that of a flow, whatever its Contact says. So a device whose address has changed replaces
 * its own binding, and one with two flows has two. */
#include "parameters/parameters.h"
#include "registrar/register_request.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"

static bool supports_outbound(const struct sip_message *message) {
  struct sip_value_cursor cursor = {0};
  struct str_view option;
  while (sip_message_next_value(message, SIP_HEADER_SUPPORTED, &cursor, &option))
    if (str_view_equal_nocase(option, STR_VIEW("outbound"))) return true;
  return false;
}

/* The first URI of the Path is the edge proxy's, which says `ob` when it keeps the flow. */
static bool comes_from_edge_proxy(const struct sip_message *message) {
  struct sip_value_cursor cursor = {0};
  struct str_view value, nothing;
  struct sip_name_addr hop;
  return sip_message_next_value(message, SIP_HEADER_PATH, &cursor, &value) &&
         sip_name_addr_parse(value, &hop) == RESULT_OK && !hop.is_star &&
         sip_parameter_find(hop.uri.parameters, STR_VIEW("ob"), &nothing);
}

void register_outbound_read(struct register_request *request) {
  request->supports_outbound = supports_outbound(request->message);
  request->is_first_hop = sip_message_has_one_via(request->message);
  request->takes_outbound = request->is_first_hop || comes_from_edge_proxy(request->message);
}

/* A reg-id without an instance is ignored; one that is no number from 1 on, too. */
enum contact_problem register_outbound_read_contact(struct register_request *request, struct str_view parameters,
                                                    struct registration_facts *facts) {
  struct str_view instance, reg_id;
  uint32_t number;
  if (!sip_parameter_find(parameters, STR_VIEW("reg-id"), &reg_id) || !str_view_to_u32(reg_id, &number) || number == 0)
    return CONTACT_FINE;
  if (!request->takes_outbound) return request->supports_outbound ? CONTACT_WITHOUT_FLOW : CONTACT_FINE;
  if (!sip_parameter_find(parameters, STR_VIEW("+sip.instance"), &instance) || instance.length == 0)
    return CONTACT_FINE;
  facts->instance_hash = (uint32_t)siphash(&request->context->local->nonce_key, instance.data, instance.length);
  facts->reg_id = number;
  request->has_flow = true;
  return CONTACT_FINE;
}

bool register_outbound_is_other_flow(const struct register_request *request, const struct registration *binding) {
  if (binding->reg_id == 0) return false;
  for (unsigned i = 0; i < request->change_count; i++) {
    const struct registration_facts *facts = &request->changes[i].facts;
    if (facts->reg_id != 0 && facts->instance_hash == binding->instance_hash && facts->reg_id != binding->reg_id)
      return true;
  }
  return false;
}

/* Flow-Timer says the same as the `keep` of the Via (RFC 6223 §5). */
void register_outbound_answer(const struct register_request *request, struct text_builder *response) {
  if (!request->has_flow || !request->supports_outbound) return;
  sip_build_header(response, SIP_HEADER_REQUIRE, STR_VIEW("outbound"));
  if (request->is_first_hop)
    sip_build_header_u32(response, SIP_HEADER_FLOW_TIMER, request->context->parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD);
}
