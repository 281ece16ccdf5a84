/* Which header fields cross from one leg to the other: call_carry.def, walked for each field of a message. */
#include "call/call_private.h"
#include "directory/directory.h"
#include "sip/sip_build.h"
#include "sip/sip_uri.h"

#define HOST_BYTES 64 /* an address of ours as text */

enum carry_whom { CARRY_FROM_ANYONE, CARRY_FROM_GATEWAY };
enum carry_hosts { CARRY_HOSTS_KEPT, CARRY_HOSTS_OURS };

struct carry_rule {
  uint8_t in; /* enum carry_in; 0: never */
  uint8_t whom;
  uint8_t hosts;
};

enum { IN_INVITE = CARRY_IN_INVITE, IN_REQUEST = CARRY_IN_REQUEST, IN_RESPONSE = CARRY_IN_RESPONSE };

#define INVITE   IN_INVITE
#define REQUEST  IN_REQUEST
#define RESPONSE IN_RESPONSE
#define ALL      (IN_INVITE | IN_REQUEST | IN_RESPONSE)

static const struct carry_rule known[SIP_HEADER_COUNT] = {
#define CARRY(header, in, whom, hosts) [SIP_HEADER_##header] = {in, CARRY_FROM_##whom, CARRY_HOSTS_##hosts},
#define CARRY_OTHER(...)
#define NEVER(header, why) [SIP_HEADER_##header] = {0},
#include "call/call_carry.def"
#undef CARRY
#undef CARRY_OTHER
#undef NEVER
};

static const struct {
  struct str_view name;
  struct carry_rule rule;
} others[] = {
#define CARRY(...)
#define CARRY_OTHER(name, in, whom, hosts) {STR_VIEW_LITERAL(name), {in, CARRY_FROM_##whom, CARRY_HOSTS_##hosts}},
#define NEVER(...)
#include "call/call_carry.def"
#undef CARRY
#undef CARRY_OTHER
#undef NEVER
};

/* A rule's name that ends with '-' stands for all names that begin so. */
static bool names_it(struct str_view rule, struct str_view name) {
  if (rule.data[rule.length - 1] == '-') return str_view_starts_with_nocase(name, rule);
  return str_view_equal_nocase(name, rule);
}

static struct carry_rule rule_of(const struct sip_message *message, unsigned index) {
  enum sip_header header = (enum sip_header)message->fields[index].header;
  if (header != SIP_HEADER_OTHER) return known[header];
  struct str_view name = sip_message_field_name(message, index);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (names_it(others[i].name, name)) return others[i].rule;
  return (struct carry_rule){0};
}

/* --- hosts ------------------------------------------------------------------------------------------------------- */

/* The host and port of a SIP URI that names an address; empty when it names a domain, or is no SIP URI. */
static struct str_view address_in(struct str_view uri_text) {
  struct sip_uri uri;
  struct address address;
  if (sip_uri_parse(uri_text, &uri) != RESULT_OK || (uri.scheme != SIP_URI_SIP && uri.scheme != SIP_URI_SIPS) ||
      address_parse_ip(uri.host, &address) != RESULT_OK)
    return (struct str_view){0};
  const char *start = uri.host.data - (uri.host_is_ipv6 ? 1 : 0);
  const char *end = uri.host.data + uri.host.length + (uri.host_is_ipv6 ? 1 : 0);
  const char *uri_end = uri_text.data + uri_text.length;
  if (uri.port != 0)
    for (end++; end < uri_end && *end >= '0' && *end <= '9';)
      end++;
  return str_view_of(start, (size_t)(end - start));
}

/* The values of one field with the addresses in their URIs replaced by `own`. */
static struct str_view with_own_hosts(struct str_view value, const struct address *own, struct arena *arena) {
  struct text_builder text = arena_builder(arena, value.length + (value.length / 8 + 1) * HOST_BYTES);
  while (value.length > 0) {
    size_t start = str_view_find(value, '<');
    start =
        start < value.length ? start + 1 : 0; /* without brackets the value itself is the URI, up to its parameters */
    struct str_view rest = str_view_from(value, start);
    struct str_view uri = str_view_slice(rest, 0, str_view_find(rest, start > 0 ? '>' : ';'));
    struct str_view host = address_in(uri);
    struct str_view behind = str_view_from(rest, uri.length);
    text_builder_add(&text, str_view_slice(value, 0, start));
    if (host.length > 0) {
      text_builder_add(&text, str_view_slice(uri, 0, (size_t)(host.data - uri.data)));
      address_ip_to_text(own, &text);
      text_builder_add(&text, str_view_from(uri, (size_t)(host.data - uri.data) + host.length));
    } else {
      text_builder_add(&text, uri);
    }
    size_t next = start > 0 ? str_view_find(behind, '<') : behind.length;
    text_builder_add(&text, str_view_slice(behind, 0, next));
    value = str_view_from(behind, next);
  }
  return text.overflowed ? (struct str_view){0} : text_builder_view(&text);
}

/* --- carrying ---------------------------------------------------------------------------------------------------- */

void call_carry_headers(struct call_step *step, enum carry_in in, struct text_builder *builder) {
  const struct sip_message *message = step->message;
  const struct address *own = &step->context->local->sockets[0].advertised;
  bool from_gateway = step->leg->device_kind != DEVICE_PHONE;
  for (unsigned i = 0; i < message->header_count; i++) {
    struct carry_rule rule = rule_of(message, i);
    if ((rule.in & in) == 0 || (rule.whom == CARRY_FROM_GATEWAY && !from_gateway)) continue;
    enum sip_header header = (enum sip_header)message->fields[i].header;
    struct str_view value = sip_message_field_value(message, i);
    if (rule.hosts == CARRY_HOSTS_OURS) value = with_own_hosts(value, own, step->context->arena);
    if (header != SIP_HEADER_OTHER)
      sip_build_header(builder, header, value);
    else
      sip_build_other_header(builder, sip_message_field_name(message, i), value);
  }
}
