#include "admin/password_hash.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/text_builder.h"

#define SALT_BYTES    16
#define HASH_BYTES    32
#define COST_LOG2     15
#define BLOCK_SIZE    8
#define PARALLELISM   1
#define COST_LOG2_MAX 20
#define MEMORY_MAX    (256u * 1024 * 1024)

struct scrypt_cost {
  unsigned cost_log2, block_size, parallelism;
};

static bool scrypt(const char *password, const uint8_t *salt, const struct scrypt_cost *cost, uint8_t *hash_out) {
  uint64_t n = (uint64_t)1 << cost->cost_log2, memory_max = MEMORY_MAX;
  uint32_t r = cost->block_size, p = cost->parallelism;
  /* OpenSSL asks for writable memory, and only reads it. */
  char copy[PASSWORD_LENGTH_MAX + 1];
  uint8_t salt_copy[SALT_BYTES];
  snprintf(copy, sizeof copy, "%s", password);
  memcpy(salt_copy, salt, SALT_BYTES);
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, copy, strlen(copy)),
                             OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt_copy, SALT_BYTES),
                             OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
                             OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
                             OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
                             OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory_max),
                             OSSL_PARAM_construct_end()};
  EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
  EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
  bool good = context && EVP_KDF_derive(context, hash_out, HASH_BYTES, parameters) == 1;
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
  OPENSSL_cleanse(copy, sizeof copy);
  return good;
}

static void write_hex(const uint8_t *bytes, size_t count, char *text) {
  struct text_builder builder = text_builder_over(text, 2 * count);
  text_builder_add_hex_bytes(&builder, str_view_of((const char *)bytes, count));
  text[builder.length] = '\0';
}

static bool read_hex(const char *text, uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint64_t byte;
    if (!str_view_hex_to_u64(str_view_of(text + 2 * i, 2), &byte)) return false;
    bytes[i] = (uint8_t)byte;
  }
  return true;
}

bool password_hash(const char *password, char *text) {
  const struct scrypt_cost cost = {COST_LOG2, BLOCK_SIZE, PARALLELISM};
  uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
  char salt_text[2 * SALT_BYTES + 1], hash_text[2 * HASH_BYTES + 1];
  if (getrandom(salt, sizeof salt, 0) != (ssize_t)sizeof salt || !scrypt(password, salt, &cost, hash)) return false;
  write_hex(salt, sizeof salt, salt_text);
  write_hex(hash, sizeof hash, hash_text);
  snprintf(text, PASSWORD_HASH_BYTES, "scrypt$%u$%u$%u$%s$%s", COST_LOG2, BLOCK_SIZE, PARALLELISM, salt_text,
           hash_text);
  return true;
}

static bool read_text(const char *text, struct scrypt_cost *cost, uint8_t *salt, uint8_t *hash) {
  char salt_text[2 * SALT_BYTES + 1], hash_text[2 * HASH_BYTES + 1];
  return text &&
         sscanf(text, "scrypt$%u$%u$%u$%32[0-9a-f]$%64[0-9a-f]", &cost->cost_log2, &cost->block_size,
                &cost->parallelism, salt_text, hash_text) == 5 &&
         cost->cost_log2 <= COST_LOG2_MAX && strlen(salt_text) == 2 * SALT_BYTES &&
         strlen(hash_text) == 2 * HASH_BYTES && read_hex(salt_text, salt, SALT_BYTES) &&
         read_hex(hash_text, hash, HASH_BYTES);
}

bool password_matches(const char *text, const char *password) {
  struct scrypt_cost cost = {COST_LOG2, BLOCK_SIZE, PARALLELISM};
  uint8_t salt[SALT_BYTES] = {0}, wanted[HASH_BYTES] = {0}, hash[HASH_BYTES];
  bool readable = read_text(text, &cost, salt, wanted);
  if (!readable) cost = (struct scrypt_cost){COST_LOG2, BLOCK_SIZE, PARALLELISM};
  bool fits = strlen(password) <= PASSWORD_LENGTH_MAX;
  bool hashed = scrypt(password, salt, &cost, hash);
  return CRYPTO_memcmp(hash, wanted, sizeof hash) == 0 && hashed && readable && fits;
}
