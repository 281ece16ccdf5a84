/* Any bytes as a URI and as a name-addr. A URI that is taken is equal to itself and can stand in angle brackets; a
 * name-addr that is taken is the same when it is built and read again. */
#include "base/check.h"
#include "sip/sip_build.h"
#include "sip/sip_roundtrip.h"
#include "sip/sip_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char memory[2 * SIP_MESSAGE_BYTES_MAX + 64];

static void try_uri(struct str_view text) {
  static char arena_memory[SIP_MESSAGE_BYTES_MAX];
  struct arena arena;
  struct sip_uri uri;
  struct sip_name_addr bracketed;
  arena_init(&arena, arena_memory, sizeof arena_memory);
  if (sip_uri_parse(text, &uri) != RESULT_OK) return;
  require(sip_uri_equal(&uri, &uri));
  require(sip_uri_user_plain(&uri, &arena).length <= uri.user.length);
  (void)sip_uri_transport(&uri);
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  text_builder_add_char(&builder, '<');
  text_builder_add(&builder, text);
  text_builder_add_char(&builder, '>');
  require(sip_name_addr_parse(text_builder_view(&builder), &bracketed) == RESULT_OK);
  require(str_view_equal(bracketed.uri_text, text) && sip_uri_equal(&bracketed.uri, &uri));
}

static void try_name_addr(struct str_view text) {
  struct sip_name_addr first, again;
  if (sip_name_addr_parse(text, &first) != RESULT_OK || first.is_star) return;
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  sip_build_name_addr(&builder, SIP_HEADER_FROM, first.display, first.uri_text, first.parameters);
  struct str_view built = text_builder_view(&builder), name = STR_VIEW("From: ");
  require(!builder.overflowed && str_view_starts_with(built, name));
  built = str_view_slice(built, name.length, built.length - name.length - 2);
  require(memchr(built.data, '\n', built.length) == NULL && memchr(built.data, '\r', built.length) == NULL);
  require(sip_name_addr_parse(built, &again) == RESULT_OK);
  require(str_view_equal(first.uri_text, again.uri_text) &&
          sip_roundtrip_same_value(first.parameters, again.parameters));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str_view text = str_view_of((const char *)data, size < SIP_MESSAGE_BYTES_MAX ? size : SIP_MESSAGE_BYTES_MAX);
  struct sip_uri left, right;
  try_uri(text);
  try_name_addr(text);
  /* Two URIs, a line each: equality has no direction. */
  size_t middle = str_view_find(text, '\n');
  if (sip_uri_parse(str_view_slice(text, 0, middle), &left) != RESULT_OK) return 0;
  if (sip_uri_parse(str_view_from(text, middle + 1), &right) != RESULT_OK) return 0;
  require(sip_uri_equal(&left, &right) == sip_uri_equal(&right, &left));
  return 0;
}
