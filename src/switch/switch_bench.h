/* A small test bench around the whole middle: a clock that is turned by hand, and peers that speak SIP text. What the
 * switch sends is kept until a peer expects it. Readable scenarios of a few calls; the simulator (tests/sim) does the
 * rest.
 *
 *   struct bench *bench = bench_create();
 *   struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
 *   peer_invite(caller, "4420", OFFER);
 *   peer_expect(callee, "INVITE");
 *   peer_respond(callee, 200, ANSWER);
 *   …
 *   bench_end(bench);      nothing may be left: calls, legs, dialogs, transactions, timers, blocks, capacity */
#ifndef SWITCH_SWITCH_BENCH_H
#define SWITCH_SWITCH_BENCH_H

#include "switch/switch_world.h"

/* --- reading messages -------------------------------------------------------------------------------------------- */

/* The value of the first header field of that name, "" when there is none. Valid until the next call but fourteen. */
static inline const char *header_of(const char *message, const char *name) {
  static char values[16][2048];
  static unsigned turn;
  char *value = values[turn++ % 16];
  size_t length = strlen(name);
  *value = '\0';
  for (const char *line = message ? strstr(message, "\r\n") : NULL; line; line = strstr(line, "\r\n")) {
    line += 2;
    if (*line == '\r') break;
    if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
    const char *start = line + length + 1;
    while (*start == ' ')
      start++;
    size_t count = strcspn(start, "\r\n");
    if (count > 2047) count = 2047;
    memcpy(value, start, count);
    value[count] = '\0';
    break;
  }
  return value;
}

static inline const char *body_of(const char *message) {
  const char *blank = message ? strstr(message, "\r\n\r\n") : NULL;
  return blank ? blank + 4 : "";
}

/* What stands between `from` and the next of `ends` in a text. */
static inline void cut(char *out, size_t size, const char *text, const char *from, const char *ends) {
  const char *start = strstr(text, from);
  *out = '\0';
  if (!start) return;
  start += strlen(from);
  size_t count = strcspn(start, ends);
  if (count >= size) count = size - 1;
  memcpy(out, start, count);
  out[count] = '\0';
}

static inline bool is_response(const char *message) {
  return strncmp(message, "SIP/2.0 ", 8) == 0;
}

/* --- peers ------------------------------------------------------------------------------------------------------- */

static inline struct peer *peer_at(struct bench *bench, const char *address) {
  require(bench->peer_count < BENCH_PEERS_MAX);
  unsigned number = bench->peer_count++;
  struct peer *peer = &bench->peers[number];
  peer->bench = bench;
  peer->flow = (struct flow){.remote = bench_address(address), .transport = TRANSPORT_UDP};
  snprintf(peer->local_tag, sizeof peer->local_tag, "peer-%u", number);
  snprintf(peer->call_id, sizeof peer->call_id, "call-%u@peer", number);
  snprintf(peer->local_uri, sizeof peer->local_uri, "sip:90%u@peer.example", number);
  return peer;
}

static inline void peer_address(const struct peer *peer, char out[64]) {
  struct text_builder text = text_builder_over(out, 63);
  address_to_text(&peer->flow.remote, &text);
  out[text.length] = '\0';
}

static inline void bench_receive(struct bench *bench, const struct flow *flow, const char *text) {
  static char bytes[BENCH_TEXT_MAX * 8 + 64];
  size_t length = strlen(text);
  require(length < sizeof bytes - 64);
  memcpy(bytes, text, length);
  memset(bytes + length, 0, 64);
  bench_handle(bench, &(struct event){.kind = EVENT_MESSAGE, .flow = *flow, .bytes = str_view_of(bytes, length)});
}

static inline void peer_send_text(struct peer *peer, const char *text) {
  bench_receive(peer->bench, &peer->flow, text);
}

static inline void add_body(char *message, size_t size, const char *type, const char *body) {
  size_t length = strlen(message);
  if (body && *body) length += (size_t)snprintf(message + length, size - length, "Content-Type: %s\r\n", type);
  snprintf(message + length, size - length, "Content-Length: %zu\r\n\r\n%s", body ? strlen(body) : 0, body ? body : "");
}

/* A request in this peer's dialog (or a first one). `branch` NULL: a new one. */
static inline void peer_send_request(struct peer *peer, const char *method, uint32_t cseq, const char *branch,
                                     const char *body) {
  char message[BENCH_TEXT_MAX], address[64];
  const char *type = body && *body != 'v' && *body ? "text/plain" : "application/sdp";
  peer_address(peer, address);
  if (peer->host[0]) memcpy(address, peer->host, sizeof address);
  if (!branch) {
    snprintf(peer->last_branch, sizeof peer->last_branch, "z9hG4bKpeer%ld-%u", (long)(peer - peer->bench->peers),
             ++peer->branch_count);
    branch = peer->last_branch;
  }
  snprintf(message, sizeof message,
           "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: <%s>;tag=%s\r\nTo: "
           "<%s>%s%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:peer@%s>\r\n%s%s",
           method, peer->target, address, branch, peer->local_uri, peer->local_tag, peer->remote_uri,
           peer->remote_tag[0] ? ";tag=" : "", peer->remote_tag, peer->call_id, cseq, method, address,
           peer->route_lines, peer->extra);
  peer->extra[0] = '\0';
  add_body(message, sizeof message, type, body);
  peer_send_text(peer, message);
}

/* Header lines for the next message of this peer. */
static inline void peer_add(struct peer *peer, const char *lines) {
  size_t length = strlen(peer->extra);
  snprintf(peer->extra + length, sizeof peer->extra - length, "%s", lines);
}

static inline void peer_request(struct peer *peer, const char *method, const char *body) {
  peer_send_request(peer, method, ++peer->cseq, NULL, body);
  if (strcmp(method, "INVITE") != 0) return;
  peer->invite_cseq = peer->cseq;
  memcpy(peer->invite_branch, peer->last_branch, sizeof peer->invite_branch);
}

/* A first INVITE to `number`. */
static inline void peer_invite(struct peer *peer, const char *number, const char *body) {
  snprintf(peer->remote_uri, sizeof peer->remote_uri, "sip:%s@192.0.2.1", number);
  snprintf(peer->target, sizeof peer->target, "sip:%s@192.0.2.1", number);
  peer_request(peer, "INVITE", body);
}

static inline void peer_ack(struct peer *peer, const char *body) {
  peer_send_request(peer, "ACK", peer->invite_cseq, NULL, body);
}

static inline void peer_cancel(struct peer *peer) {
  char tag[64];
  snprintf(tag, sizeof tag, "%s", peer->remote_tag);
  peer->remote_tag[0] = '\0'; /* RFC 3261 §9.1: To as in the INVITE */
  peer_send_request(peer, "CANCEL", peer->invite_cseq, peer->invite_branch, NULL);
  snprintf(peer->remote_tag, sizeof peer->remote_tag, "%s", tag);
}

/* Learns tags and target from what the switch sent. */
static inline void peer_learn(struct peer *peer, const char *message) {
  bool response = is_response(message);
  const char *status = response ? message + 8 : "";
  cut(peer->call_id, sizeof peer->call_id, message, "\r\nCall-ID: ", "\r\n");
  if (!response && strncmp(message, "CANCEL ", 7) != 0) {
    cut(peer->remote_uri, sizeof peer->remote_uri, header_of(message, "From"), "<", ">");
    cut(peer->local_uri, sizeof peer->local_uri, header_of(message, "To"), "<", ">");
    cut(peer->remote_tag, sizeof peer->remote_tag, header_of(message, "From"), ";tag=", ";");
    snprintf(peer->request, sizeof peer->request, "%s", message);
    if (strncmp(message, "INVITE ", 7) == 0) snprintf(peer->invite, sizeof peer->invite, "%s", message);
  } else if (response && *status != '1' && strstr(header_of(message, "To"), ";tag=")) {
    cut(peer->remote_tag, sizeof peer->remote_tag, header_of(message, "To"), ";tag=", ";");
  } else if (response && strstr(header_of(message, "To"), ";tag=")) {
    cut(peer->remote_tag, sizeof peer->remote_tag, header_of(message, "To"), ";tag=", ";");
  }
  if (*header_of(message, "Contact")) cut(peer->target, sizeof peer->target, header_of(message, "Contact"), "<", ">");
}

static inline bool begins_as(const char *message, const char *what) {
  if (what[0] >= '1' && what[0] <= '6') return is_response(message) && strncmp(message + 8, what, strlen(what)) == 0;
  return strncmp(message, what, strlen(what)) == 0 && message[strlen(what)] == ' ';
}

/* The next message to this peer's address that is not 100 and not taken yet; NULL: none. */
static inline struct bench_message *peer_next(struct peer *peer) {
  for (unsigned i = 0; i < peer->bench->sent_count; i++) {
    struct bench_message *message = &peer->bench->sent[i];
    if (message->taken || !address_equal(&message->flow.remote, &peer->flow.remote)) continue;
    if (strncmp(message->text, "SIP/2.0 100 ", 12) == 0) continue;
    return message;
  }
  return NULL;
}

/* Takes the next message to this peer, which must be a request of method `what`, or a response with status `what`. */
static inline const char *peer_expect_at(struct peer *peer, const char *what, const char *file, int line) {
  struct bench_message *message = peer_next(peer);
  char text[256];
  peer->got = NULL;
  if (!message || !begins_as(message->text, what)) {
    snprintf(text, sizeof text, "expected %s, got %.100s", what, message ? message->text : "nothing");
    text[strcspn(text, "\r\n")] = '\0';
    tap_fail(file, line, text);
    if (!message) return "";
  }
  message->taken = true;
  peer_learn(peer, message->text);
  peer->got = message->text;
  return message->text;
}
#define peer_expect(peer, what) peer_expect_at((peer), (what), __FILE__, __LINE__)

static inline void peer_expect_nothing_at(struct peer *peer, const char *file, int line) {
  struct bench_message *message = peer_next(peer);
  char text[256];
  if (!message) return;
  snprintf(text, sizeof text, "expected nothing, got %.100s", message->text);
  text[strcspn(text, "\r\n")] = '\0';
  tap_fail(file, line, text);
}
#define peer_expect_nothing(peer) peer_expect_nothing_at((peer), __FILE__, __LINE__)

/* Takes all that was sent to this peer so far, whatever it is; how many it was. */
static inline unsigned peer_skip(struct peer *peer) {
  unsigned count = 0;
  for (struct bench_message *message; (message = peer_next(peer)) != NULL; count++) {
    message->taken = true;
    peer_learn(peer, message->text);
  }
  return count;
}

/* Answers `request` (any text that the switch sent). */
static inline void peer_answer(struct peer *peer, const char *request, unsigned status, const char *body) {
  char message[BENCH_TEXT_MAX], address[64];
  const char *to = header_of(request, "To");
  peer_address(peer, address);
  snprintf(
      message, sizeof message,
      "SIP/2.0 %u Whatever\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: "
      "<sip:peer@%s>\r\n%s",
      status, header_of(request, "Via"), header_of(request, "From"), to,
      strstr(to, ";tag=") || status == 100 ? "" : ";tag=", strstr(to, ";tag=") || status == 100 ? "" : peer->local_tag,
      header_of(request, "Call-ID"), header_of(request, "CSeq"), address, peer->extra);
  peer->extra[0] = '\0';
  add_body(message, sizeof message, "application/sdp", body);
  peer_send_text(peer, message);
}

/* Answers the INVITE that this peer got last; peer_reply: the request of any method that it got last. */
static inline void peer_respond(struct peer *peer, unsigned status, const char *body) {
  peer_answer(peer, peer->invite, status, body);
}
static inline void peer_reply(struct peer *peer, unsigned status, const char *body) {
  char request[BENCH_TEXT_BYTES];
  snprintf(request, sizeof request, "%s", peer->request);
  peer_answer(peer, request, status, body);
}

/* --- digest ------------------------------------------------------------------------------------------------------ */

static inline struct str_view hex_view(const struct sip_digest_hex *hex) {
  return str_view_of(hex->text, hex->length);
}

/* Adds credentials for `number`, whose password is `password`, as an answer to the challenge in `message`. */
static inline void peer_authorize(struct peer *peer, const char *message, const char *method, const char *number,
                                  const char *password) {
  bool proxy = *header_of(message, "Proxy-Authenticate") != '\0';
  const char *challenge = header_of(message, proxy ? "Proxy-Authenticate" : "WWW-Authenticate");
  char nonce[256], line[1024];
  cut(nonce, sizeof nonce, challenge, "nonce=\"", "\"");
  struct sip_digest_hex ha1 =
      sip_digest_ha1(SIP_DIGEST_MD5, str_view_from_c(number), STR_VIEW("belfry"), str_view_from_c(password));
  struct str_view request[] = {str_view_from_c(method), str_view_from_c(peer->target)};
  struct sip_digest_hex ha2 = sip_digest_hash(SIP_DIGEST_MD5, request, 2);
  struct str_view parts[] = {hex_view(&ha1),   str_view_from_c(nonce), STR_VIEW("00000001"),
                             STR_VIEW("abcd"), STR_VIEW("auth"),       hex_view(&ha2)};
  struct sip_digest_hex response = sip_digest_hash(SIP_DIGEST_MD5, parts, 6);
  snprintf(line, sizeof line,
           "%s: Digest username=\"%s\", realm=\"belfry\", nonce=\"%s\", uri=\"%s\", algorithm=MD5, qop=auth, "
           "nc=00000001, cnonce=\"abcd\", response=\"%.32s\"\r\n",
           proxy ? "Proxy-Authorization" : "Authorization", number, nonce, peer->target, response.text);
  peer_add(peer, line);
}

static inline void peer_be_phone(struct peer *peer, const char *number) {
  snprintf(peer->local_uri, sizeof peer->local_uri, "sip:%s@192.0.2.1", number);
}

/* Registers as `number`, with further header lines; the registration lasts 600 s. */
static inline void peer_register_with(struct peer *peer, const char *number, const char *lines) {
  char call_id[128];
  memcpy(call_id, peer->call_id, sizeof call_id);
  peer_be_phone(peer, number);
  snprintf(peer->remote_uri, sizeof peer->remote_uri, "sip:%s@192.0.2.1", number);
  snprintf(peer->target, sizeof peer->target, "sip:192.0.2.1");
  peer_add(peer, "Expires: 600\r\n");
  peer_request(peer, "REGISTER", NULL);
  const char *challenge = peer_expect(peer, "401");
  peer->remote_tag[0] = '\0';
  snprintf(peer->target, sizeof peer->target, "sip:192.0.2.1");
  peer_authorize(peer, challenge, "REGISTER", number, "secret");
  peer_add(peer, "Expires: 600\r\n");
  peer_add(peer, lines);
  peer_request(peer, "REGISTER", NULL);
  peer_expect(peer, "200");
  peer->remote_tag[0] = '\0';
  snprintf(peer->call_id, sizeof peer->call_id, "%.120s-2", call_id);
}

static inline void peer_register(struct peer *peer, const char *number) {
  peer_register_with(peer, number, "");
}

/* A phone's INVITE, which is challenged, and then with credentials. */
static inline void peer_invite_as_phone(struct peer *peer, const char *phone, const char *number, const char *body) {
  peer_be_phone(peer, phone);
  peer_invite(peer, number, body);
  const char *challenge = peer_expect(peer, "401");
  peer_send_request(peer, "ACK", peer->invite_cseq, peer->invite_branch, NULL);
  peer->remote_tag[0] = '\0';
  peer_authorize(peer, challenge, "INVITE", phone, "secret");
  peer_invite(peer, number, body);
}

/* --- session descriptions ---------------------------------------------------------------------------------------- */

#define SDP_TEXT(user, version, port, direction)                                                                       \
  "v=0\r\no=" user " 77 " version " IN IP4 10.9.8.7\r\ns=-\r\nc=IN IP4 10.9.8.7\r\nt=0 0\r\nm=audio " port             \
  " RTP/AVP 0 8\r\na=" direction "\r\n"
#define OFFER  SDP_TEXT("alice", "1", "4000", "sendrecv")
#define ANSWER SDP_TEXT("bob", "1", "5000", "sendrecv")
#define HOLD   SDP_TEXT("alice", "2", "4000", "sendonly")
#define HELD   SDP_TEXT("bob", "2", "5000", "recvonly")

/* --- whole passages ---------------------------------------------------------------------------------------------- */

/* Caller and callee talk: INVITE, 180, 200, ACK on both legs. */
static inline void bench_connect(struct peer *caller, struct peer *callee, const char *number) {
  peer_invite(caller, number, OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
}

/* `first` hangs up, the other answers. */
static inline void bench_hang_up(struct peer *first, struct peer *second) {
  peer_request(first, "BYE", NULL);
  peer_expect(first, "200");
  peer_expect(second, "BYE");
  peer_reply(second, 200, NULL);
}

static inline void expect_record_at(const struct bench *bench, const char *reason, const char *file, int line) {
  char text[256];
  if (bench->record_count == 1 && str_view_equal(bench->records[0].end_reason, str_view_from_c(reason))) return;
  struct str_view got = bench->record_count > 0 ? bench->records[0].end_reason : STR_VIEW("none");
  snprintf(text, sizeof text, "expected one record %s, got %u, the first %.*s", reason, bench->record_count,
           (int)got.length, got.data);
  tap_fail(file, line, text);
}
#define expect_record(bench, reason) expect_record_at((bench), (reason), __FILE__, __LINE__)

#endif
