#include "sdp/sdp.h"

/* A line without its end, and the letter it begins with. */
struct line {
  char type;
  struct str_view value;
};

enum next_line { LINE, LINE_BROKEN, LINE_NONE };

/* Takes the next line that is not empty off `rest`. */
static enum next_line next_line(struct str_view *rest, struct line *line_out) {
  struct str_view text;
  do {
    if (rest->length == 0) return LINE_NONE;
    const char *lf = memchr(rest->data, '\n', rest->length);
    size_t end = lf ? (size_t)(lf - rest->data) : rest->length, taken = lf ? end + 1 : end;
    text = str_view_of(rest->data, end);
    *rest = str_view_of(rest->data + taken, rest->length - taken);
    if (text.length && text.data[text.length - 1] == '\r') text.length--;
  } while (text.length == 0);
  if (text.length < 2 || text.data[1] != '=' || text.data[0] < 'a' || text.data[0] > 'z') return LINE_BROKEN;
  if (memchr(text.data, '\r', text.length)) return LINE_BROKEN;
  *line_out = (struct line){.type = text.data[0], .value = str_view_of(text.data + 2, text.length - 2)};
  return LINE;
}

/* Takes what stands before the next space off `rest`; the empty view at the end and between two spaces. */
static struct str_view next_word(struct str_view *rest) {
  size_t end = str_view_find(*rest, ' ');
  struct str_view word = str_view_slice(*rest, 0, end);
  *rest = str_view_from(*rest, end + 1);
  return word;
}

static bool is_number(struct str_view text) {
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] < '0' || text.data[i] > '9') return false;
  return text.length > 0;
}

/* username SP sess-id SP sess-version SP nettype SP addrtype SP unicast-address */
static bool read_origin(struct str_view value, struct sdp *sdp) {
  struct str_view rest = value, user = next_word(&rest), id = next_word(&rest);
  sdp->version = next_word(&rest);
  struct str_view network = next_word(&rest), kind = next_word(&rest), address = next_word(&rest);
  if (!user.length || !id.length || !network.length || !kind.length || !address.length || rest.length) return false;
  sdp->origin = value;
  sdp->origin_id = str_view_of(user.data, (size_t)(id.data + id.length - user.data));
  return is_number(sdp->version);
}

/* nettype SP addrtype SP connection-address; what is no address of this kind, a host name for one, leaves ADDRESS_NONE.
 */
static struct address read_connection(struct str_view value) {
  struct address address = {0};
  struct str_view network = next_word(&value), kind = next_word(&value);
  uint8_t family = str_view_equal_nocase(kind, STR_VIEW("IP4")) ? ADDRESS_IPV4 : ADDRESS_IPV6;
  if (!str_view_equal_nocase(network, STR_VIEW("IN"))) return (struct address){0};
  if (family == ADDRESS_IPV6 && !str_view_equal_nocase(kind, STR_VIEW("IP6"))) return (struct address){0};
  value = str_view_slice(value, 0, str_view_find(value, '/'));
  if (address_parse_ip(value, &address) != RESULT_OK || address.family != family) return (struct address){0};
  return address;
}

/* media SP port ["/" integer] SP proto 1*(SP fmt) */
static bool read_media(struct str_view value, struct sdp_media *media) {
  uint32_t port;
  media->kind = next_word(&value);
  struct str_view ports = next_word(&value);
  media->protocol = next_word(&value);
  ports = str_view_slice(ports, 0, str_view_find(ports, '/'));
  if (!str_view_to_u32(ports, &port) || port > UINT16_MAX) return false;
  media->port = (uint16_t)port;
  return media->kind.length && media->protocol.length && value.length;
}

static void read_attribute(struct str_view value, enum sdp_direction *direction) {
  static const struct {
    struct str_view name;
    enum sdp_direction direction;
  } rows[] = {
      {STR_VIEW_LITERAL("sendrecv"), SDP_SENDRECV},
      {STR_VIEW_LITERAL("sendonly"), SDP_SENDONLY},
      {STR_VIEW_LITERAL("recvonly"), SDP_RECVONLY},
      {STR_VIEW_LITERAL("inactive"), SDP_INACTIVE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (str_view_equal(value, rows[i].name)) *direction = rows[i].direction;
}

/* v=0, o= and s= in this order; nothing else stands between them. */
static bool read_head(struct str_view *rest, struct sdp *sdp) {
  struct line line;
  if (next_line(rest, &line) != LINE || line.type != 'v' || !str_view_equal(line.value, STR_VIEW("0"))) return false;
  if (next_line(rest, &line) != LINE || line.type != 'o' || !read_origin(line.value, sdp)) return false;
  return next_line(rest, &line) == LINE && line.type == 's';
}

/* One line behind the head. `session` collects what counts for every media that does not say otherwise. */
static bool read_line(const struct line *line, struct sdp *sdp, struct sdp_media *session) {
  struct sdp_media *current = sdp->media_count ? &sdp->media[sdp->media_count - 1] : session;
  switch (line->type) {
  case 'm':
    if (sdp->media_count == SDP_MEDIA_MAX) return false;
    sdp->media[sdp->media_count] = *session;
    return read_media(line->value, &sdp->media[sdp->media_count++]);
  case 'c': current->connection = read_connection(line->value); return true;
  case 'a': read_attribute(line->value, &current->direction); return true;
  case 'v':
  case 'o':
  case 's': return false;
  default: return true;
  }
}

/* Who gives 0.0.0.0 wants nothing sent to it (RFC 3264 §8.4). */
static void apply_unspecified_address(struct sdp_media *media) {
  static const struct address unspecified = {.family = ADDRESS_IPV4};
  if (!address_equal_ip(&media->connection, &unspecified)) return;
  if (media->direction == SDP_SENDRECV) media->direction = SDP_SENDONLY;
  if (media->direction == SDP_RECVONLY) media->direction = SDP_INACTIVE;
}

enum result sdp_parse(struct str_view text, struct sdp *sdp_out) {
  struct str_view rest = text;
  struct sdp_media session = {.direction = SDP_SENDRECV};
  struct line line;
  enum next_line next;
  *sdp_out = (struct sdp){.text = text};
  if (text.length > 0 && memchr(text.data, '\0', text.length)) return RESULT_MALFORMED; /* in no line (RFC 8866 §9) */
  if (!read_head(&rest, sdp_out)) return RESULT_MALFORMED;
  while ((next = next_line(&rest, &line)) == LINE)
    if (!read_line(&line, sdp_out, &session)) return RESULT_MALFORMED;
  if (next == LINE_BROKEN) return RESULT_MALFORMED;
  for (unsigned i = 0; i < sdp_out->media_count; i++)
    apply_unspecified_address(&sdp_out->media[i]);
  return RESULT_OK;
}

/* The text behind a view into it. */
static struct str_view behind(struct str_view text, struct str_view part) {
  return str_view_from(text, (size_t)(part.data - text.data) + part.length);
}

/* "IN IP4 192.0.2.1" */
static void add_address(struct text_builder *builder, const struct address *address) {
  char memory[64];
  struct text_builder ip = text_builder_over(memory, sizeof memory);
  address_ip_to_text(address, &ip);
  struct str_view ip_text = text_builder_view(&ip);
  bool is_ipv6 = address->family == ADDRESS_IPV6;
  text_builder_add(builder, is_ipv6 ? STR_VIEW("IN IP6 ") : STR_VIEW("IN IP4 "));
  /* Brackets belong to URIs only (RFC 8866 §9). */
  text_builder_add(builder, is_ipv6 ? str_view_slice(ip_text, 1, ip_text.length - 2) : ip_text);
}

static void add_origin(struct text_builder *builder, struct str_view origin, uint64_t version,
                       const struct address *address) {
  text_builder_add(builder, origin);
  text_builder_add_char(builder, ' ');
  text_builder_add_u64(builder, version);
  text_builder_add_char(builder, ' ');
  add_address(builder, address);
}

struct str_view sdp_behind_origin(struct str_view text) {
  struct str_view rest = text;
  struct line line = {0};
  for (unsigned i = 0; i < 2; i++)
    if (next_line(&rest, &line) != LINE) return (struct str_view){0};
  return behind(text, line.value);
}

void sdp_write_with_origin(struct str_view behind_origin, struct str_view origin, uint64_t version,
                           const struct address *address, struct text_builder *builder) {
  bool has_cr = str_view_starts_with(behind_origin, STR_VIEW("\r"));
  text_builder_add(builder, has_cr ? STR_VIEW("v=0\r\no=") : STR_VIEW("v=0\no="));
  add_origin(builder, origin, version, address);
  text_builder_add(builder, behind_origin);
}

/* m= of the offer with port 0: "audio 0 RTP/AVP 8 101". */
static void add_declined_media(struct text_builder *builder, struct str_view offered) {
  struct str_view rest = offered, kind = next_word(&rest);
  (void)next_word(&rest);
  text_builder_add_literal(builder, "m=");
  text_builder_add(builder, kind);
  text_builder_add_literal(builder, " 0 ");
  text_builder_add(builder, rest);
  text_builder_add_literal(builder, "\r\n");
}

/* The head of a description of our own: v=, o=, s= and c=. */
static void add_head(struct text_builder *builder, struct str_view origin, uint64_t version,
                     const struct address *address) {
  text_builder_add_literal(builder, "v=0\r\no=");
  add_origin(builder, origin, version, address);
  text_builder_add_literal(builder, "\r\ns=-\r\nc=");
  add_address(builder, address);
  text_builder_add_literal(builder, "\r\n");
}

void sdp_write_declined(const struct sdp *offer, struct str_view origin, uint64_t version,
                        const struct address *address, struct text_builder *builder) {
  struct str_view rest = offer->text;
  struct line line;
  add_head(builder, origin, version, address);
  while (next_line(&rest, &line) == LINE) {
    if (line.type == 'm') add_declined_media(builder, line.value);
    if (line.type != 't') continue;
    text_builder_add_literal(builder, "t=");
    text_builder_add(builder, line.value);
    text_builder_add_literal(builder, "\r\n");
  }
}

void sdp_write_inactive(struct str_view origin, uint64_t version, const struct address *address,
                        struct text_builder *builder) {
  add_head(builder, origin, version, address);
  text_builder_add_literal(builder, "t=0 0\r\nm=audio 9 RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\n"
                                    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n"
                                    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=inactive\r\n");
}
