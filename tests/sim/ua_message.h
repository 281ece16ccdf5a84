/* Requests and responses of actors as text, made with the project's own builder. */
#ifndef SIM_UA_MESSAGE_H
#define SIM_UA_MESSAGE_H

#include "sim/actor.h"
#include "sim/ua_transaction.h"

#define UA_MESSAGE_BYTES 8192

/* What a request says beyond what its call knows. */
struct ua_request {
  enum sip_method method;
  struct str_view method_text; /* SIP_METHOD_UNKNOWN */
  uint32_t cseq;
  struct str_view branch;
  struct str_view lines; /* whole header lines */
  struct str_view content_type, body;
};

/* A request of a call, its first INVITE too. */
struct str_view ua_message_request(struct ua_call *call, const struct ua_request *request);

/* A REGISTER; `lines` as above. */
struct str_view ua_message_register(struct actor *actor, struct str_view branch, uint32_t expires_s,
                                    struct str_view lines);

struct str_view ua_message_cancel(const struct ua_transaction *invite);
struct str_view ua_message_ack_of_refusal(const struct ua_transaction *invite, const struct sip_message *response);

/* A response; `to_tag` may be empty; `body` is a session description or empty. */
struct str_view ua_message_response(const struct ua_transaction *transaction, unsigned status, struct str_view to_tag,
                                    struct str_view lines, struct str_view body);

/* A branch that nobody else has. */
struct str_view ua_message_branch(struct actor *actor);

/* The header line that answers the challenge in a 401 or 407 to a request of `method` for `uri`; empty: there is none
 * that we understand. */
struct str_view ua_message_credentials(struct actor *actor, const struct sip_message *response, enum sip_method method,
                                       struct str_view uri);

#endif
