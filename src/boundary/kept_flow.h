/* A flow as bytes, for what the journal keeps. A connection does not survive: a stream's flow comes back without. */
#ifndef BOUNDARY_KEPT_FLOW_H
#define BOUNDARY_KEPT_FLOW_H

#include "base/packed.h"
#include "boundary/context.h"

/* At most 22 bytes. */
void kept_flow_save(const struct flow *flow, struct text_builder *builder);

/* False for what is no flow, or one over a transport for which we do not listen any more. Where our sockets have
 * another order now it is the first one of that transport and address family. */
bool kept_flow_read(struct packed_reader *reader, const struct local_identity *local, struct flow *flow_out);

/* The socket that the flow names, or the first one of its transport and address family where our sockets have another
 * order now. False when we do not listen for it any more. */
bool kept_flow_find_socket(const struct local_identity *local, struct flow *flow);

#endif
