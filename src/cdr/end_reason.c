#include "base/check.h"
#include "cdr/cdr_record.h"

static const struct end_reason_row end_reason_rows[] = {
#define END_REASON(name, sip_status, q850_cause, sentence) {#name, sip_status, q850_cause, sentence},
#include "cdr/end_reasons.def"
#undef END_REASON
};

const struct end_reason_row *end_reason_row(enum end_reason reason) {
  require((unsigned)reason < END_REASON_COUNT);
  return &end_reason_rows[reason];
}

static const struct {
  const char *name, *sentence;
} end_cause_rows[] = {
    {"", ""},
#define END_CAUSE(name, sentence) {#name, sentence},
#include "cdr/end_causes.def"
#undef END_CAUSE
};

const char *end_cause_name(enum end_cause cause) {
  require((unsigned)cause < END_CAUSE_COUNT);
  return end_cause_rows[cause].name;
}

const char *end_cause_sentence(enum end_cause cause) {
  require((unsigned)cause < END_CAUSE_COUNT);
  return end_cause_rows[cause].sentence;
}

static const struct {
  uint16_t status, cause;
} causes_of_statuses[] = {
#define Q850_OF_STATUS(status, cause) {status, cause},
#include "cdr/q850.def"
#undef Q850_OF_STATUS
};

unsigned q850_cause_of_status(unsigned sip_status) {
  const unsigned normal_clearing = 16, normal_unspecified = 31;
  for (size_t i = 0; i < sizeof causes_of_statuses / sizeof causes_of_statuses[0]; i++)
    if (causes_of_statuses[i].status == sip_status) return causes_of_statuses[i].cause;
  return sip_status / 100 == 2 ? normal_clearing : normal_unspecified;
}

static const struct {
  uint16_t first, last;
  enum end_reason reason;
} reasons_of_statuses[] = {
#define STATUS(first, last, name) {first, last, END_REASON_##name},
#include "cdr/end_reason_of_status.def"
#undef STATUS
};

enum end_reason end_reason_of_status(unsigned sip_status) {
  for (size_t i = 0; i < sizeof reasons_of_statuses / sizeof reasons_of_statuses[0]; i++)
    if (sip_status >= reasons_of_statuses[i].first && sip_status <= reasons_of_statuses[i].last)
      return reasons_of_statuses[i].reason;
  return END_REASON_protocol_error;
}
