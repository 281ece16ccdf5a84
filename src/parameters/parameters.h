/* The system parameters: one table (parameters.def) of which everything is made: this struct, validation, API, console,
 * documents. Values are plain fields, read directly by whoever decides: context->parameters->SS_SIP_SESSION_TTL.
 * A set of values is immutable once handed to a worker; a change is a new set and an ORDER_PARAMETERS_CHANGED. */
#ifndef PARAMETERS_PARAMETERS_H
#define PARAMETERS_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str_view.h"
#include "base/text_builder.h"
#include "boundary/address.h"

#define PARAMETER_TEXT_MAX 512

/* A text value: escapes already resolved, so it may hold any byte. */
struct parameter_text {
  uint16_t length;
  char bytes[PARAMETER_TEXT_MAX];
};

#define PARAMETER_LIST_MAX 32

/* A list of waits in milliseconds; count 0: the word (`rfc3261`) stands instead of a list. */
struct parameter_list {
  uint8_t count;
  uint32_t ms[PARAMETER_LIST_MAX];
};

enum parameter_type {
  PARAMETER_NUMBER, /* uint32_t in `unit`, range min–max; `word` (such as auto, none) is another way to say one value */
  PARAMETER_BYTE,   /* uint32_t 0–255, typed in hexadecimal (0xa0) or decimal, written in hexadecimal */
  PARAMETER_SWITCH, /* bool, On/Off */
  PARAMETER_CHOICE, /* uint32_t: index into `choices`, names separated by blanks */
  PARAMETER_TEXT,   /* struct parameter_text */
  PARAMETER_WAITS,  /* struct parameter_list, seconds with a decimal point, separated by commas */
};

struct parameters {
#define PARAMETER_NUMBER(name, ...) uint32_t name;
#define PARAMETER_BYTE(name, ...)   uint32_t name;
#define PARAMETER_SWITCH(name, ...) bool name;
#define PARAMETER_CHOICE(name, ...) uint32_t name;
#define PARAMETER_TEXT(name, ...)   struct parameter_text name;
#define PARAMETER_WAITS(name, ...)  struct parameter_list name;
#include "parameters/parameters.def"
#undef PARAMETER_NUMBER
#undef PARAMETER_BYTE
#undef PARAMETER_SWITCH
#undef PARAMETER_CHOICE
#undef PARAMETER_TEXT
#undef PARAMETER_WAITS
};

/* Values of PARAMETER_NUMBER fields that have a word beside their range. */
#define PARAMETER_AUTO     UINT32_MAX /* `auto` of SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP */
#define PARAMETER_NO_LIMIT UINT32_MAX /* `none` of SS_GATEWAY_SWITCH_LIMIT */

/* Indices of BF_SESSION_REFRESHER and friends, in the order of their `choices`. */
enum session_refresher_choice { SESSION_REFRESHER_US, SESSION_REFRESHER_THEM, SESSION_REFRESHER_PEER };
enum no_timer_probe_choice { NO_TIMER_PROBE_OPTIONS, NO_TIMER_PROBE_REINVITE, NO_TIMER_PROBE_OFF };
enum keep_alive_method_choice {
  KEEP_ALIVE_MESSAGE,
  KEEP_ALIVE_CRLF,
  KEEP_ALIVE_OPTIONS,
  KEEP_ALIVE_AUTO,
  KEEP_ALIVE_OFF
};
enum keep_alive_learn_choice { KEEP_ALIVE_LEARN_OFF, KEEP_ALIVE_LEARN_SUGGEST, KEEP_ALIVE_LEARN_SET };
enum keep_alive_who_choice { KEEP_ALIVE_WHO_ALL, KEEP_ALIVE_WHO_NAT };
enum billing_until_choice { BILLING_UNTIL_END, BILLING_UNTIL_LAST_ALIVE };
enum authentication_code_choice { AUTHENTICATION_CODE_401, AUTHENTICATION_CODE_407 };
enum digest_algorithms_choice { DIGEST_MD5_SHA256, DIGEST_SHA256_MD5, DIGEST_MD5, DIGEST_SHA256 };

/* What the table says about one parameter. All texts static. */
struct parameter_row {
  const char *name;
  enum parameter_type type;
  size_t offset; /* of the field in struct parameters */
  const char *default_text;
  const char *unit;  /* "s", "ms", "" … */
  uint32_t min, max; /* NUMBER, BYTE; WAITS: of each wait in ms */
  bool zero_allowed; /* 0 is allowed although it is below min (it means off) */
  const char *word;  /* NUMBER, WAITS: the word allowed instead, or NULL */
  uint32_t word_value;
  const char *choices;     /* CHOICE */
  const char *group;       /* heading under which it is shown */
  const char *summary;     /* one line */
  const char *description; /* one paragraph */
};

extern const struct parameter_row parameter_rows[];
extern const size_t parameter_row_count;

/* NULL when there is no such parameter. Names are case-sensitive. */
const struct parameter_row *parameter_find(struct str_view name);

void parameters_set_defaults(struct parameters *parameters);

/* Reads `value` (text as an operator types it) into the row's field. On failure nothing is changed and `*problem` gets
 * one sentence that names the parameter, the value and the allowed range: "SS_SIP_SESSION_TTL is 45; allowed are 90 to
 * 86400 s, or 0". RESULT_MALFORMED or RESULT_OUT_OF_RANGE. */
enum result parameter_set(struct parameters *parameters, const struct parameter_row *row, struct str_view value,
                          struct text_builder *problem) MUST_USE;

/* Appends what may be typed, without a full stop: "90 to 86400 s, or 0", "us or them or peer". */
void parameter_allowed_to_text(const struct parameter_row *row, struct text_builder *builder);

/* Appends the value as an operator would type it; parameter_set reads it back. Text is written with escapes, so that it
 * is printable ASCII. */
void parameter_to_text(const struct parameters *parameters, const struct parameter_row *row,
                       struct text_builder *builder);

/* True when parameter_to_text now writes a decimal number, which JSON can hold without quotes. */
bool parameter_is_decimal(const struct parameters *parameters, const struct parameter_row *row);

/* Where BF_HEP_ADDRESS leads; family NONE: nowhere. */
enum result parameters_hep_address(const struct parameters *parameters, struct address *address_out) MUST_USE;

/* Checks what no single row can (such as an early hang-up beyond a third of the TTL). RESULT_OUT_OF_RANGE with a
 * sentence in
 * `*problem`. */
enum result parameters_check(const struct parameters *parameters, struct text_builder *problem) MUST_USE;

/* A few values that go together under a name (presets.def). */
struct parameter_preset {
  const char *name;
  uint32_t session_ttl_s, no_timer_reinvite_interval_s, keep_alive_period_s;
  const char *summary; /* what it is meant for */
};

extern const struct parameter_preset parameter_presets[];
extern const size_t parameter_preset_count;

/* Applies the preset of that name (standard, call-center, wholesale, mobile) and leaves all other values;
 * parameters_check comes afterwards. RESULT_NOT_FOUND with the names in `*problem`. */
enum result parameters_apply_preset(struct parameters *parameters, struct str_view name,
                                    struct text_builder *problem) MUST_USE;

#endif
