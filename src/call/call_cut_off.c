/* Attempts that a kill has cut off. None of them can go on, but nobody is left ringing, or waiting: after the restart
 * the callee's INVITE is cancelled (and hung up should it be answered all the same), the caller's is refused. So the
 * journal keeps beside the record of an attempt what it takes to do that, from our INVITE on; and, in a note, that the
 * callee has responded, without which there must be no CANCEL (RFC 3261 §9.1).
 *
 * An attempt that has ended, and whose callee has not said yet that it knows, is owed to it (JOURNAL_END) like the
 * farewell of a call (call_farewell.c).
 *
 *   [u32 length][caller: handle of the leg, its INVITE (transaction_save_server)]
 *   [callee: handle of the leg][kind of device][key of device][flags][dialog][our INVITE]
 *   owed:  bit 0 the caller, bit 1 the callee */
#include "base/packed.h"
#include "call/call_supervision.h"

#define TOLD_WITHIN_MS   1000 /* so many at once are spread over this */
#define CALLER_BYTES_MAX (64 * 1024)
#define OWED_CALLER      1u
#define OWED_CALLEE      2u

enum { FLAG_OFFER = 1, FLAG_TIMER = 2 };

/* --- saving ------------------------------------------------------------------------------------------------------ */

static void save_handle(struct handle handle, struct text_builder *state) {
  packed_add(state, handle.index, 4);
  packed_add(state, handle.generation, 4);
}

static void save_caller(struct call_step *step, struct text_builder *state) {
  const struct call_rooms *rooms = &step->table->rooms;
  const struct call_leg *leg = call_leg_at(step->table, step->call->caller);
  struct text_builder bytes = arena_builder(step->context->arena, CALLER_BYTES_MAX);
  if (leg) {
    save_handle(step->call->caller, &bytes);
    transaction_save_server(rooms->transactions, leg->invite,
                            dialog_local_tag(rooms->dialogs, step->context, leg->dialog), &bytes);
  }
  packed_add_text(state, bytes.overflowed ? (struct str_view){0} : text_builder_view(&bytes));
}

void call_cut_off_save(struct call_step *step, struct text_builder *state) {
  const struct call_rooms *rooms = &step->table->rooms;
  const struct call_leg *leg = call_leg_at(step->table, step->call->callee);
  save_caller(step, state);
  if (!leg) return;
  save_handle(step->call->callee, state);
  packed_add(state, leg->device_kind, 1);
  packed_add(state, leg->device_key, 8);
  packed_add(state, (leg->invited_with_offer ? FLAG_OFFER : 0u) | (leg->says_timer ? FLAG_TIMER : 0u), 1);
  dialog_save(rooms->dialogs, leg->dialog, state);
  transaction_save_client(rooms->transactions, leg->invite, state);
}

/* --- the end of an attempt --------------------------------------------------------------------------------------- */

uint8_t call_cut_off_owe(struct call_step *step, struct handle callee) {
  struct call_leg *leg = call_leg_at(step->table, callee);
  if (!step->call->attempt_is_kept || !leg || leg->state != LEG_STATE_CANCELLING) return 0;
  leg->owed_under = cdr_record_key_of_id(call_id_of(step));
  leg->has_responded = step->call->attempt_rings;
  return OWED_CALLEE;
}

/* --- after a restart --------------------------------------------------------------------------------------------- */

static struct call_leg *take_leg(struct call_step *step, struct packed_reader *reader, enum call_side side) {
  struct handle handle = {.index = (uint32_t)packed_take(reader, 4)};
  handle.generation = (uint32_t)packed_take(reader, 4);
  struct call_leg *leg = reader->broken ? NULL : pool_take_at(&step->table->legs, handle);
  if (leg) leg->side = side & 1u;
  return leg;
}

static struct call_leg *restore_caller(struct call_step *step, struct str_view bytes) {
  struct call_table *table = step->table;
  struct packed_reader reader = {.rest = bytes};
  struct call_leg *leg = take_leg(step, &reader, CALL_CALLER);
  if (!leg) return NULL;
  leg->state = LEG_STATE_CUT_OFF_CALLER;
  if (transaction_restore_server(table->rooms.transactions, step->context, &reader,
                                 call_leg_owner(table, leg, LEG_PURPOSE_INVITE), &leg->invite) == RESULT_OK)
    return leg;
  call_leg_destroy(table, step->context, leg);
  return NULL;
}

static bool fill_callee(struct call_step *step, struct packed_reader *reader, struct call_leg *leg, bool rings) {
  struct dialog_table *dialogs = step->table->rooms.dialogs;
  struct transaction_owner owner = call_leg_owner(step->table, leg, LEG_PURPOSE_INVITE);
  leg->device_kind = (uint8_t)packed_take(reader, 1);
  leg->device_key = packed_take(reader, 8);
  unsigned flags = (unsigned)packed_take(reader, 1);
  leg->invited_with_offer = (flags & FLAG_OFFER) != 0;
  leg->says_timer = (flags & FLAG_TIMER) != 0;
  if (!leg->invited_with_offer) owner.detail |= LEG_DETAIL_ASKS_OFFER;
  if (leg->device_kind > DEVICE_ROUTING_GATEWAY ||
      dialog_restore(dialogs, step->context, reader, owner, &leg->dialog) != RESULT_OK ||
      dialog_restore_invite(dialogs, step->context, leg->dialog, reader, owner, rings, &leg->invite) != RESULT_OK)
    return false;
  leg->has_responded = rings;
  call_session_begin(step, leg, dialog_flow(dialogs, leg->dialog).socket_index);
  leg->state = LEG_STATE_CUT_OFF_CALLEE;
  return true;
}

static struct call_leg *restore_callee(struct call_step *step, struct packed_reader *reader, bool rings) {
  struct call_leg *leg = take_leg(step, reader, CALL_CALLEE);
  if (!leg || fill_callee(step, reader, leg, rings)) return leg;
  call_leg_destroy(step->table, step->context, leg);
  return NULL;
}

/* The leg's own timer tells its peer. */
static uint8_t tell_soon(struct call_step *step, struct call_leg *leg, const struct call_leg *other,
                         struct journal_key key) {
  struct context *context = step->context;
  if (!leg) return 0;
  leg->leave = call_end_of(END_REASON_switch_restart, END_BY_SWITCH);
  leg->owed_under = key;
  if (other) leg->owed_with = pool_handle_of(&step->table->legs, other);
  timer_wheel_arm(context->wheel, &leg->timer, TIMER_CALL_LEG,
                  mono_ms_add(context->now, random_between(context->random, 0, TOLD_WITHIN_MS)));
  return leg->side == CALL_CALLER ? OWED_CALLER : OWED_CALLEE;
}

/* FULL: the journal has the attempt still, and tells of it after the next start. */
static void hand_on_record(struct call_step *step, const struct journal_kept *kept, uint8_t owed) {
  struct text_builder record = arena_builder(step->context->arena, kept->state.length + CALL_RECORD_BYTES);
  if (call_kept_record(kept->state, kept->note, &record) == RESULT_OK)
    (void)!outbox_record(step->context->outbox, text_builder_view(&record), owed);
}

enum result call_cut_off_restore(struct call_table *table, struct context *context, const struct journal_kept *kept,
                                 struct packed_reader *reader) {
  struct call_step step = {.table = table, .context = context};
  struct call_leg *legs[2] = {NULL, NULL};
  struct str_view caller = packed_take_text(reader);
  bool rings, has_record = kept->owed != 0;
  unsigned owed = call_farewell_left(kept, &rings);
  if (owed & OWED_CALLER) legs[CALL_CALLER] = restore_caller(&step, caller);
  if (owed & OWED_CALLEE) legs[CALL_CALLEE] = restore_callee(&step, reader, rings);
  uint8_t left = 0;
  for (unsigned side = CALL_CALLER; side <= CALL_CALLEE; side++)
    left |= tell_soon(&step, legs[side], legs[!side], kept->key);
  if (left == 0) return RESULT_MALFORMED;
  if (!has_record) hand_on_record(&step, kept, left);
  return RESULT_OK;
}
