#include "worker/clock.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/siphash.h"

#define WAIT_MS_MAX 60000

/* CLOCK_MONOTONIC stands still while the machine sleeps; sessions do not. */
#define SWITCH_CLOCK CLOCK_BOOTTIME

static int64_t kernel_ns(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void worker_clock_start(struct worker_clock *clock, double rate, struct wall_us wall_anchor) {
  *clock = (struct worker_clock){rate, kernel_ns(SWITCH_CLOCK), wall_anchor.value};
}

struct worker_times worker_clock_read(const struct worker_clock *clock) {
  int64_t ns = kernel_ns(SWITCH_CLOCK);
  if (clock->rate == 1.0) return (struct worker_times){{ns / 1000000}, {kernel_ns(CLOCK_REALTIME) / 1000}};
  double passed_ns = (double)(ns - clock->start_ns) * clock->rate;
  return (struct worker_times){{clock->start_ns / 1000000 + (int64_t)(passed_ns / 1e6)},
                               {clock->wall_start_us + (int64_t)(passed_ns / 1e3)}};
}

/* 36 characters, random: "1ae6…-…". */
uint64_t worker_clock_boot_id(const struct worker_clock *clock) {
  static const struct siphash_key key = {0};
  char text[64];
  int fd = clock->rate == 1.0 ? open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof text);
  close(fd);
  return length > 0 ? siphash(&key, text, (size_t)length) : 0;
}

int worker_clock_wait_ms(const struct worker_clock *clock, int64_t switch_ms) {
  if (switch_ms <= 0) return 0;
  if ((double)switch_ms >= WAIT_MS_MAX * clock->rate) return WAIT_MS_MAX;
  double wait_ms = (double)switch_ms / clock->rate;
  int whole_ms = (int)wait_ms;
  return (double)whole_ms < wait_ms ? whole_ms + 1 : whole_ms;
}

int64_t worker_clock_real_ms(const struct worker_clock *clock, int64_t switch_ms) {
  return (int64_t)((double)switch_ms / clock->rate);
}

struct mono_ms worker_clock_real_now(void) {
  return (struct mono_ms){kernel_ns(CLOCK_MONOTONIC) / 1000000};
}

int64_t worker_clock_real_ns(void) {
  return kernel_ns(CLOCK_MONOTONIC);
}
