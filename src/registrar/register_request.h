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
  struct handle transaction;
  const struct device *phone; /* from step 3 on */
  struct str_view number;     /* from step 5 on: the index into the list of bindings */
  struct str_view path;       /* the route to each of its contacts, in the arena */
  uint64_t call_id_hash;
  struct contact_change changes[EVENT_LOCATION_CONTACTS_MAX];
  unsigned change_count;
  bool has_star;
};

/* What keeps a list of contacts from being taken; 0: nothing. */
enum contact_problem {
  CONTACT_FINE = 0,
  CONTACT_MALFORMED,    /* 400 */
  CONTACT_TOO_BRIEF,    /* 423 */
  CONTACT_OUT_OF_ORDER, /* 500: a CSeq that is not higher (step 7) */
  CONTACT_TOO_MANY,     /* 403 */
  CONTACT_NO_ROOM,      /* 503 */
};

/* Reads the Contact fields (steps 6 and 7) into request->changes, and prepares what is to be added; nothing that others
 * can see changes. After a problem nothing is left prepared. */
enum contact_problem register_contacts_plan(struct register_request *request);

/* Makes all planned changes; cannot fail. */
void register_contacts_commit(struct register_request *request);

/* The shortest time that is accepted, and said in Min-Expires. */
#define REGISTER_EXPIRES_LEAST_S 60

#endif
