#include "admin/admin_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text_builder.h"

#define RANDOM_BYTES 32
#define LENGTH_MIN   16 /* of a token an operator has put there himself */

/* A crash while it is written must not leave half a token: it is written beside and renamed. */
static bool create_token(const char *path, char *problem, size_t problem_bytes) {
  char secret[RANDOM_BYTES], text[ADMIN_TOKEN_BYTES], beside[4200];
  struct text_builder builder = text_builder_over(text, sizeof text);
  bool random = getrandom(secret, sizeof secret, 0) == (ssize_t)sizeof secret;
  text_builder_add_base64url(&builder, str_view_of(secret, sizeof secret));
  text_builder_add_char(&builder, '\n');
  snprintf(beside, sizeof beside, "%s.new", path);
  int fd = random ? open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
  bool written = fd >= 0 && fchmod(fd, 0600) == 0 &&
                 write(fd, builder.data, builder.length) == (ssize_t)builder.length && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  if (written && rename(beside, path) == 0) return true;
  snprintf(problem, problem_bytes, "%s cannot be made: %s", path, strerror(errno));
  return false;
}

static bool read_token(int fd, char *token) {
  ssize_t length = read(fd, token, ADMIN_TOKEN_BYTES - 1);
  if (length < 0) return false;
  token[length] = '\0';
  token[strcspn(token, " \r\n\t")] = '\0';
  return strlen(token) >= LENGTH_MIN;
}

bool admin_token_load(const char *data_dir, char *token, char *problem, size_t problem_bytes) {
  char path[4100];
  snprintf(path, sizeof path, "%s/admin.token", data_dir);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT && create_token(path, problem, problem_bytes)) fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (!problem[0]) snprintf(problem, problem_bytes, "%s cannot be read: %s", path, strerror(errno));
    return false;
  }
  bool good = read_token(fd, token);
  close(fd);
  if (!good) snprintf(problem, problem_bytes, "%s holds no token of at least %d characters", path, LENGTH_MIN);
  return good;
}

bool admin_token_matches(const char *token, const char *header) {
  static const char scheme[] = "Bearer ";
  if (!header || strncasecmp(header, scheme, sizeof scheme - 1) != 0) return false;
  const char *given = header + sizeof scheme - 1;
  size_t given_length = strlen(given), token_length = strlen(token);
  uint8_t difference = given_length != token_length;
  for (size_t i = 0; i < given_length; i++)
    difference |= (uint8_t)(given[i] ^ token[token_length ? i % token_length : 0]);
  return difference == 0;
}
