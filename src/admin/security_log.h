/* What may be an attack on the operators' door, as a line in the log (boundary/security_line.h). */
#ifndef ADMIN_SECURITY_LOG_H
#define ADMIN_SECURITY_LOG_H

/* `user` "" or NULL: not said. */
void security_log(const char *event, const char *address, const char *user);

#endif
