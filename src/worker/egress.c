/* What goes out. Records first: what a peer has been told must not be forgotten by us. Everything that answers arrives
 * as a note in an inbox, so that handling never nests. */
#include "base/check.h"
#include "worker/location_letter.h"
#include "worker/worker_state.h"

bool egress_note(struct worker *worker, uint8_t to, const struct inbox_note *note, struct str_view payload) {
  expect_or(to < worker->group->worker_count, return false);
  if (inbox_put(&worker->group->workers[to]->inbox, note, payload) == RESULT_OK) return true;
  counters_add(&worker->counters, notes_dropped_inbox_full);
  return false;
}

void egress_tell_failed(struct worker *worker, const struct flow *flow) {
  struct inbox_note note = {.kind = INBOX_CONNECTION_CLOSED, .flow = *flow};
  for (uint8_t i = 0; i < worker->group->worker_count; i++)
    egress_note(worker, i, &note, (struct str_view){0});
}

/* --- datagrams
 * ------------------------------------------------------------------------------------------------------------ */

static void flush_udp(struct worker *worker) {
  udp_outbound_flush(worker->udp_outbound);
  struct udp_outbound_news news = udp_outbound_take_news(worker->udp_outbound);
  worker_add(&worker->counters.datagrams_sent, news.sent);
  if (news.dropped) worker_add(&worker->counters.datagrams_dropped_sending, news.dropped);
  struct flow flow = {.transport = TRANSPORT_UDP, .worker = worker->index, .socket_index = worker->outbound_socket};
  for (unsigned i = 0; i < news.unreachable_count; i++) {
    flow.remote = news.unreachable[i];
    counters_add(&worker->counters, peers_unreachable);
    egress_note(worker, worker->index, &(struct inbox_note){.kind = INBOX_CONNECTION_CLOSED, .flow = flow},
                (struct str_view){0});
  }
}

static void send_datagram(struct worker *worker, const struct outbox_entry *entry) {
  uint16_t index = entry->flow.socket_index;
  expect_or(index < worker->local.socket_count && worker->udp_fds[index] >= 0, return );
  if (index != worker->outbound_socket) flush_udp(worker);
  worker->outbound_socket = index;
  udp_outbound_add(worker->udp_outbound, worker->udp_fds[index], &entry->flow.remote, entry->bytes);
}

/* --- streams
 * -------------------------------------------------------------------------------------------------------------- */

void egress_stream(struct worker *worker, const struct flow *flow, struct str_view bytes) {
  expect_or(flow->socket_index < worker->local.socket_count, return );
  stream_table_send(worker->streams, flow, &worker->local.sockets[flow->socket_index].bound, bytes, worker->real_now);
}

/* A connection has one worker; others reach it through that one's inbox. One that is yet to be opened is opened here.
 */
static bool is_elsewhere(const struct worker *worker, const struct flow *flow) {
  return flow->connection != 0 && flow->worker != worker->index;
}

static void send_stream(struct worker *worker, const struct outbox_entry *entry) {
  if (is_elsewhere(worker, &entry->flow))
    egress_note(worker, entry->flow.worker, &(struct inbox_note){.kind = INBOX_STREAM_SEND, .flow = entry->flow},
                entry->bytes);
  else
    egress_stream(worker, &entry->flow, entry->bytes);
}

static void close_stream(struct worker *worker, const struct flow *flow) {
  if (!transport_is_stream((enum transport)flow->transport)) return;
  if (is_elsewhere(worker, flow))
    egress_note(worker, flow->worker, &(struct inbox_note){.kind = INBOX_STREAM_CLOSE, .flow = *flow},
                (struct str_view){0});
  else
    stream_table_close(worker->streams, flow, worker->real_now);
}

/* --- questions and answers
 * ------------------------------------------------------------------------------------------------ */

static void ask_location(struct worker *worker, const struct outbox_entry *entry) {
  struct inbox_note note = {.kind = INBOX_LOCATION_ASKED, .asker = entry->asker, .asker_worker = worker->index};
  egress_note(worker, entry->worker, &note, entry->bytes);
}

static void tell_location(struct worker *worker, const struct outbox_entry *entry) {
  struct text_builder letter = text_builder_over(worker->letter, LETTER_BYTES);
  location_letter_write(entry->location, &letter);
  expect_or(!letter.overflowed, return );
  egress_note(worker, entry->worker, &(struct inbox_note){.kind = INBOX_LOCATION_ANSWER}, text_builder_view(&letter));
}

void egress_resolved(void *context, struct handle asker, enum transport transport, const struct address *addresses,
                     uint8_t count) {
  struct worker *worker = context;
  struct inbox_note note = {.kind = INBOX_RESOLVED, .flow.transport = (uint8_t)transport, .asker = asker};
  egress_note(worker, worker->index, &note, str_view_of((const char *)addresses, count * sizeof *addresses));
}

static void resolve(struct worker *worker, const struct outbox_entry *entry) {
  struct resolver_question question = {entry->bytes, (enum transport)entry->flow.transport, entry->flow.remote.port};
  resolver_ask(worker->resolver, &question, entry->asker, worker->real_now);
}

static void put_record(struct worker *worker, struct str_view record) {
  uint64_t waiting = worker->shelf.waiting;
  if (record_shelf_put(&worker->shelf, record) != RESULT_OK)
    counters_add(&worker->counters, records_lost);
  else if (worker->shelf.waiting > waiting)
    counters_add(&worker->counters, records_postponed);
}

/* The next call with the device may be another worker's. */
static void keep_device(struct worker *worker, struct str_view line) {
  (void)!ring_queue_push(&worker->group->devices, NULL, 0, line.data, line.length);
  for (uint8_t i = 0; i < worker->group->worker_count; i++)
    if (i != worker->index) egress_note(worker, i, &(struct inbox_note){.kind = INBOX_DEVICE_LEARNT}, line);
}

void worker_alarm(struct worker *worker, struct str_view line) {
  struct str_view cut = str_view_slice(line, 0, ALARM_LINE_MAX);
  if (ring_queue_push(&worker->group->alarms, NULL, 0, cut.data, cut.length) != RESULT_OK)
    counters_add(&worker->counters, alarms_suppressed);
}

/* --- the outbox
 * ----------------------------------------------------------------------------------------------------------- */

static void do_entry(struct worker *worker, const struct outbox_entry *entry) {
  switch (entry->kind) {
  case OUTBOX_SEND:
    recording_add_message(&worker->recording, &worker->context, TRACE_SENT, &entry->flow, entry->bytes);
    if (transport_is_stream((enum transport)entry->flow.transport))
      send_stream(worker, entry);
    else
      send_datagram(worker, entry);
    break;
  case OUTBOX_CLOSE_CONNECTION: close_stream(worker, &entry->flow); break;
  case OUTBOX_ASK_LOCATION: ask_location(worker, entry); break;
  case OUTBOX_TELL_LOCATION: tell_location(worker, entry); break;
  case OUTBOX_TELL_HEARD:
    egress_note(worker, entry->worker,
                &(struct inbox_note){.kind = INBOX_DEVICE_HEARD, .flow = entry->flow, .sign = entry->sign},
                (struct str_view){0});
    break;
  case OUTBOX_RESOLVE: resolve(worker, entry); break;
  case OUTBOX_RECORD: break;
  case OUTBOX_KEEP_DEVICE: keep_device(worker, entry->bytes); break;
  case OUTBOX_ORDER_ANSWER:
    order_desk_answer(&worker->group->desk, entry->order_id, worker->index, entry->result, entry->bytes);
    break;
  case OUTBOX_ALARM: worker_alarm(worker, entry->bytes); break;
  case OUTBOX_NOTE: recording_add_note(&worker->recording, &worker->context, entry->note); break;
  }
}

void egress(struct worker *worker) {
  struct outbox *outbox = &worker->outbox;
  if (outbox->entry_count == 0) return;
  worker->has_news = true;
  for (uint32_t i = 0; i < outbox->entry_count; i++)
    if (outbox->entries[i].kind == OUTBOX_RECORD) put_record(worker, outbox->entries[i].bytes);
  for (uint32_t i = 0; i < outbox->entry_count; i++)
    do_entry(worker, &outbox->entries[i]);
  flush_udp(worker);
  outbox_reset(outbox);
}
