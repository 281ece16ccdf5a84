#include "boundary/outbox.h"

#include "base/check.h"

void outbox_init(struct outbox *outbox, struct outbox_entry *entries, uint32_t entries_max, void *bytes,
                 size_t bytes_max) {
  *outbox = (struct outbox){.entries = entries, .entries_max = entries_max, .bytes = bytes, .bytes_max = bytes_max};
}

bool outbox_has_room(const struct outbox *outbox) {
  return outbox->entries_max - outbox->entry_count >= OUTBOX_EVENT_ENTRIES &&
         outbox->bytes_max - outbox->byte_count >= OUTBOX_EVENT_BYTES;
}

void outbox_reset(struct outbox *outbox) {
  outbox->entry_count = 0;
  outbox->byte_count = 0;
}

static bool copy_text(struct outbox *outbox, struct str_view text, struct str_view *copy_out) {
  *copy_out = (struct str_view){0};
  if (text.length == 0) return true;
  if (text.length > outbox->bytes_max - outbox->byte_count) return false;
  char *copy = outbox->bytes + outbox->byte_count;
  memcpy(copy, text.data, text.length);
  outbox->byte_count += text.length;
  *copy_out = str_view_of(copy, text.length);
  return true;
}

/* A new entry with its copy of `bytes`; NULL, and nothing changed, when one of the two does not fit. */
static struct outbox_entry *append(struct outbox *outbox, enum outbox_kind kind, struct str_view bytes) {
  struct str_view copy;
  if (outbox->entry_count == outbox->entries_max || !copy_text(outbox, bytes, &copy)) return NULL;
  struct outbox_entry *entry = &outbox->entries[outbox->entry_count++];
  *entry = (struct outbox_entry){.kind = kind, .bytes = copy};
  return entry;
}

static struct outbox_entry *append_or_drop(struct outbox *outbox, enum outbox_kind kind, struct str_view bytes) {
  struct outbox_entry *entry = append(outbox, kind, bytes);
  if (!entry) outbox->dropped++;
  return entry;
}

void outbox_send(struct outbox *outbox, const struct flow *flow, struct str_view bytes) {
  struct outbox_entry *entry = append_or_drop(outbox, OUTBOX_SEND, bytes);
  if (!entry) return;
  entry->flow = *flow;
  entry->waits = outbox->sends_wait;
}

void outbox_close_connection(struct outbox *outbox, const struct flow *flow) {
  struct outbox_entry *entry = append_or_drop(outbox, OUTBOX_CLOSE_CONNECTION, (struct str_view){0});
  if (entry) entry->flow = *flow;
}

void outbox_ask_location(struct outbox *outbox, uint8_t worker, struct str_view number, struct handle asker) {
  struct outbox_entry *entry = append_or_drop(outbox, OUTBOX_ASK_LOCATION, number);
  if (!entry) return;
  entry->worker = worker;
  entry->asker = asker;
}

/* Memory for a struct, aligned to 8; NULL when there is none. */
static void *take_aligned(struct outbox *outbox, size_t bytes) {
  size_t padding = -((uintptr_t)outbox->bytes + outbox->byte_count) % 8;
  if (padding + bytes > outbox->bytes_max - outbox->byte_count) return NULL;
  void *place = outbox->bytes + outbox->byte_count + padding;
  outbox->byte_count += padding + bytes;
  return place;
}

/* An aligned copy of `answer` with copies of its texts, all in the outbox's bytes; NULL when they do not fit. */
static struct location_answer *copy_location(struct outbox *outbox, const struct location_answer *answer) {
  require(answer->contact_count <= EVENT_LOCATION_CONTACTS_MAX);
  struct location_answer *copy = take_aligned(outbox, sizeof *answer);
  if (!copy) return NULL;
  *copy = *answer;
  for (uint8_t i = 0; i < answer->contact_count; i++) {
    const struct location_contact *contact = &answer->contacts[i];
    if (!copy_text(outbox, contact->uri, &copy->contacts[i].uri)) return NULL;
    if (!copy_text(outbox, contact->path, &copy->contacts[i].path)) return NULL;
  }
  return copy;
}

void outbox_tell_location(struct outbox *outbox, uint8_t worker, const struct location_answer *answer) {
  size_t bytes_before = outbox->byte_count;
  const struct location_answer *copy = copy_location(outbox, answer);
  struct outbox_entry *entry = copy ? append(outbox, OUTBOX_TELL_LOCATION, (struct str_view){0}) : NULL;
  if (!entry) {
    outbox->byte_count = bytes_before;
    outbox->dropped++;
    return;
  }
  entry->worker = worker;
  entry->asker = answer->asker;
  entry->location = copy;
}

void outbox_tell_heard(struct outbox *outbox, uint8_t worker, const struct flow *flow, uint8_t sign) {
  struct outbox_entry *entry = append_or_drop(outbox, OUTBOX_TELL_HEARD, (struct str_view){0});
  if (!entry) return;
  entry->flow = *flow;
  entry->worker = worker;
  entry->sign = sign;
}

void outbox_tell_proof(struct outbox *outbox, uint8_t worker, const struct flow *flow, struct str_view proof) {
  struct outbox_entry *entry = append_or_drop(outbox, OUTBOX_TELL_HEARD, proof);
  if (!entry) return;
  entry->flow = *flow;
  entry->worker = worker;
}

void outbox_resolve(struct outbox *outbox, struct str_view host, enum transport transport, uint16_t port,
                    struct handle asker) {
  struct outbox_entry *entry = append_or_drop(outbox, OUTBOX_RESOLVE, host);
  if (!entry) return;
  entry->flow.transport = (uint8_t)transport;
  entry->flow.remote.port = port;
  entry->asker = asker;
}

enum result outbox_record(struct outbox *outbox, struct str_view record, uint8_t owed) {
  struct outbox_entry *entry = append(outbox, OUTBOX_RECORD, record);
  if (!entry) return RESULT_FULL;
  entry->owed = owed;
  return RESULT_OK;
}

void outbox_keep_device(struct outbox *outbox, struct str_view line) {
  append_or_drop(outbox, OUTBOX_KEEP_DEVICE, line);
}

enum result outbox_journal(struct outbox *outbox, enum journal_haste haste, enum journal_kind kind,
                           struct journal_key key, struct str_view bytes) {
  struct outbox_entry *entry = append(outbox, OUTBOX_JOURNAL, bytes);
  if (!entry) return RESULT_FULL;
  entry->journal_kind = (uint8_t)kind;
  entry->journal_haste = (uint8_t)haste;
  entry->key = key;
  return RESULT_OK;
}

void outbox_answer_order(struct outbox *outbox, uint64_t order_id, enum result result, struct str_view text) {
  struct outbox_entry *entry = append_or_drop(outbox, OUTBOX_ORDER_ANSWER, text);
  if (!entry) return;
  entry->order_id = order_id;
  entry->result = result;
}

void outbox_alarm(struct outbox *outbox, struct str_view line) {
  append_or_drop(outbox, OUTBOX_ALARM, line);
}

void outbox_note(struct outbox *outbox, const struct note *note) {
  if (!outbox->takes_notes) return;
  size_t bytes_before = outbox->byte_count;
  struct note *copy = take_aligned(outbox, sizeof *note);
  struct outbox_entry *entry = NULL;
  if (copy) {
    *copy = *note;
    if (copy_text(outbox, str_view_slice(note->call, 0, NOTE_TEXTS_MAX), &copy->call) &&
        copy_text(outbox, str_view_slice(note->text, 0, NOTE_TEXTS_MAX), &copy->text))
      entry = append(outbox, OUTBOX_NOTE, (struct str_view){0});
  }
  if (entry)
    entry->note = copy;
  else
    outbox->byte_count = bytes_before;
}
