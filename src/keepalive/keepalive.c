#include "keepalive/keepalive.h"

#include "base/check.h"
#include "keepalive/keepalive_payload.h"
#include "keepalive/keepalive_private.h"
#include "parameters/parameters.h"
#include "sip/sip_header_values.h"

/* Between two handfuls the worker does other things. */
#define SENT_AT_ONCE_MAX    128
#define VISITED_AT_ONCE_MAX 1024

#define RATE_OVER_MS 10000

static size_t rounded(size_t bytes) {
  return (bytes + 63) & ~(size_t)63;
}

size_t keepalive_memory_bytes(uint32_t devices_max) {
  return rounded(sizeof(struct keepalive)) + rounded(keepalive_devices_memory_bytes(devices_max)) +
         rounded(keepalive_schedule_memory_bytes()) + rounded(binding_networks_memory_bytes()) +
         rounded(sizeof(struct binding_trial) * BINDING_TRIALS_MAX);
}

struct keepalive *keepalive_create(void *memory, uint32_t devices_max) {
  struct keepalive *keepalive = memory;
  char *at = (char *)memory + rounded(sizeof *keepalive);
  keepalive_devices_init(&keepalive->devices, at, devices_max);
  at += rounded(keepalive_devices_memory_bytes(devices_max));
  keepalive_schedule_init(&keepalive->schedule, at, &keepalive->devices.pool);
  at += rounded(keepalive_schedule_memory_bytes());
  binding_networks_init(&keepalive->networks, at);
  at += rounded(binding_networks_memory_bytes());
  keepalive->trials = (struct binding_trial *)(void *)at;
  return keepalive;
}

void keepalive_set_contacts(struct keepalive *keepalive, keepalive_contact_of *contact_of, const void *reader) {
  keepalive->contact_of = contact_of;
  keepalive->contact_reader = reader;
}

void keepalive_set_busy(struct keepalive *keepalive, keepalive_is_busy *is_busy) {
  keepalive->is_busy = is_busy;
}

static void arm(struct keepalive *keepalive, struct context *context, struct mono_ms due) {
  timer_wheel_arm(context->wheel, &keepalive->timer, TIMER_KEEPALIVE, due);
}

/* --- seats ------------------------------------------------------------------------------------------------------- */

static void count_in_class(struct keepalive *keepalive, const struct keepalive_device *device, int change) {
  if (device->seat.pace == 0) return;
  uint32_t *count = &keepalive->class_counts[device->seat.pace - 1][device->method * 2 + device->is_behind_nat];
  *count = change > 0 ? *count + 1 : *count - 1;
  keepalive->demand_has_changed = true;
}

static uint32_t index_of(const struct keepalive *keepalive, const struct keepalive_device *device) {
  return pool_handle_of(&keepalive->devices.pool, device).index;
}

static void unseat(struct keepalive *keepalive, struct context *context, struct keepalive_device *device) {
  count_in_class(keepalive, device, -1);
  keepalive_schedule_leave(&keepalive->schedule, index_of(keepalive, device));
  if (keepalive->schedule.seat_count == 0) timer_wheel_cancel(context->wheel, &keepalive->timer);
}

/* On the right carousel already: it keeps its seat, whatever else changes. */
static bool sits_well(const struct keepalive *keepalive, const struct keepalive_device *device, uint32_t own_period_s) {
  if (device->seat.pace == 0) return false;
  if (own_period_s == 0) return device->seat.pace == 1;
  return device->seat.pace > 1 &&
         keepalive_schedule_period_ms(&keepalive->schedule, &device->seat) == own_period_s * 1000;
}

static bool can_be_sent_to(const struct keepalive_device *device) {
  bool is_stream = transport_is_stream((enum transport)device->flow.transport);
  return !device->is_closed && (!is_stream || device->flow.connection != 0);
}

/* The longest period that is known to be safe where the device is, when it is to be used; 0: the parameter's. */
static uint32_t learnt_period_s(const struct keepalive *keepalive, const struct context *context,
                                const struct keepalive_device *device) {
  if (context->parameters->BF_NAT_KEEP_ALIVE_LEARN != KEEP_ALIVE_LEARN_SET) return 0;
  if (device->network == 0 || !device->is_behind_nat || device->is_distrusted || device->is_mute) return 0;
  uint32_t safe_s = binding_network_safe_s(binding_networks_at(&keepalive->networks, device->network));
  return safe_s > context->parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD ? safe_s : 0;
}

/* Nobody vouches for that period but we. */
static bool is_at_learnt_period(const struct keepalive_device *device) {
  return device->seat.pace > 1 && !device->has_own_period;
}

/* One at a learnt period is asked each time, so that it shows when that is too long. */
enum keepalive_kind keepalive_kind_of(const struct context *context, const struct keepalive_device *device) {
  enum keepalive_kind kind = keepalive_payload_kind(device, context->parameters);
  return kind != KEEPALIVE_KIND_NONE && is_at_learnt_period(device) ? KEEPALIVE_KIND_OPTIONS : kind;
}

static void seat(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                 uint32_t own_period_s) {
  if (own_period_s == 0) own_period_s = learnt_period_s(keepalive, context, device);
  if (sits_well(keepalive, device, own_period_s) || !can_be_sent_to(device)) return;
  uint64_t hash = keepalive_flow_hash(context, &device->flow);
  keepalive_schedule_seat(&keepalive->schedule, context, index_of(keepalive, device), hash, own_period_s * 1000);
  if (!timer_is_armed(&keepalive->timer))
    arm(keepalive, context, keepalive_schedule_next_batch(&keepalive->schedule, context));
}

/* --- devices ----------------------------------------------------------------------------------------------------- */

void keepalive_change(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                      const struct keepalive_facts *facts) {
  count_in_class(keepalive, device, -1);
  device->owner = facts->owner;
  device->method = facts->method & KEEPALIVE_USE_PARAMETER;
  device->is_behind_nat = facts->is_behind_nat;
  device->is_configured = facts->is_configured;
  device->text_spoils = facts->text_spoils;
  device->has_own_period = facts->own_period_s > 0;
  if (facts->is_here) device->is_distrusted = device->is_mute = false;
  seat(keepalive, context, device, facts->own_period_s);
  count_in_class(keepalive, device, 1);
}

void keepalive_device_heard(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                            enum keepalive_sign sign) {
  if (keepalive_evidence_heard(device, context, sign)) {
    keepalive->unreachable_count--;
    keepalive_tell_changed(keepalive, context, device);
  }
  if (device->is_on_trial) keepalive_trials_heard(keepalive, context, device, sign);
}

static struct keepalive_device *add(struct keepalive *keepalive, struct context *context, const struct flow *flow) {
  struct keepalive_device *device = keepalive_devices_add(&keepalive->devices, context, flow);
  if (device && flow->transport == TRANSPORT_UDP)
    device->network = binding_networks_enter(&keepalive->networks, context, &flow->remote);
  return device;
}

struct keepalive_device *keepalive_hold(struct keepalive *keepalive, struct context *context,
                                        const struct keepalive_facts *facts) {
  struct keepalive_device *device = keepalive_devices_find(&keepalive->devices, context, facts->flow);
  if (!device) device = add(keepalive, context, facts->flow);
  if (!device) return NULL;
  device->holders++;
  keepalive_change(keepalive, context, device, facts);
  if (facts->is_here) keepalive_device_heard(keepalive, context, device, KEEPALIVE_SIGN_MESSAGE);
  return device;
}

void keepalive_release(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                       uint32_t owner) {
  require(device->holders > 0);
  if (device->owner == owner) device->owner = KEEPALIVE_NOBODY;
  if (--device->holders > 0) return;
  if (device->is_unreachable) keepalive->unreachable_count--;
  keepalive_trials_void(keepalive, context, device);
  binding_networks_leave(&keepalive->networks, context, device->network);
  unseat(keepalive, context, device);
  keepalive_devices_remove(&keepalive->devices, context, device);
}

void keepalive_inherit(struct keepalive_device *device, const struct keepalive_device *before) {
  device->has_climbed = before->has_climbed;
  device->answers_options = before->answers_options;
}

uint32_t keepalive_own_period_s(const struct keepalive *keepalive, const struct keepalive_device *device) {
  return device->has_own_period ? keepalive_schedule_period_ms(&keepalive->schedule, &device->seat) / 1000 : 0;
}

struct keepalive_device *keepalive_find(const struct keepalive *keepalive, const struct context *context,
                                        const struct flow *flow) {
  return keepalive_devices_find(&keepalive->devices, context, flow);
}

/* --- what comes -------------------------------------------------------------------------------------------------- */

bool keepalive_heard(struct keepalive *keepalive, struct context *context, const struct flow *flow,
                     enum keepalive_sign sign) {
  if (keepalive->devices.pool.used == 0 && !context->homes) return false; /* every message asks */
  uint64_t hash = keepalive_flow_hash(context, flow);
  struct keepalive_device *device = keepalive_devices_find_hashed(&keepalive->devices, flow, hash);
  if (device) {
    keepalive_device_heard(keepalive, context, device, sign);
    return true;
  }
  uint8_t home = context->homes ? device_homes_find(context->homes, hash) : DEVICE_HOME_NONE;
  if (home == DEVICE_HOME_NONE || home == context->local->worker || home >= context->local->worker_count) return false;
  outbox_tell_heard(context->outbox, home, flow, (uint8_t)sign);
  return true;
}

/* A stream that broke is never opened from here: its device comes back over another one. */
void keepalive_flow_failed(struct keepalive *keepalive, struct context *context, const struct flow *flow) {
  struct keepalive_device *device = keepalive_find(keepalive, context, flow);
  if (!device) return;
  if (!device->is_unreachable) {
    device->is_unreachable = true;
    keepalive->unreachable_count++;
    counters_add(context->counters, devices_lost);
    keepalive_tell_changed(keepalive, context, device);
  }
  if (!transport_is_stream((enum transport)flow->transport)) return;
  device->is_closed = true;
  unseat(keepalive, context, device);
}

enum result keepalive_branch_worker(struct str_view branch, uint8_t *worker_out) {
  struct keepalive_branch parts;
  if (keepalive_branch_read(branch, &parts) != RESULT_OK) return RESULT_MALFORMED;
  *worker_out = parts.worker;
  return RESULT_OK;
}

/* Only a device of this worker whose OPTIONS with this CSeq went to that address can have given it this branch. */
static struct keepalive_device *device_of(const struct keepalive *keepalive, const struct context *context,
                                          const struct sip_message *response, const struct flow *flow,
                                          bool *from_its_place_out) {
  struct sip_via via;
  struct keepalive_branch branch;
  if (response->method != SIP_METHOD_OPTIONS || sip_message_top_via(response, &via) != RESULT_OK) return NULL;
  if (keepalive_branch_read(via.branch, &branch) != RESULT_OK || branch.worker != context->local->worker) return NULL;
  struct keepalive_device *device = pool_get(&keepalive->devices.pool, branch.device);
  if (!device) return NULL;
  *from_its_place_out = keepalive_branch_is_of(context, &branch, response->cseq, &device->flow);
  return *from_its_place_out || keepalive_branch_is_of(context, &branch, response->cseq, flow) ? device : NULL;
}

bool keepalive_receive_response(struct keepalive *keepalive, struct context *context,
                                const struct sip_message *response, const struct flow *flow) {
  bool asked_at_its_place = false;
  struct keepalive_device *device = device_of(keepalive, context, response, flow, &asked_at_its_place);
  if (!device) return false;
  bool is_latest = response->cseq == device->sent_count;
  if (asked_at_its_place)
    keepalive_device_heard(keepalive, context, device, is_latest ? KEEPALIVE_SIGN_ANSWER : KEEPALIVE_SIGN_MESSAGE);
  if (is_latest && !flow_equal(&device->flow, flow))
    keepalive_follow(keepalive, context, device, flow, !asked_at_its_place);
  return true;
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

size_t keepalive_send_options(const struct keepalive *keepalive, struct context *context,
                              const struct keepalive_device *device, const struct flow *flow) {
  char memory[KEEPALIVE_PAYLOAD_MAX];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct handle handle = pool_handle_of(&keepalive->devices.pool, device);
  struct str_view contact = {0};
  if (keepalive->contact_of && device->owner != KEEPALIVE_NOBODY)
    contact = keepalive->contact_of(keepalive->contact_reader, device->owner);
  keepalive_options_build(context, device, handle, flow, contact, &builder);
  if (builder.overflowed) { /* a monstrous Contact */
    builder = text_builder_over(memory, sizeof memory);
    keepalive_options_build(context, device, handle, flow, (struct str_view){0}, &builder);
  }
  outbox_send(context->outbox, flow, text_builder_view(&builder));
  return builder.length;
}

static size_t send_kind(const struct keepalive *keepalive, struct context *context,
                        const struct keepalive_device *device, enum keepalive_kind kind) {
  const struct parameter_text *message = &context->parameters->SS_SIP_NAT_KEEP_ALIVE_MESSAGE;
  struct str_view text = STR_VIEW("\r\n\r\n");
  switch (kind) {
  case KEEPALIVE_KIND_NONE: return 0;
  case KEEPALIVE_KIND_OPTIONS: return keepalive_send_options(keepalive, context, device, &device->flow);
  case KEEPALIVE_KIND_TEXT: text = str_view_of(message->bytes, message->length); break;
  case KEEPALIVE_KIND_CRLF: break;
  }
  outbox_send(context->outbox, &device->flow, text);
  return text.length;
}

/* One that misses at a learnt period gets the parameter's again, and the period is doubted. */
static void judge(struct keepalive *keepalive, struct context *context, struct keepalive_device *device) {
  uint8_t misses_before = device->miss_count;
  bool had_climbed = device->has_climbed, is_lost = keepalive_evidence_judge(device, context);
  if (is_lost) keepalive->unreachable_count++;
  if (is_lost || device->has_climbed != had_climbed) keepalive_tell_changed(keepalive, context, device);
  if (device->miss_count <= misses_before || !is_at_learnt_period(device)) return;
  device->is_distrusted = true;
  binding_networks_doubt(&keepalive->networks, binding_networks_at(&keepalive->networks, device->network), context);
}

/* To where its network's period is by now. */
static void settle(struct keepalive *keepalive, struct context *context, struct keepalive_device *device) {
  uint32_t learnt_s = device->has_own_period ? 0 : learnt_period_s(keepalive, context, device);
  if (device->has_own_period || sits_well(keepalive, device, learnt_s)) return;
  count_in_class(keepalive, device, -1);
  seat(keepalive, context, device, 0);
  count_in_class(keepalive, device, 1);
}

/* True when something was sent. */
static bool visit(struct keepalive *keepalive, struct context *context, uint32_t index) {
  struct keepalive_device *device = pool_at(&keepalive->devices.pool, index);
  keepalive_device_keep_time(device, context->now);
  if (device->is_on_trial) return false;
  judge(keepalive, context, device);
  settle(keepalive, context, device);
  enum keepalive_kind kind = keepalive_kind_of(context, device);
  if (kind != KEEPALIVE_KIND_NONE && keepalive_trials_begin(keepalive, context, device)) return true;
  keepalive_evidence_sent(device, context, kind);
  if (kind == KEEPALIVE_KIND_NONE) return false;
  size_t bytes = send_kind(keepalive, context, device, kind);
  counters_add(context->counters, keepalives_sent);
  counters_add_count(context->counters, keepalive_bytes_sent, bytes);
  return true;
}

/* The bytes of some seconds, by the seconds. */
static void take_rate(struct keepalive *keepalive, const struct context *context) {
  int64_t since_ms = mono_ms_since(context->now, keepalive->rate_since);
  if (keepalive->rate_since.value > 0 && since_ms < RATE_OVER_MS) return;
  uint64_t bytes = context->counters->keepalive_bytes_sent;
  if (keepalive->rate_since.value > 0)
    keepalive->bytes_per_s = (bytes - keepalive->rate_from) * 1000 / (uint64_t)since_ms;
  keepalive->rate_since = context->now;
  keepalive->rate_from = bytes;
}

/* True when the batch is done: used up, or nobody is due any more. */
static bool send_handful(struct keepalive *keepalive, struct context *context) {
  unsigned sent = 0;
  for (unsigned visited = 0; visited < VISITED_AT_ONCE_MAX && sent < SENT_AT_ONCE_MAX; visited++) {
    if (!outbox_has_room(context->outbox)) return false;
    uint32_t index = keepalive_schedule_next(&keepalive->schedule, context);
    if (index == KEEPALIVE_NONE) return true;
    if (!visit(keepalive, context, index)) continue;
    keepalive_schedule_spend(&keepalive->schedule);
    sent++;
  }
  return false;
}

/* --- can the round be kept? -------------------------------------------------------------------------------------- */

static void add_class(const struct keepalive *keepalive, unsigned pace, uint32_t count,
                      struct keepalive_demand *demand) {
  if (pace == 0)
    demand->device_count += count;
  else
    keepalive_demand_add(demand, count, keepalive->schedule.paces[pace].period_ms);
}

static void add_pace(const struct keepalive *keepalive, const struct parameters *parameters, unsigned pace,
                     struct keepalive_demand *demand) {
  for (unsigned i = 0; i < KEEPALIVE_CLASSES; i++)
    if (!keepalive_method_is_off(parameters, i / 2, i % 2))
      add_class(keepalive, pace, keepalive->class_counts[pace][i], demand);
}

static struct keepalive_demand demand_of(const struct keepalive *keepalive, const struct parameters *parameters) {
  struct keepalive_demand demand = {0};
  for (unsigned pace = 0; pace < KEEPALIVE_PACES; pace++)
    if (keepalive->schedule.paces[pace].seat_count > 0) add_pace(keepalive, parameters, pace, &demand);
  return demand;
}

static void warn(const struct context *context, const struct keepalive_demand *demand, bool is_kept) {
  struct keepalive_rate rate = keepalive_rate_of(context->parameters);
  char memory[512];
  struct text_builder line = text_builder_over(memory, sizeof memory);
  text_builder_add_literal(&line, "NAT keep-alive: ");
  keepalive_round_to_text(demand, &rate, &line);
  if (is_kept) text_builder_add_literal(&line, " and get them in time again");
  outbox_alarm(context->outbox, text_builder_view(&line));
}

/* One worker speaks for all: numbers and gateways are dealt out evenly. Said again when a quarter more have come, and
 * to whoever asks by setting the parameters. */
static void judge_round(struct keepalive *keepalive, struct context *context, bool is_asked) {
  if (!keepalive->demand_has_changed || context->local->worker != 0) return;
  keepalive->demand_has_changed = false;
  struct keepalive_demand demand = demand_of(keepalive, context->parameters);
  demand.device_count *= context->local->worker_count;
  demand.own_period_count *= context->local->worker_count;
  demand.own_period_micro_per_s *= context->local->worker_count;
  struct keepalive_rate rate = keepalive_rate_of(context->parameters);
  struct keepalive_round round = keepalive_round_of(&demand, &rate);
  uint64_t warned = keepalive->warned_keep_alives;
  bool is_good_news = round.is_kept && warned > 0 && round.keep_alives > 0;
  bool is_news = round.is_kept ? is_good_news : is_asked || warned == 0 || round.keep_alives >= warned + warned / 4;
  if (round.is_kept) keepalive->warned_keep_alives = 0;
  if (!is_news) return;
  if (!round.is_kept) keepalive->warned_keep_alives = round.keep_alives;
  warn(context, &demand, round.is_kept);
}

/* --- time -------------------------------------------------------------------------------------------------------- */

void keepalive_timer_due(struct keepalive *keepalive, struct context *context) {
  if (keepalive_schedule_begin_batch(&keepalive->schedule, context)) {
    judge_round(keepalive, context, false);
    take_rate(keepalive, context);
    keepalive_trials_turn(keepalive, context);
  }
  bool is_done = send_handful(keepalive, context);
  arm(keepalive, context, is_done ? keepalive_schedule_next_batch(&keepalive->schedule, context) : context->now);
}

void keepalive_parameters_changed(struct keepalive *keepalive, struct context *context) {
  keepalive_schedule_take_period(&keepalive->schedule, context);
  keepalive->demand_has_changed = true;
  judge_round(keepalive, context, true);
  if (timer_is_armed(&keepalive->timer))
    arm(keepalive, context, keepalive_schedule_next_batch(&keepalive->schedule, context));
}

/* --- operators --------------------------------------------------------------------------------------------------- */

void keepalive_count(const struct keepalive *keepalive, const struct context *context,
                     struct keepalive_counts *counts) {
  *counts = (struct keepalive_counts){
      .devices = keepalive->devices.pool.used,
      .unreachable = keepalive->unreachable_count,
      .demand = demand_of(keepalive, context->parameters),
      .rate = keepalive_rate_of(context->parameters),
      .lag_ms = (uint64_t)keepalive_schedule_lag_ms(&keepalive->schedule, context),
      .rounds_skipped = keepalive->schedule.turns_skipped,
      .bytes_per_s = keepalive->schedule.seat_count > 0 ? keepalive->bytes_per_s : 0,
      .networks_learned = keepalive->networks.learned_count,
      .bindings_on_trial = keepalive->trial_count,
      .saves_micro_per_s =
          binding_networks_save_micro_per_s(&keepalive->networks, context->parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD),
  };
}
