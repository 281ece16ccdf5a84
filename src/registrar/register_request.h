/* One REGISTER on its way through the steps of RFC 3261 §10.3. Only files of this room include it. */
#ifndef REGISTRAR_REGISTER_REQUEST_H
#define REGISTRAR_REGISTER_REQUEST_H

#include "registrar/registrar_private.h"
#include "sip/sip_uri.h"

/* What is to happen to one contact once all of them are known to be right: an existing binding is refreshed, replaced
 * by `made`, or removed; `made` alone is added. */
struct contact_change {
  struct sip_uri uri;
  struct registration_facts facts;
  struct registration *existing; /* NULL: not there yet */
  struct registration *made;     /* prepared, not yet linked; NULL: `existing` is refreshed or removed */
};

struct register_request {
  struct registrar *registrar;
  struct context *context;
  const struct sip_message *message;
  const struct flow *flow;
  struct handle transaction; /* none: nothing has been said yet that must be kept */
  uint32_t branch_hash;      /* with call_id_hash and the CSeq: which request this is */
  uint32_t call_id_hash;
  const struct device *phone; /* from step 3 on */
  struct str_view number;     /* from step 5 on: the index into the list of bindings */
  struct str_view to_number;  /* the user of To, once that is read */
  bool to_is_read;
  struct registration *first; /* of the number's bindings, as long as that is known */
  bool first_is_known;
  struct mono_ms as_of; /* of what the answer says; before now when the request has come again */
  struct str_view path; /* the route to each of its contacts, in the arena */
  unsigned change_count;
  bool comes_again; /* it has been answered before */
  bool has_star;
  bool supports_outbound;                                     /* RFC 5626: it says so */
  bool is_first_hop;                                          /* we are: nobody stands between */
  bool takes_outbound;                                        /* we are, or an edge proxy keeps the flow */
  bool has_flow;                                              /* a Contact names one */
  struct contact_change changes[EVENT_LOCATION_CONTACTS_MAX]; /* the last, since only change_count of them are set */
};

/* What keeps a list of contacts from being taken; 0: nothing. */
enum contact_problem {
  CONTACT_FINE = 0,
  CONTACT_MALFORMED,    /* 400 */
  CONTACT_TOO_BRIEF,    /* 423 */
  CONTACT_OUT_OF_ORDER, /* 500: a CSeq that is not higher (step 7) */
  CONTACT_TOO_MANY,     /* 403 */
  CONTACT_NO_ROOM,      /* 503 */
  CONTACT_WITHOUT_FLOW, /* 439: somebody in between does not keep the flow it names (RFC 5626 §6) */
};

/* Reads the Contact fields (steps 6 and 7) into request->changes, and prepares what is to be added; nothing that others
 * can see changes. After a problem nothing is left prepared. */
enum contact_problem register_contacts_plan(struct register_request *request);

/* Whether some binding is to be added or refreshed, and so will know this request. */
bool register_contacts_add_any(const struct register_request *request);

/* The first of the number's bindings now; NULL: it has none. Looked up when it is not known. */
struct registration *register_contacts_first(struct register_request *request);

/* Makes all planned changes; cannot fail. */
void register_contacts_commit(struct register_request *request);

/* --- register_outbound.c ----------------------------------------------------------------------------------------- */

/* Whether flows can be named in this request. */
void register_outbound_read(struct register_request *request);

/* Reads the flow that a Contact names, if it names one. */
enum contact_problem register_outbound_read_contact(struct register_request *request, struct str_view parameters,
                                                    struct registration_facts *facts);

/* The binding is another flow of a device that this request registers: it stays. */
bool register_outbound_is_other_flow(const struct register_request *request, const struct registration *binding);

/* Adds Require and Flow-Timer to a 200 where flows are named. */
void register_outbound_answer(const struct register_request *request, struct text_builder *response);

/* The shortest time that is accepted, and said in Min-Expires. */
#define REGISTER_EXPIRES_LEAST_S 60

#endif
