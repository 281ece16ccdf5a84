/* Birth, death and finding of dialogs, and their states. The texts are remote_end.c's. */
#include "dialog/dialog_private.h"
#include "dialog/next_hop.h"
#include "dialog/route_set.h"
#include "sip/sip_build.h"
#include "sip/sip_uri.h"

/* --- the table --------------------------------------------------------------------------------------------------- */

/* Each dialog of ours as UAC has at least one fork from its first response to its answer; those that ring at the same
 * time are far fewer than all. */
static uint32_t forks_max(uint32_t dialogs_max) {
  return dialogs_max / 2 + DIALOG_BRANCHES_MAX;
}

static uint32_t provisionals_max(uint32_t dialogs_max) {
  return dialogs_max / 4 + 16;
}

static size_t aligned(size_t bytes) {
  return (bytes + 63) & ~(size_t)63;
}

size_t dialog_table_memory_bytes(uint32_t dialogs_max) {
  return aligned(sizeof(struct dialog_table)) + aligned(pool_memory_bytes(sizeof(struct dialog), dialogs_max)) +
         aligned(pool_memory_bytes(sizeof(struct dialog_fork), forks_max(dialogs_max))) +
         aligned(pool_memory_bytes(sizeof(struct dialog_provisional), provisionals_max(dialogs_max)));
}

struct dialog_table *dialog_table_create(void *memory, uint32_t dialogs_max, struct block_store *blocks,
                                         struct transaction_layer *transactions) {
  struct dialog_table *table = memory;
  char *at = (char *)memory + aligned(sizeof *table);
  pool_init(&table->dialogs, at, sizeof(struct dialog), dialogs_max);
  at += aligned(pool_memory_bytes(sizeof(struct dialog), dialogs_max));
  pool_init(&table->forks, at, sizeof(struct dialog_fork), forks_max(dialogs_max));
  at += aligned(pool_memory_bytes(sizeof(struct dialog_fork), forks_max(dialogs_max)));
  pool_init(&table->provisionals, at, sizeof(struct dialog_provisional), provisionals_max(dialogs_max));
  table->blocks = blocks;
  table->transactions = transactions;
  return table;
}

struct dialog *dialog_at(const struct dialog_table *table, struct handle handle) {
  return pool_get(&table->dialogs, handle);
}

/* --- states ------------------------------------------------------------------------------------------------------ */

struct dialog_transition {
  enum dialog_state state;
  enum dialog_event event;
  enum dialog_state next;
};

static const struct dialog_transition transitions[] = {
#define DIALOG_TRANSITION(state, event, next, why) {DIALOG_##state, DIALOG_EVENT_##event, DIALOG_##next},
#include "dialog/dialog_states.def"
#undef DIALOG_TRANSITION
};

void dialog_happens(struct dialog *dialog, enum dialog_event event) {
  for (size_t i = 0; i < sizeof transitions / sizeof transitions[0]; i++) {
    if (transitions[i].state != dialog->state || transitions[i].event != event) continue;
    dialog->state = (uint8_t)transitions[i].next;
    return;
  }
}

/* --- our tag ----------------------------------------------------------------------------------------------------- */

void dialog_write_tag(const struct dialog_table *table, const struct dialog *dialog, struct text_builder *builder) {
  struct handle handle = pool_handle_of(&table->dialogs, dialog);
  text_builder_add_hex(builder, dialog->worker, 2);
  text_builder_add_hex(builder, (uint64_t)handle.index << 32 | handle.generation, 16);
  text_builder_add_hex(builder, dialog->random_bits, 16);
}

struct tag_parts {
  uint8_t worker;
  struct handle handle;
  uint64_t random_bits;
};

/* Tokens have no case (§7.3.1). */
static bool read_tag(struct str_view tag, struct tag_parts *parts_out) {
  uint64_t worker, index, generation;
  if (tag.length != DIALOG_TAG_LENGTH || !str_view_any_hex_to_u64(str_view_slice(tag, 0, 2), &worker) ||
      !str_view_any_hex_to_u64(str_view_slice(tag, 2, 8), &index) ||
      !str_view_any_hex_to_u64(str_view_slice(tag, 10, 8), &generation) ||
      !str_view_any_hex_to_u64(str_view_slice(tag, 18, 16), &parts_out->random_bits))
    return false;
  parts_out->worker = (uint8_t)worker;
  parts_out->handle = (struct handle){(uint32_t)index, (uint32_t)generation};
  return true;
}

enum result dialog_tag_worker(struct str_view tag, uint8_t *worker_out) {
  struct tag_parts parts;
  if (!read_tag(tag, &parts)) return RESULT_MALFORMED;
  *worker_out = parts.worker;
  return RESULT_OK;
}

/* --- birth and death --------------------------------------------------------------------------------------------- */

void dialog_set_owner(struct dialog *dialog, struct transaction_owner owner) {
  dialog->owner = owner.handle;
  dialog->owner_kind = owner.kind;
  dialog->owner_detail = owner.detail;
}

static struct dialog *dialog_take(struct dialog_table *table, struct context *context, struct transaction_owner owner,
                                  struct handle *dialog_out) {
  struct dialog *dialog = pool_take(&table->dialogs, dialog_out);
  if (!dialog) return NULL;
  dialog->worker = context->local->worker;
  dialog->random_bits = random_u64(context->random);
  dialog_set_owner(dialog, owner);
  dialog->state = DIALOG_TRYING;
  return dialog;
}

static void dialog_give(struct dialog_table *table, struct dialog *dialog) {
  dialog_provisional_give(table, dialog);
  remote_end_drop_forks(table, dialog);
  block_store_clear(table->blocks, &dialog->end.text);
  block_store_clear(table->blocks, &dialog->pending_target);
  block_store_clear(table->blocks, &dialog->ack);
  pool_give(&table->dialogs, dialog);
}

void dialog_destroy(struct dialog_table *table, struct context *context, struct handle handle) {
  (void)context;
  struct dialog *dialog = dialog_at(table, handle);
  if (dialog) dialog_give(table, dialog);
}

/* The value of the header line that was just built; empty when there was no room. */
static struct str_view value_of(const struct text_builder *line, enum sip_header header) {
  struct str_view value = str_view_from(text_builder_view(line), sip_header_text(header).length + sizeof ": " - 1);
  return line->overflowed ? (struct str_view){0} : str_view_slice(value, 0, value.length - 2);
}

static struct str_view unfolded(struct arena *arena, enum sip_header header, struct str_view value) {
  struct text_builder line = arena_builder(arena, value.length + 32);
  sip_build_header(&line, header, value);
  return value_of(&line, header);
}

static struct str_view name_addr(struct arena *arena, enum sip_header header, struct str_view display,
                                 struct str_view uri) {
  struct text_builder line = arena_builder(arena, 2 * display.length + uri.length + 32);
  sip_build_name_addr(&line, header, display, uri, (struct str_view){0});
  return value_of(&line, header);
}

/* Our From is the request's To with our tag, our To its From as it is (§12.1.1, §12.2.1.1). The remote tag is looked
 * for in the value that we keep: folding may have moved it. */
static enum result read_ends(struct context *context, const struct sip_message *invite,
                             struct remote_end_words *words) {
  struct str_view to = sip_message_header(invite, SIP_HEADER_TO), from = sip_message_header(invite, SIP_HEADER_FROM);
  struct sip_name_addr remote;
  if (to.length + from.length > DIALOG_TEXT_BYTES_MAX) return RESULT_MALFORMED;
  words->local = unfolded(context->arena, SIP_HEADER_TO, to);
  words->remote = unfolded(context->arena, SIP_HEADER_FROM, from);
  if (words->local.length == 0 || words->remote.length == 0) return RESULT_FULL;
  if (sip_name_addr_parse(words->remote, &remote) != RESULT_OK) return RESULT_MALFORMED;
  if (!sip_parameter_find(remote.parameters, STR_VIEW("tag"), &words->remote_tag))
    words->remote_tag = (struct str_view){0}; /* null, RFC 2543 */
  return RESULT_OK;
}

/* §12.1.1: sips: in the Request-URI, or in the top Record-Route, or without one in the Contact. */
static bool wants_secure_contact(const struct sip_message *invite, const struct remote_end_words *words) {
  struct str_view sips = STR_VIEW("sips:");
  struct sip_name_addr first;
  if (str_view_starts_with_nocase(invite->request_uri, sips)) return true;
  if (words->route_set.length == 0) return str_view_starts_with_nocase(words->remote_target, sips);
  return sip_name_addr_parse(route_set_first(words->route_set, NULL), &first) == RESULT_OK &&
         first.uri.scheme == SIP_URI_SIPS;
}

static enum result fill_uas(struct dialog_table *table, struct context *context, struct dialog *dialog,
                            const struct sip_message *invite) {
  struct remote_end_words words = {.call_id = invite->call_id};
  enum result result = read_ends(context, invite, &words);
  if (result == RESULT_OK) result = route_set_from_message(invite, false, context->arena, &words.route_set);
  if (result == RESULT_OK) result = remote_end_target_of(invite, context->arena, &words.remote_target);
  if (result == RESULT_OK) result = remote_end_write(table, context->arena, &dialog->end, &words);
  if (result == RESULT_OK) dialog->is_secure = wants_secure_contact(invite, &words);
  return result == RESULT_OK || result == RESULT_FULL ? result : RESULT_MALFORMED;
}

enum result dialog_create_uas(struct dialog_table *table, struct context *context, const struct sip_message *invite,
                              const struct flow *flow, struct transaction_owner owner, struct handle *dialog_out) {
  struct dialog *dialog = dialog_take(table, context, owner, dialog_out);
  if (!dialog) return RESULT_FULL;
  enum result result = fill_uas(table, context, dialog, invite);
  if (result != RESULT_OK) {
    dialog_give(table, dialog);
    *dialog_out = HANDLE_NONE;
    return result;
  }
  dialog->end.flow = *flow;
  dialog->end.is_translated = next_hop_sender_is_translated(invite, flow);
  dialog->end.remote_cseq = dialog->remote_invite_cseq = invite->cseq;
  dialog->end.has_remote_cseq = true;
  dialog->echo_record_route = sip_message_has(invite, SIP_HEADER_RECORD_ROUTE);
  remote_end_note_abilities(&dialog->end, invite);
  remote_end_aim(table, context, dialog, &dialog->end);
  return RESULT_OK;
}

#define CALL_ID_TRIES_MAX                                                                                              \
  4096 /* with 255 workers one in ten million Call-IDs is not steered home; its tag still is                           \
        */

/* 128 random bits that name nobody, of which the second half is drawn again until the Call-ID hashes home. */
static struct str_view make_call_id(struct context *context) {
  struct text_builder text = arena_builder(context->arena, 32);
  text_builder_add_hex(&text, random_u64(context->random), 16);
  for (unsigned i = 0; i < CALL_ID_TRIES_MAX; i++) {
    text.length = text.length < 16 ? text.length : 16;
    text_builder_add_hex(&text, random_u64(context->random), 16);
    if (local_identity_steer(context->local, text_builder_view(&text)) == context->local->worker) break;
  }
  return text.overflowed ? (struct str_view){0} : text_builder_view(&text);
}

static enum result fill_uac(struct dialog_table *table, struct context *context, struct dialog *dialog,
                            const struct dialog_invitation *invitation) {
  struct remote_end_words words = {.route_set = invitation->route, .call_id = make_call_id(context)};
  struct sip_uri request_uri;
  words.local = name_addr(context->arena, SIP_HEADER_FROM, invitation->local_display, invitation->local_uri);
  words.remote = name_addr(context->arena, SIP_HEADER_TO, (struct str_view){0}, invitation->remote_uri);
  if (sip_uri_parse(invitation->request_uri, &request_uri) == RESULT_OK)
    words.remote_target = route_set_request_uri(&request_uri, context->arena);
  if (words.local.length == 0 || words.remote.length == 0 || words.call_id.length == 0) return RESULT_FULL;
  if (words.remote_target.length == 0) return RESULT_MALFORMED;
  return remote_end_write(table, context->arena, &dialog->end, &words);
}

/* §8.1.1.8: a sips: Request-URI or topmost Route wants a sips: Contact. */
static bool invites_securely(const struct dialog_invitation *invitation) {
  struct sip_name_addr first;
  if (str_view_starts_with_nocase(invitation->request_uri, STR_VIEW("sips:"))) return true;
  return invitation->route.length > 0 &&
         sip_name_addr_parse(route_set_first(invitation->route, NULL), &first) == RESULT_OK &&
         first.uri.scheme == SIP_URI_SIPS;
}

enum result dialog_create_uac(struct dialog_table *table, struct context *context,
                              const struct dialog_invitation *invitation, struct transaction_owner owner,
                              struct handle *dialog_out) {
  struct dialog *dialog = dialog_take(table, context, owner, dialog_out);
  if (!dialog) return RESULT_FULL;
  enum result result = fill_uac(table, context, dialog, invitation);
  if (result != RESULT_OK) {
    dialog_give(table, dialog);
    *dialog_out = HANDLE_NONE;
    return result;
  }
  dialog->is_uac = true;
  dialog->end.number = REMOTE_END_INVITED;
  dialog->end.flow = invitation->flow;
  dialog->follow_flow = invitation->follow_flow;
  dialog->is_secure = invites_securely(invitation);
  return RESULT_OK;
}

/* --- finding ----------------------------------------------------------------------------------------------------- */

/* Some devices lose the To tag of requests in a dialog; the user part of our Contact is the tag too. */
static bool tag_of_request(const struct sip_message *request, struct tag_parts *parts_out) {
  struct sip_uri uri;
  if (request->to_tag.length > 0) return read_tag(request->to_tag, parts_out);
  return sip_uri_parse(request->request_uri, &uri) == RESULT_OK && read_tag(uri.user, parts_out);
}

enum result dialog_find(struct dialog_table *table, const struct sip_message *request, struct handle *dialog_out) {
  struct tag_parts parts;
  *dialog_out = HANDLE_NONE;
  if (!tag_of_request(request, &parts)) return RESULT_NOT_FOUND;
  struct dialog *dialog = dialog_at(table, parts.handle);
  if (!dialog || dialog->random_bits != parts.random_bits || dialog->worker != parts.worker) return RESULT_NOT_FOUND;
  struct remote_end *end = remote_end_by_tag(table, dialog, request->from_tag);
  if (!end) return RESULT_NOT_FOUND;
  /* Once a branch has answered the others are not this dialog any more. */
  if (dialog->was_confirmed && end != &dialog->end) return RESULT_NOT_FOUND;
  if (!str_view_equal(remote_end_words(table, end).call_id, request->call_id)) return RESULT_NOT_FOUND;
  *dialog_out = parts.handle;
  return RESULT_OK;
}

/* --- what others want to know ------------------------------------------------------------------------------------ */

enum dialog_state dialog_state(const struct dialog_table *table, struct handle handle) {
  const struct dialog *dialog = dialog_at(table, handle);
  return dialog ? (enum dialog_state)dialog->state : DIALOG_NONE;
}

struct transaction_owner dialog_owner(const struct dialog_table *table, struct handle handle) {
  const struct dialog *dialog = dialog_at(table, handle);
  if (!dialog) return (struct transaction_owner){0};
  return (struct transaction_owner){dialog->owner_kind, dialog->owner, dialog->owner_detail};
}

struct str_view dialog_local_tag(const struct dialog_table *table, struct context *context, struct handle handle) {
  const struct dialog *dialog = dialog_at(table, handle);
  if (!dialog) return (struct str_view){0};
  struct text_builder tag = arena_builder(context->arena, DIALOG_TAG_LENGTH);
  dialog_write_tag(table, dialog, &tag);
  return text_builder_view(&tag);
}

struct str_view dialog_call_id(const struct dialog_table *table, struct handle handle) {
  const struct dialog *dialog = dialog_at(table, handle);
  return dialog ? remote_end_words(table, &dialog->end).call_id : (struct str_view){0};
}

struct str_view dialog_remote_target(const struct dialog_table *table, struct handle handle) {
  const struct dialog *dialog = dialog_at(table, handle);
  return dialog ? remote_end_words(table, &dialog->end).remote_target : (struct str_view){0};
}

struct str_view dialog_request_uri(const struct dialog_table *table, struct handle handle) {
  const struct dialog *dialog = dialog_at(table, handle);
  return dialog ? remote_end_request_uri(table, &dialog->end) : (struct str_view){0};
}

struct str_view dialog_branch_request_uri(const struct dialog_table *table, struct handle handle, unsigned branch) {
  struct dialog *dialog = dialog_at(table, handle);
  const struct remote_end *end = dialog ? remote_end_by_number(dialog, branch) : NULL;
  return end ? remote_end_request_uri(table, end) : (struct str_view){0};
}

struct str_view dialog_remote_tag(const struct dialog_table *table, struct handle handle) {
  const struct dialog *dialog = dialog_at(table, handle);
  return dialog ? remote_end_words(table, &dialog->end).remote_tag : (struct str_view){0};
}

struct flow dialog_flow(const struct dialog_table *table, struct handle handle) {
  const struct dialog *dialog = dialog_at(table, handle);
  return dialog ? dialog->end.flow : (struct flow){0};
}

uint8_t dialog_moves(const struct dialog_table *table, struct handle handle) {
  const struct dialog *dialog = dialog_at(table, handle);
  return dialog ? dialog->moves : 0;
}

bool dialog_peer_allows(const struct dialog_table *table, struct handle handle, enum sip_method method) {
  const struct dialog *dialog = dialog_at(table, handle);
  return dialog && method != SIP_METHOD_UNKNOWN && (dialog->end.allowed_methods >> method & 1) != 0;
}

bool dialog_peer_supports(const struct dialog_table *table, struct handle handle, enum dialog_peer_option option) {
  const struct dialog *dialog = dialog_at(table, handle);
  return dialog && (dialog->end.supported_options & option) != 0;
}

const struct pool *dialog_pool(const struct dialog_table *table) {
  return &table->dialogs;
}

uint32_t dialog_count(const struct dialog_table *table) {
  return table->dialogs.used;
}

static const char *dialog_problem(const struct dialog *dialog) {
  if (dialog->state < DIALOG_TRYING || dialog->state > DIALOG_ENDED) return "a dialog is in no state";
  if (dialog->end.text.size_class == 0) return "a dialog has no text";
  bool is_invited = dialog->end.number == REMOTE_END_INVITED;
  if (is_invited && !dialog->is_uac) return "a dialog of ours as UAS waits for an answer";
  if (is_invited && (dialog->state == DIALOG_EARLY || dialog->state == DIALOG_CONFIRMED))
    return "a dialog is early or confirmed without a remote end";
  for (const struct dialog_fork *fork = dialog->forks; fork; fork = fork->next)
    if (fork->end.text.size_class == 0) return "a branch has no text";
  return NULL;
}

bool dialog_table_check(const struct dialog_table *table, struct text_builder *problem) {
  uint32_t index = 0, fork_count = 0, provisional_count = 0;
  const struct dialog *dialog;
  const char *sentence = NULL;
  while (!sentence && (dialog = pool_next(&table->dialogs, &index)) != NULL) {
    for (const struct dialog_fork *fork = dialog->forks; fork; fork = fork->next)
      fork_count++;
    provisional_count += dialog->provisional != NULL;
    sentence = dialog_problem(dialog);
  }
  if (!sentence && fork_count != table->forks.used) sentence = "a branch belongs to no dialog";
  if (!sentence && provisional_count != table->provisionals.used) sentence = "a reliable response belongs to no dialog";
  if (!sentence) return true;
  text_builder_add(problem, str_view_from_c(sentence));
  return false;
}
