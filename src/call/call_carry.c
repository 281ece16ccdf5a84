/* Which header fields cross from one leg to the other: call_carry.def, walked for each field of a message. */
#include "call/call_private.h"
#include "sip/sip_build.h"

enum carry_whom { CARRY_FROM_ANYONE, CARRY_FROM_GATEWAY };

struct carry_rule {
  uint8_t in; /* enum carry_in; 0: never */
  uint8_t whom;
};

enum { IN_INVITE = CARRY_IN_INVITE, IN_REQUEST = CARRY_IN_REQUEST, IN_RESPONSE = CARRY_IN_RESPONSE };

#define INVITE   IN_INVITE
#define REQUEST  IN_REQUEST
#define RESPONSE IN_RESPONSE
#define ALL      (IN_INVITE | IN_REQUEST | IN_RESPONSE)

static const struct carry_rule known[SIP_HEADER_COUNT] = {
#define CARRY(header, in, whom) [SIP_HEADER_##header] = {in, CARRY_FROM_##whom},
#define CARRY_OTHER(...)
#define NEVER(header, why) [SIP_HEADER_##header] = {0, CARRY_FROM_ANYONE},
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
#define CARRY_OTHER(name, in, whom) {STR_VIEW_LITERAL(name), {in, CARRY_FROM_##whom}},
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

void call_carry_headers(const struct sip_message *message, enum carry_in in, bool from_gateway,
                        struct text_builder *builder) {
  for (unsigned i = 0; i < message->header_count; i++) {
    struct carry_rule rule = rule_of(message, i);
    if ((rule.in & in) == 0 || (rule.whom == CARRY_FROM_GATEWAY && !from_gateway)) continue;
    enum sip_header header = (enum sip_header)message->fields[i].header;
    struct str_view value = sip_message_field_value(message, i);
    if (header != SIP_HEADER_OTHER)
      sip_build_header(builder, header, value);
    else
      sip_build_other_header(builder, sip_message_field_name(message, i), value);
  }
}
