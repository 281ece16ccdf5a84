#include "admin/role.h"

#include <string.h>

static const char *const names[] = {
    [ROLE_NOBODY] = "nobody", [ROLE_VIEWER] = "viewer", [ROLE_OPERATOR] = "operator", [ROLE_ADMIN] = "admin"};

const char *role_name(enum role role) {
  return names[role];
}

bool role_from_name(const char *name, enum role *role_out) {
  for (enum role role = ROLE_VIEWER; name && role <= ROLE_ADMIN; role++)
    if (strcmp(names[role], name) == 0) {
      *role_out = role;
      return true;
    }
  return false;
}
