#include "boot/clock_anchor.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str_view.h"
#include "boot/data_dir.h"

#define FILE_NAME "clock"

struct wall_us clock_anchor_read(const char *dir) {
  struct timespec world;
  clock_gettime(CLOCK_REALTIME, &world);
  int64_t now_us = (int64_t)world.tv_sec * 1000000 + world.tv_nsec / 1000;
  char text[32];
  uint64_t kept_us;
  if (data_dir_read(dir, FILE_NAME, text, sizeof text) &&
      str_view_to_u64(str_view_trim(str_view_from_c(text)), &kept_us) && kept_us < INT64_MAX &&
      (int64_t)kept_us > now_us)
    now_us = (int64_t)kept_us;
  return (struct wall_us){now_us};
}

bool clock_anchor_keep(const char *dir, struct wall_us now, int64_t ahead_us) {
  char text[32];
  snprintf(text, sizeof text, "%lld\n", (long long)(now.value + ahead_us));
  return data_dir_write(dir, FILE_NAME, text);
}
