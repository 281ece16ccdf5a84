/* For tests and fuzzers: a message that was taken must come out of sip_build so that reading it again gives the same.
 */
#ifndef SIP_SIP_ROUNDTRIP_H
#define SIP_SIP_ROUNDTRIP_H

#include "sip/sip_build.h"
#include "sip/sip_scan.h"

/* Folds count as one blank, as RFC 3261 §7.3.1 has it, and so do all other blanks next to one. */
static inline bool sip_roundtrip_same_value(struct str_view a, struct str_view b) {
  struct sip_scan scan_a = sip_scan_of(a), scan_b = sip_scan_of(b);
  while (!sip_scan_at_end(&scan_a) && !sip_scan_at_end(&scan_b)) {
    bool blank_a = sip_is(*scan_a.at, SIP_BLANK), blank_b = sip_is(*scan_b.at, SIP_BLANK);
    if (blank_a != blank_b || (!blank_a && *scan_a.at != *scan_b.at)) return false;
    if (blank_a) {
      sip_scan_blanks(&scan_a);
      sip_scan_blanks(&scan_b);
    } else {
      scan_a.at++;
      scan_b.at++;
    }
  }
  return sip_scan_at_end(&scan_a) && sip_scan_at_end(&scan_b);
}

static inline void sip_roundtrip_build(const struct sip_message *message, struct text_builder *builder) {
  if (message->is_request)
    sip_build_request_line(builder, message->method_text, message->request_uri);
  else
    sip_build_status_line(builder, message->status, message->reason_phrase);
  for (unsigned i = 0; i < message->header_count; i++) {
    enum sip_header header = (enum sip_header)message->fields[i].header;
    struct str_view value = sip_message_field_value(message, i);
    if (header == SIP_HEADER_CONTENT_LENGTH || header == SIP_HEADER_CONTENT_TYPE) continue;
    if (header == SIP_HEADER_OTHER)
      sip_build_other_header(builder, sip_message_field_name(message, i), value);
    else
      sip_build_header(builder, header, value);
  }
  sip_build_end(builder, sip_message_header(message, SIP_HEADER_CONTENT_TYPE), message->body);
}

static inline bool sip_roundtrip_same_start(const struct sip_message *a, const struct sip_message *b) {
  struct str_view phrase = a->reason_phrase.length ? a->reason_phrase : sip_status_text(a->status);
  return a->is_request == b->is_request && a->method == b->method && str_view_equal(a->method_text, b->method_text) &&
         a->status == b->status && a->cseq == b->cseq && str_view_equal(a->request_uri, b->request_uri) &&
         (a->is_request || str_view_equal(phrase, b->reason_phrase));
}

static inline bool sip_roundtrip_same_parts(const struct sip_message *a, const struct sip_message *b) {
  return str_view_equal(a->call_id, b->call_id) && sip_roundtrip_same_value(a->from_tag, b->from_tag) &&
         sip_roundtrip_same_value(a->to_tag, b->to_tag) && str_view_equal(a->body, b->body);
}

/* Field by field but for Content-Type and Content-Length, which sip_build_end writes last. */
static inline bool sip_roundtrip_same_fields(const struct sip_message *a, const struct sip_message *b) {
  unsigned j = 0;
  for (unsigned i = 0; i < a->header_count; i++) {
    uint8_t header = a->fields[i].header;
    if (header == SIP_HEADER_CONTENT_LENGTH || header == SIP_HEADER_CONTENT_TYPE) continue;
    if (j == b->header_count || b->fields[j].header != header) return false;
    if (!sip_roundtrip_same_value(sip_message_field_value(a, i), sip_message_field_value(b, j))) return false;
    if (header == SIP_HEADER_OTHER && !str_view_equal(sip_message_field_name(a, i), sip_message_field_name(b, j)))
      return false;
    j++;
  }
  return true;
}

/* True when `message`, written into `memory` and read again, is the same; also when it does not fit there or exceeds
 * what a message may have, since field names grow from their compact forms. */
static inline bool sip_roundtrip_holds(const struct sip_message *message, char *memory, size_t capacity) {
  static struct sip_message again;
  struct sip_defect defect;
  struct text_builder builder = text_builder_over(memory, capacity);
  sip_roundtrip_build(message, &builder);
  if (builder.overflowed || builder.length > SIP_MESSAGE_BYTES_MAX) return true;
  bool adds_length = !sip_message_has(message, SIP_HEADER_CONTENT_LENGTH);
  if (adds_length && message->header_count == SIP_MESSAGE_HEADERS_MAX) return true;
  if (sip_message_parse(text_builder_view(&builder), &again, &defect) != RESULT_OK) return false;
  return sip_roundtrip_same_start(message, &again) && sip_roundtrip_same_parts(message, &again) &&
         sip_roundtrip_same_fields(message, &again);
}

#endif
