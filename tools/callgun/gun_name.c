/* Names that lead back to a slot: 16 digits that hide index and generation, 12 that name the run. The digits of two
 * names have nothing in common, as those of two real devices: counters side by side would be unkind to a switch whose
 * hash is simple, and measure that. */
#include "gun.h"
#include "sip/sip_build.h"

#define DIGITS        16
#define NAME_LENGTH   (DIGITS + GUN_RUN_BYTES)
#define MIXER         UINT64_C(0x9e3779b97f4a7c15)
#define MIXER_INVERSE UINT64_C(0xf1de83e19937733d)

/* The xor-shifts undo themselves, the product is undone by the factor's inverse modulo 2^64. */
static uint64_t mix(uint64_t value) {
  value = (value ^ value >> 32) * MIXER;
  return value ^ value >> 32;
}

static uint64_t unmix(uint64_t value) {
  value = (value ^ value >> 32) * MIXER_INVERSE;
  return value ^ value >> 32;
}

void gun_add_slot_name(const struct gun *gun, struct text_builder *builder, const void *slot) {
  struct handle handle = pool_handle_of(&gun->slots, slot);
  text_builder_add_hex(builder, mix((uint64_t)handle.generation << 32 | handle.index), DIGITS);
  text_builder_add(builder, str_view_of(gun->run, GUN_RUN_BYTES));
}

bool gun_is_slot_name(const struct gun *gun, struct str_view name) {
  return name.length == NAME_LENGTH && memcmp(name.data + DIGITS, gun->run, GUN_RUN_BYTES) == 0;
}

void *gun_find_slot(const struct gun *gun, struct str_view name) {
  uint64_t mixed;
  if (!gun_is_slot_name(gun, name) || !str_view_hex_to_u64(str_view_slice(name, 0, DIGITS), &mixed)) return NULL;
  uint64_t value = unmix(mixed);
  return pool_get(&gun->slots, (struct handle){(uint32_t)value, (uint32_t)(value >> 32)});
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
