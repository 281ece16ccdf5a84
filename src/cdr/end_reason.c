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

struct number_pair {
  uint16_t from, to;
};

static const struct number_pair causes_of_statuses[] = {
#define Q850_OF_STATUS(status, cause) {status, cause},
#include "cdr/q850.def"
#undef Q850_OF_STATUS
};

static const struct number_pair statuses_of_causes[] = {
#define STATUS_OF_Q850(cause, status) {cause, status},
#include "cdr/q850.def"
#undef STATUS_OF_Q850
};

static unsigned pair_find(const struct number_pair *pairs, size_t count, unsigned from, unsigned otherwise) {
  for (size_t i = 0; i < count; i++)
    if (pairs[i].from == from) return pairs[i].to;
  return otherwise;
}

unsigned q850_cause_of_status(unsigned sip_status) {
  const unsigned normal_clearing = 16, normal_unspecified = 31;
  return pair_find(causes_of_statuses, sizeof causes_of_statuses / sizeof causes_of_statuses[0], sip_status,
                   sip_status / 100 == 2 ? normal_clearing : normal_unspecified);
}

unsigned sip_status_of_q850_cause(unsigned cause) {
  const unsigned server_internal_error = 500;
  return pair_find(statuses_of_causes, sizeof statuses_of_causes / sizeof statuses_of_causes[0], cause,
                   server_internal_error);
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
