/* Walks trunk_trial.def; birth and end of trials. */
#include "trunk/trunk_private.h"

#include "base/check.h"
#include "sip/sip_build.h"

#define NO_USAGE       UINT32_MAX
#define DEFAULT_CALLER STR_VIEW("belfry")
#define RESPONSE_BYTES 2048

struct trunk_row {
  enum trunk_event (*action)(struct trunk_step *step);
  uint8_t next;
};

static const struct trunk_row rows[TRUNK_STATE_COUNT][TRUNK_EVENT_COUNT] = {
#define TRUNK_ROW(state, event, action, next)                                                                          \
  [TRUNK_STATE_##state][TRUNK_EVENT_##event] = {trunk_do_##action, TRUNK_STATE_##next},
#include "trunk/trunk_trial.def"
};

static const struct {
  uint8_t check;
  uint32_t limit_ms;
} states[TRUNK_STATE_COUNT] = {
#define TRUNK_STATE(name, check, limit_ms, ...) [TRUNK_STATE_##name] = {TRUNK_CHECK_##check, limit_ms},
#include "trunk/trunk_trial.def"
};

/* --- memory ------------------------------------------------------------------------------------------------------ */

#define ALIGNMENT 64

static size_t head_bytes(void) {
  return (sizeof(struct trunk_trials) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

size_t trunk_trials_memory_bytes(void) {
  return head_bytes() + pool_memory_bytes(sizeof(struct trunk_trial), TRUNK_TRIALS_MAX);
}

struct trunk_trials *trunk_trials_create(void *memory, const struct trunk_rooms *rooms) {
  struct trunk_trials *trials = memory;
  trials->rooms = *rooms;
  pool_init(&trials->pool, (char *)memory + head_bytes(), sizeof(struct trunk_trial), TRUNK_TRIALS_MAX);
  return trials;
}

/* --- texts ------------------------------------------------------------------------------------------------------- */

void trunk_text_set(struct trunk_text *text, struct str_view value) {
  text->length = (uint16_t)(value.length < sizeof text->bytes ? value.length : sizeof text->bytes);
  if (text->length > 0) memcpy(text->bytes, value.data, text->length);
}

struct str_view trunk_text_view(const struct trunk_text *text) {
  return str_view_of(text->bytes, text->length);
}

/* --- dispatch ---------------------------------------------------------------------------------------------------- */

static void settle(struct trunk_step *step, struct trunk_finding *finding, enum trunk_event event) {
  if (finding->verdict != TRUNK_WAITING) return;
  finding->verdict = event == TRUNK_EVENT_OK        ? TRUNK_WORKS
                     : event == TRUNK_EVENT_REFUSED ? TRUNK_REFUSED
                                                    : TRUNK_UNANSWERED;
  finding->answered_in_ms = (uint32_t)mono_ms_since(step->context->now, finding->asked);
  if (step->message && !step->message->is_request) finding->status = step->message->status;
}

/* The answer of the state that is left belongs to its check. */
static void settle_state(struct trunk_step *step, enum trunk_event event) {
  enum trunk_check check = (enum trunk_check)states[step->trial->state].check;
  bool is_answer = event == TRUNK_EVENT_OK || event == TRUNK_EVENT_REFUSED;
  bool is_silence = event == TRUNK_EVENT_SILENT || event == TRUNK_EVENT_LIMIT;
  if (check != TRUNK_CHECK_NONE && (is_answer || is_silence)) settle(step, &step->trial->findings[check], event);
}

static void enter(struct trunk_step *step, enum trunk_state next) {
  struct trunk_trial *trial = step->trial;
  if (trial->state == next && trial->is_started) return;
  trial->state = (uint8_t)next;
  timer_wheel_cancel(step->context->wheel, &trial->timer);
  if (states[next].limit_ms > 0)
    timer_wheel_arm(step->context->wheel, &trial->timer, TIMER_TRUNK_TRIAL,
                    mono_ms_add(step->context->now, states[next].limit_ms));
}

/* An action may raise a further event, which is looked up in the next state; DONE has no rows. */
static void dispatch(struct trunk_step *step, enum trunk_event event) {
  while (event != TRUNK_EVENT_NONE && step->trial->state != TRUNK_STATE_DONE) {
    const struct trunk_row *row = &rows[step->trial->state][event];
    expect_or(row->action, return );
    settle_state(step, event);
    enter(step, (enum trunk_state)row->next);
    event = row->action(step);
  }
}

/* --- birth ------------------------------------------------------------------------------------------------------- */

static struct trunk_trial *find(const struct trunk_trials *trials, struct str_view gateway) {
  uint32_t index = 0;
  for (struct trunk_trial *trial; (trial = pool_next(&trials->pool, &index)) != NULL;)
    if (str_view_equal(trunk_text_view(&trial->gateway), gateway)) return trial;
  return NULL;
}

/* A slot for a new trial: a free one, or that of the finished one which began first. */
static struct trunk_trial *take_slot(struct trunk_trials *trials) {
  struct handle unused;
  struct trunk_trial *oldest = NULL, *taken = pool_take(&trials->pool, &unused);
  uint32_t index = 0;
  if (taken) return taken;
  for (struct trunk_trial *trial; (trial = pool_next(&trials->pool, &index)) != NULL;)
    if (trial->state == TRUNK_STATE_DONE && (!oldest || trial->started_at.value < oldest->started_at.value))
      oldest = trial;
  if (!oldest) return NULL;
  pool_give(&trials->pool, oldest);
  return pool_take(&trials->pool, &unused);
}

/* What may stand in a URI's user part as it is. */
static bool is_number(struct str_view number) {
  static const char marks[] = "+*-._";
  if (number.length > TRUNK_NUMBER_LENGTH_MAX) return false;
  for (size_t i = 0; i < number.length; i++) {
    char byte = number.data[i];
    bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    if (!letter && (byte < '0' || byte > '9') && (byte == 0 || !memchr(marks, byte, sizeof marks - 1))) return false;
  }
  return true;
}

static struct str_view take_line(struct str_view *rest) {
  size_t length = 0;
  while (length < rest->length && rest->data[length] != '\n')
    length++;
  struct str_view line = str_view_slice(*rest, 0, length);
  *rest = str_view_from(*rest, length < rest->length ? length + 1 : length);
  return line;
}

/* The first of the gateway's addresses for which we have a socket. */
static bool aim(const struct local_identity *local, const struct gateway *gateway, struct flow *flow_out) {
  enum transport transport = gateway_transport(gateway);
  *flow_out = (struct flow){.transport = (uint8_t)transport, .worker = local->worker};
  for (unsigned i = 0; i < gateway->address_count; i++) {
    flow_out->remote = gateway->addresses[i];
    if (local_identity_find_socket(local, transport, flow_out->remote.family, &flow_out->socket_index)) return true;
  }
  return false;
}

static enum result refuse(struct text_builder *answer, enum result result, struct str_view sentence) {
  answer->length = 0;
  text_builder_add(answer, sentence);
  return result;
}

/* What an order wants, and where it goes. */
struct trunk_order {
  struct str_view gateway, number, caller;
  const struct device *device;
  struct flow flow;
};

static enum result read_order(struct context *context, struct str_view text, struct trunk_order *order,
                              struct text_builder *answer) {
  order->gateway = take_line(&text);
  order->number = take_line(&text);
  order->caller = take_line(&text);
  order->device = directory_find_gateway(context->directory, DEVICE_ROUTING_GATEWAY, order->gateway);
  if (!order->device || order->gateway.length > TRUNK_GATEWAY_LENGTH_MAX)
    return refuse(answer, RESULT_NOT_FOUND, STR_VIEW("there is no routing gateway of that name"));
  if (!is_number(order->number) || !is_number(order->caller))
    return refuse(answer, RESULT_MALFORMED, STR_VIEW("a number may hold digits, letters and + * - . _, 63 at most"));
  if (!aim(context->local, order->device->gateway, &order->flow))
    return refuse(answer, RESULT_FAILED,
                  STR_VIEW("the gateway has no address (yet), or none that a socket of ours can reach"));
  return RESULT_OK;
}

static void fill(struct trunk_step *step, const struct trunk_order *order) {
  struct trunk_trial *trial = step->trial;
  struct context *context = step->context;
  struct text_builder id = text_builder_over(trial->id, sizeof trial->id);
  struct handle nobody = {UINT32_MAX, (uint32_t)random_u64(context->random)};
  trial->started = context->now;
  trial->started_at = context->wall_now;
  trial->ringing_after_ms = UINT32_MAX;
  trial->usage = NO_USAGE;
  trial->flow = order->flow;
  trial->device_key = device_memory_key(DEVICE_ROUTING_GATEWAY, order->device->name);
  trunk_text_set(&trial->gateway, order->gateway);
  trunk_text_set(&trial->number, order->number);
  trunk_text_set(&trial->caller, order->caller.length > 0 ? order->caller : DEFAULT_CALLER);
  cdr_record_write_id(trial->started_at, context->local->worker, nobody, &id);
}

static enum result begin(struct trunk_step *step, const struct trunk_order *order, struct text_builder *answer) {
  const struct directory *directory = step->context->directory;
  bool calls = order->number.length > 0;
  if (step->context->overloaded || step->context->records_crowded)
    return refuse(answer, RESULT_FULL, STR_VIEW("the switch has too much to do at the moment"));
  if (calls && directory_acquire(directory, order->device) != RESULT_OK)
    return refuse(answer, RESULT_FULL, STR_VIEW("the gateway has no line left"));
  step->trial = take_slot(step->trials);
  if (!step->trial) {
    if (calls) directory_release(directory, order->device->usage);
    return refuse(answer, RESULT_FULL, STR_VIEW("too many tests are running"));
  }
  fill(step, order);
  if (calls) step->trial->usage = order->device->usage;
  step->trials->running++;
  counters_add(step->context->counters, trunk_tests);
  enter(step, TRUNK_STATE_ASKING);
  step->trial->is_started = true;
  if (!trunk_ask_options(step)) dispatch(step, TRUNK_EVENT_SILENT);
  return RESULT_OK;
}

enum result trunk_trial_start(struct trunk_trials *trials, struct context *context, struct str_view order,
                              struct text_builder *answer) {
  struct trunk_step step = {.trials = trials, .context = context};
  struct trunk_order wanted;
  enum result result = read_order(context, order, &wanted, answer);
  if (result != RESULT_OK) return result;
  struct trunk_trial *before = find(trials, wanted.gateway);
  if (before && before->state != TRUNK_STATE_DONE)
    return refuse(answer, RESULT_EXISTS, STR_VIEW("a test of this gateway is running"));
  if (before) pool_give(&trials->pool, before);
  result = begin(&step, &wanted, answer);
  if (result == RESULT_OK) trunk_write_report(step.trial, context, answer);
  return result;
}

enum result trunk_trial_show(struct trunk_trials *trials, struct context *context, struct str_view gateway,
                             struct text_builder *report) {
  const struct trunk_trial *trial = find(trials, gateway);
  if (!trial) return refuse(report, RESULT_NOT_FOUND, STR_VIEW("no test of this gateway since the switch was started"));
  trunk_write_report(trial, context, report);
  return RESULT_OK;
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

static const struct {
  uint8_t check, rung;
} rungs[] = {{TRUNK_CHECK_UPDATE, REFRESH_RUNG_UPDATE},
             {TRUNK_CHECK_UPDATE_SESSION, REFRESH_RUNG_UPDATE_SESSION},
             {TRUNK_CHECK_REINVITE, REFRESH_RUNG_INVITE},
             {TRUNK_CHECK_OPTIONS_INSIDE, REFRESH_RUNG_OPTIONS}};

static void learn_rung(struct trunk_step *step, enum refresh_rung rung, const struct trunk_finding *finding) {
  const struct trunk_trial *trial = step->trial;
  struct refresh_experience experience = {0};
  struct refresh_reply reply = {.status = finding->status, .waited_ms = finding->answered_in_ms};
  if (finding->verdict == TRUNK_NOT_TRIED || finding->status == 481) return;
  refresh_ladder_learn(&experience, rung, refresh_ladder_read(&reply));
  call_table_learn_device(step->trials->rooms.calls, step->context, trial->device_key, &experience);
}

/* What a session of this device can be refreshed with; silence counts only where the far side proved alive at the end.
 */
static void learn(struct trunk_step *step) {
  struct trunk_trial *trial = step->trial;
  bool is_alive = trial->findings[TRUNK_CHECK_BYE].verdict == TRUNK_WORKS;
  if (!trial->is_answered) return;
  for (size_t i = 0; i < sizeof rungs / sizeof rungs[0]; i++) {
    const struct trunk_finding *finding = &trial->findings[rungs[i].check];
    if (finding->verdict != TRUNK_UNANSWERED || is_alive) learn_rung(step, (enum refresh_rung)rungs[i].rung, finding);
  }
}

static void note_end(struct trunk_step *step) {
  struct trunk_trial *trial = step->trial;
  if (!trial->has_call || !outbox_takes_notes(step->context->outbox)) return;
  struct note note = {.kind = NOTE_CALL_ENDED,
                      .side = trial->callee_hung_up ? NOTE_SIDE_CALLEE : NOTE_SIDE_NONE,
                      .status = trial->invite_status,
                      .call = str_view_of(trial->id, sizeof trial->id),
                      .text = str_view_from_c(end_reason_row(END_REASON_trunk_test)->name)};
  outbox_note(step->context->outbox, &note);
}

void trunk_end(struct trunk_step *step) {
  struct trunk_trial *trial = step->trial;
  trial->ended = step->context->now;
  trial->ended_at = step->context->wall_now;
  trial->invite_status = trial->findings[TRUNK_CHECK_INVITE].status;
  learn(step);
  note_end(step);
  if (trial->has_call) trunk_hand_on_record(step);
  if (!handle_is_none(trial->dialog)) dialog_destroy(step->trials->rooms.dialogs, step->context, trial->dialog);
  trial->dialog = HANDLE_NONE;
  if (trial->usage != NO_USAGE) directory_release(step->context->directory, trial->usage);
  trial->usage = NO_USAGE;
  step->trials->running--;
}

/* --- news of our own transactions -------------------------------------------------------------------------------- */

static struct trunk_trial *running_at(const struct trunk_trials *trials, struct handle handle) {
  struct trunk_trial *trial = pool_get(&trials->pool, handle);
  return trial && trial->state != TRUNK_STATE_DONE ? trial : NULL;
}

static bool is_waited_for(const struct trunk_trial *trial, const struct transaction_news *news) {
  return handle_equal(news->transaction, trial->waiting);
}

static enum trunk_event refusal_of(struct trunk_step *step) {
  struct session_words words = session_words_read(step->message);
  bool is_first = step->trial->state == TRUNK_STATE_INVITED;
  if (is_first) trunk_text_set(&step->trial->phrase, step->message->reason_phrase);
  if (is_first && step->message->status == 422 && session_offer_raise(&step->trial->asked, words.min_se_s))
    return TRUNK_EVENT_TOO_SHORT;
  return TRUNK_EVENT_REFUSED;
}

static void take_final(struct trunk_step *step, const struct transaction_news *news) {
  struct trunk_trial *trial = step->trial;
  bool is_ok = step->message->status < 300, is_waited = is_waited_for(trial, news);
  if (handle_equal(news->transaction, trial->prack))
    settle(step, &trial->findings[TRUNK_CHECK_PRACK], is_ok ? TRUNK_EVENT_OK : TRUNK_EVENT_REFUSED);
  if (is_ok && news->method == SIP_METHOD_INVITE) trunk_acknowledge(step);
  /* A 2xx that is repeated, or of a further branch, or too late for its step, has had its ACK, and that is all. */
  bool is_repeated = is_ok && handle_equal(news->transaction, trial->invite) && trial->is_answered;
  if (is_waited && !is_repeated && step->branch == 0) dispatch(step, is_ok ? TRUNK_EVENT_OK : refusal_of(step));
}

static void take_silence(struct trunk_step *step, const struct transaction_news *news) {
  if (handle_equal(news->transaction, step->trial->prack))
    settle(step, &step->trial->findings[TRUNK_CHECK_PRACK], TRUNK_EVENT_SILENT);
  if (is_waited_for(step->trial, news)) dispatch(step, TRUNK_EVENT_SILENT);
}

/* A response belongs to the dialog, unless it is that of the OPTIONS before it. False: it is to be forgotten. */
static bool note_response(struct trunk_step *step) {
  if (!step->message) return true;
  trunk_note_words(step);
  struct dialog_table *dialogs = step->trials->rooms.dialogs;
  struct handle dialog = step->trial->dialog;
  if (handle_is_none(dialog) || !str_view_equal(step->message->call_id, dialog_call_id(dialogs, dialog))) return true;
  return dialog_receive_response(dialogs, step->context, dialog, step->message, &step->branch) == RESULT_OK;
}

static bool awaits_answer(const struct trunk_trial *trial) {
  return trial->state == TRUNK_STATE_INVITED || trial->state == TRUNK_STATE_CANCELLING;
}

void trunk_trial_receive_news(struct trunk_trials *trials, struct context *context, const struct transaction_news *news,
                              const struct sip_message *message) {
  struct trunk_step step = {.trials = trials, .context = context, .message = message};
  step.trial = running_at(trials, news->owner.handle);
  if (!step.trial) return;
  switch (news->kind) {
  case TRANSACTION_NEWS_PROVISIONAL:
    if (note_response(&step) && handle_equal(news->transaction, step.trial->invite) && awaits_answer(step.trial))
      dispatch(&step, TRUNK_EVENT_PROGRESS);
    return;
  case TRANSACTION_NEWS_FINAL:
    if (note_response(&step)) take_final(&step, news);
    return;
  case TRANSACTION_NEWS_TIMED_OUT:
  case TRANSACTION_NEWS_UNREACHABLE:
    step.message = NULL;
    take_silence(&step, news);
    return;
  case TRANSACTION_NEWS_NONE:
  case TRANSACTION_NEWS_REQUEST:
  case TRANSACTION_NEWS_REFUSED:
  case TRANSACTION_NEWS_CANCEL:
  case TRANSACTION_NEWS_ACK:
  case TRANSACTION_NEWS_STRANDED: /* UNREACHABLE follows */
  case TRANSACTION_NEWS_ACK_MISSING: return;
  }
}

void trunk_trial_timer_due(struct trunk_trials *trials, struct context *context, struct timer *timer) {
  struct trunk_trial *trial = (struct trunk_trial *)timer; /* its first member */
  struct trunk_step step = {.trials = trials, .context = context, .trial = trial};
  dispatch(&step, TRUNK_EVENT_LIMIT);
}

/* --- requests of the far side ------------------------------------------------------------------------------------ */

static struct trunk_trial *trial_of_request(const struct trunk_trials *trials, const struct sip_message *request) {
  struct handle dialog;
  if (trials->running == 0 || dialog_find(trials->rooms.dialogs, request, &dialog) != RESULT_OK) return NULL;
  struct transaction_owner owner = dialog_owner(trials->rooms.dialogs, dialog);
  return owner.kind == TRANSACTION_OWNER_TRUNK ? running_at(trials, owner.handle) : NULL;
}

bool trunk_trial_owns(const struct trunk_trials *trials, const struct sip_message *request) {
  return trial_of_request(trials, request) != NULL;
}

/* The far side may ask whether we are there, refresh, or hang up. Whatever would change the session is refused: the
 * session stays as it is (RFC 3261 §14.2), and the trial does not last. */
static unsigned status_for(const struct trunk_trial *trial, const struct sip_message *request) {
  enum sip_method method = request->method;
  if (method == SIP_METHOD_BYE) return trial->is_answered ? 200 : 481;
  if (method == SIP_METHOD_OPTIONS) return 200;
  if (method == SIP_METHOD_UPDATE) return request->body.length == 0 ? 200 : 488;
  if (method == SIP_METHOD_INVITE) return trial->state == TRUNK_STATE_REINVITING ? 491 : 488;
  return 405;
}

static void respond(struct trunk_step *step, struct handle transaction, unsigned status) {
  struct text_builder response = arena_builder(step->context->arena, RESPONSE_BYTES);
  enum result result =
      dialog_build_response(step->trials->rooms.dialogs, step->context, step->trial->dialog, transaction,
                            step->message->method, status, (struct str_view){0}, &response);
  if (result != RESULT_OK) return;
  if (status == 405 || step->message->method == SIP_METHOD_OPTIONS)
    sip_build_header(&response, SIP_HEADER_ALLOW, TRUNK_ALLOW);
  sip_build_end(&response, (struct str_view){0}, (struct str_view){0});
  if (response.overflowed) return;
  (void)!transaction_respond(step->trials->rooms.transactions, step->context, transaction, status,
                             text_builder_view(&response));
}

void trunk_trial_receive_request(struct trunk_trials *trials, struct context *context,
                                 const struct sip_message *request, const struct flow *flow,
                                 struct handle transaction) {
  struct trunk_step step = {.trials = trials, .context = context, .message = request};
  step.trial = trial_of_request(trials, request);
  if (!step.trial) return;
  struct trunk_trial *trial = step.trial;
  enum result result = dialog_receive_request(trials->rooms.dialogs, context, trial->dialog, request, flow);
  unsigned status = result == RESULT_OUT_OF_RANGE ? 500 : status_for(trial, request);
  respond(&step, transaction, status);
  if (request->method != SIP_METHOD_BYE || status != 200) return;
  trial->callee_hung_up = true;
  dispatch(&step, TRUNK_EVENT_BYE);
}

/* --- counting and checking --------------------------------------------------------------------------------------- */

uint32_t trunk_trial_count(const struct trunk_trials *trials) {
  return trials->running;
}

bool trunk_trials_check(const struct trunk_trials *trials, struct text_builder *problem) {
  uint32_t index = 0, running = 0;
  for (const struct trunk_trial *trial; (trial = pool_next(&trials->pool, &index)) != NULL;) {
    bool runs = trial->state != TRUNK_STATE_DONE;
    running += runs;
    if (runs == timer_is_armed(&trial->timer) && (runs || handle_is_none(trial->dialog))) continue;
    text_builder_add_literal(problem, "a trial of a gateway runs without a timer, or is over and has a dialog");
    return false;
  }
  if (running == trials->running) return true;
  text_builder_add_literal(problem, "running trials are not counted rightly");
  return false;
}
