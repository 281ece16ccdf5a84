/* What goes out, in an order for which a kill at any moment leaves nobody behind: first the journal hears of calls,
 * then peers hear what does not wait, then the records of ended calls are told (a call whose record is safe is not
 * taken up again, so its ends must have been told before), then comes what waits for either. Everything that answers
 * arrives as a note in an inbox, so that handling never nests. */
#include "base/check.h"
#include "cdr/cdr_record.h"
#include "parameters/parameters.h"
#include "worker/location_letter.h"
#include "worker/worker_state.h"

/* How long the 200 to a BYE waits for its record: the peer asks again meanwhile, and gives up after 32 s (timer F). */
#define PATIENCE_MS 8000

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

/* --- datagrams --------------------------------------------------------------------------------------------------- */

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

/* --- streams ----------------------------------------------------------------------------------------------------- */

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

/* --- questions and answers --------------------------------------------------------------------------------------- */

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

void egress_resolved(void *context, struct handle asker, const struct resolver_addresses *found) {
  struct worker *worker = context;
  struct inbox_note note = {.kind = INBOX_RESOLVED, .flow.transport = (uint8_t)found->transport, .asker = asker};
  egress_note(worker, worker->index, &note,
              str_view_of((const char *)found->items, found->count * sizeof *found->items));
}

static void resolve(struct worker *worker, const struct outbox_entry *entry) {
  struct resolver_question question = {entry->bytes, (enum transport)entry->flow.transport, entry->flow.remote.port};
  resolver_ask(worker->resolver, &question, entry->asker, worker->real_now);
}

/* What it owes is not remembered where the record has to wait: the journal is full or broken. */
static bool goes_to_journal(struct worker *worker, const struct outbox_entry *entry) {
  return entry->owed != 0 && worker->group->journal && worker->shelf.waiting == 0 &&
         call_journal_end(worker->group->journal, cdr_record_key(entry->bytes), entry->bytes, entry->owed) == RESULT_OK;
}

static void put_record(struct worker *worker, const struct outbox_entry *entry) {
  uint64_t waiting = worker->shelf.waiting;
  if (goes_to_journal(worker, entry)) return;
  if (record_shelf_put(&worker->shelf, entry->bytes) != RESULT_OK)
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

/* --- the journal ------------------------------------------------------------------------------------------------- */

static void tell_journal(struct worker *worker, const struct outbox_entry *entry) {
  struct call_journal *journal = worker->group->journal;
  enum journal_kind kind = (enum journal_kind)entry->journal_kind;
  if (!journal) return;
  enum journal_haste haste = (enum journal_haste)entry->journal_haste;
  if (call_journal_put(journal, kind, entry->key, entry->bytes, haste, &worker->journal_ticket) != RESULT_OK)
    counters_add(&worker->counters, journal_entries_lost);
}

/* True when the message is kept until the journal has what it tells. A journal that cannot be written is not waited
 * for. */
static bool hold(struct worker *worker, const struct outbox_entry *entry) {
  const struct call_journal *journal = worker->group->journal;
  uint32_t wait_ms = worker->context.parameters->BF_JOURNAL_WAIT_MS;
  if (!journal || wait_ms == 0 || !call_journal_is_well(journal) ||
      call_journal_is_durable(journal, worker->journal_ticket))
    return false;
  struct held_answer answer = {
      .ticket = worker->journal_ticket, .held_until = mono_ms_add(worker->real_now, wait_ms), .flow = entry->flow};
  answer.held_at_ns = worker->real_ns;
  if (entry->waits == OUTBOX_WAITS_PATIENTLY) answer.waits_on_until = mono_ms_add(worker->real_now, PATIENCE_MS);
  if (held_answers_put(&worker->held, &answer, entry->bytes) != RESULT_OK) return false;
  counters_add(&worker->counters, answers_held);
  return true;
}

void worker_alarm(struct worker *worker, struct str_view line) {
  struct str_view cut = str_view_slice(line, 0, ALARM_LINE_MAX);
  if (ring_queue_push(&worker->group->alarms, NULL, 0, cut.data, cut.length) != RESULT_OK)
    counters_add(&worker->counters, alarms_suppressed);
}

/* --- the outbox -------------------------------------------------------------------------------------------------- */

static void do_entry(struct worker *worker, const struct outbox_entry *entry) {
  switch (entry->kind) {
  case OUTBOX_SEND:
    if (entry->waits && hold(worker, entry)) break;
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
                entry->bytes);
    break;
  case OUTBOX_RESOLVE: resolve(worker, entry); break;
  case OUTBOX_RECORD:
  case OUTBOX_JOURNAL: break;
  case OUTBOX_KEEP_DEVICE: keep_device(worker, entry->bytes); break;
  case OUTBOX_ORDER_ANSWER:
    order_desk_answer(&worker->group->desk, entry->order_id, worker->index, entry->result, entry->bytes);
    break;
  case OUTBOX_ALARM: worker_alarm(worker, entry->bytes); break;
  case OUTBOX_NOTE: recording_add_note(&worker->recording, &worker->context, entry->note); break;
  }
}

static void remember(struct worker *worker, const struct outbox_entry *entry) {
  put_record(worker, entry);
  if (worker->group->journal) worker->journal_ticket = call_journal_hurry(worker->group->journal);
}

/* A datagram's bytes must stay until the batch is flushed, and those of a dropped answer do not. */
static void send_held(struct worker *worker, const struct held_answer *answer, struct str_view bytes) {
  struct outbox_entry entry = {.kind = OUTBOX_SEND, .flow = answer->flow, .bytes = arena_copy(&worker->arena, bytes)};
  if (entry.bytes.length == 0) {
    flush_udp(worker);
    arena_reset(&worker->arena);
    entry.bytes = arena_copy(&worker->arena, bytes);
  }
  do_entry(worker, &entry);
}

/* What the journal costs an answer. A 200 to a BYE keeps nobody waiting. */
static void count_wait(struct worker *worker, const struct held_answer *answer) {
  static const struct {
    int64_t below_us;
    size_t counter;
  } waits[] = {
      {2000, offsetof(struct counters, answer_waits_below_2_ms)},
      {5000, offsetof(struct counters, answer_waits_below_5_ms)},
      {10000, offsetof(struct counters, answer_waits_below_10_ms)},
      {20000, offsetof(struct counters, answer_waits_below_20_ms)},
      {50000, offsetof(struct counters, answer_waits_below_50_ms)},
      {100000, offsetof(struct counters, answer_waits_below_100_ms)},
      {INT64_MAX, offsetof(struct counters, answer_waits_above)},
  };
  if (answer->waits_on_until.value != 0) return;
  int64_t waited_us = (worker->real_ns - answer->held_at_ns) / 1000;
  size_t i = 0;
  while (waited_us >= waits[i].below_us)
    i++;
  worker_add((uint64_t *)(void *)((char *)&worker->counters + waits[i].counter), 1);
  if (waited_us > 0) counters_add_count(&worker->counters, answer_waits_sum_us, (uint64_t)waited_us);
}

/* To the end of the queue, so that those behind do not wait longer than they may. False when it is to go now. */
static bool wait_on(struct worker *worker, const struct held_answer *answer, struct str_view bytes) {
  struct held_answer again = *answer;
  uint32_t wait_ms = worker->context.parameters->BF_JOURNAL_WAIT_MS;
  if (wait_ms == 0 || !mono_ms_before(worker->real_now, answer->waits_on_until)) return false;
  again.held_until = mono_ms_add(worker->real_now, wait_ms);
  if (held_answers_put(&worker->held, &again, bytes) != RESULT_OK) return false;
  held_answers_drop(&worker->held);
  return true;
}

void egress_release(struct worker *worker) {
  const struct call_journal *journal = worker->group->journal;
  const struct held_answer *answer;
  struct str_view bytes;
  while ((answer = held_answers_first(&worker->held, &bytes)) != NULL) {
    bool is_durable = call_journal_is_durable(journal, answer->ticket), may_wait = call_journal_is_well(journal);
    if (!is_durable && may_wait && mono_ms_before(worker->real_now, answer->held_until)) break;
    if (!is_durable && may_wait && wait_on(worker, answer, bytes)) continue;
    if (!is_durable) counters_add(&worker->counters, answers_not_awaited);
    count_wait(worker, answer);
    send_held(worker, answer, bytes);
    held_answers_drop(&worker->held);
  }
  flush_udp(worker);
  arena_reset(&worker->arena);
}

void egress_journal_flushed(void *context) {
  struct worker_group *group = context;
  for (uint8_t i = 0; i < group->worker_count; i++) {
    struct worker *worker = group->workers[i];
    if (held_answers_wait(&worker->held) || worker_owes_journal(worker)) inbox_ring(&worker->inbox);
  }
}

void egress(struct worker *worker) {
  struct outbox *outbox = &worker->outbox;
  if (outbox->entry_count == 0) return;
  worker->has_news = true;
  uint32_t records = 0, waiting = 0;
  for (uint32_t i = 0; i < outbox->entry_count; i++) {
    if (outbox->entries[i].kind == OUTBOX_JOURNAL) tell_journal(worker, &outbox->entries[i]);
    records += outbox->entries[i].kind == OUTBOX_RECORD;
    waiting += outbox->entries[i].waits;
  }
  for (uint32_t i = 0; i < outbox->entry_count; i++)
    if (!outbox->entries[i].waits) do_entry(worker, &outbox->entries[i]);
  flush_udp(worker);
  for (uint32_t i = 0; records > 0 && i < outbox->entry_count; i++)
    if (outbox->entries[i].kind == OUTBOX_RECORD) remember(worker, &outbox->entries[i]);
  for (uint32_t i = 0; waiting > 0 && i < outbox->entry_count; i++)
    if (outbox->entries[i].waits) do_entry(worker, &outbox->entries[i]);
  if (waiting > 0) flush_udp(worker);
  worker_add(&worker->counters.datagrams_dropped_outbox_full, outbox->dropped);
  outbox->dropped = 0;
  outbox_reset(outbox);
}
