/* Records as a capture file (pcap, link type "raw IP") that tcpdump, Wireshark, tshark and sngrep read. Whatever the
 * transport was, each message is written as one UDP datagram between the addresses it really went between: what came
 * over TCP or TLS has no packets any more, and its Via still says what it was. Notes are left out. */
#ifndef TRACE_TRACE_PCAP_H
#define TRACE_TRACE_PCAP_H

#include "trace/trace_record.h"

#define TRACE_PCAP_OVERHEAD_BYTES 128 /* more than one packet has beside its payload */

void trace_pcap_write_head(struct text_builder *file);
void trace_pcap_write_record(const struct trace_record *record, struct text_builder *file);

#endif
