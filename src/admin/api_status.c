/* How the switch is doing: for people, for monitors, for Prometheus. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/desk.h"
#include "admin/status_document.h"

void api_healthz(const struct api_request *request, struct api_response *response) {
  struct store_health health;
  struct call_journal_health journal;
  store_read_health(request->switch_parts->store, &health);
  call_journal_read_health(request->switch_parts->journal, &journal);
  bool ok = health.ok && journal.ok;
  const char *problem = !health.ok ? health.problem : !journal.ok ? journal.problem : NULL;
  api_respond_json(response, ok ? 200 : 503,
                   json_pack("{s:s,s:s*}", "status", ok ? "ok" : "degraded", "problem", problem));
}

static json_t *counters_json(const struct counters *counters) {
  json_t *object = json_object();
#define COUNTER(name, help) json_object_set_new(object, #name, json_integer((json_int_t)counters->name));
#include "base/counters.def"
#undef COUNTER
  return object;
}

static json_t *sockets_json(const struct local_identity *identity) {
  json_t *list = json_array();
  for (uint8_t i = 0; i < identity->socket_count; i++) {
    static const char *const names[] = {"", "udp:", "tcp:", "tls:"};
    char text[80];
    struct text_builder builder = text_builder_over(text, sizeof text);
    text_builder_add(&builder, str_view_from_c(names[identity->sockets[i].transport & 3]));
    address_to_text(&identity->sockets[i].bound, &builder);
    json_array_append_new(list, json_stringn(builder.data, builder.length));
  }
  return list;
}

static json_t *journal_json(const struct call_journal *journal) {
  struct call_journal_health health;
  call_journal_read_health(journal, &health);
  return json_pack("{s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b}", "ok", (int)health.ok, "problem",
                   health.ok ? "ok" : health.problem, "files", (json_int_t)health.files, "bytes",
                   (json_int_t)health.bytes, "bytes_live", (json_int_t)health.bytes_live, "calls",
                   (json_int_t)health.objects, "flushes", (json_int_t)health.flushes, "flush_us_mean",
                   (json_int_t)(health.flushes ? health.flush_us_total / health.flushes : 0), "flush_us_max",
                   (json_int_t)health.flush_us_max, "store_lags", (int)health.store_lags);
}

static json_t *keeper_json(struct record_keeper *keeper) {
  struct record_keeper_health health;
  record_keeper_read_health(keeper, &health);
  bool ok = health.files_ok && health.days_ok;
  return json_pack("{s:b,s:s,s:I,s:I,s:I}", "ok", (int)ok, "problem", ok ? "ok" : health.problem, "files_written",
                   (json_int_t)health.files_written, "days", (json_int_t)health.days, "days_dropped",
                   (json_int_t)health.days_dropped);
}

/* What is known of how long bindings live, and what it saves or would save: keep-alives, and bytes at the usual size.
 */
static json_t *learnt_json(const struct worker_group_status *status) {
  const struct keepalive_counts *counts = &status->counts.keepalive;
  double saves_per_s = (double)counts->saves_micro_per_s / 1e6, sent = (double)status->counters.keepalives_sent;
  double bytes_each = sent > 0 ? (double)status->counters.keepalive_bytes_sent / sent : 0;
  return json_pack("{s:I,s:I,s:f,s:f}", "networks", (json_int_t)counts->networks_learned, "on_trial",
                   (json_int_t)counts->bindings_on_trial, "saves_per_s", saves_per_s, "saves_bytes_per_s",
                   saves_per_s * bytes_each);
}

/* Who gets keep-alives, whether they come in time, and what would do where they do not. */
static json_t *keep_alive_json(const struct worker_group_status *status) {
  const struct keepalive_counts *counts = &status->counts.keepalive;
  char sentence[512];
  struct text_builder builder = text_builder_over(sentence, sizeof sentence);
  struct keepalive_round round = keepalive_round_of(&counts->demand, &counts->rate);
  keepalive_round_to_text(&counts->demand, &counts->rate, &builder);
  return json_pack(
      "{s:I,s:I,s:I,s:I,s:b,s:s%,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "devices", (json_int_t)counts->devices, "unreachable",
      (json_int_t)counts->unreachable, "lag_ms", (json_int_t)counts->lag_ms, "round_ms", (json_int_t)round.round_ms,
      "round_is_kept", (int)round.is_kept, "round", builder.data, builder.length, "rounds_skipped",
      (json_int_t)counts->rounds_skipped, "sent", (json_int_t)status->counters.keepalives_sent, "answered",
      (json_int_t)status->counters.keepalives_answered, "missed", (json_int_t)status->counters.keepalives_missed,
      "bytes_sent", (json_int_t)status->counters.keepalive_bytes_sent, "bytes_per_s", (json_int_t)counts->bytes_per_s,
      "learnt", learnt_json(status));
}

json_t *status_document(const struct desk *desk) {
  const struct admin_options *parts = &desk->parts;
  struct worker_group_status status;
  struct store_health health;
  worker_group_read_status(parts->group, &status);
  store_read_health(parts->store, &health);
  const struct local_identity *identity = worker_group_identity(parts->group);
  int64_t uptime_ms = mono_ms_since(worker_group_mono_now(parts->group), desk->started);
  json_t *document = json_pack(
      "{s:s,s:I,s:o,s:i,s:{s:I,s:I,s:I,s:I},s:I,s:I,s:I,s:I,s:f,s:{s:I,s:I,s:I},s:{s:b,s:s},s:o,s:o}", "version",
      BELFRY_VERSION, "uptime_s", (json_int_t)(uptime_ms / 1000), "sip", sockets_json(identity), "workers",
      (int)identity->worker_count, "calls", "current", (json_int_t)status.counts.calls, "answered",
      (json_int_t)status.counts.calls_answered, "attempted", (json_int_t)status.counters.calls_attempted, "ended",
      (json_int_t)status.counters.calls_ended, "registrations", (json_int_t)status.counts.registrations, "transactions",
      (json_int_t)status.counts.transactions, "dialogs", (json_int_t)status.counts.dialogs, "loop_lag_ms",
      (json_int_t)status.loop_lag_ms_max, "processor_s", status.processor_s, "records", "waiting",
      (json_int_t)(health.records_waiting + status.records_waiting), "written", (json_int_t)health.records_written,
      "bytes_waiting", (json_int_t)health.bytes_waiting, "store", "ok", (int)health.ok, "problem",
      health.ok ? "ok" : health.problem, "keep_alive", keep_alive_json(&status), "counters",
      counters_json(&status.counters));
  json_object_set_new(document, "journal", journal_json(parts->journal));
  json_object_set_new(document, "draining", json_boolean(status.draining));
  json_object_set_new(document, "record_keeping", keeper_json(parts->keeper));
  json_object_set_new(
      document, "hep",
      json_pack("{s:I,s:I}", "sent", (json_int_t)status.hep.sent, "dropped", (json_int_t)status.hep.dropped));
  monitor_add_to_status(desk->monitor, document);
  return document;
}

void api_status(const struct api_request *request, struct api_response *response) {
  api_respond_json(response, 200, status_document(request->desk));
}

void api_events(const struct api_request *request, struct api_response *response) {
  (void)request;
  response->status = 200;
  response->is_event_stream = true;
}

void api_history(const struct api_request *request, struct api_response *response) {
  uint32_t step;
  const char *span = api_query(request, "span");
  bool is_week = span && strcmp(span, "week") == 0;
  if (span && !is_week && strcmp(span, "hour") != 0) {
    api_respond_problem(response, 400, "span must be hour or week", NULL);
    return;
  }
  if (!api_query_number(request, "step", 1, 600, is_week ? 30 : 10, &step, response)) return;
  api_respond_json(response, 200, monitor_history(request->desk->monitor, is_week, step));
}

void api_traffic(const struct api_request *request, struct api_response *response) {
  api_respond_json(response, 200, monitor_traffic(request->desk->monitor));
}
