/* What comes in, on one screen: from the sockets, and from the inbox. */
#include "worker/location_letter.h"
#include "worker/worker_state.h"

static void handle(struct worker *worker, const struct event *event) {
  if (!outbox_has_room(&worker->outbox)) egress(worker);
  switch_core_handle(worker->core, &worker->context, event);
}

static void handle_message(struct worker *worker, const struct flow *flow, struct str_view bytes) {
  recording_add_message(&worker->recording, &worker->context, TRACE_RECEIVED, flow, bytes);
  worker->message.flow = *flow;
  worker->message.bytes = bytes;
  handle(worker, &worker->message);
}

/* One message from outside: handled here, or handed to the worker on which its call lives. */
static void ingress_message(struct worker *worker, const struct flow *flow, struct str_view bytes) {
  uint8_t home = worker->is_alone ? worker->index : switch_core_steer(&worker->local, bytes);
  if (home == worker->index) {
    handle_message(worker, flow, bytes);
    return;
  }
  counters_add(&worker->counters, messages_handed_over);
  egress_note(worker, home, &(struct inbox_note){.kind = INBOX_MESSAGE, .flow = *flow}, bytes);
}

static void note_load(struct worker *worker) {
  worker->context.overloaded = load_is_over(&worker->load, worker->real_now);
  worker->context.records_crowded = worker->shelf.waiting > 0 && record_shelf_is_crowded(&worker->shelf);
}

/* The queue is looked at only when a full batch shows that it may be long. */
static void note_queue(struct worker *worker, uint16_t socket_index) {
  uint32_t *seen = &worker->kernel_drops[socket_index], dropped = *seen;
  load_note_fill(&worker->load, worker->real_now, udp_queue_fill_permille(worker->udp_fds[socket_index], &dropped));
  if (dropped != *seen) worker_add(&worker->counters.datagrams_dropped_kernel, dropped - *seen);
  *seen = dropped;
}

void ingress_udp(struct worker *worker, uint16_t socket_index) {
  const struct udp_datagram *datagrams;
  unsigned count = udp_receive(worker->udp_inbound, worker->udp_fds[socket_index], &datagrams);
  if (count == UDP_BATCH_MAX) {
    note_queue(worker, socket_index);
    if (udp_waited_ms(worker->udp_fds[socket_index]) >= LOAD_WAIT_MARK_MS) worker->queue_stands = true;
  }
  note_load(worker);
  struct flow flow = {.transport = TRANSPORT_UDP, .worker = worker->index, .socket_index = socket_index};
  for (unsigned i = 0; i < count; i++) {
    flow.remote = datagrams[i].source;
    ingress_message(worker, &flow, datagrams[i].bytes);
  }
  worker_add(&worker->counters.datagrams_received, count);
  pace_note_messages(&worker->pace, count);
}

void ingress_udp_errors(struct worker *worker, uint16_t socket_index) {
  struct address remotes[UDP_BATCH_MAX];
  struct flow flow = {.transport = TRANSPORT_UDP, .worker = worker->index, .socket_index = socket_index};
  unsigned count = udp_take_errors(worker->udp_fds[socket_index], remotes, UDP_BATCH_MAX);
  for (unsigned i = 0; i < count; i++) {
    flow.remote = remotes[i];
    /* The kernel gives an ICMP error to any of the sockets that share the port, not to the one that sent. */
    counters_add(&worker->counters, peers_unreachable);
    egress_tell_failed(worker, &flow);
  }
}

/* --- streams ----------------------------------------------------------------------------------------------------- */

static void on_message(void *context, const struct flow *flow, struct str_view bytes) {
  struct worker *worker = context;
  ingress_message(worker, flow, bytes);
  pace_note_messages(&worker->pace, 1);
}

/* Where the next message would begin is unknown: the connection is of no more use. */
static void on_broken(void *context, const struct flow *flow, struct str_view bytes) {
  struct worker *worker = context;
  if (!outbox_has_room(&worker->outbox)) egress(worker);
  recording_add_message(&worker->recording, &worker->context, TRACE_RECEIVED, flow, bytes);
  switch_core_refuse(worker->core, &worker->context, flow, bytes);
  outbox_close_connection(&worker->outbox, flow);
}

static void on_closed(void *context, const struct flow *flow) {
  egress_tell_failed(context, flow);
}

/* One line a second in each direction: who calls a gateway with a bad certificate does so often, and strangers knock at
 * every port. The others are counted only. */
static bool may_tell(struct worker *worker, bool is_outgoing) {
  struct mono_ms *told_at = &worker->tls_told_at[is_outgoing];
  if (mono_ms_before(worker->real_now, mono_ms_add(*told_at, TLS_TOLD_EVERY_MS))) return false;
  *told_at = worker->real_now;
  return true;
}

static void on_tls_failed(void *context, const struct flow *flow, bool is_outgoing, const char *why) {
  struct worker *worker = context;
  const struct device *device = directory_find_routing_gateway(worker->context.directory, &flow->remote);
  char text[ALARM_LINE_MAX];
  struct text_builder line = text_builder_over(text, sizeof text);
  if (!may_tell(worker, is_outgoing)) return;
  text_builder_add(&line, is_outgoing ? STR_VIEW("TLS to ") : STR_VIEW("TLS from "));
  if (is_outgoing && device) {
    text_builder_add_literal(&line, "routing gateway ");
    text_builder_add(&line, device->name);
    text_builder_add_literal(&line, ", ");
    text_builder_add(&line, device->gateway->host);
    if (device->gateway->host.length > 0) text_builder_add_literal(&line, " at ");
  }
  address_to_text(&flow->remote, &line);
  text_builder_add_literal(&line, " came to nothing: ");
  text_builder_add(&line, str_view_from_c(why));
  worker_alarm(worker, text_builder_view(&line));
}

/* The host name, without port, under which the operator knows a gateway. */
static struct str_view domain_of(void *context, const struct flow *flow) {
  const struct worker *worker = context;
  const struct device *device = directory_find_routing_gateway(worker->context.directory, &flow->remote);
  if (!device) return (struct str_view){0};
  struct str_view host = device->gateway->host;
  return str_view_slice(host, 0, str_view_find(host, ':'));
}

struct stream_hooks ingress_stream_hooks(struct worker *worker) {
  return (struct stream_hooks){worker, on_message, on_broken, on_closed, domain_of, on_tls_failed};
}

void ingress_accept(struct worker *worker, uint16_t socket_index) {
  struct flow flow = {.transport = worker->local.sockets[socket_index].transport, .socket_index = socket_index};
  stream_table_accept(worker->streams, worker->listener_fds[socket_index], &flow, worker->real_now);
}

/* --- from other threads ------------------------------------------------------------------------------------------ */

static void take_location_asked(struct worker *worker, const struct inbox_note *note, struct str_view number) {
  handle(worker,
         &(struct event){
             .kind = EVENT_LOCATION_ASKED, .number = number, .asker = note->asker, .asker_worker = note->asker_worker});
}

static void take_location_answer(struct worker *worker, struct str_view letter) {
  struct location_answer answer;
  if (location_letter_read(letter, &answer) != RESULT_OK) return;
  handle(worker, &(struct event){.kind = EVENT_LOCATION_ANSWER, .location = &answer});
}

static void take_resolved(struct worker *worker, const struct inbox_note *note, struct str_view addresses) {
  handle(worker, &(struct event){.kind = EVENT_RESOLVED,
                                 .flow = note->flow,
                                 .asker = note->asker,
                                 .addresses = (const void *)addresses.data,
                                 .address_count = (uint8_t)(addresses.length / sizeof(struct address))});
}

static void take_order(struct worker *worker, const struct inbox_note *note, struct str_view texts) {
  handle(worker, &(struct event){.kind = EVENT_ORDER,
                                 .order = note->order,
                                 .order_id = note->order_id,
                                 .order_target = str_view_slice(texts, 0, note->target_length),
                                 .order_by = str_view_from(texts, note->target_length)});
}

static void take_directory(struct worker *worker, const struct inbox_note *note) {
  worker->context.directory = note->directory;
  handle(worker, &(struct event){.kind = EVENT_ORDER, .order = ORDER_DIRECTORY_CHANGED});
  order_desk_answer(&worker->group->desk, note->order_id, worker->index, RESULT_OK, STR_VIEW(""));
}

static void take_recording(struct worker *worker) {
  worker->recording = worker->next_recording;
  worker->outbox.takes_notes = recording_is_on(&worker->recording);
}

static void take_parameters(struct worker *worker, const struct inbox_note *note) {
  worker->context.parameters = note->parameters;
  if (worker->group->changes_recording) take_recording(worker);
  for (uint8_t i = 0; i < worker->local.socket_count; i++)
    if (worker->udp_fds[i] >= 0)
      udp_set_tos(worker->udp_fds[i], worker->local.sockets[i].bound.family, (uint8_t)note->parameters->SS_QOS_SIGNAL);
  stream_table_set_tos(worker->streams, (uint8_t)note->parameters->SS_QOS_SIGNAL);
  handle(worker, &(struct event){.kind = EVENT_ORDER, .order = ORDER_PARAMETERS_CHANGED});
  order_desk_answer(&worker->group->desk, note->order_id, worker->index, RESULT_OK, STR_VIEW(""));
}

static void take_note(struct worker *worker, const struct inbox_note *note, struct str_view payload) {
  switch (note->kind) {
  case INBOX_MESSAGE: handle_message(worker, &note->flow, payload); break;
  case INBOX_CONNECTION_CLOSED:
    handle(worker, &(struct event){.kind = EVENT_CONNECTION_CLOSED, .flow = note->flow});
    break;
  case INBOX_STREAM_SEND: egress_stream(worker, &note->flow, payload); break;
  case INBOX_STREAM_CLOSE: stream_table_close(worker->streams, &note->flow, worker->real_now); break;
  case INBOX_LOCATION_ASKED: take_location_asked(worker, note, payload); break;
  case INBOX_LOCATION_ANSWER: take_location_answer(worker, payload); break;
  case INBOX_DEVICE_HEARD:
    handle(worker,
           &(struct event){.kind = EVENT_DEVICE_HEARD, .flow = note->flow, .sign = note->sign, .bytes = payload});
    break;
  case INBOX_DEVICE_LEARNT: switch_core_remember_device(worker->core, payload); break;
  case INBOX_RESOLVED: take_resolved(worker, note, payload); break;
  case INBOX_ORDER: take_order(worker, note, payload); break;
  case INBOX_DIRECTORY: take_directory(worker, note); break;
  case INBOX_PARAMETERS: take_parameters(worker, note); break;
  }
}

void ingress_inbox(struct worker *worker) {
  load_note_fill(&worker->load, worker->real_now, inbox_fill_permille(&worker->inbox));
  note_load(worker);
  for (unsigned i = 0; i < INBOX_NOTES_A_ROUND; i++) {
    struct str_view payload;
    const struct inbox_note *note = inbox_next(&worker->inbox, &payload);
    if (!note) return;
    worker->has_news = true;
    take_note(worker, note, payload);
    inbox_drop(&worker->inbox);
  }
}
