#include "boot/log_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/text_builder.h"
#include "base/time.h"

void log_line(const char *format, ...) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char stamp[32], text[1200];
  struct text_builder builder = text_builder_over(stamp, sizeof stamp);
  wall_us_to_text((struct wall_us){(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000}, &builder);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fprintf(stderr, "%.*s %s\n", (int)builder.length, stamp, text);
}
