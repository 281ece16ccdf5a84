/* GET /metrics: what the switch counts and what it is doing, as Prometheus reads it. */
#include <stdio.h>
#include <stdlib.h>

#include "admin/api.h"
#include "admin/desk.h"

static void head(FILE *stream, const char *name, const char *type, const char *help) {
  fprintf(stream, "# HELP belfry_%s %s\n# TYPE belfry_%s %s\n", name, help, name, type);
}

static void metric(FILE *stream, const char *name, const char *type, const char *help, double value) {
  head(stream, name, type, help);
  fprintf(stream, "belfry_%s %.17g\n", name, value);
}

static void write_counters(FILE *stream, const struct counters *counters) {
#define COUNTER(name, help)        metric(stream, #name "_total", "counter", help, (double)counters->name);
#define COUNTER_FAMILY(name, help) head(stream, #name "_total", "counter", help);
#define COUNTER_OF(name, family, labels, help)                                                                         \
  fprintf(stream, "belfry_%s_total{%s} %.17g\n", #family, labels, (double)counters->name);
#include "base/counters.def"
#undef COUNTER
}

struct bucket {
  const char *below_s;
  uint64_t count;
};

static void write_buckets(FILE *stream, const char *name, const struct bucket *buckets, size_t bucket_count,
                          double sum) {
  uint64_t count = 0;
  for (size_t i = 0; i < bucket_count; i++) {
    count += buckets[i].count;
    fprintf(stream, "belfry_%s_bucket{le=\"%s\"} %llu\n", name, buckets[i].below_s, (unsigned long long)count);
  }
  fprintf(stream, "belfry_%s_sum %.17g\nbelfry_%s_count %llu\n", name, sum, name, (unsigned long long)count);
}

/* How far away the guard still was when a session was refreshed: what is near 0 was nearly hung up on. */
static void write_margins(FILE *stream, const struct counters *counters) {
  const struct bucket buckets[] = {
      {"5", counters->session_margins_below_5_s},     {"15", counters->session_margins_below_15_s},
      {"30", counters->session_margins_below_30_s},   {"60", counters->session_margins_below_60_s},
      {"300", counters->session_margins_below_300_s}, {"+Inf", counters->session_margins_above}};
  static const char name[] = "session_guard_margin_seconds";
  head(stream, name, "histogram", "Time left before the guard would have ended a call, when its session was refreshed");
  write_buckets(stream, name, buckets, sizeof buckets / sizeof buckets[0],
                (double)counters->session_margins_sum_ms / 1000.0);
}

/* What it costs an answer that it is not told before it is on the disk; never more than BF_JOURNAL_WAIT_MS. */
static void write_answer_waits(FILE *stream, const struct counters *counters) {
  const struct bucket buckets[] = {
      {"0.002", counters->answer_waits_below_2_ms}, {"0.005", counters->answer_waits_below_5_ms},
      {"0.01", counters->answer_waits_below_10_ms}, {"0.02", counters->answer_waits_below_20_ms},
      {"0.05", counters->answer_waits_below_50_ms}, {"0.1", counters->answer_waits_below_100_ms},
      {"+Inf", counters->answer_waits_above}};
  head(stream, "answer_wait_seconds", "histogram", "How long answers waited until the journal had them");
  write_buckets(stream, "answer_wait_seconds", buckets, sizeof buckets / sizeof buckets[0],
                (double)counters->answer_waits_sum_us / 1e6);
}

static void write_legs(FILE *stream, const uint32_t *legs_by_role) {
  static const char *const refreshers[] = {"none", "us", "them"};
  head(stream, "session_legs", "gauge", "Legs of answered calls by who refreshes their session");
  for (unsigned i = 0; i < 3; i++)
    fprintf(stream, "belfry_session_legs{refresher=\"%s\"} %u\n", refreshers[i], legs_by_role[i]);
}

static void write_counts(FILE *stream, const struct switch_core_counts *counts) {
  metric(stream, "calls", "gauge", "Calls at the moment, from INVITE to the last BYE", counts->calls);
  metric(stream, "calls_answered", "gauge", "Calls at the moment that are answered", counts->calls_answered);
  metric(stream, "registrations", "gauge", "Registrations at the moment", counts->registrations);
  metric(stream, "transactions", "gauge", "SIP transactions at the moment", counts->transactions);
  metric(stream, "dialogs", "gauge", "SIP dialogs at the moment", counts->dialogs);
  write_legs(stream, counts->legs_by_role);
}

static void write_keep_alive(FILE *stream, const struct switch_core_counts *counts) {
  const struct keepalive_counts *keepalive = &counts->keepalive;
  struct keepalive_round round = keepalive_round_of(&keepalive->demand, &keepalive->rate);
  metric(stream, "devices", "gauge", "Ways on which registered devices and gateways are reached", keepalive->devices);
  metric(stream, "devices_unreachable", "gauge", "Devices that nothing is heard of", keepalive->unreachable);
  metric(stream, "keepalive_lag_seconds", "gauge", "How late the next keep-alive is",
         (double)keepalive->lag_ms / 1000.0);
  metric(stream, "keepalive_round_seconds", "gauge", "How long one keep-alive for each device takes",
         (double)round.round_ms / 1000.0);
  metric(stream, "keepalive_rounds_skipped_total", "counter", "Rounds of keep-alives that were lost for want of time",
         (double)keepalive->rounds_skipped);
  metric(stream, "keepalive_bytes_per_second", "gauge", "Bytes of keep-alives sent a second",
         (double)keepalive->bytes_per_s);
  metric(stream, "keepalive_networks_learnt", "gauge", "Networks of devices whose bindings are known to live longer",
         keepalive->networks_learned);
  metric(stream, "keepalive_bindings_on_trial", "gauge", "Devices that get no keep-alive to learn how long it may last",
         keepalive->bindings_on_trial);
  metric(stream, "keepalives_saved_per_second", "gauge",
         "Keep-alives a second that the learnt periods save or would save", (double)keepalive->saves_micro_per_s / 1e6);
}

static void write_machinery(FILE *stream, const struct worker_group_status *status, const struct store_health *health) {
  metric(stream, "timers", "gauge", "Armed timers", (double)status->counts.timers);
  metric(stream, "loop_lag_seconds", "gauge", "Worst delay of a timer in the last second",
         status->loop_lag_ms_max / 1000.0);
  metric(stream, "processor_seconds_total", "counter", "Processor time of the workers", status->processor_s);
  metric(stream, "records_waiting", "gauge", "Call detail records not yet in the store",
         (double)(health->records_waiting + status->records_waiting));
  metric(stream, "records_written_total", "counter", "Call detail records written to the store",
         (double)health->records_written);
  metric(stream, "store_ok", "gauge", "1 when the store can be written to", health->ok);
  metric(stream, "hep_sent_total", "counter", "Messages sent on to BF_HEP_ADDRESS", (double)status->hep.sent);
  metric(stream, "hep_dropped_total", "counter", "Messages that could not be sent on to BF_HEP_ADDRESS",
         (double)status->hep.dropped);
}

static void write_keeper(FILE *stream, struct record_keeper *keeper) {
  struct record_keeper_health health;
  record_keeper_read_health(keeper, &health);
  metric(stream, "cdr_files_ok", "gauge", "1 when the hourly CDR files can be written, or are off", health.files_ok);
  metric(stream, "cdr_files_written_total", "counter", "Hourly CDR files written", (double)health.files_written);
  metric(stream, "record_days", "gauge", "Days of which there are call detail records", health.days);
  metric(stream, "record_days_dropped_total", "counter", "Days that were dropped because they were too old",
         (double)health.days_dropped);
}

static void write_journal(FILE *stream, const struct call_journal *journal) {
  struct call_journal_health health;
  call_journal_read_health(journal, &health);
  metric(stream, "journal_ok", "gauge", "1 when the journal can be written to", health.ok);
  metric(stream, "journal_bytes", "gauge", "Bytes of the journal's files", (double)health.bytes);
  metric(stream, "journal_live_bytes", "gauge", "Bytes of them that are still needed", (double)health.bytes_live);
  metric(stream, "journal_objects", "gauge", "Calls, attempts and registrations that the journal would remember now",
         health.objects);
  metric(stream, "journal_waiting_bytes", "gauge", "Bytes not yet written to the journal",
         (double)health.waiting_bytes);
  metric(stream, "journal_flushes_total", "counter", "Flushes of the journal to disk", (double)health.flushes);
  metric(stream, "journal_flush_seconds_total", "counter", "Time spent writing and flushing the journal",
         (double)health.flush_us_total / 1e6);
  metric(stream, "journal_flush_seconds_max", "gauge", "The longest of them", (double)health.flush_us_max / 1e6);
  metric(stream, "journal_forgotten_total", "counter",
         "What the journal was told and could not keep; what lives of it is told anew when it is well again",
         (double)health.refused);
  metric(stream, "journal_unread_files", "gauge",
         "Files of the journal that could not be read: they stay, and it gives up no others until the next start",
         health.files_unread);
  metric(stream, "journal_damaged_bytes", "gauge", "Bytes of the journal that could not be read at the last start",
         (double)health.damaged_bytes);
}

/* In RFC 6076's terms, of the most recent calls; NaN while there are none. */
static void write_performance(FILE *stream, struct monitor *monitor) {
  struct traffic_figures recent = monitor_figures(monitor);
  metric(stream, "session_establishment_ratio", "gauge",
         "Session Establishment Ratio (SER, RFC 6076 section 4.6) of the most recent calls, 1 is all",
         traffic_ser_percent(&recent) / 100);
  metric(stream, "session_establishment_effectiveness_ratio", "gauge",
         "Session Establishment Effectiveness Ratio (SEER, RFC 6076 section 4.7) of the most recent calls",
         traffic_seer_percent(&recent) / 100);
  metric(stream, "ineffective_session_attempts_ratio", "gauge",
         "Ineffective Session Attempts (ISA, RFC 6076 section 4.8) of the most recent calls",
         traffic_isa_percent(&recent) / 100);
  metric(
      stream, "session_request_delay_seconds", "gauge",
      "Mean time from INVITE to ringing or progress (SRD, RFC 6076 section 4.3; operators say PDD) of the most recent "
      "calls",
      traffic_pdd_ms(&recent) / 1000);
  metric(stream, "session_duration_seconds", "gauge",
         "Mean talk time (SDT, RFC 6076 section 4.5; operators say ACD) of the most recent answered calls",
         traffic_acd_s(&recent));
}

static void write_desk(FILE *stream, struct event_streams *streams) {
  struct event_stream_counts counts = event_streams_count(streams);
  metric(stream, "event_listeners", "gauge", "Consoles and programs that listen to live events", counts.listening);
  metric(stream, "event_listeners_dropped_total", "counter", "Listeners dropped because they took no events",
         (double)counts.dropped);
}

void api_metrics(const struct api_request *request, struct api_response *response) {
  struct worker_group_status status;
  struct store_health health;
  worker_group_read_status(request->switch_parts->group, &status);
  store_read_health(request->switch_parts->store, &health);
  char *text = NULL;
  size_t length = 0;
  FILE *stream = open_memstream(&text, &length);
  if (!stream) {
    api_respond_problem(response, 503, "no memory", NULL);
    return;
  }
  write_counters(stream, &status.counters);
  write_margins(stream, &status.counters);
  write_answer_waits(stream, &status.counters);
  write_counts(stream, &status.counts);
  write_keep_alive(stream, &status.counts);
  write_machinery(stream, &status, &health);
  write_journal(stream, request->switch_parts->journal);
  write_keeper(stream, request->switch_parts->keeper);
  write_desk(stream, request->desk->streams);
  write_performance(stream, request->desk->monitor);
  fclose(stream);
  api_respond_text(response, 200, "text/plain; version=0.0.4; charset=utf-8", text);
}
