/* Who must still hear that a call is over. Its record is safe by then, so it is not taken up again; but a BYE may be
 * lost, and when the switch is killed nobody repeats it. So the journal keeps what it has of an answered call until
 * each end that is told has answered (JOURNAL_END with what is owed, then JOURNAL_DROP): nothing is written for that
 * but the dropping, and a note when the first of two has answered, for its place may be another call's from then on.
 * After a restart who is owed it gets a BYE; one who had heard it already answers 481. Attempts: call_cut_off.c.
 *
 *   owed:    bit 0 the caller, bit 1 the callee
 *   a note:  [LEFT_VERSION][owed still][a callee who has not answered has responded] */
#include "base/packed.h"
#include "call/call_supervision.h"

#define FAREWELL_WITHIN_MS 1000 /* so many at once are spread over this */
#define LEFT_VERSION       0x83

static bool takes_leave(const struct call_leg *leg) {
  return leg && (leg->state == LEG_STATE_LEAVING || leg->state == LEG_STATE_UNACKED_LEAVING);
}

static uint8_t owe(struct call_step *step, struct handle of, struct handle with, struct journal_key key) {
  struct call_leg *leg = call_leg_at(step->table, of);
  if (!takes_leave(leg)) return 0;
  leg->owed_under = key;
  if (takes_leave(call_leg_at(step->table, with))) leg->owed_with = with;
  return (uint8_t)(1u << leg->side);
}

uint8_t call_farewell_note(struct call_step *step, struct handle caller, struct handle callee) {
  if (step->call->kept_at.value == 0) return call_cut_off_owe(step, callee);
  struct journal_key key = cdr_record_key_of_id(call_id_of(step));
  return owe(step, caller, callee, key) | owe(step, callee, caller, key);
}

static unsigned bit_of(const struct call_leg *leg) {
  return leg ? 1u << leg->side : 0;
}

/* FULL, here and below: after a restart a peer is told what it knows. */
static void note_left(struct call_step *step, struct journal_key key, unsigned owed, bool has_responded) {
  const char bytes[] = {(char)LEFT_VERSION, (char)owed, (char)has_responded};
  (void)!outbox_journal(step->context->outbox, JOURNAL_SOON, JOURNAL_NOTE, key, str_view_of(bytes, sizeof bytes));
}

void call_farewell_done(struct call_step *step) {
  const struct call_leg *leg = step->leg, *other = call_leg_at(step->table, leg->owed_with);
  if (journal_key_is_none(leg->owed_under)) return;
  if (other)
    note_left(step, leg->owed_under, bit_of(other), other->has_responded);
  else
    (void)!outbox_journal(step->context->outbox, JOURNAL_SOON, JOURNAL_DROP, leg->owed_under, (struct str_view){0});
}

void call_farewell_responded(struct call_step *step) {
  struct call_leg *leg = step->leg;
  if (journal_key_is_none(leg->owed_under) || leg->has_responded) return;
  leg->has_responded = true;
  note_left(step, leg->owed_under, bit_of(leg) | bit_of(call_leg_at(step->table, leg->owed_with)), true);
}

unsigned call_farewell_left(const struct journal_kept *kept, bool *has_responded_out) {
  struct packed_reader reader = {.rest = kept->note};
  unsigned owed = kept->owed != 0 ? kept->owed : 1u << CALL_CALLER | 1u << CALL_CALLEE;
  bool is_left = packed_take(&reader, 1) == LEFT_VERSION;
  unsigned left = (unsigned)packed_take(&reader, 1);
  bool has_responded = packed_take(&reader, 1) != 0;
  is_left = is_left && !reader.broken;
  if (has_responded_out) *has_responded_out = is_left ? has_responded : kept->note.length > 0;
  return is_left ? owed & left : owed;
}

/* --- after a restart --------------------------------------------------------------------------------------------- */

/* The leg's own timer sends the BYE. */
static void say_soon(struct call_step *step, struct call_leg *leg, struct journal_key key) {
  struct context *context = step->context;
  leg->state = LEG_STATE_UNACKED_LEAVING;
  leg->leave = call_end_of(END_REASON_normal, END_BY_SWITCH);
  leg->owed_under = key;
  leg->resend_end = mono_ms_add(context->now, random_between(context->random, 0, FAREWELL_WITHIN_MS));
  timer_wheel_arm(context->wheel, &leg->timer, TIMER_CALL_LEG, leg->resend_end);
}

/* The call's own slot may be another's by now: it is not taken. */
enum result call_farewell_restore(struct call_table *table, struct context *context, const struct journal_kept *kept) {
  struct call over = {0};
  struct call_step step = {.table = table, .context = context, .call = &over};
  struct call_leg *legs[2] = {NULL, NULL};
  struct kept_state state;
  unsigned owed = call_farewell_left(kept, NULL);
  if (!call_kept_read(kept->state, &state)) return RESULT_MALFORMED;
  struct packed_reader *reader = &state.rest;
  (void)packed_take(reader, 8);
  call_restore_facts(&step, &state);
  (void)packed_take_text(reader);
  bool is_well = true;
  for (unsigned side = CALL_CALLER; side <= CALL_CALLEE && is_well; side++) {
    bool is_owed = (owed & 1u << side) != 0;
    if (is_owed) legs[side] = call_restore_lonely_leg(&step, reader, (enum call_side)side);
    is_well = is_owed ? legs[side] != NULL : call_restore_passes_over(reader);
  }
  for (unsigned side = CALL_CALLER; side <= CALL_CALLEE; side++) {
    const struct call_leg *other = legs[!side];
    if (!legs[side]) continue;
    say_soon(&step, legs[side], kept->key);
    if (other) legs[side]->owed_with = pool_handle_of(&table->legs, other);
  }
  return legs[CALL_CALLER] || legs[CALL_CALLEE] ? RESULT_OK : RESULT_MALFORMED;
}
