/* Records in the form in which Homer and sngrep take them: HEP version 3 ("EEP"), one datagram each.
 *
 *   "HEP3" length | vendor, type, length, value | vendor, type, length, value | …          all in network byte order */
#ifndef TRACE_TRACE_HEP_H
#define TRACE_TRACE_HEP_H

#include "trace/trace_record.h"

#define TRACE_HEP_OVERHEAD_BYTES 256 /* more than a datagram has beside payload and correlation */
#define TRACE_HEP_PAYLOAD_MAX    64000

/* Appends a message as a datagram. `correlation` is the same for both legs of a call (its id); empty: there is none.
 * `agent` tells which of several switches says so. Notes and what is longer than TRACE_HEP_PAYLOAD_MAX are left out. */
void trace_hep_write(const struct trace_record *record, struct str_view correlation, uint32_t agent,
                     struct text_builder *datagram);

#endif
