#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "gun.h"

#define HISTOGRAM_ROWS 20

static void print_latency(const char *name, const char *text, const struct latency *latency, bool json) {
  if (latency->count == 0) return;
  uint64_t p50 = latency_percentile(latency, 500), p95 = latency_percentile(latency, 950),
           p99 = latency_percentile(latency, 990), p999 = latency_percentile(latency, 999);
  if (json)
    printf(",\"%s_us\":{\"p50\":%" PRIu64 ",\"p95\":%" PRIu64 ",\"p99\":%" PRIu64 ",\"p999\":%" PRIu64
           ",\"max\":%" PRIu64 "}",
           name, p50, p95, p99, p999, latency->max_us);
  else
    printf("%-34s p50 %" PRIu64 "  p95 %" PRIu64 "  p99 %" PRIu64 "  p99.9 %" PRIu64 "  max %" PRIu64 " µs\n", text,
           p50, p95, p99, p999, latency->max_us);
}

/* User and system time of this process so far. */
static double processor_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void gun_log(const struct gun *gun, const char *word, struct str_view name) {
  struct timespec now;
  if (!gun->log) return;
  clock_gettime(CLOCK_REALTIME, &now);
  fprintf(gun->log, "%s %.*s %" PRId64 "\n", word, (int)name.length, name.data,
          (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

/* Of the time from when all phones were registered on. */
static void print_pings(const struct gun *gun, bool json) {
  const struct arrivals *watch = &gun->pings;
  double seconds, mean;
  if (!gun->options.apart || !arrivals_mean(watch, gun->now_us, &mean, &seconds)) return;
  uint64_t once = phone_count_pinged(gun, 1), twice = phone_count_pinged(gun, 2);
  if (json)
    printf(",\"pings_watched_s\":%.1f,\"pings_per_s\":%.1f,\"most_pings_in_a_second\":%" PRIu64
           ",\"phones_pinged\":%" PRIu64 ",\"phones_pinged_twice\":%" PRIu64,
           seconds, mean, watch->most_in_second, once, twice);
  else
    printf("keep-alives a second               %.1f in the mean, %" PRIu64 " at most, over %.1f s\n"
           "phones that got one, two           %" PRIu64 ", %" PRIu64 "\n",
           mean, watch->most_in_second, seconds, once, twice);
  print_latency("ping_gap", "from one to the next of a phone", &watch->gap, json);
}

/* Of both ends of the calls that are held, from when all are there on. */
static void print_refreshes(const struct gun *gun, bool json) {
  const struct arrivals *watch = &gun->refreshes;
  double seconds, mean;
  if (!arrivals_mean(watch, gun->now_us, &mean, &seconds)) return;
  printf(json ? ",\"refreshes_watched_s\":%.1f,\"refreshes_per_s\":%.1f,\"most_refreshes_in_a_second\":%" PRIu64
                ",\"refreshes_overdue\":%" PRIu64
              : "refreshes                          over %.1f s, %.1f a second in the mean, %" PRIu64
                " at most, %" PRIu64 " overdue\n",
         seconds, mean, watch->most_in_second, watch->overdue);
  print_latency("refresh_off", "refresh before or after its time", &watch->off, json);
}

/* How many of the gaps lie in each twentieth of the range from the shortest to the longest. */
static void print_histogram(const struct latency *latency) {
  uint64_t shortest_us = latency_percentile(latency, 1), longest_us = latency->max_us, below = 0;
  if (latency->count == 0) return;
  for (unsigned i = 1; i <= HISTOGRAM_ROWS; i++) {
    uint64_t limit_us = shortest_us + (longest_us - shortest_us) * i / HISTOGRAM_ROWS;
    uint64_t count = latency_count_up_to(latency, limit_us);
    printf("  up to %8.3f s %10" PRIu64 "  ", (double)limit_us / 1e6, count - below);
    for (uint64_t bar = 0; bar < (count - below) * 60 / latency->count; bar++)
      putchar('#');
    putchar('\n');
    below = count;
  }
}

void gun_report(const struct gun *gun) {
  bool json = gun->options.json;
  double seconds = (double)(gun->now_us - gun->start_us) / 1e6;
  /* The end of the run is waiting for the last ones; the rate is that of the starts. */
  double starting_s = (double)(gun->drain_from_us - gun->start_us) / 1e6;
  double rate = starting_s > 0 && !gun->options.hold ? (double)gun->counts.started / starting_s : 0;
  printf(json ? "{\"seconds\":%.3f,\"rate\":%.1f,\"processor_s\":%.3f"
              : "seconds                            %.3f\nstarted per second                 %.1f\n"
                "processor seconds of callgun       %.3f\n",
         seconds, rate, processor_seconds());
#define COUNT(name, text)                                                                                              \
  if (json)                                                                                                            \
    printf(",\"" #name "\":%" PRIu64, gun->counts.name);                                                               \
  else if (gun->counts.name)                                                                                           \
    printf("%-34s %" PRIu64 "\n", text, gun->counts.name);
  GUN_COUNTS
#undef COUNT
  print_latency("setup", "INVITE to 200 beyond ringing", &gun->setup, json);
  print_latency("bye", "BYE to 200", &gun->bye, json);
  print_latency("answer", "request to final answer", &gun->answer, json);
  print_latency("lag", "started later than due", &gun->lag, json);
  print_pings(gun, json);
  print_refreshes(gun, json);
  if (json)
    printf("}\n");
  else if (gun->options.apart)
    print_histogram(&gun->pings.gap);
}

void gun_report_holding(const struct gun *gun) {
  uint64_t held = gun->options.work == GUN_CALLS ? gun->open : gun->counts.completed;
  printf(gun->options.json ? "{\"holding\":%" PRIu64 "}\n" : "holding %" PRIu64 "\n", held);
  fflush(stdout);
}
