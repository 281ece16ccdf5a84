#include "trace/trace_select.h"

static bool set_has(const struct trace_key_set *set, uint64_t key) {
  for (size_t at = key % (TRACE_KEYS_MAX * 2); set->slots[at] != 0; at = (at + 1) % (TRACE_KEYS_MAX * 2))
    if (set->slots[at] == key) return true;
  return false;
}

/* True when it was not there yet. */
static bool set_add(struct trace_selection *selection, struct trace_key_set *set, uint64_t key) {
  if (set_has(set, key)) return false;
  if (set->count == TRACE_KEYS_MAX) {
    selection->is_full = true;
    return false;
  }
  size_t at = key % (TRACE_KEYS_MAX * 2);
  while (set->slots[at] != 0)
    at = (at + 1) % (TRACE_KEYS_MAX * 2);
  set->slots[at] = key;
  set->count++;
  return true;
}

void trace_selection_init(struct trace_selection *selection, const struct trace_filter *filter) {
  memset(selection, 0, sizeof *selection);
  selection->filter = *filter;
  if (filter->call.length == 0) return;
  set_add(selection, &selection->calls, trace_key(filter->call));
  set_add(selection, &selection->call_ids, trace_key(filter->call));
}

bool trace_selection_is_all(const struct trace_selection *selection) {
  const struct trace_filter *filter = &selection->filter;
  return filter->call.length == 0 && filter->number.length == 0 && filter->address_count == 0;
}

bool trace_selection_is_in_time(const struct trace_selection *selection, struct wall_us wall) {
  const struct trace_filter *filter = &selection->filter;
  return wall.value >= filter->since.value && (filter->until.value == 0 || wall.value <= filter->until.value);
}

static bool is_address(const struct trace_filter *filter, const struct address *remote) {
  for (unsigned i = 0; i < filter->address_count; i++) {
    const struct address *wanted = &filter->addresses[i];
    if (wanted->port == 0 ? address_equal_ip(wanted, remote) : address_equal(wanted, remote)) return true;
  }
  return filter->address_count == 0;
}

/* A quick look before the message is read. */
static bool may_name(const struct trace_record *record, struct str_view number) {
  size_t length = number.length;
  if (length > 0 && number.data[length - 1] == '*') length--;
  if (length == 0 || memmem(record->payload.data, record->payload.length, number.data, length)) return true;
  return record->payload.length > 0 && memchr(record->payload.data, '%', record->payload.length) != NULL;
}

void trace_selection_seek(struct trace_selection *selection, const struct trace_record *record) {
  const struct trace_filter *filter = &selection->filter;
  struct sip_message message;
  if (record->kind != TRACE_SIP || filter->call.length > 0) return;
  if (!is_address(filter, &record->remote)) return;
  if (filter->number.length > 0 && !may_name(record, filter->number)) return;
  if (filter->number.length > 0 &&
      (!trace_message_read(record, &message) || !trace_message_names(&message, filter->number)))
    return;
  struct str_view call_id = trace_message_call_id(record);
  if (call_id.length > 0) set_add(selection, &selection->call_ids, trace_key(call_id));
}

bool trace_link_read(const struct trace_record *record, struct trace_link *link_out) {
  struct note note;
  if (record->kind != TRACE_NOTE || trace_note_decode(record->payload, &note) != RESULT_OK || note.kind != NOTE_LEG)
    return false;
  *link_out = (struct trace_link){.call = trace_key(note.call), .call_id = trace_key(note.text)};
  return true;
}

bool trace_selection_link(struct trace_selection *selection, const struct trace_link *link) {
  if (set_has(&selection->calls, link->call)) return set_add(selection, &selection->call_ids, link->call_id);
  if (set_has(&selection->call_ids, link->call_id)) return set_add(selection, &selection->calls, link->call);
  return false;
}

bool trace_selection_takes(const struct trace_selection *selection, const struct trace_record *record) {
  struct note note;
  if (!trace_selection_is_in_time(selection, record->wall)) return false;
  if (trace_selection_is_all(selection)) return true;
  if (record->kind == TRACE_NOTE)
    return trace_note_decode(record->payload, &note) == RESULT_OK && set_has(&selection->calls, trace_key(note.call));
  /* Keep-alives and what cannot be read belong to no call, but to an address. */
  bool asks_for_address_only =
      selection->filter.address_count > 0 && selection->filter.call.length == 0 && selection->filter.number.length == 0;
  if (asks_for_address_only && is_address(&selection->filter, &record->remote)) return true;
  struct str_view call_id = trace_message_call_id(record);
  return call_id.length > 0 && set_has(&selection->call_ids, trace_key(call_id));
}
