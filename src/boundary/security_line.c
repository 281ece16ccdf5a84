#include "boundary/security_line.h"

static bool is_harmless(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '.' ||
         byte == '-' || byte == '_' || byte == '+' || byte == '@' || byte == '*' || byte == '#';
}

static void add_harmless(struct text_builder *builder, struct str_view text) {
  size_t length = text.length < SECURITY_USER_MAX ? text.length : SECURITY_USER_MAX;
  for (size_t i = 0; i < length; i++) {
    if (is_harmless(text.data[i])) {
      text_builder_add_char(builder, text.data[i]);
    } else {
      text_builder_add_char(builder, '%');
      text_builder_add_hex(builder, (uint8_t)text.data[i], 2);
    }
  }
}

void security_line_to_text(struct str_view event, struct str_view address, struct str_view user,
                           struct text_builder *builder) {
  text_builder_add_literal(builder, "security event=");
  text_builder_add(builder, event);
  text_builder_add_literal(builder, " address=");
  text_builder_add(builder, address);
  if (user.length == 0) return;
  text_builder_add_literal(builder, " user=\"");
  add_harmless(builder, user);
  text_builder_add_char(builder, '"');
}

void security_line_send(struct outbox *outbox, struct str_view event, const struct address *from,
                        struct str_view user) {
  char line[SECURITY_LINE_BYTES], ip[64];
  struct text_builder builder = text_builder_over(line, sizeof line), address = text_builder_over(ip, sizeof ip);
  address_ip_to_text(from, &address);
  security_line_to_text(event, text_builder_view(&address), user, &builder);
  outbox_alarm(outbox, text_builder_view(&builder));
}
