/* The switch itself: `belfry serve`, and `belfry check` of what it would be started with. */
#ifndef SERVE_H
#define SERVE_H

/* argv[0] is the command's name. Both return the exit status: 0, 1 when something failed, 2 when the options are wrong.
 */
int serve_run(int argc, char **argv);
int serve_check(int argc, char **argv);

#endif
