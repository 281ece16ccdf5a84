/* The room with three phones that it may keep alive: two over UDP, one over TCP. */
#ifndef KEEPALIVE_KEEPALIVE_PHONES_H
#define KEEPALIVE_KEEPALIVE_PHONES_H

#include "keepalive/keepalive_rig.h"

#define PERIOD_MS 30000

static struct flow phone, other, tcp_phone;

static inline void set_up(void) {
  rig_set_up(64);
  phone = rig_udp("198.51.100.7:40001");
  other = rig_udp("203.0.113.9:40002");
  tcp_phone = rig_flow(TRANSPORT_TCP, "198.51.100.8:50001", 17);
}

static inline void set_method(enum keep_alive_method_choice method) {
  parameters.BF_NAT_KEEP_ALIVE_METHOD = method;
  rig_parameters_changed();
}

/* What was sent last. */
static inline bool begins(const char *start) {
  return sent_count > 0 && strncmp(sent[sent_count - 1].text, start, strlen(start)) == 0;
}

#define expect_sent(bytes) expect_bytes(sent[sent_count - 1].text, sent[sent_count - 1].length, bytes)

#endif
