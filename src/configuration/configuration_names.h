/* Routing gateways that are named by host: a thread looks their names up (RFC 3263) after each change and once a
 * minute, and hands the workers a new picture when addresses have changed. A gateway without an address yet is passed
 * over by calls. */
#ifndef CONFIGURATION_CONFIGURATION_NAMES_H
#define CONFIGURATION_CONFIGURATION_NAMES_H

#include <stdbool.h>

struct configuration;
struct configuration_names;

/* Starts the thread. `servers` ("127.0.0.1:53", tests) or NULL: the host's own name servers. NULL: no memory or no
 * thread. */
struct configuration_names *configuration_names_start(struct configuration *configuration, const char *servers);

/* Something has changed: look at once. Any thread. */
void configuration_names_wake(struct configuration_names *names);

/* Ends the thread; a look-up under way is waited for (a few seconds at most). */
void configuration_names_stop(struct configuration_names **names);

#endif
