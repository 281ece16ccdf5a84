/* What an operator may do: each role may do all that the ones before it may. Which route needs which role stands in
 * api_routes.def. */
#ifndef ADMIN_ROLE_H
#define ADMIN_ROLE_H

#include <stdbool.h>

enum role {
  ROLE_NOBODY,   /* has not signed in */
  ROLE_VIEWER,   /* looks */
  ROLE_OPERATOR, /* ends calls and registrations, changes phones and gateways */
  ROLE_ADMIN     /* changes system parameters and users */
};

/* "viewer", "operator", "admin"; "nobody". Static storage. */
const char *role_name(enum role role);

/* The role of that name; false when there is none (nobody is none). */
bool role_from_name(const char *name, enum role *role_out);

#endif
