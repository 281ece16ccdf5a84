/* Messages from outside, one after another, with our own requests, answers, CANCELs, dead flows and time in between.
 *
 *   [op][message text with '$' for our latest branch]  0  [op][message] …
 *
 * However it goes, the layer's invariants hold after every event, and in the end time empties it. */
#include "transaction/transaction_rig.h"

#define PEER "198.51.100.7:5070"

enum { OP_ANSWER = 3, OP_TCP = 4, OP_WAIT = 8, OP_WAIT_LONG = 16, OP_FAIL = 32, OP_REQUEST = 64, OP_CANCEL = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void forget(void *argument, const struct outbox_entry *entry) {
  (void)argument, (void)entry;
}

static struct rig *the_rig(void) {
  static struct rig *rig;
  if (!rig) {
    rig = rig_create(16, 16);
    rig->carry = forget;
  }
  rig->news_count = 0;
  random_seed(&rig->random, (struct siphash_key){3, 4});
  return rig;
}

/* Copies the message with our branch put in; returns its length. */
static size_t expand(const uint8_t *data, size_t size, const char *branch, char *text, size_t text_max) {
  size_t length = 0, branch_length = strlen(branch);
  for (size_t i = 0; i < size && length + branch_length < text_max; i++) {
    if (data[i] != '$') {
      text[length++] = (char)data[i];
      continue;
    }
    memcpy(text + length, branch, branch_length);
    length += branch_length;
  }
  return length;
}

static void receive(struct rig *rig, const struct flow *flow, struct str_view text, unsigned op) {
  static const unsigned answers[] = {0, 180, 200, 486};
  struct sip_message message;
  struct sip_defect defect;
  if (sip_message_parse(text, &message, &defect) != RESULT_OK) return;
  struct transaction_news news = transaction_receive(rig->layer, &rig->context, &message, flow);
  if (news.kind == TRANSACTION_NEWS_REQUEST && handle_is_none(news.transaction))
    (void)!transaction_accept(rig->layer, &rig->context, &message, flow, &news.transaction);
  rig_end_event(rig);
  if (news.kind == TRANSACTION_NEWS_CANCEL) (void)rig_respond(rig, news.transaction, 487);
  if (news.kind != TRANSACTION_NEWS_REQUEST || !answers[op & OP_ANSWER]) return;
  (void)rig_respond(rig, news.transaction, answers[op & OP_ANSWER]);
  if (op & OP_CANCEL) transaction_disown(rig->layer, news.transaction);
  rig_end_event(rig);
}

static void take_item(struct rig *rig, const uint8_t *item, size_t size, struct rig_client *client) {
  static char text[RIG_TEXT_MAX + 64];
  unsigned op = item[0];
  struct flow flow = rig_flow(op & OP_TCP ? TRANSPORT_TCP : TRANSPORT_UDP, PEER, op & OP_TCP ? 5 : 0);
  if (op & OP_REQUEST && transaction_count(rig->layer) < 14)
    *client = rig_send_sized(rig, op & OP_ANSWER ? "INVITE" : "OPTIONS", &flow, op & OP_WAIT ? 1400 : 0);
  size_t length = expand(item + 1, size - 1, client->branch, text, RIG_TEXT_MAX);
  memset(text + length, 0, 64);
  receive(rig, &flow, str_view_of(text, length), op);
  if (op & OP_CANCEL) rig_cancel(rig, client);
  if (op & OP_FAIL) transaction_flow_failed(rig->layer, &rig->context, &flow);
  rig_jump(rig, op & OP_WAIT_LONG ? 32000 : op & OP_WAIT ? 600 : 10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct rig *rig = the_rig();
  struct rig_client client = {0};
  for (size_t start = 0; start < size;) {
    const uint8_t *end = memchr(data + start, 0, size - start);
    size_t length = end ? (size_t)(end - (data + start)) : size - start;
    if (length > 0 && length < RIG_TEXT_MAX) take_item(rig, data + start, length, &client);
    start += length + 1;
  }
  for (unsigned hours = 0; hours < 8 && transaction_count(rig->layer) > 0; hours++)
    rig_jump(rig, 3600 * 1000);
  require(transaction_count(rig->layer) == 0 && rig->blocks.bytes_used == 0 && !tap_current_failed);
  return 0;
}
