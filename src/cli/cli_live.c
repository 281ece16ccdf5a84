#include "cli/cli_live.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_S 2

#define SCREEN_OPEN  "\033[?1049h\033[?25l"
#define SCREEN_CLOSE "\033[?25h\033[?1049l"
#define TO_THE_TOP   "\033[H"
#define CLEAR_LINE   "\033[K"
#define CLEAR_BELOW  "\033[J"

static volatile sig_atomic_t is_over;

static void end(int signal_number) {
  (void)signal_number;
  is_over = 1;
}

bool cli_live_can(const char *command) {
  static const char *const views[] = {"status",   "calls",  "call", "registrations",
                                      "gateways", "phones", "cdrs", "doctor"};
  for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
    if (strcmp(views[i], command) == 0) return true;
  return false;
}

/* Bytes of `line` that take at most `columns` columns: what continues a UTF-8 character takes none. */
static size_t fitting(const char *line, size_t length, int columns) {
  size_t i = 0;
  for (int used = 0; i < length; i++) {
    bool continues = ((unsigned char)line[i] & 0xc0) == 0x80;
    if (!continues && used++ == columns) return i;
  }
  return i;
}

void cli_live_draw(FILE *screen, const char *text, int columns, int rows) {
  fputs(TO_THE_TOP, screen);
  for (int row = 0; row < rows && *text; row++) {
    size_t length = strcspn(text, "\n");
    fwrite(text, 1, fitting(text, length, columns), screen);
    fputs(row + 1 < rows ? CLEAR_LINE "\n" : CLEAR_LINE, screen);
    text += length + (text[length] == '\n');
  }
  fputs(CLEAR_BELOW, screen);
  fflush(screen);
}

static void show(FILE *screen, bool is_terminal, const char *text) {
  struct winsize size = {0};
  if (!is_terminal) {
    fprintf(screen, "%s\n", text);
    fflush(screen);
    return;
  }
  bool known = ioctl(fileno(screen), TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
  cli_live_draw(screen, text, known ? size.ws_col : 80, known ? size.ws_row : 24);
}

/* What the command prints is caught and put on the screen as a whole, so that nothing flickers. */
static enum cli_exit one_picture(struct cli_call *call, enum cli_exit (*run)(struct cli_call *call), FILE *screen,
                                 bool is_terminal) {
  char *text = NULL;
  size_t length = 0;
  FILE *caught = open_memstream(&text, &length);
  if (!caught) return CLI_REFUSED;
  stdout = caught;
  enum cli_exit code = run(call);
  stdout = screen;
  fclose(caught);
  if (code == CLI_DONE) show(screen, is_terminal, text);
  free(text);
  return code;
}

enum cli_exit cli_live(struct cli_call *call, enum cli_exit (*run)(struct cli_call *call)) {
  FILE *screen = stdout;
  bool is_terminal = isatty(fileno(screen)) == 1;
  struct sigaction action = {.sa_handler = end};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  if (is_terminal) fputs(SCREEN_OPEN, screen);
  enum cli_exit code = CLI_DONE;
  while (!is_over && code == CLI_DONE) {
    code = one_picture(call, run, screen, is_terminal);
    struct timespec pause = {.tv_sec = PAUSE_S};
    if (code == CLI_DONE && !is_over) nanosleep(&pause, NULL);
  }
  if (is_terminal) fputs(SCREEN_CLOSE, screen);
  fflush(screen);
  return code;
}
