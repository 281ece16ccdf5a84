#include "keepalive/stun_binding.h"

/*  0                   1                   2                   3        RFC 8489 §5
 * |0 0|     message type          |        length of what follows  |
 * |                     magic cookie 0x2112A442                    |
 * |                 transaction id (96 bits)                       |
 * | attribute type                | attribute length               |
 * | value, padded to a multiple of 4 …                             |
 *
 * RFC 3489 had a transaction id of 128 bits instead of cookie and id: its responses repeat all 16 bytes, as do ours. */
#define STUN_HEADER_BYTES    20
#define STUN_MAGIC_COOKIE    0x2112A442u
#define STUN_FINGERPRINT_XOR 0x5354554Eu

enum stun_message_type {
  STUN_BINDING_REQUEST = 0x0001,
  STUN_BINDING_INDICATION = 0x0011,
  STUN_BINDING_SUCCESS = 0x0101,
  STUN_BINDING_ERROR = 0x0111,
};

enum stun_attribute_type {
  STUN_MAPPED_ADDRESS = 0x0001,
  STUN_USERNAME = 0x0006,
  STUN_MESSAGE_INTEGRITY = 0x0008,
  STUN_ERROR_CODE = 0x0009,
  STUN_UNKNOWN_ATTRIBUTES = 0x000A,
  STUN_REALM = 0x0014,
  STUN_NONCE = 0x0015,
  STUN_MESSAGE_INTEGRITY_SHA256 = 0x001C,
  STUN_PASSWORD_ALGORITHM = 0x001D,
  STUN_USERHASH = 0x001E,
  STUN_XOR_MAPPED_ADDRESS = 0x0020,
  STUN_COMPREHENSION_OPTIONAL = 0x8000, /* and above */
  STUN_FINGERPRINT = 0x8028,
};

#define STUN_UNKNOWN_LISTED_MAX 8

/* What was found in a request. */
struct stun_request {
  bool has_cookie;
  bool has_fingerprint, fingerprint_is_right;
  unsigned unknown_count;
  uint16_t unknown[STUN_UNKNOWN_LISTED_MAX];
};

static uint16_t read_u16(struct str_view bytes, size_t at) {
  return (uint16_t)((unsigned)(uint8_t)bytes.data[at] << 8 | (uint8_t)bytes.data[at + 1]);
}

static uint32_t read_u32(struct str_view bytes, size_t at) {
  return (uint32_t)read_u16(bytes, at) << 16 | read_u16(bytes, at + 2);
}

static void add_u16(struct text_builder *builder, unsigned value) {
  text_builder_add_char(builder, (char)(value >> 8 & 0xFF));
  text_builder_add_char(builder, (char)(value & 0xFF));
}

static void add_u32(struct text_builder *builder, uint32_t value) {
  add_u16(builder, value >> 16);
  add_u16(builder, value & 0xFFFF);
}

/* The CRC-32 of ITU V.42, bit by bit: these messages have some dozens of bytes. */
static uint32_t crc32(struct str_view bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  for (size_t i = 0; i < bytes.length; i++) {
    crc ^= (uint8_t)bytes.data[i];
    for (unsigned bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

static bool stun_attribute_is_known(uint16_t type) {
  static const uint16_t known[] = {STUN_MAPPED_ADDRESS,
                                   STUN_USERNAME,
                                   STUN_MESSAGE_INTEGRITY,
                                   STUN_ERROR_CODE,
                                   STUN_UNKNOWN_ATTRIBUTES,
                                   STUN_REALM,
                                   STUN_NONCE,
                                   STUN_MESSAGE_INTEGRITY_SHA256,
                                   STUN_PASSWORD_ALGORITHM,
                                   STUN_USERHASH,
                                   STUN_XOR_MAPPED_ADDRESS};
  if (type >= STUN_COMPREHENSION_OPTIONAL) return true;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (known[i] == type) return true;
  return false;
}

/* False when the attributes do not fill the message exactly. */
static bool stun_attributes_read(struct str_view message, struct stun_request *request) {
  size_t at = STUN_HEADER_BYTES;
  while (at < message.length) {
    if (message.length - at < 4 || request->has_fingerprint) return false;
    uint16_t type = read_u16(message, at);
    size_t padded = (read_u16(message, at + 2) + 3u) & ~(size_t)3;
    if (message.length - at - 4 < padded) return false;
    if (type == STUN_FINGERPRINT && padded == 4) {
      uint32_t right = crc32(str_view_slice(message, 0, at)) ^ STUN_FINGERPRINT_XOR;
      request->has_fingerprint = true;
      request->fingerprint_is_right = read_u32(message, at + 4) == right;
    }
    if (!stun_attribute_is_known(type) && request->unknown_count < STUN_UNKNOWN_LISTED_MAX)
      request->unknown[request->unknown_count++] = type;
    at += 4 + padded;
  }
  return true;
}

static void add_mapped_address(struct text_builder *builder, struct str_view request, const struct address *source,
                               bool xor_ed) {
  size_t ip_bytes = source->family == ADDRESS_IPV6 ? 16 : 4;
  add_u16(builder, xor_ed ? STUN_XOR_MAPPED_ADDRESS : STUN_MAPPED_ADDRESS);
  add_u16(builder, (unsigned)(4 + ip_bytes));
  add_u16(builder, source->family == ADDRESS_IPV6 ? 2 : 1);
  add_u16(builder, source->port ^ (xor_ed ? STUN_MAGIC_COOKIE >> 16 : 0));
  /* Bytes 4 to 19 of the request are the cookie and the transaction id, which is just what §14.2 wants. */
  for (size_t i = 0; i < ip_bytes; i++)
    text_builder_add_char(builder, (char)(source->ip[i] ^ (xor_ed ? (uint8_t)request.data[4 + i] : 0)));
}

static void add_unknown_attributes(struct text_builder *builder, const struct stun_request *request) {
  add_u16(builder, STUN_ERROR_CODE);
  add_u16(builder, 4);
  add_u16(builder, 0);
  add_u16(builder, 4 << 8 | 20); /* 420: hundreds, then the rest (§14.8); the reason phrase may be empty */
  add_u16(builder, STUN_UNKNOWN_ATTRIBUTES);
  add_u16(builder, 2 * request->unknown_count);
  for (unsigned i = 0; i < request->unknown_count; i++)
    add_u16(builder, request->unknown[i]);
  if (request->unknown_count % 2) add_u16(builder, 0);
}

static void stun_reply(struct str_view datagram, const struct stun_request *request, const struct address *source,
                       struct text_builder *reply) {
  char memory[96];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  add_u16(&builder, request->unknown_count ? STUN_BINDING_ERROR : STUN_BINDING_SUCCESS);
  add_u16(&builder, 0);
  text_builder_add(&builder, str_view_slice(datagram, 4, 16));
  if (request->unknown_count)
    add_unknown_attributes(&builder, request);
  else
    add_mapped_address(&builder, datagram, source, request->has_cookie);
  /* The length in the header counts the FINGERPRINT already when its CRC is taken (§14.7). */
  size_t length = builder.length - STUN_HEADER_BYTES + (request->has_fingerprint ? 8 : 0);
  memory[2] = (char)(length >> 8);
  memory[3] = (char)(length & 0xFF);
  if (request->has_fingerprint) {
    uint32_t crc = crc32(text_builder_view(&builder));
    add_u16(&builder, STUN_FINGERPRINT);
    add_u16(&builder, 4);
    add_u32(&builder, crc ^ STUN_FINGERPRINT_XOR);
  }
  text_builder_add(reply, text_builder_view(&builder));
}

bool stun_binding_read(struct str_view datagram, const struct address *source, struct text_builder *reply) {
  if (datagram.length < STUN_HEADER_BYTES) return false;
  uint16_t type = read_u16(datagram, 0);
  bool is_binding = type == STUN_BINDING_REQUEST || type == STUN_BINDING_INDICATION || type == STUN_BINDING_SUCCESS ||
                    type == STUN_BINDING_ERROR;
  if (!is_binding || read_u16(datagram, 2) != datagram.length - STUN_HEADER_BYTES) return false;
  struct stun_request request = {.has_cookie = read_u32(datagram, 4) == STUN_MAGIC_COOKIE};
  if (!stun_attributes_read(datagram, &request)) return false;
  bool is_dropped = request.has_fingerprint && !request.fingerprint_is_right;
  if (type == STUN_BINDING_REQUEST && !is_dropped) stun_reply(datagram, &request, source, reply);
  return true;
}
