#include "sip/sip_scan.h"
#include "sip/sip_uri.h"

bool sip_parameter_next(struct str_view *rest, struct str_view *name_out, struct str_view *value_out) {
  struct sip_scan scan = sip_scan_of(*rest);
  while (!sip_scan_at_end(&scan) && (*scan.at == ';' || sip_is(*scan.at, SIP_BLANK)))
    scan.at++;
  if (sip_scan_at_end(&scan)) {
    *rest = sip_scan_rest(&scan);
    return false;
  }
  const char *start = scan.at;
  while (!sip_scan_at_end(&scan) && *scan.at != ';' && *scan.at != '=')
    scan.at++;
  *name_out = sip_trim(sip_view_between(start, scan.at));
  *value_out = str_view_of(scan.at, 0);
  if (sip_scan_byte(&scan, '=')) {
    sip_scan_blanks(&scan);
    start = scan.at;
    if (!sip_scan_at_end(&scan) && *scan.at == '"') (void)!sip_scan_quoted(&scan);
    while (!sip_scan_at_end(&scan) && *scan.at != ';')
      scan.at++;
    *value_out = sip_trim(sip_view_between(start, scan.at));
  }
  *rest = sip_scan_rest(&scan);
  return true;
}

bool sip_parameter_find(struct str_view parameters, struct str_view name, struct str_view *value_out) {
  struct str_view found, value;
  while (sip_parameter_next(&parameters, &found, &value)) {
    if (!str_view_equal_nocase(found, name)) continue;
    *value_out = value;
    return true;
  }
  return false;
}
