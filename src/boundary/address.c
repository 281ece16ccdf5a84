#include "boundary/address.h"

static const struct str_view transport_names[] = {
    [TRANSPORT_NONE] = STR_VIEW_LITERAL(""),
    [TRANSPORT_UDP] = STR_VIEW_LITERAL("UDP"),
    [TRANSPORT_TCP] = STR_VIEW_LITERAL("TCP"),
    [TRANSPORT_TLS] = STR_VIEW_LITERAL("TLS"),
};

struct str_view transport_name(enum transport transport) {
  return (unsigned)transport <= TRANSPORT_TLS ? transport_names[transport] : transport_names[TRANSPORT_NONE];
}

enum transport transport_from_name(struct str_view name) {
  for (enum transport transport = TRANSPORT_UDP; transport <= TRANSPORT_TLS; transport++)
    if (str_view_equal_nocase(name, transport_names[transport])) return transport;
  return TRANSPORT_NONE;
}

bool address_equal_ip(const struct address *a, const struct address *b) {
  return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool address_equal(const struct address *a, const struct address *b) {
  return a->port == b->port && address_equal_ip(a, b);
}

/* Four numbers of at most three digits, decimal whatever they begin with: a leading zero, which some readers take for
 * octal, is refused. */
static bool parse_ipv4(struct str_view text, uint8_t ip[4]) {
  size_t at = 0;
  for (unsigned i = 0; i < 4; i++) {
    if (i > 0 && (at == text.length || text.data[at++] != '.')) return false;
    size_t start = at;
    unsigned number = 0;
    for (; at < text.length && at - start < 3 && text.data[at] >= '0' && text.data[at] <= '9'; at++)
      number = number * 10 + (unsigned)(text.data[at] - '0');
    bool has_leading_zero = at - start > 1 && text.data[start] == '0';
    if (at == start || number > 255 || has_leading_zero) return false;
    ip[i] = (uint8_t)number;
  }
  return at == text.length;
}

static bool parse_group(struct str_view text, uint8_t group[2]) {
  uint64_t value;
  if (text.length > 4 || !str_view_any_hex_to_u64(text, &value)) return false;
  group[0] = (uint8_t)(value >> 8);
  group[1] = (uint8_t)value;
  return true;
}

/* Groups separated by colons, the last two of which may be written as an IPv4 address when `may_end_in_ipv4`. Stores
 * how many bytes of `ip` they fill; an empty text fills none. */
static bool parse_groups(struct str_view text, bool may_end_in_ipv4, uint8_t ip[16], size_t *filled_out) {
  size_t filled = 0;
  for (bool more = text.length > 0; more;) {
    size_t colon = str_view_find(text, ':');
    more = colon < text.length;
    struct str_view group = str_view_slice(text, 0, colon);
    if (!more && may_end_in_ipv4 && str_view_find(group, '.') < group.length) {
      if (filled > 12 || !parse_ipv4(group, ip + filled)) return false;
      filled += 4;
    } else {
      if (filled > 14 || !parse_group(group, ip + filled)) return false;
      filled += 2;
    }
    text = str_view_from(text, colon + 1);
  }
  *filled_out = filled;
  return true;
}

static size_t find_double_colon(struct str_view text) {
  for (size_t i = 0; i + 1 < text.length; i++)
    if (text.data[i] == ':' && text.data[i + 1] == ':') return i;
  return text.length;
}

/* RFC 4291 section 2.2: eight groups, or fewer around one "::", which stands for at least one group of zeros. */
static bool parse_ipv6(struct str_view text, uint8_t ip[16]) {
  uint8_t head[16] = {0}, tail[16] = {0};
  size_t head_bytes = 0, tail_bytes = 0;
  size_t gap = find_double_colon(text);
  bool has_gap = gap < text.length;
  if (!parse_groups(str_view_slice(text, 0, gap), !has_gap, head, &head_bytes)) return false;
  if (has_gap && !parse_groups(str_view_from(text, gap + 2), true, tail, &tail_bytes)) return false;
  if (has_gap ? head_bytes + tail_bytes > 14 : head_bytes != 16) return false;
  memset(ip, 0, 16);
  memcpy(ip, head, head_bytes);
  memcpy(ip + 16 - tail_bytes, tail, tail_bytes);
  return true;
}

enum result address_parse_ip(struct str_view text, struct address *address_out) {
  struct address address = {0};
  if (text.length >= 2 && text.data[0] == '[' && text.data[text.length - 1] == ']') {
    if (!parse_ipv6(str_view_slice(text, 1, text.length - 2), address.ip)) return RESULT_MALFORMED;
    address.family = ADDRESS_IPV6;
  } else if (parse_ipv4(text, address.ip)) {
    address.family = ADDRESS_IPV4;
  } else if (parse_ipv6(text, address.ip)) {
    address.family = ADDRESS_IPV6;
  } else {
    return RESULT_MALFORMED;
  }
  *address_out = address;
  return RESULT_OK;
}

/* Where the port's colon stands: behind the bracket, or the only colon there is. `text.length`: no port. */
static size_t find_port_colon(struct str_view text) {
  if (text.length > 0 && text.data[0] == '[') {
    size_t bracket = str_view_find(text, ']');
    return bracket + 1 < text.length && text.data[bracket + 1] == ':' ? bracket + 1 : text.length;
  }
  size_t colon = str_view_find(text, ':');
  bool is_only_one = str_view_find(str_view_from(text, colon + 1), ':') == str_view_from(text, colon + 1).length;
  return is_only_one ? colon : text.length;
}

enum result address_parse(struct str_view text, uint16_t default_port, struct address *address_out) {
  size_t colon = find_port_colon(text);
  uint32_t port = default_port;
  if (colon < text.length) {
    struct str_view digits = str_view_from(text, colon + 1);
    if (digits.length > 5 || !str_view_to_u32(digits, &port) || port > UINT16_MAX) return RESULT_MALFORMED;
  }
  struct address address;
  enum result result = address_parse_ip(str_view_slice(text, 0, colon), &address);
  if (result != RESULT_OK) return result;
  address.port = (uint16_t)port;
  *address_out = address;
  return RESULT_OK;
}

static char *write_octet(char *at, unsigned octet) {
  unsigned rest = octet;
  if (octet >= 100) {
    *at++ = (char)('0' + octet / 100);
    rest = octet % 100;
  }
  if (octet >= 10) *at++ = (char)('0' + rest / 10);
  *at++ = (char)('0' + rest % 10);
  return at;
}

static void ipv4_to_text(const uint8_t ip[4], struct text_builder *builder) {
  char text[16], *at = text;
  for (unsigned i = 0; i < 4; i++) {
    if (i > 0) *at++ = '.';
    at = write_octet(at, ip[i]);
  }
  text_builder_add(builder, str_view_of(text, (size_t)(at - text)));
}

static unsigned group_of(const uint8_t ip[16], unsigned i) {
  return (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952 section 4.2). */
static unsigned find_zero_run(const uint8_t ip[16], unsigned *length_out) {
  unsigned best = 8, best_length = 1;
  for (unsigned start = 0; start < 8; start++) {
    unsigned length = 0;
    while (start + length < 8 && group_of(ip, start + length) == 0)
      length++;
    if (length > best_length) best = start, best_length = length;
  }
  *length_out = best_length;
  return best;
}

static void ipv6_to_text(const uint8_t ip[16], struct text_builder *builder) {
  static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
  if (memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0) { /* RFC 5952 section 5 */
    text_builder_add_literal(builder, "::ffff:");
    ipv4_to_text(ip + 12, builder);
    return;
  }
  unsigned run_length, run = find_zero_run(ip, &run_length);
  for (unsigned i = 0; i < 8;) {
    if (i == run) {
      text_builder_add_literal(builder, "::");
      i += run_length;
      continue;
    }
    if (i > 0 && i != run + run_length) text_builder_add_char(builder, ':');
    unsigned group = group_of(ip, i++);
    text_builder_add_hex(builder, group, group > 0xfff ? 4 : group > 0xff ? 3 : group > 0xf ? 2 : 1);
  }
}

void address_ip_to_text(const struct address *address, struct text_builder *builder) {
  if (address->family == ADDRESS_IPV4) {
    ipv4_to_text(address->ip, builder);
  } else if (address->family == ADDRESS_IPV6) {
    text_builder_add_char(builder, '[');
    ipv6_to_text(address->ip, builder);
    text_builder_add_char(builder, ']');
  }
}

void address_to_text(const struct address *address, struct text_builder *builder) {
  if (address->family == ADDRESS_NONE) return;
  address_ip_to_text(address, builder);
  text_builder_add_char(builder, ':');
  text_builder_add_u64(builder, address->port);
}

/* The finaliser of MurmurHash3 (Appleby): every bit of the input reaches every bit of the output. */
static uint64_t mix(uint64_t value) {
  value = (value ^ value >> 33) * UINT64_C(0xff51afd7ed558ccd);
  value = (value ^ value >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
  return value ^ value >> 33;
}

uint64_t address_hash(const struct address *address) {
  uint64_t halves[2];
  memcpy(halves, address->ip, sizeof halves);
  uint64_t rest = (uint64_t)address->family << 16 | address->port;
  return mix(mix(mix(halves[0]) + halves[1]) + rest);
}

bool flow_equal(const struct flow *a, const struct flow *b) {
  return a->transport == b->transport && a->socket_index == b->socket_index && a->connection == b->connection &&
         (a->connection == 0 || a->worker == b->worker) && address_equal(&a->remote, &b->remote);
}
