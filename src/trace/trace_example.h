/* A call of two legs as the recorder would have it, for the tests of this room. */
#ifndef TRACE_TRACE_EXAMPLE_H
#define TRACE_TRACE_EXAMPLE_H

#include <stdio.h>
#include <string.h>

#include "trace/trace_record.h"

#define EXAMPLE_RECORDS_MAX 64

struct example {
  struct trace_record records[EXAMPLE_RECORDS_MAX];
  char texts[EXAMPLE_RECORDS_MAX][2048];
  size_t count;
};

static inline struct trace_record *example_add(struct example *example, enum trace_kind kind,
                                               enum trace_direction direction, int port, struct str_view payload) {
  size_t i = example->count++;
  memset(example->texts[i], 0, sizeof example->texts[i]);
  memcpy(example->texts[i], payload.data, payload.length);
  example->records[i] = (struct trace_record){
      .wall = {1700000000000000 + (int64_t)i * 1000},
      .remote = {.ip = {192, 0, 2, 1}, .port = (uint16_t)port, .family = ADDRESS_IPV4},
      .local = {.ip = {192, 0, 2, 9}, .port = 5060, .family = ADDRESS_IPV4},
      .kind = (uint8_t)kind,
      .direction = (uint8_t)direction,
      .transport = TRANSPORT_UDP,
      .position = i,
      .payload = str_view_of(example->texts[i], payload.length),
  };
  if (kind == TRACE_NOTE) example->records[i].remote = example->records[i].local = (struct address){0};
  return &example->records[i];
}

/* `line` is a whole start line without its end. */
static inline void example_message(struct example *example, enum trace_direction direction, int port, const char *line,
                                   const char *call_id, const char *method) {
  char text[1024];
  int length = snprintf(text, sizeof text,
                        "%s\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:1001@a>;tag=1\r\nTo: <sip:44123@b>\r\n"
                        "Call-ID: %s\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
                        line, call_id, method);
  example_add(example, TRACE_SIP, direction, port, str_view_of(text, (size_t)length));
}

static inline void example_note(struct example *example, const struct note *note) {
  char memory[TRACE_NOTE_BYTES_MAX];
  example_add(example, TRACE_NOTE, TRACE_INSIDE, 0, trace_note_encode(note, memory));
}

static inline void example_leg(struct example *example, const char *call, unsigned side, const char *call_id) {
  struct note note = {
      .kind = NOTE_LEG, .side = (uint8_t)side, .call = str_view_from_c(call), .text = str_view_from_c(call_id)};
  example_note(example, &note);
}

/* Caller at port 5070 with Call-ID `a`, callee at 5080 with `b`. */
static inline void example_call(struct example *example, const char *call, const char *a, const char *b) {
  struct note armed = {.kind = NOTE_TIMER_ARMED,
                       .side = NOTE_SIDE_CALLEE,
                       .seconds = 600,
                       .due_in_ms = 300000,
                       .call = str_view_from_c(call),
                       .text = STR_VIEW("we refresh")};
  example_message(example, TRACE_RECEIVED, 5070, "INVITE sip:44123@h SIP/2.0", a, "INVITE");
  example_leg(example, call, NOTE_SIDE_CALLER, a);
  example_leg(example, call, NOTE_SIDE_CALLEE, b);
  example_message(example, TRACE_SENT, 5080, "INVITE sip:0044123@h SIP/2.0", b, "INVITE");
  example_message(example, TRACE_RECEIVED, 5080, "SIP/2.0 200 OK", b, "INVITE");
  example_note(example, &armed);
  example_message(example, TRACE_SENT, 5070, "SIP/2.0 200 OK", a, "INVITE");
}

#endif
