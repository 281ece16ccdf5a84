#include "registrar/digest_nonce.h"

#define WORKER_DIGITS 2
#define TIME_DIGITS   12
#define CHANCE_DIGITS 8
#define SIGNED_DIGITS (WORKER_DIGITS + TIME_DIGITS + CHANCE_DIGITS)

/* As many bytes of the realm as take part; a directory's realm is not longer. */
#define REALM_BYTES_MAX 255

/* 128 bits of SipHash under two keys: nobody without the key finds a signature by trying, and 64 bits of it are still
 * an identity that cannot be chosen. */
struct nonce_signature {
  uint64_t high, low;
};

static struct nonce_signature sign(const struct context *context, const struct address *source, struct str_view realm,
                                   struct str_view signed_digits) {
  char bytes[SIGNED_DIGITS + 17 + REALM_BYTES_MAX];
  struct text_builder builder = text_builder_over(bytes, sizeof bytes);
  text_builder_add(&builder, signed_digits);
  text_builder_add(&builder, str_view_of((const char *)source->ip, sizeof source->ip));
  text_builder_add_char(&builder, (char)source->family);
  text_builder_add(&builder, str_view_slice(realm, 0, REALM_BYTES_MAX));
  struct siphash_key low_key = context->local->nonce_key, high_key = low_key;
  high_key.k0 ^= UINT64_C(0x6e6f6e63652d6869); /* any constant: it only makes a second key of the first */
  return (struct nonce_signature){siphash(&high_key, bytes, builder.length), siphash(&low_key, bytes, builder.length)};
}

static void add_signature(struct text_builder *builder, struct nonce_signature signature) {
  text_builder_add_hex(builder, signature.high, 16);
  text_builder_add_hex(builder, signature.low, 16);
}

void digest_nonce_write(struct context *context, const struct address *source, struct str_view realm,
                        struct text_builder *builder) {
  char digits[SIGNED_DIGITS];
  struct text_builder signed_part = text_builder_over(digits, sizeof digits);
  text_builder_add_hex(&signed_part, context->local->worker, WORKER_DIGITS);
  text_builder_add_hex(&signed_part, digest_nonce_now_ms(context), TIME_DIGITS);
  text_builder_add_hex(&signed_part, random_u64(context->random), CHANCE_DIGITS);
  text_builder_add(builder, text_builder_view(&signed_part));
  add_signature(builder, sign(context, source, realm, text_builder_view(&signed_part)));
}

bool digest_nonce_read(const struct context *context, const struct address *source, struct str_view realm,
                       struct str_view text, struct digest_nonce *nonce_out) {
  if (text.length != DIGEST_NONCE_LENGTH) return false;
  struct str_view signed_digits = str_view_slice(text, 0, SIGNED_DIGITS);
  struct nonce_signature signature = sign(context, source, realm, signed_digits);
  char right[DIGEST_NONCE_LENGTH - SIGNED_DIGITS];
  struct text_builder builder = text_builder_over(right, sizeof right);
  add_signature(&builder, signature);
  unsigned difference = 0; /* the same time wherever the first wrong digit is */
  for (size_t i = 0; i < sizeof right; i++)
    difference |= (unsigned)(right[i] ^ text.data[SIGNED_DIGITS + i]);
  if (difference) return false;
  uint64_t worker;
  if (!str_view_hex_to_u64(str_view_slice(signed_digits, 0, WORKER_DIGITS), &worker) ||
      !str_view_hex_to_u64(str_view_slice(signed_digits, WORKER_DIGITS, TIME_DIGITS), &nonce_out->made_at_ms))
    return false;
  nonce_out->worker = (uint8_t)worker;
  nonce_out->id = signature.high;
  return true;
}
