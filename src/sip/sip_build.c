#include "sip/sip_build.h"

#include "sip/sip_header_values.h"
#include "sip/sip_scan.h"

static bool has_line_break(struct str_view text) {
  return text.length && (memchr(text.data, '\r', text.length) || memchr(text.data, '\n', text.length));
}

/* Everything handed in goes through here: a line break, with the blanks around it, becomes one blank. */
static void add_value(struct text_builder *builder, struct str_view value) {
  if (!has_line_break(value)) {
    text_builder_add(builder, value);
    return;
  }
  struct sip_scan scan = sip_scan_of(value);
  while (!sip_scan_at_end(&scan)) {
    const char *start = scan.at;
    while (!sip_scan_at_end(&scan) && !sip_is(*scan.at, SIP_BLANK))
      scan.at++;
    text_builder_add(builder, sip_view_between(start, scan.at));
    start = scan.at;
    sip_scan_blanks(&scan);
    struct str_view blanks = sip_view_between(start, scan.at);
    text_builder_add(builder, has_line_break(blanks) ? STR_VIEW(" ") : blanks);
  }
}

static void add_line_end(struct text_builder *builder) {
  text_builder_add_literal(builder, "\r\n");
}

static void add_name(struct text_builder *builder, enum sip_header header) {
  text_builder_add(builder, sip_header_text(header));
  text_builder_add_literal(builder, ": ");
}

static bool is_token(struct str_view text) {
  struct sip_scan scan = sip_scan_of(text);
  return sip_scan_while(&scan, SIP_TOKEN).length > 0 && sip_scan_at_end(&scan);
}

void sip_build_request_line(struct text_builder *builder, struct str_view method, struct str_view request_uri) {
  add_value(builder, method);
  text_builder_add_char(builder, ' ');
  add_value(builder, request_uri);
  text_builder_add_literal(builder, " SIP/2.0\r\n");
}

void sip_build_status_line(struct text_builder *builder, unsigned status, struct str_view reason) {
  text_builder_add_literal(builder, "SIP/2.0 ");
  text_builder_add_u64(builder, status);
  text_builder_add_char(builder, ' ');
  add_value(builder, reason.length ? reason : sip_status_text(status));
  add_line_end(builder);
}

void sip_build_header(struct text_builder *builder, enum sip_header header, struct str_view value) {
  add_name(builder, header);
  add_value(builder, value);
  add_line_end(builder);
}

void sip_build_plain_header(struct text_builder *builder, enum sip_header header, struct str_view value) {
  add_name(builder, header);
  text_builder_add(builder, value);
  add_line_end(builder);
}

void sip_build_header_begin(struct text_builder *builder, enum sip_header header) {
  add_name(builder, header);
}

void sip_build_header_end(struct text_builder *builder) {
  add_line_end(builder);
}

void sip_build_header_u32(struct text_builder *builder, enum sip_header header, uint32_t value) {
  add_name(builder, header);
  text_builder_add_u64(builder, value);
  add_line_end(builder);
}

void sip_build_other_header(struct text_builder *builder, struct str_view name, struct str_view value) {
  if (!is_token(name)) return;
  text_builder_add(builder, name);
  text_builder_add_literal(builder, ": ");
  add_value(builder, value);
  add_line_end(builder);
}

void sip_build_via(struct text_builder *builder, enum transport transport, const struct address *sent_by,
                   struct str_view branch) {
  char memory[ADDRESS_TEXT_BYTES];
  struct text_builder text = text_builder_over(memory, sizeof memory);
  address_to_text(sent_by, &text);
  sip_build_via_text(builder, transport, text_builder_view(&text), branch);
}

void sip_build_via_text(struct text_builder *builder, enum transport transport, struct str_view sent_by,
                        struct str_view branch) {
  text_builder_add_literal(builder, "Via: SIP/2.0/");
  text_builder_add(builder, transport_name(transport));
  text_builder_add_char(builder, ' ');
  text_builder_add(builder, sent_by);
  text_builder_add_literal(builder, ";branch=");
  add_value(builder, branch);
  if (transport == TRANSPORT_UDP) text_builder_add_literal(builder, ";rport");
  add_line_end(builder);
}

void sip_build_cseq(struct text_builder *builder, uint32_t number, struct str_view method) {
  add_name(builder, SIP_HEADER_CSEQ);
  text_builder_add_u64(builder, number);
  text_builder_add_char(builder, ' ');
  add_value(builder, method);
  add_line_end(builder);
}

/* A whole quoted string, or tokens and blanks only. */
static bool is_display_name(struct str_view display) {
  struct sip_scan scan = sip_scan_of(display);
  if (*scan.at != '"') {
    sip_scan_while(&scan, SIP_TOKEN | SIP_BLANK);
    return sip_scan_at_end(&scan);
  }
  return sip_scan_quoted(&scan) && sip_scan_at_end(&scan);
}

static void add_quoted(struct text_builder *builder, struct str_view text) {
  text_builder_add_char(builder, '"');
  for (size_t i = 0; i < text.length; i++) {
    char byte = text.data[i];
    if (byte == '"' || byte == '\\') text_builder_add_char(builder, '\\');
    text_builder_add_char(builder, byte == '\r' || byte == '\n' ? ' ' : byte);
  }
  text_builder_add_char(builder, '"');
}

/* A name that is neither is quoted, so that an error of the one who sent it is not passed on (RFC 4475 §3.1.2.15). */
static void add_display_name(struct text_builder *builder, struct str_view display) {
  if (is_display_name(display))
    add_value(builder, display);
  else
    add_quoted(builder, display);
  text_builder_add_char(builder, ' ');
}

void sip_build_name_addr(struct text_builder *builder, enum sip_header header, struct str_view display,
                         struct str_view uri, struct str_view parameters) {
  add_name(builder, header);
  if (display.length) add_display_name(builder, display);
  text_builder_add_char(builder, '<');
  add_value(builder, uri);
  text_builder_add_char(builder, '>');
  if (parameters.length) {
    text_builder_add_char(builder, ';');
    add_value(builder, parameters);
  }
  add_line_end(builder);
}

void sip_build_reason(struct text_builder *builder, struct str_view protocol, unsigned cause, struct str_view text) {
  add_name(builder, SIP_HEADER_REASON);
  add_value(builder, protocol);
  text_builder_add_literal(builder, ";cause=");
  text_builder_add_u64(builder, cause);
  text_builder_add_literal(builder, ";text=");
  add_quoted(builder, text);
  add_line_end(builder);
}

void sip_build_copy_headers(struct text_builder *builder, const struct sip_message *message, enum sip_header header) {
  unsigned first = message->first_field[header];
  for (unsigned i = first ? first - 1 : message->header_count; i < message->header_count; i++) {
    if (message->fields[i].header != header) continue;
    if (header == SIP_HEADER_OTHER)
      sip_build_other_header(builder, sip_message_field_name(message, i), sip_message_field_value(message, i));
    else
      sip_build_header(builder, header, sip_message_field_value(message, i));
  }
}

/* As a Via's received parameter wants it: an IPv6 address without brackets (RFC 5118 §4.5). */
static void add_received(struct text_builder *builder, const struct address *source) {
  char memory[64];
  struct text_builder text = text_builder_over(memory, sizeof memory);
  address_ip_to_text(source, &text);
  struct str_view ip = text_builder_view(&text);
  text_builder_add_literal(builder, ";received=");
  text_builder_add(builder, source->family == ADDRESS_IPV6 ? str_view_slice(ip, 1, ip.length - 2) : ip);
}

/* The topmost Via as the server sends it back: with where the request came from (RFC 3261 §18.2.1, RFC 3581 §4). What
 * the request itself claims about that is left out. */
static void add_top_via(struct text_builder *builder, const struct sip_via *via, const struct address *source,
                        uint32_t keep_s) {
  struct str_view rest = via->parameters, name, value;
  struct address sent_by;
  text_builder_add_literal(builder, "SIP/2.0/");
  text_builder_add(builder, via->transport_text);
  text_builder_add_char(builder, ' ');
  add_value(builder, via->sent_by);
  while (sip_parameter_next(&rest, &name, &value)) {
    bool is_rport = str_view_equal_nocase(name, STR_VIEW("rport"));
    if (is_rport || str_view_equal_nocase(name, STR_VIEW("received"))) continue;
    text_builder_add_char(builder, ';');
    add_value(builder, name);
    if (value.length) text_builder_add_char(builder, '=');
    add_value(builder, value);
    if (keep_s == 0 || value.length || !str_view_equal_nocase(name, STR_VIEW("keep"))) continue;
    text_builder_add_char(builder, '=');
    text_builder_add_u64(builder, keep_s);
  }
  bool same = address_parse_ip(via->host, &sent_by) == RESULT_OK && address_equal_ip(&sent_by, source);
  if (!same || via->has_rport) add_received(builder, source);
  if (via->has_rport) {
    text_builder_add_literal(builder, ";rport=");
    text_builder_add_u64(builder, source->port);
  }
}

/* The Via values, a line each; the first is written anew. */
static void add_vias(struct text_builder *builder, const struct sip_message *request, const struct address *source,
                     uint32_t keep_s) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  bool first = request->has_top_via;
  if (first && sip_message_has_one_via(request)) {
    add_name(builder, SIP_HEADER_VIA);
    add_top_via(builder, &request->top_via, source, keep_s);
    add_line_end(builder);
    return;
  }
  while (sip_message_next_value(request, SIP_HEADER_VIA, &cursor, &value)) {
    add_name(builder, SIP_HEADER_VIA);
    if (first)
      add_top_via(builder, &request->top_via, source, keep_s);
    else
      add_value(builder, value);
    add_line_end(builder);
    first = false;
  }
}

/* Only the first where a broken request has several. */
static void add_first(struct text_builder *builder, const struct sip_message *request, enum sip_header header) {
  if (sip_message_has(request, header)) sip_build_header(builder, header, sip_message_header(request, header));
}

void sip_build_response_block(struct text_builder *builder, const struct sip_message *request,
                              const struct address *source, struct str_view to_tag) {
  sip_build_response_block_keeping(builder, request, source, to_tag, 0);
}

void sip_build_response_block_keeping(struct text_builder *builder, const struct sip_message *request,
                                      const struct address *source, struct str_view to_tag, uint32_t keep_s) {
  add_vias(builder, request, source, keep_s);
  add_first(builder, request, SIP_HEADER_FROM);
  add_name(builder, SIP_HEADER_TO);
  add_value(builder, sip_message_header(request, SIP_HEADER_TO));
  if (request->to_tag.length == 0 && to_tag.length) {
    text_builder_add_literal(builder, ";tag=");
    add_value(builder, to_tag);
  }
  add_line_end(builder);
  add_first(builder, request, SIP_HEADER_CALL_ID);
  add_first(builder, request, SIP_HEADER_CSEQ);
  add_first(builder, request, SIP_HEADER_TIMESTAMP);
}

void sip_build_end(struct text_builder *builder, struct str_view content_type, struct str_view body) {
  if (body.length && content_type.length) sip_build_header(builder, SIP_HEADER_CONTENT_TYPE, content_type);
  sip_build_header_u32(builder, SIP_HEADER_CONTENT_LENGTH, (uint32_t)body.length);
  add_line_end(builder);
  text_builder_add(builder, body);
}
