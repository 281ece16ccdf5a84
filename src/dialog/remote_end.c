#include "dialog/dialog_private.h"
#include "dialog/next_hop.h"
#include "dialog/route_set.h"
#include "sip/sip_build.h"
#include "sip/sip_uri.h"

static struct str_view end_text(const struct dialog_table *table, const struct remote_end *end) {
  return block_store_view(table->blocks, &end->text);
}

/* Where the parts of the text begin; of what is not there, too. */
static size_t local_offset(const struct remote_end *end) {
  return end->request_uri_length;
}

static size_t remote_offset(const struct remote_end *end) {
  return local_offset(end) + end->local_length;
}

static size_t call_id_offset(const struct remote_end *end) {
  return remote_offset(end) + end->remote_length;
}

static size_t routes_offset(const struct remote_end *end) {
  return call_id_offset(end) + end->call_id_length;
}

static struct str_view tag_of(const struct remote_end *end, struct str_view text) {
  return str_view_slice(text, remote_offset(end) + end->remote_tag_offset, end->remote_tag_length);
}

struct remote_end_words remote_end_words(const struct dialog_table *table, const struct remote_end *end) {
  struct str_view text = end_text(table, end);
  struct remote_end_words words = {
      .local = str_view_slice(text, local_offset(end), end->local_length),
      .remote = str_view_slice(text, remote_offset(end), end->remote_length),
      .remote_tag = tag_of(end, text),
      .call_id = str_view_slice(text, call_id_offset(end), end->call_id_length),
      .remote_target = str_view_slice(text, 0, end->remote_target_length),
      .route_set = str_view_slice(text, routes_offset(end), end->routes_length),
  };
  if (!end->is_strict) return words;
  size_t target_offset = words.route_set.length - 1 - end->remote_target_length; /* before ">" */
  words.remote_target = str_view_slice(words.route_set, target_offset, end->remote_target_length);
  words.route_set = str_view_from(text, routes_offset(end) + end->routes_length);
  return words;
}

struct str_view remote_end_request_uri(const struct dialog_table *table, const struct remote_end *end) {
  return str_view_slice(end_text(table, end), 0, end->request_uri_length);
}

size_t remote_end_lines_bytes(const struct remote_end *end) {
  size_t names = sizeof "From: " TAG_PARAMETER "\r\nTo: \r\nCall-ID: \r\nRoute: \r\n";
  return names + DIALOG_TAG_LENGTH + end->local_length + end->remote_length + end->call_id_length + end->routes_length;
}

void remote_end_add_lines(const struct dialog_table *table, const struct remote_end *end, struct str_view local_tag,
                          struct text_builder *builder) {
  struct str_view text = end_text(table, end);
  sip_build_header_begin(builder, SIP_HEADER_FROM);
  text_builder_add(builder, str_view_slice(text, local_offset(end), end->local_length));
  text_builder_add_literal(builder, TAG_PARAMETER);
  text_builder_add(builder, local_tag);
  sip_build_header_end(builder);
  sip_build_plain_header(builder, SIP_HEADER_TO, str_view_slice(text, remote_offset(end), end->remote_length));
  sip_build_plain_header(builder, SIP_HEADER_CALL_ID, str_view_slice(text, call_id_offset(end), end->call_id_length));
  if (end->routes_length > 0)
    sip_build_plain_header(builder, SIP_HEADER_ROUTE, str_view_slice(text, routes_offset(end), end->routes_length));
}

/* A preloaded route is text from elsewhere; all others have been through the parser, or unfolded. */
static bool has_line_break(struct str_view text) {
  return text.length > 0 && (memchr(text.data, '\r', text.length) || memchr(text.data, '\n', text.length));
}

static size_t words_bytes(const struct remote_end_words *words) {
  return words->local.length + words->remote.length + words->call_id.length + 2 * words->remote_target.length +
         2 * words->route_set.length + sizeof ",<>";
}

static void note_lengths(struct remote_end *end, const struct remote_end_words *words, const struct route_plan *plan) {
  bool has_tag = words->remote_tag.length > 0;
  end->request_uri_length = (uint16_t)plan->request_uri.length;
  end->local_length = (uint16_t)words->local.length;
  end->remote_length = (uint16_t)words->remote.length;
  end->call_id_length = (uint16_t)words->call_id.length;
  end->routes_length = (uint16_t)plan->routes.length;
  end->remote_tag_offset = (uint16_t)(has_tag ? words->remote_tag.data - words->remote.data : 0);
  end->remote_tag_length = (uint16_t)words->remote_tag.length;
  end->remote_target_length = (uint16_t)words->remote_target.length;
  end->is_strict = plan->strict;
}

enum result remote_end_write(struct dialog_table *table, struct arena *arena, struct remote_end *end,
                             const struct remote_end_words *words) {
  struct route_plan plan;
  size_t bytes = words_bytes(words);
  if (bytes > DIALOG_TEXT_BYTES_MAX || has_line_break(words->route_set)) return RESULT_MALFORMED;
  enum result result = route_set_plan(words->route_set, words->remote_target, arena, &plan);
  if (result != RESULT_OK) return result;
  struct text_builder text = arena_builder(arena, bytes);
  text_builder_add(&text, plan.request_uri);
  text_builder_add(&text, words->local);
  text_builder_add(&text, words->remote);
  text_builder_add(&text, words->call_id);
  text_builder_add(&text, plan.routes);
  if (plan.strict) text_builder_add(&text, words->route_set);
  if (text.overflowed) return RESULT_FULL;
  result = block_store_set(table->blocks, &end->text, text_builder_view(&text));
  if (result == RESULT_OK) note_lengths(end, words, &plan);
  return result;
}

enum result remote_end_target_of(const struct sip_message *message, struct arena *arena, struct str_view *target_out) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  struct sip_name_addr contact;
  if (!sip_message_next_value(message, SIP_HEADER_CONTACT, &cursor, &value)) return RESULT_NOT_FOUND;
  if (sip_name_addr_parse(value, &contact) != RESULT_OK) return RESULT_MALFORMED;
  *target_out = route_set_request_uri(&contact.uri, arena);
  return target_out->length > 0 ? RESULT_OK : RESULT_MALFORMED;
}

/* The URI whose address the end's requests are sent to; empty when it cannot be read, or the flow is followed. */
static struct str_view next_hop_of(const struct dialog_table *table, const struct dialog *dialog,
                                   const struct remote_end *end, bool *secure_out) {
  struct sip_name_addr first;
  if (dialog->follow_flow || end->is_translated) return (struct str_view){0};
  struct remote_end_words words = remote_end_words(table, end);
  *secure_out = str_view_starts_with_nocase(words.remote_target, STR_VIEW("sips:"));
  if (words.route_set.length == 0) return words.remote_target;
  if (sip_name_addr_parse(route_set_first(words.route_set, NULL), &first) != RESULT_OK) return (struct str_view){0};
  return first.uri_text;
}

/* Asks for the addresses of a name. Of several questions under way only the last one's answer may count, and answers do
 * not say what they answer: then it is asked once more when all are there. */
static void ask_name(struct dialog_table *table, struct context *context, struct dialog *dialog,
                     const struct next_hop_name *name) {
  if (dialog->names_awaited == UINT8_MAX) return;
  dialog->names_awaited++;
  dialog->name_is_asked_again = dialog->names_awaited > 1;
  outbox_resolve(context->outbox, name->host, name->transport, name->port, pool_handle_of(&table->dialogs, dialog));
}

void remote_end_aim(struct dialog_table *table, struct context *context, struct dialog *dialog,
                    struct remote_end *end) {
  bool secure;
  struct next_hop_name name;
  struct str_view next_hop = next_hop_of(table, dialog, end, &secure);
  if (next_hop.length == 0 || next_hop_aim(context->local, next_hop, secure, &end->flow)) return;
  if (next_hop_name_of(next_hop, secure, &end->flow, &name)) ask_name(table, context, dialog, &name);
}

void dialog_resolved(struct dialog_table *table, struct context *context, struct handle handle,
                     enum transport transport, struct address_list addresses) {
  struct dialog *dialog = dialog_at(table, handle);
  struct next_hop_name name;
  bool secure;
  if (!dialog || dialog->names_awaited == 0 || --dialog->names_awaited > 0) return;
  struct remote_end *end = &dialog->end;
  struct str_view next_hop = next_hop_of(table, dialog, end, &secure);
  if (next_hop.length == 0 || !next_hop_name_of(next_hop, secure, &end->flow, &name)) return;
  if (dialog->name_is_asked_again)
    ask_name(table, context, dialog, &name);
  else
    end->flow = next_hop_flow_among(context->local, addresses.items, addresses.count, transport, &end->flow);
}

bool dialog_find_another_way(struct dialog_table *table, struct context *context, struct handle handle) {
  struct dialog *dialog = dialog_at(table, handle);
  if (!dialog || dialog->end.flow.connection == 0) return false;
  struct flow broken = dialog->end.flow;
  /* Known by nobody's address the peer is met nowhere else than where it says. */
  dialog->end.flow.remote = (struct address){0};
  dialog->end.flow.connection = 0;
  remote_end_aim(table, context, dialog, &dialog->end);
  if (dialog->end.flow.remote.family != ADDRESS_NONE) return true;
  dialog->end.flow = broken;
  return false;
}

enum result remote_end_retarget(struct dialog_table *table, struct context *context, struct dialog *dialog,
                                struct remote_end *end, struct str_view target) {
  struct remote_end_words words = remote_end_words(table, end);
  if (str_view_equal(words.remote_target, target)) return RESULT_OK;
  words.remote_target = target;
  enum result result = remote_end_write(table, context->arena, end, &words);
  if (result != RESULT_OK) return result;
  dialog->moves++;
  remote_end_aim(table, context, dialog, end);
  return RESULT_OK;
}

void remote_end_note_abilities(struct remote_end *end, const struct sip_message *message) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  if (sip_message_has(message, SIP_HEADER_ALLOW)) {
    end->allowed_methods = 0;
    while (sip_message_next_value(message, SIP_HEADER_ALLOW, &cursor, &value))
      end->allowed_methods = (uint16_t)(end->allowed_methods | 1u << sip_method_from_text(value));
  }
  if (!sip_message_has(message, SIP_HEADER_SUPPORTED)) return;
  unsigned options = 0;
  cursor = (struct sip_value_cursor){0};
  while (sip_message_next_value(message, SIP_HEADER_SUPPORTED, &cursor, &value)) {
    if (str_view_equal_nocase(value, STR_VIEW("timer"))) options |= DIALOG_PEER_TIMER;
    if (str_view_equal_nocase(value, STR_VIEW("100rel"))) options |= DIALOG_PEER_100REL;
    if (str_view_equal_nocase(value, STR_VIEW("replaces"))) options |= DIALOG_PEER_REPLACES;
  }
  end->supported_options = (uint8_t)options;
}
_Static_assert(SIP_METHOD_COUNT <= 16, "allowed_methods has a bit for each method");

struct remote_end *remote_end_by_number(struct dialog *dialog, unsigned number) {
  if (dialog->end.number == number) return &dialog->end;
  for (struct dialog_fork *fork = dialog->forks; fork; fork = fork->next)
    if (fork->end.number == number) return &fork->end;
  return NULL;
}

static bool end_has_tag(const struct dialog_table *table, const struct remote_end *end, struct str_view tag) {
  if (end->number == REMOTE_END_INVITED) return false;
  return str_view_equal(tag_of(end, end_text(table, end)), tag);
}

struct remote_end *remote_end_by_tag(const struct dialog_table *table, struct dialog *dialog, struct str_view tag) {
  if (end_has_tag(table, &dialog->end, tag)) return &dialog->end;
  for (struct dialog_fork *fork = dialog->forks; fork; fork = fork->next)
    if (end_has_tag(table, &fork->end, tag)) return &fork->end;
  return NULL;
}

/* §12.1.2: To of the INVITE with the tag of the response. A null tag (RFC 2543) leaves it without. The value is ours,
 * so an older tag, when a late branch is made after the pattern of an answered one, stands at its end. */
static enum result tag_remote(struct arena *arena, struct str_view tag, struct remote_end_words *words) {
  size_t tail = words->remote_tag.length > 0 ? words->remote_tag.length + sizeof TAG_PARAMETER - 1 : 0;
  struct text_builder remote = arena_builder(arena, words->remote.length + sizeof TAG_PARAMETER + tag.length);
  text_builder_add(&remote, str_view_slice(words->remote, 0, words->remote.length - tail));
  if (tag.length > 0) text_builder_add_literal(&remote, TAG_PARAMETER);
  words->remote_tag = str_view_of(remote.data + remote.length, tag.length);
  text_builder_add(&remote, tag);
  words->remote = text_builder_view(&remote);
  return remote.overflowed ? RESULT_FULL : RESULT_OK;
}

enum result remote_end_learn(struct dialog_table *table, struct context *context, struct remote_end *end,
                             struct remote_end_words *words, const struct sip_message *response) {
  struct str_view target;
  if (remote_end_target_of(response, context->arena, &target) == RESULT_OK) words->remote_target = target;
  if (route_set_from_message(response, true, context->arena, &words->route_set) != RESULT_OK)
    words->route_set = (struct str_view){0};
  return remote_end_write(table, context->arena, end, words);
}

enum result remote_end_fork(struct dialog_table *table, struct context *context, struct dialog *dialog,
                            const struct sip_message *response, struct remote_end **end_out) {
  struct handle unused;
  const struct remote_end *pattern = remote_end_by_number(dialog, REMOTE_END_INVITED);
  if (!pattern) pattern = &dialog->end;
  if (dialog->branch_count >= DIALOG_BRANCHES_MAX) return RESULT_FULL;
  struct dialog_fork *fork = pool_take(&table->forks, &unused);
  if (!fork) return RESULT_FULL;
  struct remote_end_words words = remote_end_words(table, pattern);
  enum result result = tag_remote(context->arena, response->to_tag, &words);
  if (result == RESULT_OK) result = remote_end_learn(table, context, &fork->end, &words, response);
  if (result != RESULT_OK) {
    pool_give(&table->forks, fork);
    return RESULT_FULL;
  }
  fork->end.flow = pattern->flow;
  fork->end.number = dialog->branch_count++;
  fork->next = dialog->forks;
  dialog->forks = fork;
  remote_end_aim(table, context, dialog, &fork->end);
  *end_out = &fork->end;
  return RESULT_OK;
}

void remote_end_make_current(struct dialog *dialog, struct remote_end *end) {
  if (end == &dialog->end) return;
  struct remote_end other = dialog->end;
  dialog->end = *end;
  *end = other;
}

void remote_end_drop_forks(struct dialog_table *table, struct dialog *dialog) {
  while (dialog->forks) {
    struct dialog_fork *fork = dialog->forks;
    dialog->forks = fork->next;
    block_store_clear(table->blocks, &fork->end.text);
    pool_give(&table->forks, fork);
  }
}
