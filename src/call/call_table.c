/* Where calls, legs and carried requests live: births, deaths, look-ups, and what must always be true of them. */
#include "base/check.h"
#include "call/call_supervision.h"

#define LEGS_PER_CALL   3
#define CARRIED_MIN     64
#define TEXT_LENGTH_MAX 254
#define TEXTS_BYTES_MAX (CALL_TEXT_COUNT * (1 + TEXT_LENGTH_MAX))
#define TABLE_ALIGNMENT 64
#define DEVICES_MAX     65536

/* --- layout ------------------------------------------------------------------------------------------------------ */

static size_t aligned(size_t bytes) {
  return (bytes + TABLE_ALIGNMENT - 1) / TABLE_ALIGNMENT * TABLE_ALIGNMENT;
}

static uint32_t carried_max(uint32_t calls_max) {
  return calls_max / 2 + CARRIED_MIN;
}

/* What is remembered of devices; more of them than this are learnt again now and then. */
static uint32_t devices_max(uint32_t calls_max) {
  return calls_max < DEVICES_MAX ? calls_max : DEVICES_MAX;
}

size_t call_table_memory_bytes(uint32_t calls_max) {
  return aligned(sizeof(struct call_table)) + aligned(pool_memory_bytes(sizeof(struct call), calls_max)) +
         aligned(pool_memory_bytes(sizeof(struct call_leg), calls_max * LEGS_PER_CALL)) +
         aligned(pool_memory_bytes(sizeof(struct call_attempts), calls_max)) +
         aligned(pool_memory_bytes(sizeof(struct call_carried), carried_max(calls_max))) +
         aligned(device_memory_bytes(devices_max(calls_max)));
}

static char *lay_out_pool(struct pool *pool, char *memory, size_t slot_bytes, uint32_t capacity) {
  pool_init(pool, memory, (uint32_t)slot_bytes, capacity);
  return memory + aligned(pool_memory_bytes((uint32_t)slot_bytes, capacity));
}

struct call_table *call_table_create(void *memory, uint32_t calls_max, const struct call_rooms *rooms) {
  struct call_table *table = memory;
  char *rest = (char *)memory + aligned(sizeof *table);
  table->rooms = *rooms;
  rest = lay_out_pool(&table->calls, rest, sizeof(struct call), calls_max);
  rest = lay_out_pool(&table->legs, rest, sizeof(struct call_leg), calls_max * LEGS_PER_CALL);
  rest = lay_out_pool(&table->attempts, rest, sizeof(struct call_attempts), calls_max);
  rest = lay_out_pool(&table->carried, rest, sizeof(struct call_carried), carried_max(calls_max));
  table->devices = device_memory_create(rest, devices_max(calls_max));
  return table;
}

void call_table_drain(struct call_table *table, bool drain) {
  table->draining = drain;
}

uint32_t call_count(const struct call_table *table) {
  return table->calls.used;
}

uint32_t call_count_answered(const struct call_table *table) {
  return table->answered_count;
}

const struct pool *call_pool(const struct call_table *table) {
  return &table->calls;
}

const struct pool *call_leg_pool(const struct call_table *table) {
  return &table->legs;
}

uint32_t call_leg_count(const struct call_table *table) {
  return table->legs.used;
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

struct call *call_create(struct call_table *table, struct context *context) {
  struct handle handle;
  struct call *call = pool_take(&table->calls, &handle);
  if (!call) return NULL;
  call->attempts = pool_take(&table->attempts, &handle);
  require(call->attempts); /* there are as many as calls */
  call->caller_usage = call->callee_usage = CALL_NO_USAGE;
  call->pdd_ms = UINT32_MAX;
  call->started_at = context->wall_now;
  call->alive = (struct liveness){.at = context->wall_now, .method = SIP_METHOD_INVITE};
  call->started = context->now;
  if (!call_leg_create(table, call, CALL_CALLER)) {
    call_drop_attempts(table, call);
    pool_give(&table->calls, call);
    return NULL;
  }
  return call;
}

void call_drop_attempts(struct call_table *table, struct call *call) {
  struct call_attempts *attempts = call->attempts;
  if (!attempts) return;
  block_store_clear(table->rooms.blocks, &attempts->invite_body);
  block_store_clear(table->rooms.blocks, &attempts->contacts);
  pool_give(&table->attempts, attempts);
  call->attempts = NULL;
}

void call_destroy(struct call_table *table, struct context *context, struct call *call) {
  timer_wheel_cancel(context->wheel, &call->timer);
  call_drop_attempts(table, call);
  block_store_clear(table->rooms.blocks, &call->texts);
  block_store_clear(table->rooms.blocks, &call->carried_headers);
  pool_give(&table->calls, call);
}

/* --- legs -------------------------------------------------------------------------------------------------------- */

struct call_leg *call_leg_create(struct call_table *table, struct call *call, enum call_side side) {
  struct handle handle;
  struct call_leg *leg = pool_take(&table->legs, &handle);
  if (!leg) return NULL;
  leg->call = pool_handle_of(&table->calls, call);
  leg->side = side & 1u;
  leg->state = side == CALL_CALLER ? LEG_STATE_RECEIVED : LEG_STATE_INVITED;
  *(side == CALL_CALLER ? &call->caller : &call->callee) = handle;
  return leg;
}

static void unlink_leg(struct call_table *table, struct call_leg *leg) {
  struct call *call = call_of_leg(table, leg);
  struct handle handle = pool_handle_of(&table->legs, leg);
  if (!call) return;
  if (handle_equal(call->caller, handle)) call->caller = HANDLE_NONE;
  if (handle_equal(call->callee, handle)) call->callee = HANDLE_NONE;
}

void call_leg_destroy(struct call_table *table, struct context *context, struct call_leg *leg) {
  struct block_store *blocks = table->rooms.blocks;
  unlink_leg(table, leg);
  timer_wheel_cancel(context->wheel, &leg->timer);
  session_timer_stop(&leg->session_timer, context);
  call_refresh_account(table, leg);
  dialog_destroy(table->rooms.dialogs, context, leg->dialog);
  block_store_clear(blocks, &leg->session);
  block_store_clear(blocks, &leg->offered);
  block_store_clear(blocks, &leg->asked);
  block_store_clear(blocks, &leg->held_response);
  block_store_clear(blocks, &leg->logins);
  while (leg->carried != 0) {
    struct call_carried *carried = call_carried_at(table, leg->carried);
    leg->carried = carried->next;
    pool_give(&table->carried, carried);
  }
  pool_give(&table->legs, leg);
}

struct call *call_of_leg(const struct call_table *table, const struct call_leg *leg) {
  return pool_get(&table->calls, leg->call);
}

struct call_leg *call_leg_at(const struct call_table *table, struct handle leg) {
  return pool_get(&table->legs, leg);
}

struct call_leg *call_other_leg(const struct call_table *table, const struct call_leg *leg) {
  const struct call *call = call_of_leg(table, leg);
  if (!call) return NULL;
  return call_leg_at(table, leg->side == CALL_CALLER ? call->callee : call->caller);
}

struct transaction_owner call_leg_owner(const struct call_table *table, const struct call_leg *leg,
                                        enum leg_purpose purpose) {
  return (struct transaction_owner){
      .kind = TRANSACTION_OWNER_CALL, .handle = pool_handle_of(&table->legs, leg), .detail = purpose};
}

/* --- carried requests -------------------------------------------------------------------------------------------- */

struct call_carried *call_carried_at(const struct call_table *table, uint32_t number) {
  return (struct call_carried *)(void *)(table->carried.slots + (size_t)(number - 1) * table->carried.slot_bytes);
}

/* --- texts ------------------------------------------------------------------------------------------------------- */

/* Instead of a length: the same as the text two before. Numbers mostly go through the rules unchanged. */
#define TEXT_SAME 255

static bool is_same(const struct str_view *texts, unsigned i) {
  return i >= 2 && texts[i].length > 0 && str_view_equal(texts[i], texts[i - 2]);
}

/* [length × CALL_TEXT_COUNT][texts one after the other] */
static void load_texts(const struct call_table *table, const struct call *call, struct str_view *texts,
                       unsigned count) {
  struct str_view bytes = block_store_view(table->rooms.blocks, &call->texts);
  size_t at = CALL_TEXT_COUNT;
  for (unsigned i = 0; i < count; i++) {
    size_t length = bytes.length == 0 ? 0 : (uint8_t)bytes.data[i];
    if (length == TEXT_SAME) {
      texts[i] = texts[i - 2];
      continue;
    }
    texts[i] = str_view_slice(bytes, at, length);
    at += length;
  }
}

void call_load_texts(const struct call_table *table, const struct call *call, struct str_view *texts) {
  load_texts(table, call, texts, CALL_TEXT_COUNT);
}

void call_store_texts(struct call_step *step, const struct str_view *texts) {
  char memory[TEXTS_BYTES_MAX];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  for (unsigned i = 0; i < CALL_TEXT_COUNT; i++) {
    size_t length = texts[i].length < TEXT_LENGTH_MAX ? texts[i].length : TEXT_LENGTH_MAX;
    text_builder_add_char(&builder, (char)(uint8_t)(is_same(texts, i) ? TEXT_SAME : length));
  }
  for (unsigned i = 0; i < CALL_TEXT_COUNT; i++)
    if (!is_same(texts, i)) text_builder_add(&builder, str_view_slice(texts[i], 0, TEXT_LENGTH_MAX));
  /* Without a block the record shows less; the call goes on. */
  (void)!block_store_set(step->table->rooms.blocks, &step->call->texts, text_builder_view(&builder));
}

struct str_view call_text(const struct call_table *table, const struct call *call, enum call_text text) {
  struct str_view texts[CALL_TEXT_COUNT];
  load_texts(table, call, texts, text + 1u);
  return texts[text];
}

void call_set_text(struct call_step *step, enum call_text text, struct str_view value) {
  struct str_view texts[CALL_TEXT_COUNT];
  call_load_texts(step->table, step->call, texts);
  texts[text] = value;
  call_store_texts(step, texts);
}

/* --- what must always be true ------------------------------------------------------------------------------------ */

static const char *call_problem(const struct call_table *table, const struct call *call) {
  struct handle handle = pool_handle_of(&table->calls, call);
  if (!timer_is_armed(&call->timer)) return "a call has no deadline";
  if (call->state == CALL_STATE_NEW || call->state == CALL_STATE_SEARCHING) return "a call stays in a state of passage";
  const struct call_leg *caller = call_leg_at(table, call->caller), *callee = call_leg_at(table, call->callee);
  if (call->state != CALL_STATE_ENDED && !caller) return "a call has no caller";
  if (caller && !handle_equal(caller->call, handle)) return "a caller leg belongs to another call";
  if (callee && !handle_equal(callee->call, handle)) return "a callee leg belongs to another call";
  bool talks = call->state == CALL_STATE_ANSWERED || call->state == CALL_STATE_UP;
  if (talks && !callee) return "an answered call has no callee";
  return NULL;
}

static const char *leg_problem(const struct call_table *table, const struct call_leg *leg, uint32_t *carried_count) {
  const struct call *call = call_of_leg(table, leg);
  struct handle handle = pool_handle_of(&table->legs, leg);
  if (!call && !handle_is_none(leg->call)) return "a leg belongs to a call that is gone";
  if (!call && !timer_is_armed(&leg->timer)) return "a leg on its own has no deadline";
  if (call && !handle_equal(call->caller, handle) && !handle_equal(call->callee, handle))
    return "a leg's call does not know it";
  if (leg->state == LEG_STATE_GONE) return "a leg that is gone is still there";
  if (leg->state != LEG_STATE_CUT_OFF_CALLER && dialog_state(table->rooms.dialogs, leg->dialog) == DIALOG_NONE)
    return "a leg has no dialog";
  for (uint32_t at = leg->carried; at != 0; at = call_carried_at(table, at)->next)
    ++*carried_count;
  return NULL;
}

bool call_table_check(const struct call_table *table, struct text_builder *problem) {
  const char *sentence = NULL;
  uint32_t index = 0, carried_count = 0, answered_count = 0;
  const struct call *call;
  const struct call_leg *leg;
  while (!sentence && (call = pool_next(&table->calls, &index)) != NULL) {
    sentence = call_problem(table, call);
    answered_count += call->state == CALL_STATE_ANSWERED || call->state == CALL_STATE_UP;
  }
  index = 0;
  while (!sentence && (leg = pool_next(&table->legs, &index)) != NULL)
    sentence = leg_problem(table, leg, &carried_count);
  if (!sentence && carried_count != table->carried.used) sentence = "a carried request belongs to no leg";
  if (!sentence && answered_count != table->answered_count) sentence = "the count of answered calls is wrong";
  if (!sentence) return true;
  text_builder_add(problem, str_view_from_c(sentence));
  return false;
}
