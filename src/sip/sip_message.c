#include "sip/sip_message.h"

#include "sip/sip_names.h"
#include "sip/sip_scan.h"

struct str_view sip_message_header(const struct sip_message *message, enum sip_header header) {
  unsigned first = message->first_field[header];
  return first ? sip_message_field_value(message, first - 1) : (struct str_view){0};
}

struct str_view sip_message_other_header(const struct sip_message *message, struct str_view name) {
  unsigned first = message->first_field[SIP_HEADER_OTHER];
  for (unsigned i = first ? first - 1 : message->header_count; i < message->header_count; i++)
    if (message->fields[i].header == SIP_HEADER_OTHER &&
        str_view_equal_nocase(sip_message_field_name(message, i), name))
      return sip_message_field_value(message, i);
  return (struct str_view){0};
}

/* Up to the first comma outside quotes and angle brackets. Most values are words. */
static struct str_view scan_list_value(struct sip_scan *scan) {
  while (!sip_scan_at_end(scan) && *scan->at == ' ')
    scan->at++;
  const char *start = scan->at;
  scan->at = sip_skip(start, scan->end, SIP_TOKEN);
  if (sip_scan_at_end(scan) || *scan->at == ',') return sip_view_between(start, scan->at);
  for (; !sip_scan_at_end(scan) && *scan->at != ','; scan->at++) {
    if (*scan->at == '"') {
      if (!sip_scan_quoted(scan)) scan->at = scan->end;
      scan->at--;
    } else if (*scan->at == '<') {
      const char *close = memchr(scan->at, '>', (size_t)(scan->end - scan->at));
      scan->at = close ? close : scan->end - 1;
    }
  }
  return sip_trim(sip_view_between(start, scan->at));
}

/* The next value of the cursor's field, or false at its end. */
static bool next_in_field(struct str_view field, struct sip_value_cursor *cursor, struct str_view *value_out) {
  struct sip_scan scan = sip_scan_of(str_view_from(field, cursor->offset));
  while (!sip_scan_at_end(&scan)) {
    *value_out = scan_list_value(&scan);
    sip_scan_byte(&scan, ',');
    cursor->offset = (uint16_t)(scan.at - field.data);
    if (value_out->length) return true;
  }
  return false;
}

bool sip_message_next_value(const struct sip_message *message, enum sip_header header, struct sip_value_cursor *cursor,
                            struct str_view *value_out) {
  unsigned first = message->first_field[header];
  if (first == 0) return false;
  if (cursor->field < first - 1) cursor->field = (uint16_t)(first - 1);
  for (; cursor->field < message->header_count; cursor->field++, cursor->in_field = false) {
    if (message->fields[cursor->field].header != header) continue;
    struct str_view field = sip_message_field_value(message, cursor->field);
    if (!cursor->in_field) cursor->offset = 0;
    if (sip_header_form(header) == SIP_LIST) {
      cursor->in_field = true;
      if (next_in_field(field, cursor, value_out)) return true;
    } else if (!cursor->in_field) {
      cursor->in_field = true;
      *value_out = field;
      return true;
    }
  }
  return false;
}

bool sip_message_lists_token(const struct sip_message *message, enum sip_header header, struct str_view token) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  while (sip_message_next_value(message, header, &cursor, &value)) {
    value = sip_trim(str_view_slice(value, 0, str_view_find(value, ';')));
    if (str_view_equal_nocase(value, token)) return true;
  }
  return false;
}
