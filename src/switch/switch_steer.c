/* On which worker a message must be handled. Whatever names an object of ours (our Via branch, our tag) names its
 * worker; a REGISTER goes to where its number's registrations live; everything else to where its Call-ID hashes. */
#include "sip/sip_header_values.h"
#include "switch/switch_private.h"

static bool steer_response(const struct local_identity *local, const struct sip_message *message, uint8_t *worker) {
  struct sip_via via;
  if (sip_message_top_via(message, &via) != RESULT_OK) return false;
  if (keepalive_branch_worker(via.branch, worker) == RESULT_OK) return *worker < local->worker_count;
  return transaction_branch_worker(via.branch, worker) == RESULT_OK && *worker < local->worker_count;
}

/* Some devices lose the To tag; the user part of our Contact is the tag too (dialog_find). */
static bool steer_in_dialog(const struct local_identity *local, const struct sip_message *message, uint8_t *worker) {
  struct sip_uri uri;
  struct str_view tag = message->to_tag;
  if (tag.length == 0 && sip_uri_parse(message->request_uri, &uri) == RESULT_OK) tag = uri.user;
  return dialog_tag_worker(tag, worker) == RESULT_OK && *worker < local->worker_count;
}

static bool steer_register(const struct local_identity *local, const struct sip_message *message, uint8_t *worker) {
  struct sip_name_addr to;
  char memory[256];
  struct arena arena;
  if (message->method != SIP_METHOD_REGISTER ||
      sip_name_addr_parse(sip_message_header(message, SIP_HEADER_TO), &to) != RESULT_OK)
    return false;
  arena_init(&arena, memory, sizeof memory);
  *worker = local_identity_steer(local, sip_uri_user_plain(&to.uri, &arena));
  return true;
}

uint8_t switch_core_steer(const struct local_identity *local, struct str_view bytes) {
  struct sip_message message;
  struct sip_defect defect;
  uint8_t worker = local->worker;
  if (sip_message_parse(bytes, &message, &defect) != RESULT_OK) return local->worker;
  if (!message.is_request) return steer_response(local, &message, &worker) ? worker : local->worker;
  if (steer_in_dialog(local, &message, &worker) || steer_register(local, &message, &worker)) return worker;
  return local_identity_steer(local, message.call_id);
}
