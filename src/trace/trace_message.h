/* What a recorded message says, in a line, and of which call it is. */
#ifndef TRACE_TRACE_MESSAGE_H
#define TRACE_TRACE_MESSAGE_H

#include "sip/sip_message.h"
#include "trace/trace_record.h"

/* Names Call-IDs and calls in sets and tables. Never 0. */
uint64_t trace_key(struct str_view text);

/* Reads the record's message; false: it is none, or its Call-ID is lost. What a broken message still says is there.
 * 64 readable bytes must stand behind the payload. */
bool trace_message_read(const struct trace_record *record, struct sip_message *message_out);

/* The Call-ID that trace_message_read finds, mostly without reading the rest: for walks over everything. Empty: there
 * is none. A view into the payload. */
struct str_view trace_message_call_id(const struct trace_record *record);

/* Appends what a record says, in a few words: of a message, of a life sign, or of what the switch noted. `message`
 * NULL: it could not be read. */
void trace_summary(const struct trace_record *record, const struct sip_message *message, struct text_builder *text);

/* True when `number` is the user part of the message's From, To or Request-URI; "44*" stands for all that begin so. */
bool trace_message_names(const struct sip_message *message, struct str_view number);

#endif
