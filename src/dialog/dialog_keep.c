/* Dialogs as bytes, so that they survive the switch with their tags: slot and generation are part of them. Confirmed
 * ones, and those whose INVITE of ours has found no end yet: what is needed to end them. */
#include "boundary/kept_flow.h"
#include "dialog/dialog_private.h"

#define KEEP_VERSION 2
#define KEEP_LINES   1     /* the oldest: whole header lines instead of values, our tag in From */
#define CSEQ_RAISE   10000 /* more than any dialog sends between two savings; gaps are allowed (RFC 3261 §12.2.2) */
#define CSEQ_MAX     (UINT32_C(1) << 31) /* §8.1.1.5 */

enum {
  FLAG_UAC = 1,
  FLAG_SECURE = 2,
  FLAG_FOLLOW = 4,
  FLAG_RECORD_ROUTE = 8,
  FLAG_TRANSLATED = 16,
  FLAG_CSEQ = 32,
  FLAG_TRYING = 64
};

/* --- saving ------------------------------------------------------------------------------------------------------ */

static unsigned flags_of(const struct dialog *dialog) {
  return (dialog->is_uac ? FLAG_UAC : 0u) | (dialog->is_secure ? FLAG_SECURE : 0u) |
         (dialog->follow_flow ? FLAG_FOLLOW : 0u) | (dialog->echo_record_route ? FLAG_RECORD_ROUTE : 0u) |
         (dialog->end.is_translated ? FLAG_TRANSLATED : 0u) | (dialog->end.has_remote_cseq ? FLAG_CSEQ : 0u) |
         (dialog->was_confirmed ? 0u : FLAG_TRYING);
}

/* A connection does not survive. */
static void save_flow(const struct flow *flow, struct text_builder *builder) {
  packed_add(builder, flow->transport, 1);
  packed_add(builder, flow->socket_index, 2);
  packed_add(builder, flow->remote.family, 1);
  packed_add(builder, flow->remote.port, 2);
  text_builder_add(builder, str_view_of((const char *)flow->remote.ip, sizeof flow->remote.ip));
}

static void save_end(const struct dialog_table *table, const struct remote_end *end, struct text_builder *builder) {
  struct remote_end_words words = remote_end_words(table, end);
  packed_add(builder, end->remote_cseq, 4);
  packed_add(builder, end->allowed_methods, 2);
  packed_add(builder, end->supported_options, 1);
  packed_add(builder, end->number, 1);
  save_flow(&end->flow, builder);
  packed_add_text(builder, words.local);
  packed_add_text(builder, words.remote);
  packed_add(builder, end->remote_tag_offset, 2);
  packed_add(builder, end->remote_tag_length, 2);
  packed_add_text(builder, words.call_id);
  packed_add_text(builder, words.remote_target);
  packed_add_text(builder, words.route_set);
}

void dialog_save(const struct dialog_table *table, struct handle handle, struct text_builder *builder) {
  struct dialog *dialog = dialog_at(table, handle);
  packed_add(builder, dialog ? KEEP_VERSION : 0, 1);
  if (!dialog) return;
  packed_add(builder, handle.index, 4);
  packed_add(builder, handle.generation, 4);
  packed_add(builder, dialog->random_bits, 8);
  packed_add(builder, dialog->worker, 1);
  packed_add(builder, flags_of(dialog), 1);
  packed_add(builder, dialog->local_cseq, 4);
  packed_add(builder, dialog->invite_cseq, 4);
  packed_add(builder, dialog->remote_invite_cseq, 4);
  packed_add(builder, dialog->ack_cseq, 4);
  const struct remote_end *invited = dialog->was_confirmed ? NULL : remote_end_by_number(dialog, REMOTE_END_INVITED);
  save_end(table, invited ? invited : &dialog->end, builder);
}

/* --- restoring --------------------------------------------------------------------------------------------------- */

static void restore_flow(struct packed_reader *reader, struct flow *flow) {
  *flow = (struct flow){0};
  flow->transport = (uint8_t)packed_take(reader, 1);
  flow->socket_index = (uint16_t)packed_take(reader, 2);
  flow->remote.family = (uint8_t)packed_take(reader, 1);
  flow->remote.port = (uint16_t)packed_take(reader, 2);
  for (unsigned i = 0; i < sizeof flow->remote.ip; i++)
    flow->remote.ip[i] = (uint8_t)packed_take(reader, 1);
}

/* The value of a header line. */
static struct str_view value_of(struct str_view line, struct str_view name) {
  size_t before = name.length + 2, after = before + 2 <= line.length ? line.length - before - 2 : 0;
  return str_view_slice(line, before, after);
}

static struct str_view without_tag(struct str_view from) {
  size_t tag_length = sizeof TAG_PARAMETER - 1 + DIALOG_TAG_LENGTH;
  return str_view_slice(from, 0, from.length > tag_length ? from.length - tag_length : 0);
}

static void take_values(struct packed_reader *reader, unsigned version, struct remote_end_words *words) {
  words->local = packed_take_text(reader);
  words->remote = packed_take_text(reader);
  size_t tag_at = (size_t)packed_take(reader, 2), tag_length = (size_t)packed_take(reader, 2);
  words->remote_tag = str_view_slice(words->remote, tag_at, tag_length);
  if (words->remote_tag.length != tag_length) reader->broken = true;
  if (version != KEEP_LINES) return;
  words->local = without_tag(value_of(words->local, STR_VIEW("From")));
  words->remote = value_of(words->remote, STR_VIEW("To"));
}

static bool restore_end(struct dialog_table *table, struct context *context, struct packed_reader *reader,
                        unsigned version, struct remote_end *end) {
  struct remote_end_words words;
  end->remote_cseq = (uint32_t)packed_take(reader, 4);
  end->allowed_methods = (uint16_t)packed_take(reader, 2);
  end->supported_options = (uint8_t)packed_take(reader, 1);
  end->number = (uint8_t)packed_take(reader, 1);
  restore_flow(reader, &end->flow);
  end->flow.worker = context->local->worker;
  take_values(reader, version, &words);
  words.call_id = packed_take_text(reader);
  words.remote_target = packed_take_text(reader);
  words.route_set = packed_take_text(reader);
  return !reader->broken && words.call_id.length > 0 && kept_flow_find_socket(context->local, &end->flow) &&
         remote_end_write(table, context->arena, end, &words) == RESULT_OK;
}

/* The connection is gone, and so is the port that its peer had for it alone: such a peer is met where it says, unless
 * only it can come back. A name is asked for when it is needed. */
static void leave_connection(struct dialog_table *table, struct context *context, struct dialog *dialog) {
  struct flow gone = dialog->end.flow;
  if (!transport_is_stream((enum transport)gone.transport)) return;
  dialog->end.flow.remote = (struct address){0};
  remote_end_aim(table, context, dialog, &dialog->end);
  dialog->names_awaited = 0;
  if (dialog->end.flow.remote.family == ADDRESS_NONE) dialog->end.flow = gone;
}

static uint32_t raised(uint32_t cseq, uint32_t by) {
  return by < CSEQ_MAX && cseq < CSEQ_MAX - by ? cseq + by : cseq;
}

static void restore_numbers(struct packed_reader *reader, struct dialog *dialog) {
  dialog->random_bits = packed_take(reader, 8);
  dialog->worker = (uint8_t)packed_take(reader, 1);
  unsigned flags = (unsigned)packed_take(reader, 1);
  dialog->is_uac = (flags & FLAG_UAC) != 0;
  dialog->is_secure = (flags & FLAG_SECURE) != 0;
  dialog->follow_flow = (flags & FLAG_FOLLOW) != 0;
  dialog->echo_record_route = (flags & FLAG_RECORD_ROUTE) != 0;
  dialog->end.is_translated = (flags & FLAG_TRANSLATED) != 0;
  dialog->end.has_remote_cseq = (flags & FLAG_CSEQ) != 0;
  dialog->was_confirmed = (flags & FLAG_TRYING) == 0;
  dialog->state = dialog->was_confirmed ? DIALOG_CONFIRMED : DIALOG_TRYING;
  dialog->local_cseq = raised((uint32_t)packed_take(reader, 4), CSEQ_RAISE);
  dialog->invite_cseq = (uint32_t)packed_take(reader, 4);
  dialog->remote_invite_cseq = (uint32_t)packed_take(reader, 4);
  dialog->ack_cseq = (uint32_t)packed_take(reader, 4);
}

enum result dialog_restore(struct dialog_table *table, struct context *context, struct packed_reader *reader,
                           struct transaction_owner owner, struct handle *dialog_out) {
  struct handle handle;
  *dialog_out = HANDLE_NONE;
  unsigned version = (unsigned)packed_take(reader, 1);
  if (version < KEEP_LINES || version > KEEP_VERSION) return RESULT_MALFORMED;
  handle.index = (uint32_t)packed_take(reader, 4);
  handle.generation = (uint32_t)packed_take(reader, 4);
  struct dialog *dialog = reader->broken ? NULL : pool_take_at(&table->dialogs, handle);
  if (!dialog) return RESULT_FULL;
  restore_numbers(reader, dialog);
  dialog_set_owner(dialog, owner);
  if (!restore_end(table, context, reader, version, &dialog->end) || dialog->worker != context->local->worker) {
    block_store_clear(table->blocks, &dialog->end.text);
    pool_give(&table->dialogs, dialog);
    return RESULT_MALFORMED;
  }
  leave_connection(table, context, dialog);
  *dialog_out = handle;
  return RESULT_OK;
}

bool dialog_pass_over(struct packed_reader *reader) {
  struct dialog dialog = {0};
  unsigned version = (unsigned)packed_take(reader, 1);
  if (version < KEEP_LINES || version > KEEP_VERSION) return false;
  (void)packed_take(reader, 8);
  restore_numbers(reader, &dialog);
  (void)packed_take(reader, 8);
  restore_flow(reader, &dialog.end.flow);
  (void)packed_take_text(reader);
  (void)packed_take_text(reader);
  (void)packed_take(reader, 4);
  for (unsigned text = 0; text < 3; text++)
    (void)packed_take_text(reader);
  return !reader->broken;
}

void dialog_raise_cseq(struct dialog_table *table, struct handle handle, uint32_t by) {
  struct dialog *dialog = dialog_at(table, handle);
  if (dialog) dialog->local_cseq = raised(dialog->local_cseq, by);
}

void dialog_table_restored(struct dialog_table *table) {
  pool_restored(&table->dialogs);
}
