#include "sip/sip_name_addr.h"

#include "sip/sip_scan.h"

/* Reads [display-name] up to LAQUOT. True when there is one; else `scan` is where it was and an addr-spec must follow.
 */
static bool scan_display(struct sip_scan *scan, struct str_view *display_out) {
  struct sip_scan ahead = *scan;
  if (ahead.at < ahead.end && *ahead.at == '"') {
    if (!sip_scan_quoted(&ahead)) return false;
    *display_out = sip_view_between(scan->at, ahead.at);
    sip_scan_blanks(&ahead);
  } else {
    *display_out = sip_trim(sip_scan_while(&ahead, SIP_DISPLAY | SIP_BLANK));
  }
  if (!sip_scan_byte(&ahead, '<')) {
    *display_out = (struct str_view){0};
    return false;
  }
  *scan = ahead;
  return true;
}

/* Without angle brackets everything from the first ';' on is the header's, and the URI may hold neither ',' nor '?'
 * (RFC 3261 §20). */
static bool scan_addr_spec(struct sip_scan *scan, struct str_view *uri_out) {
  const char *start = scan->at;
  for (; scan->at < scan->end && *scan->at != ';' && !sip_is(*scan->at, SIP_BLANK); scan->at++)
    if (*scan->at == ',' || *scan->at == '?') return false;
  *uri_out = sip_view_between(start, scan->at);
  return true;
}

static bool scan_address(struct sip_scan *scan, struct sip_name_addr *name_addr) {
  if (!scan_display(scan, &name_addr->display)) return scan_addr_spec(scan, &name_addr->uri_text);
  const char *close = scan->at == scan->end ? NULL : memchr(scan->at, '>', (size_t)(scan->end - scan->at));
  if (!close) return false;
  name_addr->uri_text = sip_view_between(scan->at, close);
  scan->at = close + 1;
  return true;
}

static bool scan_header_parameters(struct sip_scan *scan, struct sip_name_addr *name_addr, struct str_view *tag) {
  struct str_view name, value;
  enum sip_parameter_step step;
  sip_scan_blanks(scan);
  const char *start = scan->at;
  while ((step = sip_scan_parameter(scan, &name, &value)) == SIP_PARAMETER)
    if (tag->data == NULL && sip_is_word(name, "tag")) *tag = value;
  if (step == SIP_PARAMETER_BROKEN || !sip_scan_at_end(scan)) return false;
  if (scan->at != start) name_addr->parameters = sip_trim(sip_view_between(start + 1, scan->at));
  return true;
}

enum result sip_name_addr_read(struct str_view text, struct sip_name_addr *name_addr_out, struct str_view *tag_out) {
  text = sip_trim(text);
  name_addr_out->display = name_addr_out->parameters = (struct str_view){0};
  name_addr_out->is_star = false;
  *tag_out = (struct str_view){0};
  if (text.length == 1 && text.data[0] == '*') {
    *name_addr_out = (struct sip_name_addr){.is_star = true};
    return RESULT_OK;
  }
  struct sip_scan scan = sip_scan_of(text);
  if (!scan_address(&scan, name_addr_out)) return RESULT_MALFORMED;
  if (sip_uri_parse(name_addr_out->uri_text, &name_addr_out->uri) != RESULT_OK) return RESULT_MALFORMED;
  return scan_header_parameters(&scan, name_addr_out, tag_out) ? RESULT_OK : RESULT_MALFORMED;
}

enum result sip_name_addr_parse(struct str_view text, struct sip_name_addr *name_addr_out) {
  struct str_view tag;
  return sip_name_addr_read(text, name_addr_out, &tag);
}
