#include "base/ring_queue.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/random.h"
#include "tap.h"

enum { CAPACITY = 4096 };
static _Alignas(64) char memory[CAPACITY];
static struct ring_queue queue;

static void start(void) {
  memset(memory, 0, sizeof memory);
  ring_queue_init(&queue, memory, sizeof memory);
}

static void test_records_come_out_whole_and_in_order(void) {
  start();
  size_t length;
  expect(ring_queue_peek(&queue, &length) == NULL);
  expect_int(ring_queue_push(&queue, "head", 4, "body", 4), ==, RESULT_OK);
  expect_int(ring_queue_push(&queue, NULL, 0, NULL, 0), ==, RESULT_OK);
  expect_int(ring_queue_push(&queue, NULL, 0, "x", 1), ==, RESULT_OK);
  const char *record = ring_queue_peek(&queue, &length);
  expect_bytes(record, length, "headbody");
  expect_int((uintptr_t)record % 8, ==, 0);
  ring_queue_pop(&queue);
  expect(ring_queue_peek(&queue, &length) != NULL);
  expect_int(length, ==, 0);
  ring_queue_pop(&queue);
  record = ring_queue_peek(&queue, &length);
  expect_bytes(record, length, "x");
  ring_queue_pop(&queue);
  expect(ring_queue_peek(&queue, &length) == NULL);
}

static void test_full_is_an_answer_and_ends_with_a_pop(void) {
  start();
  char payload[CAPACITY / 4] = {0};
  expect_int(ring_queue_push(&queue, payload, sizeof payload, "x", 1), ==, RESULT_OUT_OF_RANGE);
  expect_int(ring_queue_push(&queue, payload, SIZE_MAX, payload, SIZE_MAX), ==, RESULT_OUT_OF_RANGE);
  for (int i = 0; i < 3; i++)
    expect_int(ring_queue_push(&queue, payload, sizeof payload, NULL, 0), ==, RESULT_OK);
  expect_int(ring_queue_push(&queue, payload, sizeof payload, NULL, 0), ==, RESULT_FULL);
  size_t length;
  expect(ring_queue_peek(&queue, &length) != NULL);
  ring_queue_pop(&queue);
  expect_int(ring_queue_push(&queue, payload, sizeof payload, NULL, 0), ==, RESULT_OK);
}

static void test_old_payload_is_never_taken_for_a_header(void) {
  start();
  char payload[CAPACITY / 4];
  memset(payload, 0xff, sizeof payload);
  size_t length;
  for (int lap = 0; lap < 100; lap++) {
    size_t want = (size_t)(lap * 37) % sizeof payload;
    expect_int(ring_queue_push(&queue, payload, want, NULL, 0), ==, RESULT_OK);
    expect(ring_queue_peek(&queue, &length) != NULL);
    expect_int(length, ==, want);
    ring_queue_pop(&queue);
    expect(ring_queue_peek(&queue, &length) == NULL);
  }
}

enum { PRODUCERS = 4, RECORDS = 20000 };

struct producer {
  pthread_t thread;
  uint32_t number;
};

/* A record: producer, sequence number, then bytes that follow from both. */
static void *produce(void *argument) {
  const struct producer *producer = argument;
  struct random random;
  random_seed(&random, (struct siphash_key){producer->number, 99});
  char body[CAPACITY / 4 - 8];
  for (uint32_t sequence = 0; sequence < RECORDS; sequence++) {
    size_t length = random_between(&random, 0, random_chance_ppm(&random, 50000) ? sizeof body : 64);
    memset(body, (int)((producer->number * 31 + sequence) & 0xff), length);
    uint32_t head[2] = {producer->number, sequence};
    while (ring_queue_push(&queue, head, sizeof head, body, length) == RESULT_FULL)
      sched_yield();
  }
  return NULL;
}

static bool is_next_record(const unsigned char *record, size_t length, uint32_t next[PRODUCERS]) {
  uint32_t head[2];
  if (length < sizeof head) return false;
  memcpy(head, record, sizeof head);
  if (head[0] >= PRODUCERS || head[1] != next[head[0]]++) return false;
  for (size_t i = sizeof head; i < length; i++)
    if (record[i] != ((head[0] * 31 + head[1]) & 0xff)) return false;
  return true;
}

static void test_many_producers_lose_and_mix_nothing(void) {
  start();
  struct producer producers[PRODUCERS];
  for (uint32_t i = 0; i < PRODUCERS; i++) {
    producers[i].number = i;
    if (pthread_create(&producers[i].thread, NULL, produce, &producers[i]) != 0) abort();
  }
  uint32_t next[PRODUCERS] = {0};
  int wrong = 0;
  for (int received = 0; received < PRODUCERS * RECORDS; received++) {
    size_t length;
    const void *record;
    while (!(record = ring_queue_peek(&queue, &length)))
      sched_yield();
    if (!is_next_record(record, length, next)) wrong++;
    ring_queue_pop(&queue);
  }
  expect_int(wrong, ==, 0);
  for (uint32_t i = 0; i < PRODUCERS; i++) {
    pthread_join(producers[i].thread, NULL);
    expect_int(next[i], ==, RECORDS);
  }
  expect(queue.reserved == queue.consumed);
}

TAP_TESTS(TAP(test_records_come_out_whole_and_in_order), TAP(test_full_is_an_answer_and_ends_with_a_pop),
          TAP(test_old_payload_is_never_taken_for_a_header), TAP(test_many_producers_lose_and_mix_nothing))
