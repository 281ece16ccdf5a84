#include "sip/sip_header_values.h"
#include "sip/sip_scan.h"

/* "SIP" SLASH "2.0" SLASH, blanks around the slashes (RFC 3261 §25.1). */
static bool scan_protocol(struct sip_scan *scan) {
  struct str_view usual = STR_VIEW("SIP/2.0/");
  if ((size_t)(scan->end - scan->at) > usual.length && memcmp(scan->at, usual.data, usual.length) == 0) {
    scan->at += usual.length;
    return true;
  }
  struct str_view name = sip_scan_while(scan, SIP_TOKEN);
  sip_scan_blanks(scan);
  if (!sip_is_word(name, "SIP") || !sip_scan_byte(scan, '/')) return false;
  sip_scan_blanks(scan);
  struct str_view version = sip_scan_while(scan, SIP_TOKEN);
  sip_scan_blanks(scan);
  return str_view_equal(version, STR_VIEW("2.0")) && sip_scan_byte(scan, '/');
}

static bool scan_transport(struct sip_scan *scan, struct sip_via *via) {
  sip_scan_blanks(scan);
  via->transport_text = sip_scan_while(scan, SIP_TOKEN);
  via->transport = sip_is_word(via->transport_text, "UDP") ? TRANSPORT_UDP : transport_from_name(via->transport_text);
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

/* The parameters this switch acts on; each other one stays text. Of two with one name the first counts. */
static bool take_parameter(struct str_view name, struct str_view value, struct sip_via *via) {
  if (sip_is_word(name, "branch")) {
    if (via->branch.length == 0) via->branch = value;
  } else if (sip_is_word(name, "rport")) {
    return via->has_rport || take_rport(value, via);
  } else if (sip_is_word(name, "received")) {
    if (via->received.length == 0) via->received = value;
  } else if (sip_is_word(name, "maddr")) {
    if (via->maddr.length == 0) via->maddr = value;
  }
  return true;
}

static bool scan_via_parameters(struct sip_scan *scan, struct sip_via *via) {
  struct str_view name, value;
  enum sip_parameter_step step;
  sip_scan_blanks(scan);
  const char *start = scan->at;
  while ((step = sip_scan_parameter(scan, &name, &value)) == SIP_PARAMETER)
    if (!take_parameter(name, value, via)) return false;
  if (step == SIP_PARAMETER_BROKEN) return false;
  if (scan->at != start) via->parameters = sip_trim(sip_view_between(start + 1, scan->at));
  return true;
}

/* One via-parm; `scan` then stands behind it and its blanks. */
static bool scan_via(struct sip_scan *scan, struct sip_via *via) {
  *via = (struct sip_via){0};
  return scan_protocol(scan) && scan_transport(scan, via) && scan_sent_by(scan, via) && scan_via_parameters(scan, via);
}

enum result sip_via_parse(struct str_view value, struct sip_via *via_out) {
  struct sip_scan scan = sip_scan_of(sip_trim(value));
  return scan_via(&scan, via_out) && sip_scan_at_end(&scan) ? RESULT_OK : RESULT_MALFORMED;
}

/* Every message comes through here, so the field is not split into its values first. */
bool sip_via_scan_top(struct str_view field, struct sip_via *via) {
  struct sip_scan scan = sip_scan_of(field);
  return scan_via(&scan, via) && (sip_scan_at_end(&scan) || *scan.at == ',');
}

enum result sip_message_top_via(const struct sip_message *message, struct sip_via *via_out) {
  if (!message->has_top_via) return RESULT_MALFORMED;
  *via_out = message->top_via;
  return RESULT_OK;
}

static bool has_second_field(const struct sip_message *message) {
  for (unsigned i = message->first_field[SIP_HEADER_VIA]; i < message->header_count; i++)
    if (message->fields[i].header == SIP_HEADER_VIA) return true;
  return false;
}

bool sip_message_has_one_via(const struct sip_message *message) {
  struct str_view field = sip_message_header(message, SIP_HEADER_VIA), value;
  /* The quick way for nearly all: the top value ends where the only field ends. */
  const struct str_view *last =
      message->top_via.parameters.length ? &message->top_via.parameters : &message->top_via.sent_by;
  if (message->has_top_via && last->data + last->length == field.data + field.length && !has_second_field(message))
    return true;
  struct sip_value_cursor cursor = {0};
  return sip_message_next_value(message, SIP_HEADER_VIA, &cursor, &value) &&
         !sip_message_next_value(message, SIP_HEADER_VIA, &cursor, &value);
}
