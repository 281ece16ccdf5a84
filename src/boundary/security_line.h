/* One line for the log about what may be an attack:
 *
 *   security event=device-wrong-password address=192.0.2.7 user="1001"
 *
 * Programs such as fail2ban read it. The address stands before everything that the other side has written, which is in
 * quotes, cut, and holds nothing but harmless characters: nobody can make a line that accuses another address. */
#ifndef BOUNDARY_SECURITY_LINE_H
#define BOUNDARY_SECURITY_LINE_H

#include "base/text_builder.h"
#include "boundary/address.h"
#include "boundary/outbox.h"

#define SECURITY_LINE_BYTES 384
#define SECURITY_USER_MAX   64 /* bytes shown of a name */

/* Appends the line. `address` without port, as text; an empty `user` is left out. */
void security_line_to_text(struct str_view event, struct str_view address, struct str_view user,
                           struct text_builder *builder);

/* Puts the line into the outbox (OUTBOX_ALARM: lines beyond what the log can take are dropped and counted). */
void security_line_send(struct outbox *outbox, struct str_view event, const struct address *from, struct str_view user);

#endif
