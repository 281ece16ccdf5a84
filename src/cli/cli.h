/* The commands that talk to a running switch: `belfry calls`, `belfry trace` … */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/* Runs the command argv[1] with its words. Returns the exit status: 0 done, 1 refused or not found, 2 usage. */
int cli_run(int argc, char **argv);

#endif
