/* Header lines that we write ourselves. Each is made from the table that rules what it says. */
#include "call/call_private.h"
#include "sip/sip_build.h"

static const struct {
  bool offered;
  struct str_view name;
} methods[] = {
#define METHOD_RULE(name, offered, outside, inside) {offered, STR_VIEW_LITERAL(#name)},
#include "call/method_rules.def"
#undef METHOD_RULE
};

void call_write_allow(struct text_builder *builder) {
  char memory[256];
  struct text_builder value = text_builder_over(memory, sizeof memory);
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (!methods[i].offered) continue;
    if (value.length > 0) text_builder_add_literal(&value, ", ");
    text_builder_add(&value, methods[i].name);
  }
  sip_build_header(builder, SIP_HEADER_ALLOW, text_builder_view(&value));
}

void call_write_supported(struct text_builder *builder) {
  sip_build_header(builder, SIP_HEADER_SUPPORTED, STR_VIEW("100rel"));
}

void call_write_capabilities(struct text_builder *builder) {
  call_write_allow(builder);
  call_write_supported(builder);
  sip_build_header(builder, SIP_HEADER_ACCEPT, STR_VIEW("application/sdp, multipart/mixed"));
}

void call_write_reason(struct text_builder *builder, const struct call_end *end) {
  const struct end_reason_row *row = end_reason_row((enum end_reason)end->reason);
  char memory[128];
  struct text_builder value = text_builder_over(memory, sizeof memory);
  text_builder_add_literal(&value, "Q.850;cause=");
  text_builder_add_u64(&value, end->q850 != 0 ? end->q850 : row->q850_cause);
  text_builder_add_literal(&value, ";text=\"");
  text_builder_add(&value, str_view_from_c(row->name));
  text_builder_add_char(&value, '"');
  sip_build_header(builder, SIP_HEADER_REASON, text_builder_view(&value));
}
