/* The switch itself: `belfry serve`. */
#ifndef SERVE_H
#define SERVE_H

/* argv[0] is the command's name. Opens everything, says so in one line on standard output, and closes everything at
 * SIGTERM or SIGINT. Returns the exit status: 0, 1 when something cannot be opened, 2 when the options are wrong. */
int serve_run(int argc, char **argv);

#endif
