#include "worker/order_desk.h"

#include <stdlib.h>

#include "tap.h"
#include "worker/echo_switch.h"

static struct order_desk desk;

static void test_texts_are_joined_in_the_workers_order(void) {
  order_desk_open(&desk);
  struct pending_order order;
  order_desk_begin(&desk, &order, 7);
  order_desk_answer(&desk, order.id, 2, RESULT_OK, STR_VIEW("c"));
  order_desk_answer(&desk, order.id, 0, RESULT_OK, STR_VIEW("a"));
  order_desk_answer(&desk, order.id, 1, RESULT_OK, STR_VIEW(""));
  expect_int(order_desk_wait(&desk, &order, 1000), ==, RESULT_OK);
  char *text;
  expect_int(order_desk_join(&order, ",", &text), ==, RESULT_OK);
  expect_bytes(text, strlen(text), "a,c");
  free(text);
  order_desk_close(&desk);
}

static void test_the_one_that_has_it_outweighs_those_that_have_not(void) {
  order_desk_open(&desk);
  struct pending_order order;
  order_desk_begin(&desk, &order, 3);
  order_desk_answer(&desk, order.id, 0, RESULT_NOT_FOUND, STR_VIEW("no such call"));
  order_desk_answer(&desk, order.id, 1, RESULT_OK, STR_VIEW("ended"));
  expect_int(order_desk_wait(&desk, &order, 1000), ==, RESULT_OK);
  char *text;
  expect_int(order_desk_join(&order, ",", &text), ==, RESULT_OK);
  expect_bytes(text, strlen(text), "ended");
  free(text);
  order_desk_begin(&desk, &order, 3);
  order_desk_answer(&desk, order.id, 1, RESULT_NOT_FOUND, STR_VIEW("no such call"));
  order_desk_answer(&desk, order.id, 0, RESULT_NOT_FOUND, STR_VIEW("no such call"));
  expect_int(order_desk_wait(&desk, &order, 1000), ==, RESULT_OK);
  expect_int(order_desk_join(&order, ",", &text), ==, RESULT_NOT_FOUND);
  expect_bytes(text, strlen(text), "no such call");
  free(text);
  order_desk_close(&desk);
}

/* A worker that knows it but cannot do it has the say, whichever it is. */
static void test_the_one_that_refuses_outweighs_those_that_have_not(void) {
  order_desk_open(&desk);
  struct pending_order order;
  order_desk_begin(&desk, &order, 3);
  order_desk_answer(&desk, order.id, 0, RESULT_NOT_FOUND, STR_VIEW("no such registration"));
  order_desk_answer(&desk, order.id, 1, RESULT_WRONG_STATE, STR_VIEW("it has not registered"));
  expect_int(order_desk_wait(&desk, &order, 1000), ==, RESULT_OK);
  char *text;
  expect_int(order_desk_join(&order, ",", &text), ==, RESULT_WRONG_STATE);
  expect_bytes(text, strlen(text), "it has not registered");
  free(text);
  order_desk_close(&desk);
}

static void test_waiting_ends_at_the_deadline_and_late_answers_are_dropped(void) {
  order_desk_open(&desk);
  struct pending_order order;
  order_desk_begin(&desk, &order, 3);
  uint64_t id = order.id;
  order_desk_answer(&desk, id, 0, RESULT_OK, STR_VIEW("a"));
  order_desk_answer(&desk, id, 0, RESULT_OK, STR_VIEW("twice"));
  expect_int(order_desk_wait(&desk, &order, 20), ==, RESULT_TIMED_OUT);
  char *text;
  expect_int(order_desk_join(&order, ",", &text), ==, RESULT_OK);
  expect_bytes(text, strlen(text), "a");
  free(text);
  order_desk_answer(&desk, id, 1, RESULT_OK, STR_VIEW("late"));
  order_desk_answer(&desk, 0, 1, RESULT_OK, STR_VIEW("nobody asked"));
  order_desk_close(&desk);
}

TAP_TESTS(TAP(test_texts_are_joined_in_the_workers_order), TAP(test_the_one_that_has_it_outweighs_those_that_have_not),
          TAP(test_the_one_that_refuses_outweighs_those_that_have_not),
          TAP(test_waiting_ends_at_the_deadline_and_late_answers_are_dropped))
