#include "parameters/parameters.h"

#include "base/check.h"

#define HEP_PORT 9060

#define FIELD(field) .name = #field, .offset = offsetof(struct parameters, field)

const struct parameter_row parameter_rows[] = {
#define PARAMETER_NUMBER(field, default_value, unit_name, least, most, zero, other_word, other_value, heading, line,   \
                         text)                                                                                         \
  {FIELD(field),                                                                                                       \
   .type = PARAMETER_NUMBER,                                                                                           \
   .default_text = default_value,                                                                                      \
   .unit = unit_name,                                                                                                  \
   .min = least,                                                                                                       \
   .max = most,                                                                                                        \
   .zero_allowed = zero,                                                                                               \
   .word = other_word,                                                                                                 \
   .word_value = other_value,                                                                                          \
   .group = heading,                                                                                                   \
   .summary = line,                                                                                                    \
   .description = text},
#define PARAMETER_BYTE(field, default_value, heading, line, text)                                                      \
  {FIELD(field),    .type = PARAMETER_BYTE, .default_text = default_value, .unit = "", .max = 255, .group = heading,   \
   .summary = line, .description = text},
#define PARAMETER_SWITCH(field, default_value, heading, line, text)                                                    \
  {FIELD(field),    .type = PARAMETER_SWITCH, .default_text = default_value, .unit = "", .group = heading,             \
   .summary = line, .description = text},
#define PARAMETER_CHOICE(field, default_value, names, heading, line, text)                                             \
  {FIELD(field),    .type = PARAMETER_CHOICE, .default_text = default_value,                                           \
   .unit = "",      .choices = names,         .group = heading,                                                        \
   .summary = line, .description = text},
#define PARAMETER_TEXT(field, default_value, heading, line, text)                                                      \
  {FIELD(field),    .type = PARAMETER_TEXT, .default_text = default_value, .unit = "", .group = heading,               \
   .summary = line, .description = text},
#define PARAMETER_WAITS(field, default_value, least, most, other_word, heading, line, text)                            \
  {FIELD(field),                                                                                                       \
   .type = PARAMETER_WAITS,                                                                                            \
   .default_text = default_value,                                                                                      \
   .unit = "s",                                                                                                        \
   .min = least,                                                                                                       \
   .max = most,                                                                                                        \
   .word = other_word,                                                                                                 \
   .group = heading,                                                                                                   \
   .summary = line,                                                                                                    \
   .description = text},
#include "parameters/parameters.def"
#undef PARAMETER_NUMBER
#undef PARAMETER_BYTE
#undef PARAMETER_SWITCH
#undef PARAMETER_CHOICE
#undef PARAMETER_TEXT
#undef PARAMETER_WAITS
};

const size_t parameter_row_count = sizeof parameter_rows / sizeof parameter_rows[0];

const struct parameter_preset parameter_presets[] = {
#define PRESET(preset, session_ttl, no_timer_cap, keep_alive_period, meant_for)                                        \
  {preset, session_ttl, no_timer_cap, keep_alive_period, meant_for},
#include "parameters/presets.def"
#undef PRESET
};

const size_t parameter_preset_count = sizeof parameter_presets / sizeof parameter_presets[0];

const struct parameter_row *parameter_find(struct str_view name) {
  for (size_t i = 0; i < parameter_row_count; i++)
    if (str_view_equal(name, str_view_from_c(parameter_rows[i].name))) return &parameter_rows[i];
  return NULL;
}

void parameters_set_defaults(struct parameters *parameters) {
  *parameters = (struct parameters){0};
  for (size_t i = 0; i < parameter_row_count; i++) {
    const struct parameter_row *row = &parameter_rows[i];
    struct text_builder nobody = text_builder_over(NULL, 0);
    require(parameter_set(parameters, row, str_view_from_c(row->default_text), &nobody) == RESULT_OK);
  }
}

static void add_seconds(struct text_builder *builder, const char *before, uint32_t seconds, const char *after) {
  text_builder_add(builder, str_view_from_c(before));
  text_builder_add_u64(builder, seconds);
  text_builder_add(builder, str_view_from_c(after));
}

enum result parameters_hep_address(const struct parameters *parameters, struct address *address_out) {
  const struct parameter_text *text = &parameters->BF_HEP_ADDRESS;
  *address_out = (struct address){0};
  if (text->length == 0) return RESULT_OK;
  return address_parse(str_view_of(text->bytes, text->length), HEP_PORT, address_out);
}

enum result parameters_check(const struct parameters *parameters, struct text_builder *problem) {
  struct address hep;
  if (parameters_hep_address(parameters, &hep) != RESULT_OK) {
    text_builder_add_literal(problem, "BF_HEP_ADDRESS must be an IP address, with or without a port, or empty");
    return RESULT_OUT_OF_RANGE;
  }
  uint32_t ttl_s = parameters->SS_SIP_SESSION_TTL;
  if (ttl_s == 0) return RESULT_OK;
  uint32_t early_hangup_s = parameters->SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP;
  if (early_hangup_s != PARAMETER_AUTO && early_hangup_s > ttl_s / 3) {
    add_seconds(problem, "SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP is ", early_hangup_s, " s; at most a third of ");
    add_seconds(problem, "SS_SIP_SESSION_TTL (", ttl_s, " s) is allowed, ");
    add_seconds(problem, "which is ", ttl_s / 3, " s, or auto");
    return RESULT_OUT_OF_RANGE;
  }
  if (parameters->BF_SESSION_MIN_SE > ttl_s) {
    add_seconds(problem, "BF_SESSION_MIN_SE is ", parameters->BF_SESSION_MIN_SE, " s; at most ");
    add_seconds(problem, "SS_SIP_SESSION_TTL (", ttl_s, " s) is allowed");
    return RESULT_OUT_OF_RANGE;
  }
  return RESULT_OK;
}

enum result parameters_apply_preset(struct parameters *parameters, struct str_view name, struct text_builder *problem) {
  for (size_t i = 0; i < parameter_preset_count; i++) {
    const struct parameter_preset *preset = &parameter_presets[i];
    if (!str_view_equal(name, str_view_from_c(preset->name))) continue;
    parameters->SS_SIP_SESSION_TTL = preset->session_ttl_s;
    parameters->SS_SIP_NO_TIMER_REINVITE_INTERVAL = preset->no_timer_reinvite_interval_s;
    parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD = preset->keep_alive_period_s;
    return RESULT_OK;
  }
  text_builder_add_literal(problem, "there is no preset of that name; there are ");
  for (size_t i = 0; i < parameter_preset_count; i++) {
    if (i > 0) text_builder_add(problem, i + 1 < parameter_preset_count ? STR_VIEW(", ") : STR_VIEW(" and "));
    text_builder_add(problem, str_view_from_c(parameter_presets[i].name));
  }
  return RESULT_NOT_FOUND;
}
