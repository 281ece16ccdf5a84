#include "boot/boot_options.h"

#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static struct boot_options options;
static char problem[512];

/* The words of a command line, up to the first NULL. */
static enum result read_words(const char *const *words) {
  int count = 0;
  while (words[count])
    count++;
  return boot_options_read(&options, count, words, problem, sizeof problem);
}
#define READ(...) read_words((const char *[]){"serve", __VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_defaults_are_those_of_the_contract(void) {
  expect_int(READ(), ==, RESULT_OK);
  expect(strcmp(options.data_dir, "./belfry-data") == 0);
  expect_int(options.sip.count, ==, 1);
  expect_int(options.sip.items[0].transport, ==, TRANSPORT_UDP);
  expect_int(options.sip.items[0].bound.port, ==, 5060);
  expect_int(options.sip.items[0].bound.ip[0], ==, 127);
  expect_int(options.admin.port, ==, 8060);
  expect(options.clock_rate == 1.0);
  expect_int(options.workers, ==, 0);
  expect(options.tls_certificate == NULL);
}

static void test_sip_may_be_repeated_and_replaces_the_default(void) {
  expect_int(READ("--sip", "udp:0.0.0.0:0", "--sip", "tcp:[::1]:5070", "--workers", "2"), ==, RESULT_OK);
  expect_int(options.sip.count, ==, 2);
  expect_int(options.sip.items[0].bound.port, ==, 0);
  expect_int(options.sip.items[1].transport, ==, TRANSPORT_TCP);
  expect_int(options.sip.items[1].bound.family, ==, ADDRESS_IPV6);
  expect_int(options.sip.items[1].bound.port, ==, 5070);
  expect_int(options.workers, ==, 2);
}

static void test_a_listener_may_name_its_public_address(void) {
  struct local_socket socket;
  expect_int(boot_listen_parse(STR_VIEW("tls:10.0.0.5:5061/192.0.2.9:5071"), &socket), ==, RESULT_OK);
  expect_int(socket.advertised.ip[0], ==, 192);
  expect_int(socket.advertised.port, ==, 5071);
  expect_int(boot_listen_parse(STR_VIEW("udp:10.0.0.5/192.0.2.9"), &socket), ==, RESULT_OK);
  expect_int(socket.bound.port, ==, 5060);
  expect_int(socket.advertised.port, ==, 0);
  expect_int(boot_listen_parse(STR_VIEW("TLS:10.0.0.5"), &socket), ==, RESULT_OK);
  expect_int(socket.bound.port, ==, 5061);
}

static void test_a_listener_is_written_as_it_is_read(void) {
  struct local_socket socket;
  char text[64];
  struct text_builder builder = text_builder_over(text, sizeof text);
  expect_int(boot_listen_parse(STR_VIEW("TCP:[::1]:5062"), &socket), ==, RESULT_OK);
  boot_listen_to_text(&socket, &builder);
  expect_view(text_builder_view(&builder), "tcp:[::1]:5062");
}

static void test_bad_listeners_are_refused(void) {
  static const char *const bad[] = {"",
                                    "udp",
                                    "udp:",
                                    "sctp:1.2.3.4:5060",
                                    "udp:localhost:5060",
                                    "udp:1.2.3.4:99999",
                                    "udp:1.2.3.4:5060/",
                                    "udp:1.2.3.4:5060/name",
                                    "udp/1.2.3.4:5060",
                                    "1.2.3.4:5060"};
  struct local_socket socket;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    expect_int(boot_listen_parse(str_view_from_c(bad[i]), &socket), ==, RESULT_MALFORMED);
}

static void expect_refused(const char *const *words, const char *wanted) {
  expect_int(read_words(words), ==, RESULT_MALFORMED);
  if (!strstr(problem, wanted)) printf("# got: %s\n", problem);
  expect(strstr(problem, wanted) != NULL);
}

static void test_name_servers_are_addresses(void) {
  expect_int(read_words((const char *[]){"serve", "--name-servers", "192.0.2.53,[2001:db8::53]:5353", NULL}), ==,
             RESULT_OK);
  expect(strcmp(options.name_servers, "192.0.2.53,[2001:db8::53]:5353") == 0);
}

static void test_a_wrong_flag_is_named(void) {
  expect_refused((const char *[]){"serve", "--sipp", "x", NULL}, "--sipp is not an option");
  expect_refused((const char *[]){"serve", "--data", NULL}, "--data needs a value");
  expect_refused((const char *[]){"serve", "--data", "", NULL}, "--data");
  expect_refused((const char *[]){"serve", "--data", "a", "--data", "b", NULL}, "twice");
  expect_refused((const char *[]){"serve", "--workers", "65", NULL}, "allowed are 0 to 64");
  expect_refused((const char *[]){"serve", "--workers", "-1", NULL}, "whole number");
  expect_refused((const char *[]){"serve", "--clock-rate", "0.5", NULL}, "allowed are 1 to 10000");
  expect_refused((const char *[]){"serve", "--clock-rate", "nan", NULL}, "out of range");
  expect_refused((const char *[]){"serve", "--sip", "tls:127.0.0.1:5061", NULL}, "--tls-certificate");
  expect_refused((const char *[]){"serve", "--sip", "udp:1.2.3.4:5060", "--sip", "udp:1.2.3.4", NULL}, "given twice");
  expect_refused((const char *[]){"serve", "--name-servers", "x", NULL}, "is not like 192.0.2.53");
  expect_refused((const char *[]){"serve", "--name-servers", "192.0.2.53,", NULL}, "is not like 192.0.2.53");
  expect_refused((const char *[]){"serve", "--config", "/nonexistent", NULL},
                 "/nonexistent cannot be read: No such file");
}

/* Writes `text` into a file of its own and reads it with further words. */
static char config_path[] = "/tmp/belfry-options-XXXXXX";

static void write_config(const char *text) {
  static bool is_made;
  if (!is_made) {
    int fd = mkstemp(config_path);
    expect(fd >= 0);
    if (fd >= 0) close(fd);
    is_made = true;
  }
  FILE *file = fopen(config_path, "w");
  expect(file != NULL);
  if (!file) return;
  fputs(text, file);
  fclose(file);
}

static void test_the_file_and_the_command_line_set_the_same_things(void) {
  write_config("[sip]\nlisten = udp:127.0.0.1:5070\nlisten = tcp:127.0.0.1:5070\n[worker]\ncount = 3\n"
               "[store]\ndata = /var/lib/belfry\n");
  expect_int(READ("--config", config_path, "--workers", "1"), ==, RESULT_OK);
  expect_int(options.sip.count, ==, 2);
  expect_int(options.workers, ==, 1);
  expect(strcmp(options.data_dir, "/var/lib/belfry") == 0);
  expect_int(READ("--config", config_path, "--sip", "udp:127.0.0.1:0"), ==, RESULT_OK);
  expect_int(options.sip.count, ==, 1);
  expect_int(options.workers, ==, 3);
  unlink(config_path);
}

static void test_a_wrong_line_is_named_with_its_file(void) {
  char wanted[128];
  write_config("[sip]\nlisten = udp:127.0.0.1:5070\nlissen = x\n");
  snprintf(wanted, sizeof wanted, "%s:3: [sip] lissen", config_path);
  expect_refused((const char *[]){"serve", "--config", config_path, NULL}, wanted);
  write_config("[worker]\n\ncount = many\n");
  snprintf(wanted, sizeof wanted, "%s:3: [worker] count = many: is not a whole number", config_path);
  expect_refused((const char *[]){"serve", "--config", config_path, NULL}, wanted);
  write_config("[worker]\ncount = 1\ncount = 2\n");
  snprintf(wanted, sizeof wanted, "%s:3: [worker] count = 2: is given twice", config_path);
  expect_refused((const char *[]){"serve", "--config", config_path, NULL}, wanted);
  write_config("[worker\n");
  snprintf(wanted, sizeof wanted, "%s:1: ", config_path);
  expect_refused((const char *[]){"serve", "--config", config_path, NULL}, wanted);
  unlink(config_path);
}

TAP_TESTS(TAP(test_defaults_are_those_of_the_contract), TAP(test_sip_may_be_repeated_and_replaces_the_default),
          TAP(test_a_listener_may_name_its_public_address), TAP(test_a_listener_is_written_as_it_is_read),
          TAP(test_bad_listeners_are_refused), TAP(test_name_servers_are_addresses), TAP(test_a_wrong_flag_is_named),
          TAP(test_the_file_and_the_command_line_set_the_same_things), TAP(test_a_wrong_line_is_named_with_its_file))
