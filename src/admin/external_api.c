/* POST /external/server/…: the questions that scripts written for VOS3000 ask, answered in its field names, so that
 * they need nothing but another address and a token. Off unless --vos3000-api 1. Read as written for VOS3000 2.1.9;
 * what this switch does not know (codecs, money, accounts) is "" or 0. docs/decisions/vos3000-api.md says where values
 * differ. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/api.h"
#include "admin/desk.h"

#define ITEMS_MAX          50000
#define CDR_PAGE           1000
#define RET_NOT_FOUND      (-10007)
#define RET_BAD_REQUEST    (-10001)
#define RET_FAILED         (-10000)
#define FLOW_NUMBER_DIGITS 12 /* of a call's id: milliseconds since 1970 */

/* --- requests and answers ---------------------------------------------------------------------------------------- */

static void respond(struct api_response *response, const char *list_name, json_t *list) {
  api_respond_json(response, 200, json_pack("{s:i,s:o}", "retCode", 0, list_name, list));
}

static void respond_failed(struct api_response *response, int code, const char *exception) {
  api_respond_json(response, 200, json_pack("{s:i,s:s}", "retCode", code, "exception", exception));
}

/* The body as an object, or NULL after an answer. New reference. */
static json_t *read_body(const struct api_request *request, struct api_response *response) {
  if (!request->switch_parts->has_external_api) {
    api_respond_problem(response, 404, "this API is off; start the switch with --vos3000-api 1", NULL);
    return NULL;
  }
  json_t *body = request->body_length ? json_loadb(request->body, request->body_length, 0, NULL) : json_object();
  if (json_is_object(body)) return body;
  json_decref(body);
  respond_failed(response, RET_BAD_REQUEST, "The body must be a JSON object.");
  return NULL;
}

/* New reference; NULL after an answer. */
static json_t *all_of_workers(const struct api_request *request, enum order_kind order, struct api_response *response) {
  json_t *all = api_all_of_workers(request, order, ITEMS_MAX);
  if (!all) respond_failed(response, RET_FAILED, "The switch did not answer in time.");
  return all;
}

/* True when `filter` is not set, or is or holds `value`. */
static bool passes(const json_t *filter, const char *value) {
  size_t i;
  json_t *one;
  if (json_is_string(filter)) return strcmp(json_string_value(filter), value) == 0;
  if (!json_is_array(filter) || json_array_size(filter) == 0) return true;
  json_array_foreach(filter, i, one) if (json_is_string(one) && strcmp(json_string_value(one), value) == 0) return true;
  return false;
}

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

/* A stamp of ours as milliseconds since 1970; 0: none. */
static json_int_t stamp_ms(const json_t *object, const char *key) {
  struct tm time = {0};
  int milliseconds = 0;
  const char *text = text_of(object, key);
  if (sscanf(text, "%d-%d-%dT%d:%d:%d.%3d", &time.tm_year, &time.tm_mon, &time.tm_mday, &time.tm_hour, &time.tm_min,
             &time.tm_sec, &milliseconds) < 6)
    return 0;
  time.tm_year -= 1900;
  time.tm_mon--;
  return (json_int_t)timegm(&time) * 1000 + milliseconds;
}

/* An address without its port: "192.0.2.1" of "192.0.2.1:5060". */
static json_t *ip_of(const char *address) {
  const char *bracket = strchr(address, ']'), *colon = strrchr(bracket ? bracket : address, ':');
  if (!bracket && colon != strchr(address, ':')) colon = NULL; /* IPv6 without brackets has no port */
  return json_stringn(address, colon ? (size_t)(colon - address) : strlen(address));
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

/* Milliseconds of talk, or the code that VOS3000 has for the stage of a SIP call. */
static json_int_t keep_time(const json_t *call) {
  static const struct {
    const char *state;
    int code;
  } stages[] = {{"trying", -8},    {"progressing", -9}, {"ringing", -11},
                {"answered", -12}, {"leaving", -13},    {"ended", -13}};
  const char *state = text_of(call, "state");
  if (json_is_string(json_object_get(call, "answered_at")))
    return json_integer_value(json_object_get(call, "duration_s")) * 1000;
  for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
    if (strcmp(stages[i].state, state) == 0) return stages[i].code;
  return -7;
}

static json_t *flow_json(void) {
  return json_pack("{s:i,s:i,s:i}", "rtpPackets", 0, "rtpBytes", 0, "rtpDuration", 0);
}

static json_t *call_json(const json_t *call) {
  const char *when = json_is_string(json_object_get(call, "answered_at")) ? "answered_at" : "started_at";
  json_t *json = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:s}", "callerE164", text_of(call, "caller"), "calleeE164",
                           text_of(call, "callee"), "callerGatewayId", text_of(call, "caller_device"),
                           "calleeGatewayId", text_of(call, "callee_device"), "connectedTime", stamp_ms(call, when),
                           "keepTime", keep_time(call), "callId", text_of(call, "id"));
  static const char *const texts[] = {"callCodec",      "callerCodec",   "calleeCodec",
                                      "callerRtpIp",    "calleeRtpIp",   "callerTerminal",
                                      "calleeTerminal", "callerLocalIp", "calleeLocalIp"};
  static const char *const numbers[] = {"callerReceiveDtmf", "callerSendDtmf",   "calleeReceiveDtmf",
                                        "calleeSendDtmf",    "callerCryptoType", "calleeCryptoType"};
  static const char *const flows[] = {"callerInfoRtpFlowAudio", "calleeInfoRtpFlowAudio", "callerInfoRtpFlowVideo",
                                      "calleeInfoRtpFlowVideo"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    json_object_set_new(json, texts[i], json_string(""));
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    json_object_set_new(json, numbers[i], json_integer(0));
  for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++)
    json_object_set_new(json, flows[i], flow_json());
  return json;
}

void external_current_call(const struct api_request *request, struct api_response *response) {
  json_t *body = read_body(request, response);
  if (!body) return;
  json_t *calls = all_of_workers(request, ORDER_LIST_CALLS, response), *list = calls ? json_array() : NULL, *call;
  size_t i;
  json_array_foreach(calls, i, call) {
    if (passes(json_object_get(body, "callerE164s"), text_of(call, "caller")) &&
        passes(json_object_get(body, "calleeE164s"), text_of(call, "callee")) &&
        passes(json_object_get(body, "gatewayMappingName"), text_of(call, "caller_device")) &&
        passes(json_object_get(body, "gatewayRoutingName"), text_of(call, "callee_device")))
      json_array_append_new(list, call_json(call));
  }
  if (calls) respond(response, "infoCurrentCalls", list);
  json_decref(calls);
  json_decref(body);
}

void external_disconnect(const struct api_request *request, struct api_response *response) {
  json_t *body = read_body(request, response);
  if (!body) return;
  struct api_request inner = *request;
  inner.id = json_string_value(json_object_get(body, "callId"));
  if (!inner.id) {
    respond_failed(response, RET_BAD_REQUEST, "callId must be one of GetCurrentCall.");
  } else {
    api_call_delete(&inner, response);
    unsigned status = response->status;
    if (status < 300)
      api_respond_json(response, 200, json_pack("{s:i}", "retCode", 0));
    else
      respond_failed(response, status == 404 ? RET_NOT_FOUND : RET_FAILED,
                     status == 404 ? "There is no such call now." : "The call could not be ended.");
  }
  json_decref(body);
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static json_t *view_json(struct str_view text) {
  return text.length ? json_stringn(text.data, text.length) : json_string("");
}

/* Unique as long as two calls of one millisecond differ in what follows in their ids. */
static json_int_t flow_number(struct str_view id) {
  char digits[FLOW_NUMBER_DIGITS + 1];
  uint64_t rest = 14695981039346656037u;
  snprintf(digits, sizeof digits, "%.*s", (int)(id.length < FLOW_NUMBER_DIGITS ? id.length : FLOW_NUMBER_DIGITS),
           id.data);
  for (size_t i = FLOW_NUMBER_DIGITS; i < id.length; i++)
    rest = (rest ^ (uint8_t)id.data[i]) * 1099511628211u;
  return (json_int_t)((strtoull(digits, NULL, 16) << 18 | (rest >> 46)) & INT64_MAX);
}

/* Positive: the SIP status or Q.850 cause that a peer gave; -9: illegal call, the only number of the maker's own list
 * that is known; else 0, and endReasonText says it. */
static json_int_t end_reason_number(const struct cdr_record *record) {
  if (str_view_equal(record->end_reason, STR_VIEW("illegal_call"))) return -9;
  if (record->end_direction.length && str_view_equal(record->end_direction, STR_VIEW("switch"))) return 0;
  if (record->sip_status >= 300 && record->sip_status < 700) return (json_int_t)record->sip_status;
  return record->q850_cause < 128 ? (json_int_t)record->q850_cause : 0;
}

static int end_direction_number(struct str_view direction) {
  return str_view_equal(direction, STR_VIEW("caller")) ? 0 : str_view_equal(direction, STR_VIEW("callee")) ? 1 : 2;
}

static json_t *ip_json(struct str_view address) {
  char text[80];
  snprintf(text, sizeof text, "%.*s", (int)address.length, address.data ? address.data : "");
  return ip_of(text);
}

static json_int_t wall_ms(struct wall_us at) {
  return at.value / 1000;
}

static void set_money(json_t *json) {
  static const char *const reals[] = {"fee", "suiteFee", "agentFee", "agentSuiteFee"};
  static const char *const numbers[] = {"suiteFeeTime", "agentFeeTime", "agentSuiteFeeTime", "callLevel",
                                        "calleeBilling"};
  static const char *const texts[] = {"feePrefix",   "agentFeePrefix", "account",
                                      "accountName", "agentAccount",   "agentName"};
  for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++)
    json_object_set_new(json, reals[i], json_real(0));
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    json_object_set_new(json, numbers[i], json_integer(0));
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    json_object_set_new(json, texts[i], json_string(""));
}

static json_t *cdr_json(const struct cdr_record *record) {
  bool talked = record->hold_time_ms != CDR_NUMBER_NONE, rated = record->fee_time_s != CDR_NUMBER_NONE;
  json_t *json = json_pack(
      "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "callerE164", view_json(record->caller), "callerAccessE164",
      view_json(record->caller), "callerToGatewayE164", view_json(record->caller_out), "callerGateway",
      view_json(record->caller_device), "callerProductId", json_string(""), "callerip", ip_json(record->caller_address),
      "calleeE164", view_json(record->callee), "calleeAccessE164", view_json(record->callee), "calleeToGatewayE164",
      view_json(record->callee_out), "calleeGateway", view_json(record->callee_device), "calleeProductId",
      json_string(""), "calleeip", ip_json(record->callee_address));
  json_object_set_new(json, "start", json_integer(wall_ms(record->started_at)));
  json_object_set_new(json, "stop", json_integer(wall_ms(record->ended_at)));
  json_object_set_new(json, "holdTime", json_integer(talked ? (json_int_t)record->hold_time_ms / 1000 : 0));
  json_object_set_new(json, "feeTime", json_integer(rated ? (json_int_t)record->fee_time_s : 0));
  json_object_set_new(json, "endDirection", json_integer(end_direction_number(record->end_direction)));
  json_object_set_new(json, "endReason", json_integer(end_reason_number(record)));
  json_object_set_new(json, "endReasonText", view_json(record->end_reason));
  json_object_set_new(json, "billingMode", json_integer(1));
  json_object_set_new(json, "flowNo", json_integer(flow_number(record->id)));
  set_money(json);
  return json;
}

struct cdr_listing {
  const json_t *body;
  json_t *list;
};

static void add_cdr(void *context, const struct cdr_record *record) {
  struct cdr_listing *listing = context;
  if (record->ended_at.value == 0) return;
  json_t *json = cdr_json(record);
  if (passes(json_object_get(listing->body, "callerGateway"), text_of(json, "callerGateway")) &&
      passes(json_object_get(listing->body, "calleeGateway"), text_of(json, "calleeGateway")))
    json_array_append_new(listing->list, json);
  else
    json_decref(json);
}

/* The beginning of the day "20261122" in the host's time zone, `days` later. */
static bool read_day(const json_t *body, const char *key, int days, int64_t *us_out) {
  struct tm day = {.tm_isdst = -1};
  const char *text = text_of(body, key);
  if (strlen(text) < 8 || sscanf(text, "%4d%2d%2d", &day.tm_year, &day.tm_mon, &day.tm_mday) != 3) return false;
  day.tm_year -= 1900;
  day.tm_mon--;
  day.tm_mday += days;
  *us_out = (int64_t)mktime(&day) * 1000000;
  return true;
}

void external_cdr(const struct api_request *request, struct api_response *response) {
  json_t *body = read_body(request, response);
  if (!body) return;
  const json_t *caller = json_object_get(body, "callerE164"), *callee = json_object_get(body, "calleeE164");
  /* The store knows one device on either side; which side it must be is looked at afterwards. */
  const char *mapping = json_string_value(json_object_get(body, "callerGateway"));
  const char *routing = json_string_value(json_object_get(body, "calleeGateway"));
  struct cdr_query query = {.caller = json_string_value(caller),
                            .callee = json_string_value(callee),
                            .device = mapping && mapping[0]   ? mapping
                                      : routing && routing[0] ? routing
                                                              : NULL,
                            .limit = CDR_PAGE};
  struct cdr_listing listing = {.body = body, .list = json_array()};
  char cursor[STORE_CURSOR_BYTES] = "", next[STORE_CURSOR_BYTES], problem[256];
  enum result result = RESULT_OK;
  if (!read_day(body, "beginTime", 0, &query.from_us) || !read_day(body, "endTime", 1, &query.to_us)) {
    json_decref(listing.list);
    json_decref(body);
    respond_failed(response, RET_BAD_REQUEST, "beginTime and endTime must be days such as 20261122.");
    return;
  }
  do {
    query.cursor = cursor[0] ? cursor : NULL;
    result = store_query_cdrs(request->switch_parts->store, &query, add_cdr, &listing, next, problem, sizeof problem);
    memcpy(cursor, next, sizeof cursor);
  } while (result == RESULT_OK && cursor[0] && json_array_size(listing.list) < ITEMS_MAX);
  if (result == RESULT_OK) {
    respond(response, "infoCdrs", listing.list);
  } else {
    json_decref(listing.list);
    respond_failed(response, RET_FAILED, "The records cannot be read.");
  }
  json_decref(body);
}

/* --- devices ----------------------------------------------------------------------------------------------------- */

void external_phone_online(const struct api_request *request, struct api_response *response) {
  json_t *body = read_body(request, response);
  if (!body) return;
  json_t *rows = all_of_workers(request, ORDER_LIST_REGISTRATIONS, response), *list = rows ? json_array() : NULL, *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    const char *number = text_of(row, "number");
    if (!passes(json_object_get(body, "e164s"), number)) continue;
    uint32_t calls = configuration_device_calls(request->switch_parts->configuration, DEVICE_PHONE, number);
    json_array_append_new(list, json_pack("{s:s,s:I,s:o,s:s,s:s,s:I,s:I,s:s,s:i}", "e164", number, "currentCall",
                                          (json_int_t)calls, "remoteIp", ip_of(text_of(row, "source")), "localIp", "",
                                          "natIp", "", "registerTime", stamp_ms(row, "registered_at"), "updateTime",
                                          stamp_ms(row, "refreshed_at"), "productId", text_of(row, "user_agent"),
                                          "cryptoType", 0));
  }
  if (rows) respond(response, "infoPhoneOnlines", list);
  json_decref(rows);
  json_decref(body);
}

struct gateway_listing {
  const struct api_request *request;
  const json_t *body, *traffic;
  enum device_kind kind;
  json_t *list;
};

static json_t *addresses_json(const json_t *document) {
  char text[1024] = "";
  size_t i, length = 0;
  json_t *address;
  json_array_foreach(json_object_get(document, "addresses"), i, address) {
    int written = snprintf(text + length, sizeof text - length, "%s%s", i ? "," : "", json_string_value(address));
    if (written > 0 && length + (size_t)written < sizeof text) length += (size_t)written;
  }
  return json_string(text);
}

/* What both kinds of gateway have. Gateways are known by their addresses, which VOS3000 calls static: no times. */
static json_t *gateway_json(const struct gateway_listing *listing, const char *name, const json_t *document) {
  const json_t *figures = json_object_get(listing->traffic, name);
  uint32_t calls = configuration_device_calls(listing->request->switch_parts->configuration, listing->kind, name);
  return json_pack("{s:i,s:s,s:I,s:I,s:f,s:I,s:s,s:s,s:i,s:i,s:i,s:i,s:s,s:s}", "id",
                   (int)json_array_size(listing->list) + 1, "name", name, "currentCall", (json_int_t)calls, "capacity",
                   json_integer_value(json_object_get(document, "capacity")), "asr",
                   json_number_value(json_object_get(figures, "asr_percent")) / 100, "acd",
                   (json_int_t)json_number_value(json_object_get(figures, "acd_s")), "natIp", "", "localIp", "",
                   "registerTime", 0, "updateTime", 0, "keepTime", 0, "cryptoType", 0, "softswitchName", "belfry",
                   "softswitchIp", "");
}

static void add_gateway(void *context, const char *name, const char *stored, const char *changed_by,
                        int64_t changed_at_us) {
  (void)changed_by, (void)changed_at_us;
  struct gateway_listing *listing = context;
  if (!passes(json_object_get(listing->body, "names"), name)) return;
  json_t *document = configuration_public_document(stored), *json = gateway_json(listing, name, document);
  if (listing->kind == DEVICE_MAPPING_GATEWAY) {
    json_object_set_new(json, "remoteIps", addresses_json(document));
  } else {
    char prefixes[1024] = "";
    size_t i;
    json_t *prefix;
    json_array_foreach(json_object_get(document, "prefixes"), i, prefix) {
      size_t length = strlen(prefixes);
      snprintf(prefixes + length, sizeof prefixes - length, "%s%s", i ? "," : "", json_string_value(prefix));
    }
    json_object_set_new(json, "prefix", json_string(prefixes));
    json_object_set_new(json, "remoteIp", ip_of(text_of(document, "address")));
    json_object_set_new(json, "responseRatio", json_real(0));
    json_object_set_new(json, "connectedRatio", json_copy(json_object_get(json, "asr")));
    json_object_set_new(json, "registerName", json_string(""));
    json_object_set_new(json, "retryAfter", json_integer(0));
  }
  json_decref(document);
  json_array_append_new(listing->list, json);
}

static void list_gateways(const struct api_request *request, enum device_kind kind, const char *store_name,
                          const char *side, const char *list_name, struct api_response *response) {
  json_t *body = read_body(request, response);
  if (!body) return;
  json_t *traffic = monitor_traffic(request->desk->monitor);
  struct gateway_listing listing = {
      .request = request, .body = body, .traffic = json_object_get(traffic, side), .kind = kind, .list = json_array()};
  if (store_each_object(request->switch_parts->store, store_name, add_gateway, &listing) == RESULT_OK) {
    respond(response, list_name, listing.list);
  } else {
    json_decref(listing.list);
    respond_failed(response, RET_FAILED, "The store cannot be read.");
  }
  json_decref(traffic);
  json_decref(body);
}

void external_mapping_online(const struct api_request *request, struct api_response *response) {
  list_gateways(request, DEVICE_MAPPING_GATEWAY, "mapping_gateway", "callers", "infoGatewayMappingOnlines", response);
}

void external_routing_online(const struct api_request *request, struct api_response *response) {
  list_gateways(request, DEVICE_ROUTING_GATEWAY, "routing_gateway", "callees", "infoGatewayRoutingOnlines", response);
}

void external_performance(const struct api_request *request, struct api_response *response) {
  json_t *body = read_body(request, response);
  if (!body) return;
  struct worker_group_status status;
  struct store_health health;
  worker_group_read_status(request->switch_parts->group, &status);
  store_read_health(request->switch_parts->store, &health);
  json_t *list = json_array();
  json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:I}", "softswitchName", "belfry", "currentCall",
                                        (json_int_t)status.counts.calls, "cdrQueue",
                                        (json_int_t)(health.records_waiting + status.records_waiting), "phoneOnline",
                                        (json_int_t)status.counts.registrations));
  respond(response, "infoPerformances", list);
  json_decref(body);
}
