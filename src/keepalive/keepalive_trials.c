/* Which device's binding is tried when, and what comes of it (keepalive/binding_trial.h). Candidates are found in
 * passing: a device whose turn it is. All its keep-alives are left out while it is on trial. */
#include "base/check.h"
#include "keepalive/keepalive_private.h"
#include "parameters/parameters.h"

#define ANSWER_WAIT_MS 4000 /* for the answer to the first OPTIONS */
#define AGAIN_EVERY_MS 2000 /* the OPTIONS at the end, which a network may lose */
#define AGAIN_MAX      3

/* --- words ------------------------------------------------------------------------------------------------------- */

static void add_seconds(struct text_builder *line, uint32_t seconds) {
  text_builder_add_u64(line, seconds);
  text_builder_add_literal(line, " s");
}

static void add_advice(const struct context *context, const struct binding_network *network,
                       struct text_builder *line) {
  uint32_t period_s = context->parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD;
  uint64_t saved_tenths = binding_network_saves_micro_per_s(network, period_s) / 100000;
  bool is_set = context->parameters->BF_NAT_KEEP_ALIVE_LEARN == KEEP_ALIVE_LEARN_SET;
  text_builder_add(line, is_set ? STR_VIEW("; from now on its ") : STR_VIEW("; its "));
  text_builder_add_u64(line, network->device_count);
  text_builder_add(line, is_set ? STR_VIEW(" devices get a keep-alive every ")
                                : STR_VIEW(" devices would do with a keep-alive every "));
  add_seconds(line, binding_network_safe_s(network));
  text_builder_add(line, is_set ? STR_VIEW(", which saves ") : STR_VIEW(", which would save "));
  text_builder_add_u64(line, saved_tenths / 10);
  text_builder_add_char(line, '.');
  text_builder_add_u64(line, saved_tenths % 10);
  text_builder_add_literal(line, " a second");
}

/* Said when the end of the ladder is reached, not at each rung. */
static void report(const struct context *context, const struct binding_network *network) {
  char memory[512];
  struct text_builder line = text_builder_over(memory, sizeof memory);
  text_builder_add_literal(&line, "NAT keep-alive: bindings in ");
  binding_network_to_text(network, &line);
  text_builder_add_literal(&line, " do not outlive a keep-alive every ");
  add_seconds(&line, binding_network_too_long_s(network));
  if (network->safe_rung > 0) add_advice(context, network, &line);
  outbox_alarm(context->outbox, text_builder_view(&line));
}

/* --- begin and end ----------------------------------------------------------------------------------------------- */

static struct keepalive_device *device_of(const struct keepalive *keepalive, const struct binding_trial *trial) {
  struct keepalive_device *device = pool_get(&keepalive->devices.pool, trial->device);
  require(device && device->is_on_trial);
  return device;
}

static void end(struct keepalive *keepalive, struct binding_trial *trial) {
  device_of(keepalive, trial)->is_on_trial = false;
  binding_networks_at(&keepalive->networks, trial->network)->is_on_trial = false;
  *trial = keepalive->trials[--keepalive->trial_count];
}

static struct binding_trial *trial_of(struct keepalive *keepalive, const struct keepalive_device *device) {
  struct handle handle = pool_handle_of(&keepalive->devices.pool, device);
  for (uint32_t i = 0; i < keepalive->trial_count; i++)
    if (handle_equal(keepalive->trials[i].device, handle)) return &keepalive->trials[i];
  require(false);
  return NULL;
}

void keepalive_trials_void(struct keepalive *keepalive, struct context *context, struct keepalive_device *device) {
  if (!device->is_on_trial) return;
  counters_add(context->counters, binding_trials_void);
  end(keepalive, trial_of(keepalive, device));
}

/* An OPTIONS outside of the device's turn takes its place in the batch all the same. */
static void ask(struct keepalive *keepalive, struct context *context, const struct keepalive_device *device) {
  size_t bytes = keepalive_send_options(keepalive, context, device, &device->flow);
  counters_add(context->counters, keepalives_sent);
  counters_add_count(context->counters, keepalive_bytes_sent, bytes);
}

static bool is_busy(const struct keepalive *keepalive, const struct context *context,
                    const struct keepalive_device *device) {
  return keepalive->is_busy && keepalive->is_busy(keepalive->contact_reader, context, device->owner);
}

static bool has_room(const struct keepalive *keepalive) {
  uint32_t wanted = keepalive->trial_count + 1;
  return wanted <= BINDING_TRIALS_MAX && (uint64_t)wanted * BINDING_TRIAL_ONE_IN <= keepalive->schedule.seat_count;
}

/* One phone behind NAT, of which it is known where it stands; a flow that many share must not be lost. */
static bool is_candidate(const struct keepalive_device *device) {
  bool is_one_phone = device->holders == 1 && device->owner != KEEPALIVE_NOBODY && !device->is_configured;
  return device->network != 0 && device->is_behind_nat && is_one_phone && !device->is_unreachable && !device->is_mute &&
         !device->has_own_period;
}

bool keepalive_trials_begin(struct keepalive *keepalive, struct context *context, struct keepalive_device *device) {
  if (context->parameters->BF_NAT_KEEP_ALIVE_LEARN == KEEP_ALIVE_LEARN_OFF) return false;
  if (!has_room(keepalive) || !is_candidate(device)) return false;
  struct binding_network *network = binding_networks_at(&keepalive->networks, device->network);
  uint32_t gap_s = network->is_on_trial ? 0 : binding_network_gap_s(network, context);
  if (gap_s == 0 || is_busy(keepalive, context, device)) return false;
  network->is_on_trial = true;
  device->is_on_trial = true;
  keepalive->trials[keepalive->trial_count++] =
      (struct binding_trial){.device = pool_handle_of(&keepalive->devices.pool, device),
                             .due = mono_ms_add(context->now, ANSWER_WAIT_MS),
                             .gap_s = gap_s,
                             .network = device->network,
                             .state = BINDING_TRIAL_ASKED};
  counters_add(context->counters, binding_trials_begun);
  keepalive_evidence_sent(device, context, KEEPALIVE_KIND_OPTIONS);
  ask(keepalive, context, device);
  return true;
}

static void judge(struct keepalive *keepalive, struct context *context, struct binding_trial *trial,
                  enum binding_verdict verdict) {
  struct binding_network *network = binding_networks_at(&keepalive->networks, trial->network);
  if (verdict == BINDING_SURVIVED)
    counters_add(context->counters, binding_trials_survived);
  else
    counters_add(context->counters, binding_trials_lost);
  bool is_news = binding_networks_note(&keepalive->networks, network, context, verdict);
  end(keepalive, trial);
  if (is_news && verdict == BINDING_LOST) report(context, network);
}

/* --- what comes -------------------------------------------------------------------------------------------------- */

void keepalive_trials_heard(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                            enum keepalive_sign sign) {
  struct binding_trial *trial = trial_of(keepalive, device);
  bool is_answer = sign == KEEPALIVE_SIGN_ANSWER;
  switch ((enum binding_trial_state)trial->state) {
  case BINDING_TRIAL_ASKED:
    if (!is_answer) return; /* the gap has not begun */
    trial->state = BINDING_TRIAL_SILENT;
    trial->due = mono_ms_add(context->now, (int64_t)trial->gap_s * 1000);
    return;
  case BINDING_TRIAL_SILENT: break;
  case BINDING_TRIAL_ASKED_AGAIN:
    if (trial->spoke.value != 0 && trial->spoke.value != context->now.value) break;
    trial->spoke = context->now; /* each answer is told as a message, too, just before */
    if (is_answer) judge(keepalive, context, trial, BINDING_SURVIVED);
    return;
  }
  keepalive_trials_void(keepalive, context, device); /* it spoke by itself, and so kept its binding */
}

/* --- time -------------------------------------------------------------------------------------------------------- */

static void give_up(struct keepalive *keepalive, struct context *context, struct binding_trial *trial) {
  struct keepalive_device *device = device_of(keepalive, trial);
  judge(keepalive, context, trial, BINDING_LOST);
  if (device->is_unreachable) return;
  device->is_unreachable = true; /* until it registers again or says something: calls shall not wait for it */
  keepalive->unreachable_count++;
  counters_add(context->counters, devices_lost);
  keepalive_tell_changed(keepalive, context, device);
}

/* It does not answer OPTIONS, which is no miss where texts are sent. */
static void find_mute(struct keepalive *keepalive, struct context *context, struct binding_trial *trial) {
  struct keepalive_device *device = device_of(keepalive, trial);
  device->is_mute = true;
  device->latest_kind = KEEPALIVE_KIND_NONE;
  keepalive_trials_void(keepalive, context, device);
}

static void ask_again(struct keepalive *keepalive, struct context *context, struct binding_trial *trial) {
  struct keepalive_device *device = device_of(keepalive, trial);
  if (keepalive->schedule.batch_left == 0) return;                  /* with the next batch */
  keepalive_evidence_sent(device, context, KEEPALIVE_KIND_OPTIONS); /* each is one of its own, none a retransmission */
  trial->state = BINDING_TRIAL_ASKED_AGAIN;
  trial->sent_count++;
  trial->due = mono_ms_add(context->now, AGAIN_EVERY_MS);
  ask(keepalive, context, device);
  keepalive_schedule_spend(&keepalive->schedule);
}

static void turn_one(struct keepalive *keepalive, struct context *context, struct binding_trial *trial) {
  struct keepalive_device *device = device_of(keepalive, trial);
  if (is_busy(keepalive, context, device)) {
    keepalive_trials_void(keepalive, context, device);
    return;
  }
  if (mono_ms_before(context->now, trial->due)) return;
  switch ((enum binding_trial_state)trial->state) {
  case BINDING_TRIAL_ASKED: find_mute(keepalive, context, trial); break;
  case BINDING_TRIAL_ASKED_AGAIN:
    if (trial->spoke.value != 0)
      keepalive_trials_void(keepalive, context, device);
    else if (trial->sent_count < AGAIN_MAX)
      ask_again(keepalive, context, trial);
    else
      give_up(keepalive, context, trial);
    break;
  case BINDING_TRIAL_SILENT: ask_again(keepalive, context, trial); break;
  }
}

/* Backwards, for the last one takes the place of one that ends. */
void keepalive_trials_turn(struct keepalive *keepalive, struct context *context) {
  bool is_off = context->parameters->BF_NAT_KEEP_ALIVE_LEARN == KEEP_ALIVE_LEARN_OFF;
  for (uint32_t i = keepalive->trial_count; i-- > 0;) {
    struct binding_trial *trial = &keepalive->trials[i];
    if (is_off)
      keepalive_trials_void(keepalive, context, device_of(keepalive, trial));
    else if (outbox_has_room(context->outbox))
      turn_one(keepalive, context, trial);
  }
}
