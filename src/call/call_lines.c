/* Header lines that we write ourselves. Each is made from the table that rules what it says. */
#include "call/call_private.h"
#include "sip/sip_build.h"

/* ", INVITE, ACK": the methods whose row says so, put together by the compiler. */
static const char offered_methods[] =
#define METHOD_true(name)                           ", " #name
#define METHOD_false(name)                          ""
#define METHOD_RULE(name, offered, outside, inside) METHOD_##offered(name)
#include "call/method_rules.def"
#undef METHOD_RULE
    ;

void call_write_allow(struct text_builder *builder) {
  sip_build_plain_header(builder, SIP_HEADER_ALLOW, str_view_of(offered_methods + 2, sizeof offered_methods - 3));
}

void call_write_supported(struct text_builder *builder, bool timer, bool reliable) {
  if (!timer && !reliable) return;
  struct str_view value = timer && reliable ? STR_VIEW("timer, 100rel")
                          : timer           ? STR_VIEW("timer")
                                            : STR_VIEW("100rel");
  sip_build_plain_header(builder, SIP_HEADER_SUPPORTED, value);
}

void call_write_capabilities(struct text_builder *builder) {
  call_write_allow(builder);
  call_write_supported(builder, true, true);
  sip_build_header(builder, SIP_HEADER_ACCEPT, STR_VIEW("application/sdp, multipart/mixed"));
}

void call_write_reason(struct text_builder *builder, const struct call_end *end) {
  const struct end_reason_row *row = end_reason_row((enum end_reason)end->reason);
  unsigned cause = end->q850 != 0 ? end->q850 : row->q850_cause;
  sip_build_reason(builder, STR_VIEW("Q.850"), cause, str_view_from_c(row->name));
}
