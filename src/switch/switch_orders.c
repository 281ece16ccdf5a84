/* Operators' orders, each answered through the outbox. */
#include "switch/switch_private.h"

#define LIST_BYTES      (384 * 1024) /* with its first line it fits into one event's share of the outbox */
#define LIST_PAGE_BYTES (LIST_BYTES + 32)
#define SHOW_BYTES      (16 * 1024)

struct order_step {
  struct switch_core *core;
  struct context *context;
  const struct event *event;
  struct text_builder answer;
};

static enum result hang_up(struct order_step *step) {
  enum result result = call_hang_up(step->core->calls, step->context, step->event->order_target);
  text_builder_add(&step->answer, result == RESULT_OK ? STR_VIEW("hung up") : STR_VIEW("no such call"));
  return result;
}

static enum result kick(struct order_step *step) {
  enum result result = registrar_kick(step->core->registrar, step->context, step->event->order_target);
  if (result == RESULT_WRONG_STATE)
    text_builder_add_literal(&step->answer, "the phone has not registered: its configuration gives it an address");
  else
    text_builder_add(&step->answer, result == RESULT_OK ? STR_VIEW("removed") : STR_VIEW("no such registration"));
  return result;
}

static void write_next(struct order_step *step, uint32_t cursor) {
  if (cursor == UINT32_MAX)
    text_builder_add_literal(&step->answer, "end");
  else
    text_builder_add_u64(&step->answer, cursor);
  text_builder_add_char(&step->answer, '\n');
}

/* A page of a list. The order's target is the slot to begin with (empty: the first); the answer's first line is the
 * slot of the next page, or "end", and JSON objects separated by commas follow. */
static enum result list(struct order_step *step) {
  uint32_t cursor = 0;
  struct str_view target = step->event->order_target;
  if (target.length > 0 && !str_view_to_u32(target, &cursor)) return RESULT_MALFORMED;
  struct text_builder objects = arena_builder(step->context->arena, LIST_BYTES);
  if (step->event->order == ORDER_LIST_CALLS)
    call_list(step->core->calls, step->context, &objects, &cursor);
  else if (step->event->order == ORDER_LIST_REGISTRATIONS)
    registrar_list(step->core->registrar, step->context, &objects, &cursor);
  else
    keepalive_list_networks(step->core->keepalive, step->context, &objects, &cursor);
  write_next(step, cursor);
  text_builder_add(&step->answer, text_builder_view(&objects));
  return RESULT_OK;
}

static enum result show_call(struct order_step *step) {
  return call_show(step->core->calls, step->context, step->event->order_target, &step->answer);
}

static struct str_view take_part(struct str_view *rest, char separator) {
  size_t length = 0;
  while (length < rest->length && rest->data[length] != separator)
    length++;
  struct str_view part = str_view_slice(*rest, 0, length);
  *rest = str_view_from(*rest, length < rest->length ? length + 1 : length);
  return part;
}

/* The target's lines: the slot to begin with, what to sort by, state, refresher, seconds to expiry, number, device,
 * words (struct call_query). */
static enum result find_calls(struct order_step *step) {
  struct str_view rest = step->event->order_target;
  struct call_query query = {0};
  uint32_t cursor;
  if (!str_view_to_u32(take_part(&rest, '\n'), &cursor) || !call_sort_find(take_part(&rest, '\n'), &query.sort))
    return RESULT_MALFORMED;
  query.state = take_part(&rest, '\n');
  query.refresher = take_part(&rest, '\n');
  if (!str_view_to_u32(take_part(&rest, '\n'), &query.expires_within_s)) return RESULT_MALFORMED;
  query.number = take_part(&rest, '\n');
  query.device = take_part(&rest, '\n');
  query.words = take_part(&rest, '\n');
  struct text_builder lines = arena_builder(step->context->arena, LIST_BYTES);
  call_find(step->core->calls, step->context, &query, &lines, &cursor);
  write_next(step, cursor);
  text_builder_add(&step->answer, text_builder_view(&lines));
  return RESULT_OK;
}

/* The target's lines: the slot to begin with, what to sort by, state, words (struct registration_query). */
static enum result find_registrations(struct order_step *step) {
  struct str_view rest = step->event->order_target;
  struct registration_query query = {0};
  uint32_t cursor;
  if (!str_view_to_u32(take_part(&rest, '\n'), &cursor) || !registration_sort_find(take_part(&rest, '\n'), &query.sort))
    return RESULT_MALFORMED;
  query.state = take_part(&rest, '\n');
  query.words = take_part(&rest, '\n');
  struct text_builder lines = arena_builder(step->context->arena, LIST_BYTES);
  registrar_find(step->core->registrar, step->context, &query, &lines, &cursor);
  write_next(step, cursor);
  text_builder_add(&step->answer, text_builder_view(&lines));
  return RESULT_OK;
}

static enum result show_one(struct order_step *step, struct str_view id) {
  if (step->event->order == ORDER_SHOW_REGISTRATIONS)
    return registrar_show(step->core->registrar, step->context, id, &step->answer);
  return call_show(step->core->calls, step->context, id, &step->answer);
}

/* What has ended meanwhile, or does not fit any more, is left out. */
static enum result show_some(struct order_step *step) {
  struct str_view rest = step->event->order_target;
  while (rest.length > 0) {
    struct str_view id = take_part(&rest, ',');
    size_t length = step->answer.length;
    if (length > 0) text_builder_add_char(&step->answer, ',');
    if (show_one(step, id) == RESULT_OK) continue;
    step->answer.length = length;
    step->answer.overflowed = false;
  }
  return RESULT_OK;
}

/* New parameters and a new directory are in the context already; what runs is told to look. */
static enum result take_parameters(struct order_step *step) {
  keepalive_parameters_changed(step->core->keepalive, step->context);
  call_table_changed(step->core->calls, step->context);
  return RESULT_OK;
}

static enum result take_directory(struct order_step *step) {
  registrar_directory_changed(step->core->registrar, step->context);
  keepalive_gateways_directory_changed(&step->core->gateways, step->context);
  call_table_changed(step->core->calls, step->context);
  return RESULT_OK;
}

/* "calls sooner ending", of this worker. */
static enum result preview(struct order_step *step) {
  struct str_view name = step->event->order_target, value;
  struct parameters after = *step->context->parameters;
  struct call_preview counts;
  char memory[128];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  size_t at = 0;
  while (at < name.length && name.data[at] != '=')
    at++;
  value = str_view_from(name, at + 1);
  const struct parameter_row *row = parameter_find(str_view_slice(name, 0, at));
  if (!row) return RESULT_NOT_FOUND;
  enum result result = parameter_set(&after, row, value, &problem);
  if (result != RESULT_OK) return result;
  call_preview(step->core->calls, step->context, &after, &counts);
  text_builder_add_u64(&step->answer, counts.calls);
  text_builder_add_char(&step->answer, ' ');
  text_builder_add_u64(&step->answer, counts.calls_sooner);
  text_builder_add_char(&step->answer, ' ');
  text_builder_add_u64(&step->answer, counts.calls_ending);
  return RESULT_OK;
}

static enum result drain(struct order_step *step) {
  call_table_drain(step->core->calls, !str_view_equal(step->event->order_target, STR_VIEW("off")));
  return RESULT_OK;
}

static enum result tell_journal(struct order_step *step) {
  switch_tell_journal(step->core, step->context);
  return RESULT_OK;
}

static enum result test_trunk(struct order_step *step) {
  return trunk_trial_start(step->core->trials, step->context, step->event->order_target, &step->answer);
}

static enum result show_trunk_test(struct order_step *step) {
  return trunk_trial_show(step->core->trials, step->context, step->event->order_target, &step->answer);
}

static const struct {
  enum result (*carry_out)(struct order_step *step);
  uint32_t answer_bytes;
} orders[] = {
    [ORDER_NONE] = {NULL, 0},
    [ORDER_HANGUP_CALL] = {hang_up, 64},
    [ORDER_KICK_REGISTRATION] = {kick, 96},
    [ORDER_LIST_CALLS] = {list, LIST_PAGE_BYTES},
    [ORDER_LIST_REGISTRATIONS] = {list, LIST_PAGE_BYTES},
    [ORDER_LIST_KEEP_ALIVE_NETWORKS] = {list, LIST_PAGE_BYTES},
    [ORDER_SHOW_CALL] = {show_call, SHOW_BYTES},
    [ORDER_FIND_CALLS] = {find_calls, LIST_PAGE_BYTES},
    [ORDER_SHOW_CALLS] = {show_some, LIST_PAGE_BYTES},
    [ORDER_FIND_REGISTRATIONS] = {find_registrations, LIST_PAGE_BYTES},
    [ORDER_SHOW_REGISTRATIONS] = {show_some, LIST_PAGE_BYTES},
    [ORDER_PARAMETERS_CHANGED] = {take_parameters, 0},
    [ORDER_PREVIEW_PARAMETER] = {preview, 64},
    [ORDER_DIRECTORY_CHANGED] = {take_directory, 0},
    [ORDER_DRAIN] = {drain, 0},
    [ORDER_TELL_JOURNAL] = {tell_journal, 0},
    [ORDER_TEST_TRUNK] = {test_trunk, TRUNK_REPORT_BYTES},
    [ORDER_SHOW_TRUNK_TEST] = {show_trunk_test, TRUNK_REPORT_BYTES},
};

void switch_receive_order(struct switch_core *core, struct context *context, const struct event *event) {
  struct order_step step = {.core = core, .context = context, .event = event};
  if (event->order >= sizeof orders / sizeof orders[0] || !orders[event->order].carry_out) return;
  step.answer = arena_builder(context->arena, orders[event->order].answer_bytes);
  enum result result = orders[event->order].carry_out(&step);
  outbox_answer_order(context->outbox, event->order_id, result, text_builder_view(&step.answer));
}
