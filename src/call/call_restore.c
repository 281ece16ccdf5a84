/* A call as bytes, and a call out of them: after a restart it goes on, with the same id, the same tags, its clocks
 * armed from the wall clock's word: sessions end when they would have. Legs that we refresh or probe are asked soon,
 * many calls one after the other; one whose session has ended meanwhile is asked before it is given up. */
#include "base/packed.h"
#include "call/call_supervision.h"
#include "directory/directory.h"
#include "sdp/sdp.h"

/* --- saving ------------------------------------------------------------------------------------------------------ */

static void save_life(const struct liveness *alive, struct text_builder *builder) {
  packed_add(builder, (uint64_t)alive->at.value, 8);
  packed_add(builder, alive->status, 2);
  packed_add(builder, alive->method, 1);
}

static void save_address(const struct address *address, struct text_builder *builder) {
  packed_add(builder, address->family, 1);
  packed_add(builder, address->port, 2);
  text_builder_add(builder, str_view_of((const char *)address->ip, sizeof address->ip));
}

static void save_session(const struct call_leg *leg, struct text_builder *builder) {
  const struct session_timer *session = &leg->session_timer;
  struct session_terms terms = session_timer_terms(session);
  packed_add(builder, terms.role, 1);
  packed_add(builder, terms.interval_s, 4);
  packed_add(builder, session->refreshes, 4);
  packed_add(builder, session->method, 1);
  packed_add(builder, session->experience.worked, 1);
  packed_add(builder, session->experience.failed, 1);
  packed_add(builder, session->experience.answered, 1);
  packed_add(builder, leg->asked_terms.interval_s, 4);
  packed_add(builder, leg->asked_terms.min_se_s, 4);
  packed_add(builder, leg->asked_terms.refresher, 1);
}

static void save_leg(struct call_step *step, struct handle handle, struct text_builder *builder) {
  const struct call_rooms *rooms = &step->table->rooms;
  const struct call_leg *leg = call_leg_at(step->table, handle);
  packed_add(builder, leg != NULL, 1);
  if (!leg) return;
  packed_add(builder, handle.index, 4);
  packed_add(builder, handle.generation, 4);
  packed_add(builder, leg->device_kind, 1);
  packed_add(builder, leg->device_key, 8);
  packed_add(builder, leg->origin_id, 8);
  packed_add(builder, leg->session_version, 4);
  packed_add(builder, leg->highest_version, 4);
  packed_add(builder, leg->ack_cseq, 4);
  packed_add(builder, leg->branch, 1);
  packed_add(builder, leg->invited_with_offer, 1);
  save_life(&leg->alive, builder);
  packed_add_text(builder, block_store_view(rooms->blocks, &leg->session));
  save_session(leg, builder);
  dialog_save(rooms->dialogs, leg->dialog, builder);
}

void call_save(struct call_step *step, struct text_builder *builder) {
  const struct call *call = step->call;
  struct handle handle = pool_handle_of(&step->table->calls, call);
  packed_add(builder, handle.index, 4);
  packed_add(builder, handle.generation, 4);
  packed_add(builder, (uint64_t)call->started_at.value, 8);
  packed_add(builder, (uint64_t)call->ringing_at.value, 8);
  packed_add(builder, (uint64_t)call->answered_at.value, 8);
  packed_add(builder, (uint64_t)mono_ms_since(call->answered, call->started), 8);
  packed_add(builder, call->pdd_ms, 4);
  packed_add(builder, call->caller_max_s, 4);
  packed_add(builder, call->max_duration_s, 4);
  packed_add(builder, call->cap.no_timer_cap_s, 4);
  packed_add(builder, !call->cap.has_passed, 1);
  packed_add(builder, call->callee_is_phone, 1);
  packed_add(builder, call->anonymous, 1);
  packed_add(builder, call->alive_side, 1);
  save_life(&call->alive, builder);
  save_address(&call->caller_address, builder);
  save_address(&call->callee_address, builder);
  packed_add_text(builder, block_store_view(step->table->rooms.blocks, &call->texts));
  save_leg(step, call->caller, builder);
  save_leg(step, call->callee, builder);
}

/* --- restoring --------------------------------------------------------------------------------------------------- */

static void restore_life(struct packed_reader *reader, struct liveness *alive) {
  alive->at.value = (int64_t)packed_take(reader, 8);
  alive->status = (uint16_t)packed_take(reader, 2);
  alive->method = (uint8_t)packed_take(reader, 1);
  if (alive->method >= SIP_METHOD_COUNT) alive->method = SIP_METHOD_UNKNOWN;
}

static void restore_address(struct packed_reader *reader, struct address *address) {
  address->family = (uint8_t)packed_take(reader, 1);
  address->port = (uint16_t)packed_take(reader, 2);
  for (unsigned i = 0; i < sizeof address->ip; i++)
    address->ip[i] = (uint8_t)packed_take(reader, 1);
}

static struct session_terms restore_session(struct packed_reader *reader, struct call_leg *leg) {
  struct session_timer *session = &leg->session_timer;
  struct session_terms terms = {.role = (uint8_t)packed_take(reader, 1)};
  terms.interval_s = (uint32_t)packed_take(reader, 4);
  session->refreshes = (uint32_t)packed_take(reader, 4);
  session->method = (uint8_t)packed_take(reader, 1);
  session->experience.worked = (uint8_t)packed_take(reader, 1);
  session->experience.failed = (uint8_t)packed_take(reader, 1);
  session->experience.answered = (uint8_t)packed_take(reader, 1);
  leg->asked_terms.interval_s = (uint32_t)packed_take(reader, 4);
  leg->asked_terms.min_se_s = (uint32_t)packed_take(reader, 4);
  leg->asked_terms.refresher = (uint8_t)packed_take(reader, 1);
  if (terms.role > SESSION_ROLE_THEIRS || terms.interval_s == 0) terms = (struct session_terms){0};
  return terms;
}

static void restore_leg_fields(struct packed_reader *reader, struct call_leg *leg) {
  leg->device_kind = (uint8_t)packed_take(reader, 1);
  leg->device_key = packed_take(reader, 8);
  leg->origin_id = packed_take(reader, 8);
  leg->session_version = (uint32_t)packed_take(reader, 4);
  leg->highest_version = (uint32_t)packed_take(reader, 4);
  leg->ack_cseq = (uint32_t)packed_take(reader, 4);
  leg->branch = (uint8_t)packed_take(reader, 1);
  leg->invited_with_offer = packed_take(reader, 1) != 0;
  leg->state = LEG_STATE_OPEN;
  restore_life(reader, &leg->alive);
}

/* Version 2 kept the whole description, with its v= and o= lines. */
static struct str_view take_session(struct packed_reader *reader) {
  struct str_view text = packed_take_text(reader);
  return str_view_starts_with(text, STR_VIEW("v=")) ? sdp_behind_origin(text) : text;
}

/* The timer runs only when the whole call stands. */
static bool restore_leg(struct call_step *step, struct packed_reader *reader, enum call_side side,
                        struct session_terms *terms_out) {
  struct call_table *table = step->table;
  struct handle handle;
  if (packed_take(reader, 1) == 0) return false;
  handle.index = (uint32_t)packed_take(reader, 4);
  handle.generation = (uint32_t)packed_take(reader, 4);
  struct call_leg *leg = reader->broken ? NULL : pool_take_at(&table->legs, handle);
  if (!leg) return false;
  leg->side = side & 1u;
  *(side == CALL_CALLER ? &step->call->caller : &step->call->callee) = handle;
  restore_leg_fields(reader, leg);
  if (block_store_set(table->rooms.blocks, &leg->session, take_session(reader)) != RESULT_OK) return false;
  *terms_out = restore_session(reader, leg);
  if (reader->broken || leg->device_kind > DEVICE_ROUTING_GATEWAY ||
      dialog_restore(table->rooms.dialogs, step->context, reader, call_leg_owner(table, leg, LEG_PURPOSE_INVITE),
                     &leg->dialog) != RESULT_OK)
    return false;
  leg->origin_socket = (uint8_t)dialog_flow(table->rooms.dialogs, leg->dialog).socket_index;
  call_session_restored(leg);
  return true;
}

/* When it was, by the wall clock, which may have been set meanwhile: not later than the call's last proof of life says.
 * It may be before the monotonic clock's beginning, where the machine was started again. */
static struct mono_ms mono_of(const struct call_step *step, struct wall_us at) {
  int64_t ago_ms = (step->context->wall_now.value - at.value) / 1000;
  int64_t lived_ms = (step->call->alive.at.value - at.value) / 1000;
  return mono_ms_add(step->context->now, -(ago_ms > lived_ms ? ago_ms : lived_ms > 0 ? lived_ms : 0));
}

/* Exactly, whatever has been done to the wall clock, where the monotonic one has counted on. */
static void restore_clocks(struct call_step *step, const struct kept_state *state, int64_t setup_ms) {
  struct call *call = step->call;
  const struct context *context = step->context;
  if (state->boot_id != 0 && state->boot_id == context->local->boot_id &&
      !mono_ms_before(context->now, state->started)) {
    call->started = state->started;
    call->answered = mono_ms_add(call->started, setup_ms);
    return;
  }
  call->answered = mono_of(step, call->answered_at);
  call->started = mono_ms_add(call->answered, -setup_ms);
}

static void restore_times(struct call_step *step, struct kept_state *state) {
  struct call *call = step->call;
  struct packed_reader *reader = &state->rest;
  call->started_at.value = (int64_t)packed_take(reader, 8);
  call->ringing_at.value = (int64_t)packed_take(reader, 8);
  call->answered_at.value = (int64_t)packed_take(reader, 8);
  restore_clocks(step, state, (int64_t)packed_take(reader, 8));
  call->pdd_ms = (uint32_t)packed_take(reader, 4);
  call->caller_max_s = (uint32_t)packed_take(reader, 4);
  call->max_duration_s = (uint32_t)packed_take(reader, 4);
  uint32_t no_timer_cap_s = (uint32_t)packed_take(reader, 4);
  duration_cap_start(&call->cap, call->answered, call->max_duration_s, no_timer_cap_s);
  call->cap.has_passed = packed_take(reader, 1) == 0;
}

/* When the call's last proof of life was, by the monotonic clock. */
static struct mono_ms alive_at(const struct call *call) {
  return mono_ms_add(call->answered, (call->alive.at.value - call->answered_at.value) / 1000);
}

void call_restore_facts(struct call_step *step, struct kept_state *state) {
  struct call *call = step->call;
  struct packed_reader *reader = &state->rest;
  restore_times(step, state);
  call->callee_is_phone = packed_take(reader, 1) != 0;
  call->anonymous = packed_take(reader, 1) != 0;
  call->alive_side = packed_take(reader, 1) == CALL_CALLER ? CALL_CALLER : CALL_CALLEE;
  restore_life(reader, &call->alive);
  restore_address(reader, &call->caller_address);
  restore_address(reader, &call->callee_address);
}

/* A device that has gone, or has fewer lines now, keeps its calls. */
static uint32_t acquire(struct call_step *step, struct handle handle) {
  const struct call_leg *leg = call_leg_at(step->table, handle);
  const struct device *device = call_supervision_device(step, leg);
  if (!device || directory_acquire(step->context->directory, device) != RESULT_OK) return CALL_NO_USAGE;
  return device->usage;
}

/* The journal is not told of each request: one restart after the other goes on from the same CSeq, but later in the
 * call. More than a request in so many milliseconds is never sent; it lasts for a hundred days. */
#define CSEQ_STEP_MS 4

static void go_on_above(struct call_step *step, struct handle handle) {
  const struct call_leg *leg = call_leg_at(step->table, handle);
  int64_t steps = mono_ms_since(step->context->now, step->call->started) / CSEQ_STEP_MS;
  if (steps > 0 && steps < UINT32_MAX) dialog_raise_cseq(step->table->rooms.dialogs, leg->dialog, (uint32_t)steps);
}

/* Calls taken up are proved alive one after the other, so that not all ask at once. Those whose ends have hung up
 * meanwhile get to hear it first: a BYE is sent again every 4 s (T2, RFC 3261 §17.1.2.2). */
#define PROOF_FIRST_MS 5000
#define PROOF_EVERY_MS 2

/* The session ends when it would have, by the clock of the call; an end that is not known is as good as just refreshed.
 */
static void go_on(struct call_step *step, struct handle handle, struct session_terms terms, int64_t session_end_ms) {
  struct call_leg *leg = call_leg_at(step->table, handle);
  struct session_resumption how = {.left_ms = INT64_MAX, .ask_from_ms = PROOF_FIRST_MS};
  if (session_end_ms > 0) how.left_ms = session_end_ms - call_wall_now(step->call, step->context).value / 1000;
  how.ask_in_ms = PROOF_FIRST_MS + PROOF_EVERY_MS * (int64_t)step->table->answered_count;
  session_timer_resume(&leg->session_timer, step->context, terms, &how);
  call_refresh_account(step->table, leg);
}

static void join(struct call_step *step, struct handle leg) {
  call_leg_at(step->table, leg)->call = pool_handle_of(&step->table->calls, step->call);
}

static bool restore(struct call_step *step, struct kept_state *state, struct session_terms *terms) {
  struct call *call = step->call;
  struct packed_reader *reader = &state->rest;
  call->caller_usage = call->callee_usage = CALL_NO_USAGE;
  call_restore_facts(step, state);
  call->state = CALL_STATE_UP;
  return block_store_set(step->table->rooms.blocks, &call->texts, packed_take_text(reader)) == RESULT_OK &&
         restore_leg(step, reader, CALL_CALLER, &terms[CALL_CALLER]) &&
         restore_leg(step, reader, CALL_CALLEE, &terms[CALL_CALLEE]) && !reader->broken;
}

/* --- legs of a call that is over --------------------------------------------------------------------------------- */

struct call_leg *call_restore_lonely_leg(struct call_step *step, struct packed_reader *reader, enum call_side side) {
  struct handle *handle = side == CALL_CALLER ? &step->call->caller : &step->call->callee;
  struct session_terms terms;
  bool is_whole = restore_leg(step, reader, side, &terms);
  struct call_leg *leg = call_leg_at(step->table, *handle);
  if (is_whole) {
    leg->says_timer = terms.role != SESSION_ROLE_NONE;
    go_on_above(step, *handle);
    return leg;
  }
  if (leg) call_leg_destroy(step->table, step->context, leg);
  return NULL;
}

bool call_restore_passes_over(struct packed_reader *reader) {
  struct call_leg leg = {0};
  if (packed_take(reader, 1) == 0) return true;
  (void)packed_take(reader, 8);
  restore_leg_fields(reader, &leg);
  (void)packed_take_text(reader);
  (void)restore_session(reader, &leg);
  return dialog_pass_over(reader);
}

/* --- a call ------------------------------------------------------------------------------------------------------ */

static void give_up(struct call_step *step) {
  struct handle legs[] = {step->call->caller, step->call->callee};
  for (unsigned i = 0; i < 2; i++) {
    struct call_leg *leg = call_leg_at(step->table, legs[i]);
    if (leg) call_leg_destroy(step->table, step->context, leg);
  }
  call_destroy(step->table, step->context, step->call);
}

static void await_ack(struct call_step *step, struct str_view answer);

enum result call_restore(struct call_table *table, struct context *context, const struct journal_kept *kept) {
  struct kept_state kept_state;
  struct packed_reader *reader = &kept_state.rest;
  struct handle handle;
  struct session_terms terms[2];
  if (call_kept_read_attempt(kept->state, reader)) return call_cut_off_restore(table, context, kept, reader);
  if (kept->owed != 0) return call_farewell_restore(table, context, kept);
  if (!call_kept_read(kept->state, &kept_state)) return RESULT_MALFORMED;
  handle.index = (uint32_t)packed_take(reader, 4);
  handle.generation = (uint32_t)packed_take(reader, 4);
  struct call *call = reader->broken ? NULL : pool_take_at(&table->calls, handle);
  if (!call) return RESULT_FULL;
  struct call_step step = {.table = table, .context = context, .call = call};
  struct kept_note note = call_kept_note_read(kept->note);
  call->alive.at = note.alive_at;
  bool is_whole = restore(&step, &kept_state, terms);
  struct str_view answer = packed_take_text(reader);
  if (!is_whole || reader->broken) {
    give_up(&step);
    return RESULT_MALFORMED;
  }
  join(&step, call->caller);
  join(&step, call->callee);
  call->is_acknowledged = note.is_acknowledged;
  if (note.alive_at.value > call->alive.at.value) call->alive.at = note.alive_at;
  call->restored_at = call_wall_now(call, context);
  call->caller_usage = acquire(&step, call->caller);
  call->callee_usage = acquire(&step, call->callee);
  table->answered_count++;
  if (!call->is_acknowledged && table->unproved_count < CALL_UNPROVED_MAX)
    table->unproved[table->unproved_count++] = handle;
  if (!call->is_acknowledged) await_ack(&step, answer);
  duration_cap_resume(&call->cap, call->answered, alive_at(call));
  call_rearm_talk(table, context, call);
  go_on_above(&step, call->caller);
  go_on_above(&step, call->callee);
  go_on(&step, call->caller, terms[CALL_CALLER], note.session_end_ms[CALL_CALLER]);
  go_on(&step, call->callee, terms[CALL_CALLEE], note.session_end_ms[CALL_CALLEE]);
  call_keep_taken_up(&step);
  return RESULT_OK;
}

void call_table_restored(struct call_table *table) {
  pool_restored(&table->calls);
  pool_restored(&table->legs);
}

/* --- answers that may never have arrived ------------------------------------------------------------------------- */

/* The switch was killed between the answer and the caller's ACK. The 200 is sent again until the ACK comes, as it would
 * have been; its transaction is gone, so it is kept as bytes: [transport][u16 socket][address][response]. */

#define ANSWER_WAIT_MS 32000 /* 64*T1, RFC 3261 §13.3.1.4 */
#define ANSWER_T1_MS   500

void call_save_answer(struct call_step *step, const struct outbox_entry *answer, struct text_builder *builder) {
  const struct call_leg *caller = call_leg_at(step->table, step->call->caller);
  if (!answer) {
    packed_add_text(builder, caller ? block_store_view(step->table->rooms.blocks, &caller->held_response)
                                    : (struct str_view){0});
    return;
  }
  struct text_builder bytes = arena_builder(step->context->arena, answer->bytes.length + 64);
  packed_add(&bytes, answer->flow.transport, 1);
  packed_add(&bytes, answer->flow.socket_index, 2);
  save_address(&answer->flow.remote, &bytes);
  text_builder_add(&bytes, answer->bytes);
  packed_add_text(builder, text_builder_view(&bytes));
}

/* Our ACK to the callee waited for the journal, too (leg_machine.c), and may have gone with the switch; the callee's
 * 2xx comes again, but to a transaction that is no more. */
static void acknowledge_callee(struct call_step *step) {
  const struct call_leg *callee = call_other_leg(step->table, step->leg);
  if (callee) dialog_resend_ack(step->table->rooms.dialogs, step->context, callee->dialog);
}

bool call_restored_resend(struct call_step *step) {
  struct call_leg *leg = step->leg;
  const struct local_identity *local = step->context->local;
  struct packed_reader reader = {.rest = block_store_view(step->table->rooms.blocks, &leg->held_response)};
  if (leg->side != CALL_CALLER || reader.rest.length == 0) return false;
  acknowledge_callee(step);
  struct flow flow = {.transport = (uint8_t)packed_take(&reader, 1), .worker = local->worker};
  flow.socket_index = (uint16_t)packed_take(&reader, 2);
  restore_address(&reader, &flow.remote);
  /* Over a connection that is gone nobody hears it; RFC 3261 §18.2.2 opens another one. */
  if (transport_is_stream((enum transport)flow.transport)) flow = dialog_flow(step->table->rooms.dialogs, leg->dialog);
  bool has_socket =
      flow.socket_index < local->socket_count && local->sockets[flow.socket_index].transport == flow.transport;
  if (!reader.broken && has_socket) outbox_send(step->context->outbox, &flow, reader.rest);
  return true;
}

static void await_ack(struct call_step *step, struct str_view answer) {
  struct context *context = step->context;
  struct call_leg *leg = call_leg_at(step->table, step->call->caller);
  if (answer.length == 0 || block_store_set(step->table->rooms.blocks, &leg->held_response, answer) != RESULT_OK)
    return;
  step->call->state = CALL_STATE_ANSWERED;
  leg->state = LEG_STATE_ANSWERED;
  leg->resend_ms = ANSWER_T1_MS;
  leg->resend_end = mono_ms_add(context->now, ANSWER_WAIT_MS);
  timer_wheel_arm(context->wheel, &leg->timer, TIMER_CALL_LEG,
                  mono_ms_add(context->now, random_between(context->random, 0, ANSWER_T1_MS)));
}

static bool is_repeated(struct call_step *step, const struct call_leg *caller) {
  const struct dialog_table *dialogs = step->table->rooms.dialogs;
  return caller && str_view_equal(dialog_call_id(dialogs, caller->dialog), step->message->call_id) &&
         str_view_equal(dialog_remote_tag(dialogs, caller->dialog), step->message->from_tag);
}

bool call_restored_answer_again(struct call_step *step) {
  struct call_table *table = step->table;
  for (uint32_t i = 0; i < table->unproved_count;) {
    struct call *call = pool_get(&table->calls, table->unproved[i]);
    bool is_waiting = call && !call->is_acknowledged && call->state == CALL_STATE_ANSWERED;
    struct call_leg *caller = is_waiting ? call_leg_at(table, call->caller) : NULL;
    if (!is_waiting) {
      table->unproved[i] = table->unproved[--table->unproved_count];
      continue;
    }
    if (is_repeated(step, caller)) {
      struct call_step own = {.table = table, .context = step->context, .call = call, .leg = caller};
      struct packed_reader reader = {.rest = block_store_view(table->rooms.blocks, &caller->held_response)};
      struct address address;
      (void)packed_take(&reader, 3);
      restore_address(&reader, &address);
      caller->invite = step->transaction;
      transaction_set_owner(table->rooms.transactions, step->transaction,
                            call_leg_owner(table, caller, LEG_PURPOSE_INVITE));
      if (reader.broken || transaction_respond(table->rooms.transactions, step->context, step->transaction, 200,
                                               reader.rest) != RESULT_OK)
        (void)call_restored_resend(&own);
      return true;
    }
    i++;
  }
  return false;
}
