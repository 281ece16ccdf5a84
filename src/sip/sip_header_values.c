#include "sip/sip_header_values.h"

#include "sip/sip_scan.h"

/* A comment: text in parentheses, which may hold quoted pairs and further comments (RFC 3261 §25.1). */
static bool scan_comment(struct sip_scan *scan) {
  unsigned depth = 0;
  for (; !sip_scan_at_end(scan); scan->at++) {
    if (*scan->at == '(') depth++;
    if (*scan->at == '\\' && scan->end - scan->at > 1)
      scan->at++;
    else if (*scan->at == ')' && --depth == 0) {
      scan->at++;
      return true;
    }
  }
  return false;
}

enum result sip_session_expires_parse(struct str_view value, struct sip_session_expires *out) {
  struct sip_scan scan = sip_scan_of(sip_trim(value));
  struct str_view name, found, refresher = {0};
  enum sip_parameter_step step;
  bool cut;
  *out = (struct sip_session_expires){0};
  if (!sip_scan_u32(&scan, &out->interval_s, &cut)) return RESULT_MALFORMED;
  sip_scan_blanks(&scan);
  while ((step = sip_scan_parameter(&scan, &name, &found)) == SIP_PARAMETER)
    if (refresher.data == NULL && sip_is_word(name, "refresher")) refresher = found;
  if (step == SIP_PARAMETER_BROKEN || !sip_scan_at_end(&scan)) return RESULT_MALFORMED;
  /* Any other word is a generic-param of no meaning (RFC 4028 §4). */
  if (sip_is_word(refresher, "uac")) out->refresher = SIP_REFRESHER_UAC;
  if (sip_is_word(refresher, "uas")) out->refresher = SIP_REFRESHER_UAS;
  return RESULT_OK;
}

enum result sip_delta_seconds_parse(struct str_view value, uint32_t *seconds_out) {
  struct sip_scan scan = sip_scan_of(sip_trim(value));
  struct str_view parameters;
  uint32_t seconds;
  bool cut;
  if (!sip_scan_u32(&scan, &seconds, &cut)) return RESULT_MALFORMED;
  sip_scan_blanks(&scan);
  if (!sip_scan_at_end(&scan) && *scan.at == '(' && !scan_comment(&scan)) return RESULT_MALFORMED;
  if (!sip_scan_parameters(&scan, &parameters)) return RESULT_MALFORMED;
  *seconds_out = seconds;
  return RESULT_OK;
}

/* 1*DIGIT LWS, at most 32 bits. */
static bool scan_number_and_blanks(struct sip_scan *scan, uint32_t *number_out) {
  bool cut;
  if (!sip_scan_u32(scan, number_out, &cut) || cut) return false;
  const char *before = scan->at;
  sip_scan_blanks(scan);
  return scan->at != before;
}

enum result sip_rack_parse(struct str_view value, struct sip_rack *out) {
  struct sip_scan scan = sip_scan_of(sip_trim(value));
  *out = (struct sip_rack){0};
  if (!scan_number_and_blanks(&scan, &out->rseq) || !scan_number_and_blanks(&scan, &out->cseq)) return RESULT_MALFORMED;
  out->method_text = sip_scan_while(&scan, SIP_TOKEN);
  return out->method_text.length && sip_scan_at_end(&scan) ? RESULT_OK : RESULT_MALFORMED;
}

enum result sip_reason_parse(struct str_view value, struct sip_reason *out) {
  struct sip_scan scan = sip_scan_of(sip_trim(value));
  struct str_view parameters, cause, text;
  *out = (struct sip_reason){.protocol = sip_scan_while(&scan, SIP_TOKEN)};
  if (out->protocol.length == 0 || !sip_scan_parameters(&scan, &parameters)) return RESULT_MALFORMED;
  if (sip_parameter_find(parameters, STR_VIEW("cause"), &cause) && !str_view_to_u32(cause, &out->cause))
    return RESULT_MALFORMED;
  if (sip_parameter_find(parameters, STR_VIEW("text"), &text)) out->text = sip_unquoted(text);
  return RESULT_OK;
}
