/* Two messages, separated by a line of "----": an INVITE that makes a dialog, and whatever comes in it. What the dialog
 * then says must be SIP again, and nothing may be left when it is destroyed. */
#include <stdint.h>

#include "dialog/dialog_fixture.h"

static struct world *world;

static bool parse(char *buffer, struct sip_message *message, const uint8_t *data, size_t length) {
  struct sip_defect defect;
  if (length > WORLD_MESSAGE_BYTES) return false;
  memcpy(buffer, data, length);
  memset(buffer + length, 0, 64);
  return sip_message_parse(str_view_of(buffer, length), message, &defect) == RESULT_OK;
}

/* Every message that goes out is read again. */
static void check_sent(void) {
  for (uint32_t i = 0; i < world->outbox.entry_count; i++) {
    const struct outbox_entry *entry = &world->outbox.entries[i];
    struct str_view bytes = entry->bytes;
    if (entry->kind != OUTBOX_SEND) continue; /* a host name to look up, say */
    require(parse(world->sent_bytes, &world->sent_message, (const uint8_t *)bytes.data, bytes.length));
  }
  outbox_reset(&world->outbox);
}

static void talk(struct handle dialog) {
  static const enum sip_method methods[] = {SIP_METHOD_UPDATE, SIP_METHOD_INFO, SIP_METHOD_BYE};
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
    (void)send_request(world, dialog, methods[i]);
  check_sent();
}

/* The second message as a request of the peer, found or not, and as a response to our INVITE. */
static void take_second(struct handle dialog, struct handle outgoing) {
  struct flow flow = udp_from("203.0.113.9:5080");
  const struct sip_message *message = &world->received_message;
  struct handle found;
  unsigned branch;
  if (message->is_request) {
    (void)dialog_find(world->table, message, &found);
    (void)dialog_receive_request(world->table, &world->context, dialog, message, &flow);
    (void)dialog_receive_prack(world->table, dialog, message);
    return;
  }
  if (dialog_receive_response(world->table, &world->context, outgoing, message, &branch) != RESULT_OK) return;
  (void)dialog_check_reliable(world->table, outgoing, branch, message);
  dialog_dismiss_branch(world->table, &world->context, outgoing,
                        &(struct dialog_dismissal){.branch = branch, .cseq = message->cseq});
  (void)dialog_send_ack(world->table, &world->context, outgoing, &(struct dialog_ack){.cseq = 1});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
  if (!world) world = world_create(4);
  struct flow flow = udp_from("198.51.100.7:5060");
  struct dialog_invitation invitation = invitation_to_carol();
  struct handle dialog = HANDLE_NONE, outgoing = HANDLE_NONE;
  const uint8_t *line = memmem(data, length, "----\n", 5);
  size_t first = line ? (size_t)(line - data) : length;
  if (parse(world->received_bytes, &world->received_message, data, first) && world->received_message.is_request &&
      dialog_create_uas(world->table, &world->context, &world->received_message, &flow, nobody, &dialog) == RESULT_OK)
    dialog_note_response_sent(world->table, dialog, 200);
  require(dialog_create_uac(world->table, &world->context, &invitation, nobody, &outgoing) == RESULT_OK);
  require(send_request(world, outgoing, SIP_METHOD_INVITE) == RESULT_OK);
  if (line && parse(world->received_bytes, &world->received_message, line + 5, length - first - 5))
    take_second(dialog, outgoing);
  talk(dialog);
  talk(outgoing);
  dialog_destroy(world->table, &world->context, dialog);
  dialog_destroy(world->table, &world->context, outgoing);
  end_all_transactions(world);
  require(world->blocks.bytes_used == 0 && dialog_count(world->table) == 0);
  return 0;
}
