/* belfry drain: new calls are refused with 503, running ones go on; waits until there are none, and tells how many are
 * left. The first signal lets new calls in again, the second ends the program there and then. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

#define LOOK_EVERY_MS 500
#define TELL_EVERY_S  10 /* also where nothing changes */
#define TIMEOUT_MAX_S (7 * 86400L)

static volatile sig_atomic_t is_interrupted;

static void interrupt(int number) {
  if (is_interrupted) {
    signal(number, SIG_DFL);
    raise(number); /* as soon as this one has been handled */
  }
  is_interrupted = 1;
}

static void listen_to_signals(void) {
  struct sigaction action = {.sa_handler = interrupt};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

struct drain {
  struct cli_call *call;
  long timeout_s; /* below 0: as long as it takes; 0: does not wait */
  long waited_s, told_s;
  json_int_t left, told_left;
};

static long seconds_since(const struct timespec *started) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec - started->tv_sec;
}

/* One line, or with -j one object, as a step is reached. */
static void tell(struct drain *drain, const char *state, const char *sentence) {
  drain->told_s = drain->waited_s;
  drain->told_left = drain->left;
  if (drain->call->json)
    printf("{\"state\": \"%s\", \"calls\": %lld, \"waited_s\": %ld}\n", state, (long long)drain->left, drain->waited_s);
  else
    printf("%s\n", sentence);
  fflush(stdout);
}

static void tell_progress(struct drain *drain) {
  char sentence[128];
  if (drain->left == drain->told_left && drain->waited_s < drain->told_s + TELL_EVERY_S) return;
  snprintf(sentence, sizeof sentence, "%lld call%s left after %ld s", (long long)drain->left,
           drain->left == 1 ? " is" : "s are", drain->waited_s);
  tell(drain, "waiting", sentence);
}

static enum cli_exit order(struct drain *drain, const char *body) {
  json_t *document = NULL;
  enum cli_exit code = cli_ask(drain->call, "POST", "/api/v1/drain", body, &document);
  json_decref(document);
  return code;
}

static enum cli_exit count_calls(struct drain *drain) {
  json_t *document = NULL;
  enum cli_exit code = cli_ask(drain->call, "GET", "/api/v1/status", NULL, &document);
  if (document) drain->left = json_integer_value(json_object_get(json_object_get(document, "calls"), "current"));
  json_decref(document);
  return code;
}

static enum cli_exit let_in_again(struct drain *drain) {
  enum cli_exit code = order(drain, "{\"draining\": false}");
  if (code == CLI_DONE) tell(drain, "off", "new calls are taken again");
  return code;
}

static enum cli_exit give_up(struct drain *drain) {
  tell(drain, "timeout", "the time is over, and calls are left; new ones stay refused until `belfry drain off`");
  return CLI_REFUSED;
}

/* The switch counts its calls once in a while: none are left when it has said so twice. */
static enum cli_exit wait_for_the_last(struct drain *drain) {
  struct timespec started;
  unsigned none = 0;
  clock_gettime(CLOCK_MONOTONIC, &started);
  for (;;) {
    enum cli_exit code = count_calls(drain);
    if (is_interrupted) return let_in_again(drain) == CLI_DONE ? CLI_REFUSED : code;
    if (code != CLI_DONE) return code;
    drain->waited_s = seconds_since(&started);
    none = drain->left == 0 ? none + 1 : 0;
    if (none == 2) {
      tell(drain, "done", "no call is left; new ones stay refused until `belfry drain off` or a restart");
      return CLI_DONE;
    }
    if (none == 0) tell_progress(drain);
    if (drain->timeout_s >= 0 && drain->waited_s >= drain->timeout_s && drain->left > 0) return give_up(drain);
    nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_MS * 1000000L}, NULL);
  }
}

static bool read_timeout(const char *argument, long *timeout_s_out) {
  static const char key[] = "timeout=";
  char *end;
  if (strncmp(argument, key, sizeof key - 1) != 0) return false;
  const char *digits = argument + sizeof key - 1;
  errno = 0;
  *timeout_s_out = strtol(digits, &end, 10);
  bool has_unit = *end == 's' && end[1] == '\0';
  return errno == 0 && end != digits && (*end == '\0' || has_unit) && *timeout_s_out >= 0 &&
         *timeout_s_out <= TIMEOUT_MAX_S;
}

enum cli_exit cli_drain(struct cli_call *call) {
  struct drain drain = {.call = call, .timeout_s = -1, .told_left = -1};
  bool is_off = call->argument_count == 1 && strcmp(call->arguments[0], "off") == 0;
  if (call->argument_count == 1 && !is_off && !read_timeout(call->arguments[0], &drain.timeout_s)) {
    fprintf(stderr, "belfry: drain takes \"off\" or timeout=SECONDS (0: does not wait, at most 604800), not \"%s\"\n",
            call->arguments[0]);
    return CLI_USAGE;
  }
  if (is_off) return let_in_again(&drain);
  enum cli_exit code = order(&drain, "{\"draining\": true}");
  if (code != CLI_DONE) return code;
  if (drain.timeout_s == 0) {
    tell(&drain, "on", "new calls are refused; running calls go on");
    return CLI_DONE;
  }
  listen_to_signals();
  return wait_for_the_last(&drain);
}
