#include "sip/sip_header_values.h"
#include "sip/sip_scan.h"

/* "SIP" SLASH "2.0" SLASH transport, blanks around the slashes (RFC 3261 §25.1). */
static bool scan_protocol(struct sip_scan *scan, struct sip_via *via) {
  if (!str_view_equal_nocase(sip_scan_while(scan, SIP_TOKEN), STR_VIEW("SIP"))) return false;
  sip_scan_blanks(scan);
  if (!sip_scan_byte(scan, '/')) return false;
  sip_scan_blanks(scan);
  if (!str_view_equal(sip_scan_while(scan, SIP_TOKEN), STR_VIEW("2.0"))) return false;
  sip_scan_blanks(scan);
  if (!sip_scan_byte(scan, '/')) return false;
  sip_scan_blanks(scan);
  via->transport_text = sip_scan_while(scan, SIP_TOKEN);
  via->transport = transport_from_name(via->transport_text);
  const char *before = scan->at;
  sip_scan_blanks(scan);
  return via->transport_text.length > 0 && scan->at != before;
}

/* host [COLON port] */
static bool scan_sent_by(struct sip_scan *scan, struct sip_via *via) {
  const char *start = scan->at;
  bool is_ipv6;
  if (!sip_scan_host(scan, &via->host, &is_ipv6)) return false;
  const char *end = scan->at;
  sip_scan_blanks(scan);
  if (sip_scan_byte(scan, ':')) {
    sip_scan_blanks(scan);
    if (!sip_scan_port(scan, &via->port)) return false;
    end = scan->at;
  }
  via->sent_by = sip_view_between(start, end);
  return true;
}

static bool take_rport(struct str_view value, struct sip_via *via) {
  uint32_t port = 0;
  if (value.length && (!str_view_to_u32(value, &port) || port > UINT16_MAX)) return false;
  via->has_rport = true;
  via->rport = (uint16_t)port;
  return true;
}

/* The parameters this switch acts on; each other one stays text. The last of two equal names counts nowhere: the first
 * does. */
static bool take_parameter(struct str_view name, struct str_view value, struct sip_via *via) {
  switch (name.length) {
  case 4:
    if (str_view_equal_nocase(name, STR_VIEW("keep"))) via->has_keep = true;
    return true;
  case 5:
    if (str_view_equal_nocase(name, STR_VIEW("rport"))) return via->has_rport || take_rport(value, via);
    if (via->maddr.length == 0 && str_view_equal_nocase(name, STR_VIEW("maddr"))) via->maddr = value;
    return true;
  case 6:
    if (via->branch.length == 0 && str_view_equal_nocase(name, STR_VIEW("branch"))) via->branch = value;
    return true;
  case 8:
    if (via->received.length == 0 && str_view_equal_nocase(name, STR_VIEW("received"))) via->received = value;
    return true;
  default: return true;
  }
}

enum result sip_via_parse(struct str_view value, struct sip_via *via_out) {
  struct sip_scan scan = sip_scan_of(sip_trim(value));
  *via_out = (struct sip_via){0};
  if (!scan_protocol(&scan, via_out) || !scan_sent_by(&scan, via_out)) return RESULT_MALFORMED;
  if (!sip_scan_parameters(&scan, &via_out->parameters)) return RESULT_MALFORMED;
  struct str_view rest = via_out->parameters, name, parameter;
  while (sip_parameter_next(&rest, &name, &parameter))
    if (!take_parameter(name, parameter, via_out)) return RESULT_MALFORMED;
  return RESULT_OK;
}

enum result sip_message_top_via(const struct sip_message *message, struct sip_via *via_out) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  *via_out = (struct sip_via){0};
  if (!sip_message_next_value(message, SIP_HEADER_VIA, &cursor, &value)) return RESULT_MALFORMED;
  return sip_via_parse(value, via_out);
}
