/* Names that lead back to a slot: "INDEX-GENERATION-RUN" in hexadecimal. */
#include "gun.h"
#include "sip/sip_build.h"

#define DIGITS      8
#define NAME_LENGTH (2 * DIGITS + 2 + GUN_RUN_BYTES)

void gun_add_slot_name(const struct gun *gun, struct text_builder *builder, const void *slot) {
  struct handle handle = pool_handle_of(&gun->slots, slot);
  text_builder_add_hex(builder, handle.index, DIGITS);
  text_builder_add_char(builder, '-');
  text_builder_add_hex(builder, handle.generation, DIGITS);
  text_builder_add_char(builder, '-');
  text_builder_add(builder, str_view_of(gun->run, GUN_RUN_BYTES));
}

static bool read_hex(const char *text, uint32_t *value_out) {
  uint32_t value = 0;
  for (int i = 0; i < DIGITS; i++) {
    char byte = text[i];
    uint32_t digit = byte >= '0' && byte <= '9' ? (uint32_t)(byte - '0') : (uint32_t)(byte - 'a' + 10);
    if (digit > 15) return false;
    value = value << 4 | digit;
  }
  *value_out = value;
  return true;
}

bool gun_is_slot_name(const struct gun *gun, struct str_view name) {
  return name.length == NAME_LENGTH && memcmp(name.data + NAME_LENGTH - GUN_RUN_BYTES, gun->run, GUN_RUN_BYTES) == 0;
}

void *gun_find_slot(const struct gun *gun, struct str_view name) {
  struct handle handle;
  if (!gun_is_slot_name(gun, name) || !read_hex(name.data, &handle.index) ||
      !read_hex(name.data + DIGITS + 1, &handle.generation))
    return NULL;
  return pool_get(&gun->slots, handle);
}

void gun_add_via(struct gun *gun, struct text_builder *builder, char kind, uint32_t cseq, const void *slot) {
  char branch[64];
  struct text_builder text = text_builder_over(branch, sizeof branch);
  text_builder_add_literal(&text, "z9hG4bK");
  text_builder_add_char(&text, kind);
  text_builder_add_u64(&text, cseq);
  text_builder_add_char(&text, '-');
  gun_add_slot_name(gun, &text, slot);
  sip_build_via(builder, TRANSPORT_UDP, &gun->caller.local, text_builder_view(&text));
}
