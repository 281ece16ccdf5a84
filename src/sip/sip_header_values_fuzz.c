/* Any bytes as the value of a header field; the first byte says of which. */
#include "base/check.h"
#include "sip/sip_build.h"
#include "sip/sip_digest_compute.h"
#include "sip/sip_roundtrip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_via(struct str_view value) {
  struct sip_via via;
  if (sip_via_parse(value, &via) == RESULT_OK) require(via.host.length > 0 && via.transport_text.length > 0);
}

static void try_session_expires(struct str_view value) {
  struct sip_session_expires session_expires;
  uint32_t seconds;
  if (sip_session_expires_parse(value, &session_expires) != RESULT_OK) return;
  require(sip_delta_seconds_parse(value, &seconds) == RESULT_OK && seconds == session_expires.interval_s);
}

static void try_delta_seconds(struct str_view value) {
  uint32_t seconds;
  (void)!sip_delta_seconds_parse(value, &seconds);
}

static void try_rack(struct str_view value) {
  struct sip_rack rack;
  if (sip_rack_parse(value, &rack) == RESULT_OK) require(rack.method_text.length > 0);
}

static void try_reason(struct str_view value) {
  struct sip_reason reason;
  if (sip_reason_parse(value, &reason) == RESULT_OK) require(reason.protocol.length > 0);
}

/* A response computed for what was read must match, and with one digit changed must not. */
static void try_digest(struct str_view value) {
  struct sip_digest digest;
  struct str_view ha1 = STR_VIEW("939e7578ed9e3c518a452acee763bce9"), method = STR_VIEW("REGISTER");
  if (sip_digest_parse(value, &digest) != RESULT_OK) return;
  if (digest.algorithm == SIP_DIGEST_UNKNOWN) {
    require(!sip_digest_matches(&digest, ha1, method));
    return;
  }
  (void)sip_digest_matches(&digest, ha1, method);
  struct sip_digest_hex right = sip_digest_response(&digest, ha1, method);
  digest.response = str_view_of(right.text, right.length);
  bool matches = sip_digest_matches(&digest, ha1, method);
  require(matches || digest.qop.length > 0);
  right.text[0] = right.text[0] == '0' ? '1' : '0';
  require(!sip_digest_matches(&digest, ha1, method));
}

static void try_parameters(struct str_view value) {
  struct str_view rest = value, name, parameter, found;
  size_t before = rest.length + 1;
  while (sip_parameter_next(&rest, &name, &parameter)) {
    require(rest.length < before);
    before = rest.length;
    require(sip_parameter_find(value, name, &found));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const readers[])(struct str_view) = {try_via,    try_session_expires, try_delta_seconds, try_rack,
                                                     try_reason, try_digest,          try_parameters};
  if (size == 0) return 0;
  readers[data[0] % (sizeof readers / sizeof readers[0])](str_view_of((const char *)data + 1, size - 1));
  return 0;
}
