#include "dialog/route_set.h"

static bool is_routable(enum sip_uri_scheme scheme) {
  return scheme == SIP_URI_SIP || scheme == SIP_URI_SIPS;
}

/* A folded value keeps its line breaks in the message; here they become blanks. */
static void add_unfolded(struct text_builder *text, struct str_view value) {
  for (size_t i = 0; i < value.length; i++) {
    char byte = value.data[i];
    text_builder_add_char(text, byte == '\r' || byte == '\n' ? ' ' : byte);
  }
}

static enum result read_values(const struct sip_message *message, struct str_view *values, unsigned *count_out,
                               size_t *bytes_out) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  *count_out = 0;
  *bytes_out = 0;
  while (sip_message_next_value(message, SIP_HEADER_RECORD_ROUTE, &cursor, &value)) {
    struct sip_name_addr route;
    if (*count_out == ROUTE_SET_VALUES_MAX) return RESULT_MALFORMED;
    if (sip_name_addr_parse(value, &route) != RESULT_OK || !is_routable(route.uri.scheme)) return RESULT_MALFORMED;
    values[(*count_out)++] = value;
    *bytes_out += value.length + 1;
  }
  return RESULT_OK;
}

enum result route_set_from_message(const struct sip_message *message, bool reverse, struct arena *arena,
                                   struct str_view *route_set_out) {
  *route_set_out = (struct str_view){0};
  if (!sip_message_has(message, SIP_HEADER_RECORD_ROUTE)) return RESULT_OK;
  struct str_view values[ROUTE_SET_VALUES_MAX];
  unsigned count;
  size_t bytes;
  enum result result = read_values(message, values, &count, &bytes);
  if (result != RESULT_OK || count == 0) return result;
  struct text_builder text = arena_builder(arena, bytes);
  for (unsigned i = 0; i < count; i++) {
    if (i > 0) text_builder_add_char(&text, ',');
    add_unfolded(&text, values[reverse ? count - 1 - i : i]);
  }
  if (text.overflowed) return RESULT_FULL;
  *route_set_out = text_builder_view(&text);
  return RESULT_OK;
}

struct str_view route_set_first(struct str_view route_set, struct str_view *rest_out) {
  bool quoted = false, bracketed = false;
  size_t end = 0;
  for (; end < route_set.length; end++) {
    char byte = route_set.data[end];
    if (quoted) {
      if (byte == '\\')
        end++;
      else if (byte == '"')
        quoted = false;
    } else if (byte == '"' && !bracketed) {
      quoted = true;
    } else if (byte == '<' || byte == '>') {
      bracketed = byte == '<';
    } else if (byte == ',' && !bracketed) {
      break;
    }
  }
  if (rest_out) *rest_out = str_view_trim(str_view_from(route_set, end + 1));
  return str_view_trim(str_view_slice(route_set, 0, end));
}

/* The method parameter goes, all others stay, unknown ones too (RFC 3261 §19.1.5). */
static void add_parameters_but_method(struct text_builder *text, struct str_view parameters) {
  struct str_view name, value, rest = parameters;
  while (sip_parameter_next(&rest, &name, &value)) {
    if (str_view_equal_nocase(name, STR_VIEW("method"))) continue;
    text_builder_add_char(text, ';');
    text_builder_add(text, name);
    if (value.length == 0) continue;
    text_builder_add_char(text, '=');
    text_builder_add(text, value);
  }
}

struct str_view route_set_request_uri(const struct sip_uri *uri, struct arena *arena) {
  struct str_view value;
  if (!is_routable(uri->scheme)) return (struct str_view){0};
  bool has_method = sip_parameter_find(uri->parameters, STR_VIEW("method"), &value);
  if (!has_method && uri->headers.length == 0) return uri->text;
  const char *end = uri->text.data + uri->text.length;
  if (uri->headers.length > 0) end = uri->headers.data - 1;
  if (uri->parameters.length > 0) end = uri->parameters.data - 1;
  struct text_builder text = arena_builder(arena, uri->text.length + 1);
  text_builder_add(&text, str_view_of(uri->text.data, (size_t)(end - uri->text.data)));
  add_parameters_but_method(&text, uri->parameters);
  return text.overflowed ? (struct str_view){0} : text_builder_view(&text);
}

/* §12.2.1.1: the strict router takes the Request-URI's place, the target goes to the end of the routes. */
static enum result plan_strict(const struct sip_uri *first_uri, struct str_view rest, struct str_view remote_target,
                               struct arena *arena, struct route_plan *plan_out) {
  plan_out->strict = true;
  plan_out->request_uri = route_set_request_uri(first_uri, arena);
  plan_out->next_hop = plan_out->request_uri;
  struct text_builder routes = arena_builder(arena, rest.length + remote_target.length + 3);
  text_builder_add(&routes, rest);
  if (rest.length > 0) text_builder_add_char(&routes, ',');
  text_builder_add_char(&routes, '<');
  text_builder_add(&routes, remote_target);
  text_builder_add_char(&routes, '>');
  plan_out->routes = text_builder_view(&routes);
  return routes.overflowed || plan_out->request_uri.length == 0 ? RESULT_FULL : RESULT_OK;
}

enum result route_set_plan(struct str_view route_set, struct str_view remote_target, struct arena *arena,
                           struct route_plan *plan_out) {
  *plan_out = (struct route_plan){.request_uri = remote_target, .next_hop = remote_target};
  if (route_set.length == 0) return RESULT_OK;
  struct str_view rest, lr;
  struct sip_name_addr first;
  if (sip_name_addr_parse(route_set_first(route_set, &rest), &first) != RESULT_OK || !is_routable(first.uri.scheme))
    return RESULT_MALFORMED;
  if (!sip_parameter_find(first.uri.parameters, STR_VIEW("lr"), &lr))
    return plan_strict(&first.uri, rest, remote_target, arena, plan_out);
  plan_out->routes = route_set;
  plan_out->next_hop = first.uri_text;
  return RESULT_OK;
}
