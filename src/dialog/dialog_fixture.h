/* What the tests of this room share: one worker's context with four sockets, and short ways to let messages in and to
 * read what went out. */
#ifndef DIALOG_DIALOG_FIXTURE_H
#define DIALOG_DIALOG_FIXTURE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "dialog/dialog.h"
#include "parameters/parameters.h"
#include "sip/sip_build.h"
#include "tap.h"

#define WORLD_MESSAGE_BYTES 20000

enum { SOCKET_UDP, SOCKET_TCP, SOCKET_TLS, SOCKET_UDP6, SOCKET_COUNT };

struct world {
  struct context context;
  struct local_identity local;
  struct arena arena;
  struct outbox outbox;
  struct timer_wheel wheel;
  struct random random;
  struct counters counters;
  struct parameters parameters;
  struct block_store blocks;
  struct transaction_layer *layer;
  struct dialog_table *table;
  uint32_t read_entries; /* outbox entries that the test has looked at */
  struct flow sent_flow; /* of the last message that sent() gave */
  struct sip_message sent_message;
  struct sip_message received_message;
  char received_bytes[WORLD_MESSAGE_BYTES + 64];
  char sent_bytes[WORLD_MESSAGE_BYTES + 64];
};

static inline struct str_view world_view(const char *text) {
  return str_view_from_c(text);
}

/* What the running test's world lies in; world_end gives it back. */
static void *world_memories[16];
static unsigned world_memory_count;

static inline void *world_memory(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
  require(memory && world_memory_count < 16);
  memset(memory, 0, bytes);
  world_memories[world_memory_count++] = memory;
  return memory;
}

static inline struct address world_address(const char *text) {
  struct address address;
  require(address_parse(world_view(text), 5060, &address) == RESULT_OK);
  return address;
}

static inline void world_socket(struct world *world, unsigned index, enum transport transport, const char *address) {
  struct local_socket *local_socket = &world->local.sockets[index];
  local_socket->bound = local_socket->advertised = world_address(address);
  local_socket->transport = (uint8_t)transport;
  world->local.socket_count = SOCKET_COUNT;
}

static inline struct world *world_create(uint32_t dialogs_max) {
  static const uint32_t capacity[BLOCK_STORE_CLASSES] = {
      [BLOCK_256] = 512, [BLOCK_512] = 512,  [BLOCK_1024] = 256, [BLOCK_2048] = 64,
      [BLOCK_4096] = 64, [BLOCK_16384] = 32, [BLOCK_65536] = 4};
  struct world *world = world_memory(sizeof *world);
  struct transaction_limits limits = {.transactions_max = 512};
  world_socket(world, SOCKET_UDP, TRANSPORT_UDP, "192.0.2.1:5060");
  world_socket(world, SOCKET_TCP, TRANSPORT_TCP, "192.0.2.1:5060");
  world_socket(world, SOCKET_TLS, TRANSPORT_TLS, "192.0.2.1:5061");
  world_socket(world, SOCKET_UDP6, TRANSPORT_UDP, "[2001:db8::1]:5060");
  world->local.worker = 1;
  world->local.worker_count = 4;
  arena_init(&world->arena, world_memory(1 << 20), 1 << 20);
  outbox_init(&world->outbox, world_memory(256 * sizeof(struct outbox_entry)), 256, world_memory(1 << 20), 1 << 20);
  random_seed(&world->random, (struct siphash_key){1, 2});
  parameters_set_defaults(&world->parameters);
  block_store_init(&world->blocks, world_memory(block_store_memory_bytes(capacity)), capacity);
  world->context = (struct context){.now = {1000000},
                                    .random = &world->random,
                                    .wheel = &world->wheel,
                                    .arena = &world->arena,
                                    .outbox = &world->outbox,
                                    .counters = &world->counters,
                                    .parameters = &world->parameters,
                                    .local = &world->local};
  timer_wheel_init(&world->wheel, world->context.now);
  void *layer_memory = world_memory(transaction_layer_memory_bytes(&limits));
  world->layer = transaction_layer_create(layer_memory, &limits, &world->blocks);
  void *table_memory = world_memory(dialog_table_memory_bytes(dialogs_max));
  world->table = dialog_table_create(table_memory, dialogs_max, &world->blocks, world->layer);
  return world;
}

/* Checks what must hold at the end of every test, and gives the world's memory back. */
static inline void world_end(struct world *world) {
  char memory[256];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  expect(dialog_table_check(world->table, &problem));
  expect_view(text_builder_view(&problem), "");
  expect_int(check_broken_count(), ==, 0);
  while (world_memory_count > 0)
    free(world_memories[--world_memory_count]);
}

static inline struct flow world_flow(enum transport transport, unsigned socket_index, const char *remote,
                                     uint32_t connection) {
  return (struct flow){.remote = world_address(remote),
                       .connection = connection,
                       .transport = (uint8_t)transport,
                       .worker = 1,
                       .socket_index = (uint16_t)socket_index};
}

static inline struct flow udp_from(const char *remote) {
  return world_flow(TRANSPORT_UDP, SOCKET_UDP, remote, 0);
}

static inline const struct sip_message *parse_into(char *buffer, struct sip_message *message, const char *text,
                                                   size_t length) {
  struct sip_defect defect = {0};
  require(length <= WORLD_MESSAGE_BYTES);
  if (text != buffer) memcpy(buffer, text, length);
  memset(buffer + length, 0, 64);
  if (sip_message_parse(str_view_of(buffer, length), message, &defect) != RESULT_OK) {
    printf("# not SIP: %s\n%.*s\n", defect.rule ? defect.rule : "", (int)length, buffer);
    tap_fail(__FILE__, __LINE__, "a message of the test can be parsed");
  }
  return message;
}

/* A received message. `format` has its lines ended by "\n"; the blank line is added. */
__attribute__((format(printf, 2, 3))) static inline const struct sip_message *received(struct world *world,
                                                                                       const char *format, ...) {
  char lines[WORLD_MESSAGE_BYTES / 2];
  size_t length = 0;
  va_list arguments;
  va_start(arguments, format);
  int count = vsnprintf(lines, sizeof lines, format, arguments);
  va_end(arguments);
  require(count >= 0 && (size_t)count < sizeof lines);
  for (int i = 0; i < count; i++) {
    if (lines[i] == '\n') world->received_bytes[length++] = '\r';
    world->received_bytes[length++] = lines[i];
  }
  memcpy(world->received_bytes + length, "\r\n", 2);
  return parse_into(world->received_bytes, &world->received_message, world->received_bytes, length + 2);
}

/* The next message that was sent; an empty one when there is none. */
static inline const struct sip_message *sent(struct world *world) {
  world->sent_message = (struct sip_message){0};
  while (world->read_entries < world->outbox.entry_count) {
    const struct outbox_entry *entry = &world->outbox.entries[world->read_entries++];
    if (entry->kind != OUTBOX_SEND) continue;
    world->sent_flow = entry->flow;
    parse_into(world->sent_bytes, &world->sent_message, entry->bytes.data, entry->bytes.length);
    break;
  }
  return &world->sent_message;
}

static inline bool nothing_sent(struct world *world) {
  return sent(world)->bytes.length == 0;
}

/* Forgets what was sent so far, and the arena: as between two events. */
static inline void next_event(struct world *world) {
  outbox_reset(&world->outbox);
  arena_reset(&world->arena);
  world->read_entries = 0;
}

/* The transactions keep blocks of their own until their timers end them. */
static inline void end_all_transactions(struct world *world) {
  for (unsigned i = 0; i < 100 && transaction_count(world->layer) > 0; i++) {
    world->context.now = mono_ms_add(world->context.now, 64000);
    timer_wheel_advance(&world->wheel, world->context.now);
    for (struct timer *timer; (timer = timer_wheel_next_due(&world->wheel)) != NULL;)
      transaction_timer_due(world->layer, &world->context, timer);
    next_event(world);
  }
}

#define expect_header(message, header, text) expect_view(sip_message_header((message), SIP_HEADER_##header), text)

static inline unsigned header_count(const struct sip_message *message, enum sip_header header) {
  unsigned count = 0;
  for (unsigned i = 0; i < message->header_count; i++)
    count += message->fields[i].header == header;
  return count;
}

static inline void expect_remote(const struct flow *flow, const char *text) {
  char memory[64];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  address_to_text(&flow->remote, &builder);
  expect_view(text_builder_view(&builder), text);
}

/* A NUL-terminated copy for printf. */
static inline const char *c_text(struct world *world, struct str_view view) {
  char *text = arena_take(&world->arena, view.length + 1);
  require(text);
  if (view.length > 0) memcpy(text, view.data, view.length);
  text[view.length] = 0;
  return text;
}

static inline const char *local_tag(struct world *world, struct handle dialog) {
  return c_text(world, dialog_local_tag(world->table, &world->context, dialog));
}

static inline const char *call_id(struct world *world, struct handle dialog) {
  return c_text(world, dialog_call_id(world->table, dialog));
}

static const struct transaction_owner nobody = {0};

/* --- a dialog as UAS --------------------------------------------------------------------------------------------- */

static unsigned branch_number;

/* An INVITE of Alice at 198.51.100.7 with these further header lines. */
static inline const struct sip_message *invite_of_alice(struct world *world, const char *lines) {
  return received(world,
                  "INVITE sip:bob@192.0.2.1 SIP/2.0\n"
                  "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKalice%u\n"
                  "Max-Forwards: 70\n"
                  "From: \"Alice\" <sip:alice@example.org>;tag=a1\n"
                  "To: Bob <sip:bob@example.org>\n"
                  "Call-ID: alice-1@198.51.100.7\n"
                  "CSeq: 100 INVITE\n"
                  "%s",
                  ++branch_number, lines);
}

static const char alice_contact[] = "Contact: <sip:alice@198.51.100.7:5060>\n";

/* A request of Alice in the dialog that invite_of_alice began. */
static inline const struct sip_message *alice_requests(struct world *world, struct handle dialog, const char *method,
                                                       unsigned cseq, const char *lines) {
  return received(world,
                  "%s sip:x@192.0.2.1 SIP/2.0\n"
                  "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKalice%u\n"
                  "Max-Forwards: 70\n"
                  "From: \"Alice\" <sip:alice@example.org>;tag=a1\n"
                  "To: Bob <sip:bob@example.org>;tag=%s\n"
                  "Call-ID: alice-1@198.51.100.7\n"
                  "CSeq: %u %s\n"
                  "%s",
                  method, ++branch_number, local_tag(world, dialog), cseq, method, lines);
}

/* The dialog and server transaction of an INVITE of Alice. */
static inline struct handle alice_calls(struct world *world, const char *lines, struct handle *transaction_out) {
  struct flow flow = udp_from("198.51.100.7:5060");
  struct handle dialog;
  const struct sip_message *invite = invite_of_alice(world, lines);
  struct transaction_news news = transaction_receive(world->layer, &world->context, invite, &flow);
  expect_int(news.kind, ==, TRANSACTION_NEWS_REQUEST);
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_OK);
  if (transaction_out) *transaction_out = news.transaction;
  next_event(world);
  return dialog;
}

/* Sends a response of ours through the dialog; the test may look at it with sent(). */
static inline void respond(struct world *world, struct handle dialog, struct handle transaction, enum sip_method method,
                           unsigned status) {
  next_event(world); /* the transaction may have sent 100 */
  struct text_builder builder = arena_builder(&world->arena, 4096);
  expect_int(dialog_build_response(world->table, &world->context, dialog, transaction, method, status,
                                   (struct str_view){0}, &builder),
             ==, RESULT_OK);
  sip_build_end(&builder, (struct str_view){0}, (struct str_view){0});
  expect_int(transaction_respond(world->layer, &world->context, transaction, status, text_builder_view(&builder)), ==,
             RESULT_OK);
  if (method == SIP_METHOD_INVITE) dialog_note_response_sent(world->table, dialog, status);
}

/* Lets a request of the peer in: transaction, finding, taking note. */
static inline enum result take_request(struct world *world, struct handle dialog, const struct sip_message *request,
                                       const struct flow *flow, struct handle *transaction_out) {
  struct handle found;
  struct transaction_news news = transaction_receive(world->layer, &world->context, request, flow);
  if (transaction_out) *transaction_out = news.transaction;
  enum result result = dialog_find(world->table, request, &found);
  if (result != RESULT_OK) return result;
  expect(handle_equal(found, dialog));
  return dialog_receive_request(world->table, &world->context, found, request, flow);
}

/* An answered call of Alice. */
static inline struct handle alice_talks(struct world *world, const char *lines) {
  struct handle transaction, dialog = alice_calls(world, lines, &transaction);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 200);
  next_event(world);
  return dialog;
}

/* --- a dialog as UAC --------------------------------------------------------------------------------------------- */

static inline struct dialog_invitation invitation_to_carol(void) {
  return (struct dialog_invitation){.request_uri = world_view("sip:carol@203.0.113.9:5080"),
                                    .local_display = world_view("\"Bell, Alice\""),
                                    .local_uri = world_view("sip:1001@192.0.2.1"),
                                    .remote_uri = world_view("sip:carol@203.0.113.9"),
                                    .flow = udp_from("203.0.113.9:5080")};
}

static inline enum result send_request(struct world *world, struct handle dialog, enum sip_method method) {
  struct handle transaction;
  struct dialog_request request = {.method = method};
  return dialog_send_request(world->table, &world->context, dialog, &request, &transaction);
}

/* A dialog whose INVITE is out. */
static inline struct handle carol_is_called_with(struct world *world, const struct dialog_invitation *invitation) {
  struct handle dialog;
  expect_int(dialog_create_uac(world->table, &world->context, invitation, nobody, &dialog), ==, RESULT_OK);
  expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_OK);
  next_event(world);
  return dialog;
}

static inline struct handle carol_is_called(struct world *world) {
  struct dialog_invitation invitation = invitation_to_carol();
  return carol_is_called_with(world, &invitation);
}

/* A response to request `cseq` `method`, with To tag `tag` (none when empty) and further lines. */
static inline const struct sip_message *response_of_carol(struct world *world, struct handle dialog,
                                                          const char *status_line, const char *tag, const char *cseq,
                                                          const char *lines) {
  return received(world,
                  "SIP/2.0 %s\n"
                  "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours\n"
                  "From: \"Bell, Alice\" <sip:1001@192.0.2.1>;tag=%s\n"
                  "To: <sip:carol@203.0.113.9>%s%s\n"
                  "Call-ID: %s\n"
                  "CSeq: %s\n"
                  "%s",
                  status_line, local_tag(world, dialog), tag[0] ? ";tag=" : "", tag, call_id(world, dialog), cseq,
                  lines);
}

/* Takes such a response in; the branch number. */
static inline unsigned carol_responds(struct world *world, struct handle dialog, const char *status_line,
                                      const char *tag, const char *cseq, const char *lines) {
  unsigned branch;
  const struct sip_message *response = response_of_carol(world, dialog, status_line, tag, cseq, lines);
  expect_int(dialog_receive_response(world->table, &world->context, dialog, response, &branch), ==, RESULT_OK);
  return branch;
}

static const char carol_contact[] = "Contact: <sip:carol@203.0.113.9:5080>\n";

/* An answered call to Carol, whose tag is c1. */
static inline struct handle carol_talks(struct world *world, const char *lines) {
  struct handle dialog = carol_is_called(world);
  expect_int(carol_responds(world, dialog, "200 OK", "c1", "1 INVITE", lines), ==, 0);
  next_event(world);
  return dialog;
}

/* A request of Carol in that dialog. */
static inline const struct sip_message *carol_requests(struct world *world, struct handle dialog, const char *method,
                                                       const char *tag, unsigned cseq, const char *lines) {
  return received(world,
                  "%s sip:x@192.0.2.1 SIP/2.0\n"
                  "Via: SIP/2.0/UDP 203.0.113.9:5080;branch=z9hG4bKcarol%u\n"
                  "Max-Forwards: 70\n"
                  "From: <sip:carol@203.0.113.9>;tag=%s\n"
                  "To: \"Bell, Alice\" <sip:1001@192.0.2.1>;tag=%s\n"
                  "Call-ID: %s\n"
                  "CSeq: %u %s\n"
                  "%s",
                  method, ++branch_number, tag, local_tag(world, dialog), call_id(world, dialog), cseq, method, lines);
}

/* Hangs up the branch whose 2xx has just come. */
static inline void dismiss_branch(struct world *world, struct handle dialog, unsigned branch) {
  struct dialog_dismissal dismissal = {.branch = branch, .cseq = world->received_message.cseq};
  dialog_dismiss_branch(world->table, &world->context, dialog, &dismissal);
}

#endif
