#include "configuration/device_document.h"

#include <stdio.h>
#include <string.h>

#include "routing/number_transform.h"
#include "sip/sip_digest_compute.h"

#define NAME_LENGTH_MAX     63
#define PASSWORD_LENGTH_MAX 128
#define USER_LENGTH_MAX     128
#define REALM_LENGTH_MAX    255
#define DISPLAY_LENGTH_MAX  63
#define SIP_PORT_DEFAULT    5060

/* What a reader of one key works on. */
struct reading {
  const char *key;
  const json_t *value;
  struct device *device;
  struct gateway *gateway; /* NULL for phones */
  struct arena *arena;
  struct configuration_problem *problem;
  bool has_secret;
};

static enum result complain(struct reading *reading, enum result result, const char *expectation) {
  snprintf(reading->problem->text, sizeof reading->problem->text, "%s must be %s", reading->key, expectation);
  snprintf(reading->problem->pointer, sizeof reading->problem->pointer, "/%s", reading->key);
  return result;
}

static struct str_view json_view(const json_t *value) {
  return str_view_of(json_string_value(value), json_string_length(value));
}

static enum result read_text(struct reading *reading, size_t length_max, struct str_view *text_out) {
  char expectation[64];
  snprintf(expectation, sizeof expectation, "text of 1 to %zu bytes", length_max);
  if (!json_is_string(reading->value)) return complain(reading, RESULT_MALFORMED, expectation);
  struct str_view text = json_view(reading->value);
  if (text.length == 0 || text.length > length_max) return complain(reading, RESULT_OUT_OF_RANGE, expectation);
  for (size_t i = 0; i < text.length; i++)
    if ((unsigned char)text.data[i] < ' ')
      return complain(reading, RESULT_MALFORMED, "text without control characters");
  *text_out = text;
  return RESULT_OK;
}

static enum result read_number(struct reading *reading, uint32_t min, uint32_t max, uint32_t *number_out) {
  char expectation[64];
  snprintf(expectation, sizeof expectation, "a whole number from %u to %u", min, max);
  if (!json_is_integer(reading->value)) return complain(reading, RESULT_MALFORMED, expectation);
  json_int_t number = json_integer_value(reading->value);
  if (number < (json_int_t)min || number > (json_int_t)max) return complain(reading, RESULT_OUT_OF_RANGE, expectation);
  *number_out = (uint32_t)number;
  return RESULT_OK;
}

static enum result read_bool(struct reading *reading, bool *value_out) {
  if (!json_is_boolean(reading->value)) return complain(reading, RESULT_MALFORMED, "true or false");
  *value_out = json_is_true(reading->value);
  return RESULT_OK;
}

/* `names` are the allowed words in the order of their values, ended by NULL. */
static enum result read_choice(struct reading *reading, const char *const *names, int32_t *index_out) {
  char expectation[128] = "one of";
  for (int32_t i = 0; names[i]; i++) {
    if (json_is_string(reading->value) && strcmp(json_string_value(reading->value), names[i]) == 0) {
      *index_out = i;
      return RESULT_OK;
    }
    size_t used = strlen(expectation);
    snprintf(expectation + used, sizeof expectation - used, " %s", names[i]);
  }
  return complain(reading, RESULT_MALFORMED, expectation);
}

static enum result read_name(struct reading *reading) {
  return read_text(reading, NAME_LENGTH_MAX, &reading->device->name);
}

static enum result read_password(struct reading *reading) {
  struct str_view password;
  enum result result = read_text(reading, PASSWORD_LENGTH_MAX, &password);
  if (result != RESULT_OK) return result;
  struct device *device = reading->device;
  struct sip_digest_hex md5 = sip_digest_ha1(SIP_DIGEST_MD5, device->name, STR_VIEW(CONFIGURATION_REALM), password);
  struct sip_digest_hex sha256 =
      sip_digest_ha1(SIP_DIGEST_SHA256, device->name, STR_VIEW(CONFIGURATION_REALM), password);
  memcpy(device->ha1_md5, md5.text, sizeof device->ha1_md5);
  memcpy(device->ha1_sha256, sha256.text, sizeof device->ha1_sha256);
  reading->has_secret = true;
  return RESULT_OK;
}

static enum result read_ha1(struct reading *reading, char *hex, size_t digits) {
  struct str_view text = json_is_string(reading->value) ? json_view(reading->value) : STR_VIEW("");
  bool right = text.length == digits;
  for (size_t i = 0; i < text.length && right; i++)
    right = strchr("0123456789abcdef", text.data[i]) != NULL && text.data[i] != '\0';
  if (!right)
    return complain(reading, RESULT_MALFORMED, digits == 32 ? "32 hexadecimal digits" : "64 hexadecimal digits");
  memcpy(hex, text.data, digits);
  reading->has_secret = true;
  return RESULT_OK;
}

static enum result read_ha1_md5(struct reading *reading) {
  return read_ha1(reading, reading->device->ha1_md5, sizeof reading->device->ha1_md5);
}

static enum result read_ha1_sha256(struct reading *reading) {
  return read_ha1(reading, reading->device->ha1_sha256, sizeof reading->device->ha1_sha256);
}

static enum result read_display(struct reading *reading) {
  return read_text(reading, DISPLAY_LENGTH_MAX, &reading->device->display);
}

static enum result read_addresses(struct reading *reading) {
  static const char expectation[] = "a list of 1 to 16 addresses such as 192.0.2.1 (any port) or 192.0.2.1:5060";
  size_t count = json_array_size(reading->value);
  if (!json_is_array(reading->value) || count == 0 || count > GATEWAY_ADDRESSES_MAX)
    return complain(reading, RESULT_MALFORMED, expectation);
  for (size_t i = 0; i < count; i++) {
    const json_t *item = json_array_get(reading->value, i);
    if (!json_is_string(item) || address_parse(json_view(item), 0, &reading->gateway->addresses[i]) != RESULT_OK)
      return complain(reading, RESULT_MALFORMED, expectation);
  }
  reading->gateway->address_count = (uint8_t)count;
  return RESULT_OK;
}

static enum result read_address(struct reading *reading) {
  static const char expectation[] = "an address such as 192.0.2.1:5060, [2001:db8::1]:5060 or a host name";
  struct str_view text;
  if (read_text(reading, 255, &text) != RESULT_OK) return complain(reading, RESULT_MALFORMED, expectation);
  if (address_parse(text, SIP_PORT_DEFAULT, &reading->gateway->addresses[0]) == RESULT_OK) {
    reading->gateway->address_count = 1;
    return RESULT_OK;
  }
  for (size_t i = 0; i < text.length; i++)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:", text.data[i]))
      return complain(reading, RESULT_MALFORMED, expectation);
  reading->gateway->host = text;
  return RESULT_OK;
}

/* Of a phone that does not register. A name would have to be looked up for every request that comes. */
static enum result read_phone_address(struct reading *reading) {
  static const char expectation[] = "an address such as 192.0.2.1:5060 or [2001:db8::1]:5060";
  struct address *address = arena_take(reading->arena, sizeof *address);
  if (!address) return RESULT_FULL;
  if (!json_is_string(reading->value) ||
      address_parse(json_view(reading->value), SIP_PORT_DEFAULT, address) != RESULT_OK || address->port == 0)
    return complain(reading, RESULT_MALFORMED, expectation);
  reading->device->address = address;
  return RESULT_OK;
}

/* What goes between quotes into Authorization, as it is. */
static enum result read_quotable(struct reading *reading, size_t length_max, struct str_view *text_out) {
  enum result result = read_text(reading, length_max, text_out);
  if (result != RESULT_OK) return result;
  for (size_t i = 0; i < text_out->length; i++)
    if (text_out->data[i] == '"' || text_out->data[i] == '\\')
      return complain(reading, RESULT_MALFORMED, "text without quotes and backslashes");
  return RESULT_OK;
}

static enum result read_user(struct reading *reading) {
  return read_quotable(reading, USER_LENGTH_MAX, &reading->gateway->user);
}

static enum result read_realm(struct reading *reading) {
  return read_quotable(reading, REALM_LENGTH_MAX, &reading->gateway->realm);
}

/* Unlike a phone's it is kept as it is: the gateway says only in its challenge for which realm H(A1) is to be made. */
static enum result read_gateway_password(struct reading *reading) {
  return read_text(reading, PASSWORD_LENGTH_MAX, &reading->gateway->password);
}

static enum result read_transport(struct reading *reading) {
  static const char *const names[] = {"auto", "udp", "tcp", "tls", NULL};
  int32_t index;
  enum result result = read_choice(reading, names, &index);
  if (result == RESULT_OK) reading->gateway->transport = (enum transport)(TRANSPORT_NONE + index);
  return result;
}

static bool is_prefix(struct str_view text) {
  if (str_view_equal(text, STR_VIEW("*"))) return true;
  for (size_t i = 0; i < text.length; i++)
    if (!strchr("0123456789+#*abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", text.data[i])) return false;
  return text.length > 0 && text.length <= GATEWAY_PREFIX_LENGTH_MAX;
}

static enum result read_prefixes(struct reading *reading) {
  static const char expectation[] = "a list of 1 to 256 prefixes: digits, letters, + and #, or \"*\" for any number";
  size_t count = json_array_size(reading->value);
  if (!json_is_array(reading->value) || count == 0 || count > GATEWAY_PREFIXES_MAX)
    return complain(reading, RESULT_MALFORMED, expectation);
  struct str_view *prefixes = arena_take(reading->arena, count * sizeof *prefixes);
  if (!prefixes) return RESULT_FULL;
  for (size_t i = 0; i < count; i++) {
    const json_t *item = json_array_get(reading->value, i);
    if (!json_is_string(item) || !is_prefix(json_view(item))) return complain(reading, RESULT_MALFORMED, expectation);
    prefixes[i] = json_view(item);
  }
  reading->gateway->prefixes = prefixes;
  reading->gateway->prefix_count = (uint16_t)count;
  return RESULT_OK;
}

static enum result read_priority(struct reading *reading) {
  uint32_t number;
  enum result result = read_number(reading, 0, UINT16_MAX, &number);
  if (result == RESULT_OK) reading->gateway->priority = (uint16_t)number;
  return result;
}

static enum result read_capacity(struct reading *reading) {
  return read_number(reading, 0, 10000000, &reading->device->capacity);
}

static enum result read_locked(struct reading *reading) {
  return read_bool(reading, &reading->device->locked);
}

static enum result read_rules(struct reading *reading, const struct number_rule **rules_out, uint8_t *count_out) {
  size_t count = json_array_size(reading->value);
  if (!json_is_array(reading->value) || count > NUMBER_RULES_MAX)
    return complain(reading, RESULT_MALFORMED, "a list of at most 32 rules such as \"0049*:49*\"");
  struct number_rule *rules = arena_take(reading->arena, (count + 1) * sizeof *rules);
  if (!rules) return RESULT_FULL;
  for (size_t i = 0; i < count; i++) {
    const json_t *item = json_array_get(reading->value, i);
    char text[256];
    struct text_builder why = text_builder_over(text, sizeof text - 1);
    if (json_is_string(item) && number_rule_parse(json_view(item), &rules[i], &why) == RESULT_OK) continue;
    text[why.length] = '\0';
    return complain(reading, RESULT_MALFORMED, why.length ? text : "a list of rules such as \"0049*:49*\"");
  }
  *rules_out = rules;
  *count_out = (uint8_t)count;
  return RESULT_OK;
}

static enum result read_callee_rules(struct reading *reading) {
  return read_rules(reading, &reading->device->callee_rules, &reading->device->callee_rule_count);
}

static enum result read_caller_rules(struct reading *reading) {
  return read_rules(reading, &reading->device->caller_rules, &reading->device->caller_rule_count);
}

static enum result read_sip_timer(struct reading *reading) {
  return read_bool(reading, &reading->device->overrides.sip_timer);
}

static enum result read_refresher(struct reading *reading) {
  static const char *const names[] = {"us", "them", "peer", NULL};
  return read_choice(reading, names, &reading->device->overrides.refresher);
}

static enum result read_keep_alive(struct reading *reading) {
  static const char *const names[] = {"message", "crlf", "options", "auto", "off", NULL};
  return read_choice(reading, names, &reading->device->overrides.keep_alive);
}

static enum result read_seconds(struct reading *reading, uint32_t min, uint32_t max, int32_t *seconds_out) {
  uint32_t number;
  enum result result = read_number(reading, min, max, &number);
  if (result == RESULT_OK) *seconds_out = (int32_t)number;
  return result;
}

static enum result read_keep_alive_period(struct reading *reading) {
  return read_seconds(reading, 10, 86400, &reading->device->overrides.keep_alive_period_s);
}

static enum result read_max_duration(struct reading *reading) {
  return read_seconds(reading, 0, 604800, &reading->device->overrides.max_duration_s);
}

static enum result read_timeouts(struct reading *reading) {
  struct device_overrides *overrides = &reading->device->overrides;
  const struct {
    const char *key;
    int32_t *seconds;
  } stages[] = {{"invite", &overrides->timeout_invite_s},
                {"trying", &overrides->timeout_trying_s},
                {"session_progress", &overrides->timeout_session_progress_s},
                {"session_progress_sdp", &overrides->timeout_session_progress_sdp_s},
                {"ringing", &overrides->timeout_ringing_s}};
  static const char expectation[] =
      "an object of seconds (1 to 600) by stage: invite, trying, session_progress, session_progress_sdp, ringing";
  if (!json_is_object(reading->value)) return complain(reading, RESULT_MALFORMED, expectation);
  size_t known = 0;
  for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
    const json_t *value = json_object_get(reading->value, stages[i].key);
    if (!value) continue;
    struct reading stage = *reading;
    stage.value = value;
    if (read_seconds(&stage, 1, 600, stages[i].seconds) != RESULT_OK)
      return complain(reading, RESULT_OUT_OF_RANGE, expectation);
    known++;
  }
  return known == json_object_size(reading->value) ? RESULT_OK : complain(reading, RESULT_MALFORMED, expectation);
}

enum { P = 1 << DEVICE_PHONE, M = 1 << DEVICE_MAPPING_GATEWAY, R = 1 << DEVICE_ROUTING_GATEWAY };

static const struct device_key {
  const char *key;
  unsigned kinds;
  enum result (*read)(struct reading *reading);
} device_keys[] = {
#define DEVICE_KEY(key, kinds, reader) {key, kinds, reader},
#include "configuration/device_keys.def"
#undef DEVICE_KEY
};
#define DEVICE_KEY_COUNT (sizeof device_keys / sizeof device_keys[0])

static enum result refuse_unknown_keys(const json_t *document, unsigned kind, struct configuration_problem *problem) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)document, key, value) {
    bool known = false;
    for (size_t i = 0; i < DEVICE_KEY_COUNT && !known; i++)
      known = (device_keys[i].kinds & kind) && strcmp(device_keys[i].key, key) == 0;
    if (known) continue;
    snprintf(problem->text, sizeof problem->text, "unknown key \"%s\"", key);
    snprintf(problem->pointer, sizeof problem->pointer, "/%s", key);
    return RESULT_MALFORMED;
  }
  return RESULT_OK;
}

/* A user whose password is not given again keeps it. What is still missing, or NULL. */
static const char *complete_credentials(struct gateway *gateway, const struct device *previous) {
  if (gateway->user.length == 0) return gateway->password.length > 0 || gateway->realm.length > 0 ? "user" : NULL;
  if (gateway->password.length == 0 && previous && str_view_equal(gateway->user, previous->gateway->user))
    gateway->password = previous->gateway->password;
  return gateway->password.length == 0 ? "password" : NULL;
}

/* What a kind cannot do without. */
static enum result check_complete(const struct object_kind *kind, const struct reading *reading,
                                  const struct device *previous, struct configuration_problem *problem) {
  const char *missing = NULL;
  struct device *device = reading->device;
  if (device->name.length == 0) missing = kind->name_key;
  if (!missing && kind->kind == DEVICE_MAPPING_GATEWAY && device->gateway->address_count == 0) missing = "addresses";
  if (!missing && kind->kind == DEVICE_ROUTING_GATEWAY) {
    if (device->gateway->address_count == 0 && device->gateway->host.length == 0) missing = "address";
    if (device->gateway->prefix_count == 0) missing = "prefixes";
  }
  if (!missing && reading->gateway) missing = complete_credentials(reading->gateway, previous);
  if (!missing && kind->kind == DEVICE_PHONE && !reading->has_secret) {
    bool had_secret = previous && (previous->ha1_md5[0] != '\0' || previous->ha1_sha256[0] != '\0');
    if (!had_secret && !device->address) missing = "password";
    if (previous) {
      memcpy(device->ha1_md5, previous->ha1_md5, sizeof device->ha1_md5);
      memcpy(device->ha1_sha256, previous->ha1_sha256, sizeof device->ha1_sha256);
    }
  }
  if (!missing) return RESULT_OK;
  snprintf(problem->text, sizeof problem->text, "%s is missing", missing);
  return RESULT_MALFORMED;
}

/* A host name that was there before keeps what was found for it until it is looked up again. */
static void keep_found_addresses(struct gateway *gateway, const struct gateway *previous) {
  if (gateway->host.length == 0 || !str_view_equal(gateway->host, previous->host)) return;
  memcpy(gateway->addresses, previous->addresses, sizeof gateway->addresses);
  gateway->address_count = previous->address_count;
}

enum result device_document_read(const json_t *document, const struct object_kind *kind, const struct device *previous,
                                 struct arena *arena, struct device *device, struct configuration_problem *problem) {
  problem->pointer[0] = '\0';
  if (!json_is_object(document)) {
    snprintf(problem->text, sizeof problem->text, "each of %s must be an object", kind->section);
    return RESULT_MALFORMED;
  }
  unsigned kind_bit = 1u << kind->kind;
  enum result result = refuse_unknown_keys(document, kind_bit, problem);
  if (result != RESULT_OK) return result;
  device_set_defaults(device, kind->kind);
  struct reading reading = {.device = device, .arena = arena, .problem = problem};
  if (kind->kind != DEVICE_PHONE) {
    reading.gateway = arena_take(arena, sizeof *reading.gateway);
    if (!reading.gateway) return RESULT_FULL;
    gateway_set_defaults(reading.gateway);
    device->gateway = reading.gateway;
  }
  /* In the order of the table: the name comes first, because a password's H(A1) is made of it. */
  for (size_t i = 0; i < DEVICE_KEY_COUNT && result == RESULT_OK; i++) {
    reading.key = device_keys[i].key;
    reading.value = json_object_get(document, reading.key);
    if (reading.value && (device_keys[i].kinds & kind_bit)) result = device_keys[i].read(&reading);
  }
  if (reading.gateway && previous) keep_found_addresses(reading.gateway, previous->gateway);
  return result == RESULT_OK ? check_complete(kind, &reading, previous, problem) : result;
}

json_t *device_document_for_store(const json_t *document, const struct device *device) {
  json_t *stored = json_copy((json_t *)document);
  if (!stored) return NULL;
  if (device->kind != DEVICE_PHONE) {
    struct str_view password = device->gateway->password;
    if (password.length > 0) json_object_set_new(stored, "password", json_stringn(password.data, password.length));
    return stored;
  }
  json_object_del(stored, "password");
  if (device->ha1_md5[0] != '\0')
    json_object_set_new(stored, "ha1_md5", json_stringn(device->ha1_md5, sizeof device->ha1_md5));
  if (device->ha1_sha256[0] != '\0')
    json_object_set_new(stored, "ha1_sha256", json_stringn(device->ha1_sha256, sizeof device->ha1_sha256));
  return stored;
}

json_t *configuration_public_document(const char *stored_document) {
  json_t *document = json_loads(stored_document, 0, NULL);
  json_object_del(document, "password");
  json_object_del(document, "ha1_md5");
  json_object_del(document, "ha1_sha256");
  return document;
}
