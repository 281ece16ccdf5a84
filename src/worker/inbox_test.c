#include "worker/inbox.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "tap.h"
#include "worker/echo_switch.h"

static void *zeroed(size_t bytes) {
  return calloc(1, bytes);
}

static void test_notes_come_out_as_they_went_in(void) {
  void *memory = zeroed(INBOX_BYTES);
  struct inbox inbox;
  expect(inbox_open(&inbox, memory));
  char message[8 + INBOX_SLACK_BYTES] = "OPTIONS ";
  struct inbox_note note = {.kind = INBOX_MESSAGE, .flow = {.transport = TRANSPORT_UDP, .socket_index = 3}};
  expect_int(inbox_put(&inbox, &note, str_view_of(message, 8)), ==, RESULT_OK);
  note = (struct inbox_note){.kind = INBOX_ORDER, .order = ORDER_DRAIN, .order_id = 5};
  expect_int(inbox_put(&inbox, &note, STR_VIEW("")), ==, RESULT_OK);

  struct str_view payload;
  const struct inbox_note *got = inbox_next(&inbox, &payload);
  expect(got && got->kind == INBOX_MESSAGE && got->flow.socket_index == 3);
  expect_view(payload, "OPTIONS ");
  inbox_drop(&inbox);
  got = inbox_next(&inbox, &payload);
  expect(got && got->kind == INBOX_ORDER && got->order == ORDER_DRAIN && got->order_id == 5 && payload.length == 0);
  inbox_drop(&inbox);
  expect(inbox_next(&inbox, &payload) == NULL);
  inbox_close(&inbox);
  free(memory);
}

static void test_a_full_inbox_refuses(void) {
  void *memory = zeroed(INBOX_BYTES);
  struct inbox inbox;
  expect(inbox_open(&inbox, memory));
  static char message[65535 + INBOX_SLACK_BYTES];
  struct inbox_note note = {.kind = INBOX_MESSAGE};
  unsigned count = 0;
  while (inbox_put(&inbox, &note, str_view_of(message, 65535)) == RESULT_OK)
    count++;
  expect_int(count, >=, 60);
  expect_int(inbox_fill_permille(&inbox), >, 950);
  struct str_view payload;
  expect(inbox_next(&inbox, &payload) != NULL);
  inbox_drop(&inbox);
  expect_int(inbox_put(&inbox, &note, str_view_of(message, 65535)), ==, RESULT_OK);
  inbox_close(&inbox);
  free(memory);
}

static bool bell_rings(const struct inbox *inbox) {
  struct pollfd bell = {.fd = inbox->bell_fd, .events = POLLIN};
  return poll(&bell, 1, 0) == 1;
}

static void test_the_bell_rings_once_and_only_for_a_sleeper(void) {
  void *memory = zeroed(INBOX_BYTES);
  struct inbox inbox;
  expect(inbox_open(&inbox, memory));
  struct inbox_note note = {.kind = INBOX_ORDER};
  expect_int(inbox_put(&inbox, &note, STR_VIEW("")), ==, RESULT_OK);
  expect(!bell_rings(&inbox));
  expect(!inbox_may_sleep(&inbox));
  inbox_wake(&inbox, false);
  inbox_drop(&inbox);
  expect(inbox_may_sleep(&inbox));
  expect_int(inbox_put(&inbox, &note, STR_VIEW("")), ==, RESULT_OK);
  expect(bell_rings(&inbox));
  inbox_wake(&inbox, true);
  expect_int(inbox_put(&inbox, &note, STR_VIEW("")), ==, RESULT_OK);
  expect(!bell_rings(&inbox));
  inbox_close(&inbox);
  free(memory);
}

#define PRODUCERS 3
#define NOTES     20000

struct producer {
  pthread_t thread;
  struct inbox *inbox;
  uint8_t number;
};

static void *produce(void *context) {
  struct producer *producer = context;
  char message[200 + INBOX_SLACK_BYTES];
  for (uint64_t i = 0; i < NOTES;) {
    struct inbox_note note = {.kind = INBOX_MESSAGE, .order_id = i, .asker_worker = producer->number};
    memset(message, (int)(i & 0x7f), sizeof message);
    if (inbox_put(producer->inbox, &note, str_view_of(message, i % 200)) == RESULT_OK)
      i++;
    else
      sched_yield();
  }
  return NULL;
}

/* Takes what is there; returns how many notes. */
static unsigned consume(struct inbox *inbox, uint64_t *next) {
  unsigned count = 0;
  struct str_view payload;
  const struct inbox_note *note;
  while ((note = inbox_next(inbox, &payload)) != NULL) {
    uint64_t *wanted = &next[note->asker_worker];
    bool is_torn = note->order_id != *wanted || payload.length != *wanted % 200;
    for (size_t i = 0; i < payload.length; i++)
      is_torn |= payload.data[i] != (char)(*wanted & 0x7f);
    if (is_torn) expect(!is_torn);
    (*wanted)++;
    inbox_drop(inbox);
    count++;
  }
  return count;
}

static void test_nothing_is_lost_and_no_sleeper_forgotten_under_threads(void) {
  void *memory = zeroed(INBOX_BYTES);
  struct inbox inbox;
  expect(inbox_open(&inbox, memory));
  struct producer producers[PRODUCERS];
  uint64_t next[PRODUCERS] = {0};
  for (uint8_t i = 0; i < PRODUCERS; i++) {
    producers[i] = (struct producer){.inbox = &inbox, .number = i};
    expect(pthread_create(&producers[i].thread, NULL, produce, &producers[i]) == 0);
  }
  struct pollfd bell = {.fd = inbox.bell_fd, .events = POLLIN};
  unsigned count = 0, forgotten = 0;
  while (count < PRODUCERS * NOTES && !forgotten) {
    bool may_sleep = inbox_may_sleep(&inbox);
    bool has_rung = may_sleep && poll(&bell, 1, 20000) == 1;
    if (may_sleep && !has_rung) forgotten++;
    inbox_wake(&inbox, has_rung);
    count += consume(&inbox, next);
  }
  expect_int(forgotten, ==, 0);
  expect_int(count, ==, PRODUCERS * NOTES);
  for (unsigned i = 0; i < PRODUCERS; i++)
    pthread_join(producers[i].thread, NULL);
  inbox_close(&inbox);
  free(memory);
}

TAP_TESTS(TAP(test_notes_come_out_as_they_went_in), TAP(test_a_full_inbox_refuses),
          TAP(test_the_bell_rings_once_and_only_for_a_sleeper),
          TAP(test_nothing_is_lost_and_no_sleeper_forgotten_under_threads))
