#include "admin/security_log.h"

#include "boot/log_line.h"
#include "boundary/security_line.h"

void security_log(const char *event, const char *address, const char *user) {
  char line[SECURITY_LINE_BYTES];
  struct text_builder builder = text_builder_over(line, sizeof line);
  security_line_to_text(str_view_from_c(event), str_view_from_c(address), str_view_from_c(user ? user : ""), &builder);
  log_line("%.*s", (int)builder.length, line);
}
