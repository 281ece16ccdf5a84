#include "cli/cli_findings.h"

#include <stdio.h>

#define TEXT_BYTES 1024

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "";
}

static void print_finding(size_t number, const json_t *finding) {
  char calls[TEXT_BYTES];
  long long count = json_integer_value(json_object_get(finding, "count"));
  long long confidence = json_integer_value(json_object_get(finding, "confidence_percent"));
  const char *subject = text_of(finding, "subject");
  printf("%zu. %s%s%s (%lld %% sure)\n", number, text_of(finding, "title"), subject[0] ? ": " : "", subject,
         confidence);
  printf("   seen:   %lld time%s, from %s to %s\n", count, count == 1 ? "" : "s", text_of(finding, "since"),
         text_of(finding, "latest"));
  if (text_of(finding, "detail")[0]) printf("   what:   %s\n", text_of(finding, "detail"));
  if (json_array_size(json_object_get(finding, "calls")) > 0)
    printf("   calls:  %s\n", cli_value_text(finding, "calls", calls, sizeof calls));
  printf("   means:  %s\n   remedy: %s\n", text_of(finding, "meaning"), text_of(finding, "remedy"));
}

void cli_print_findings(const json_t *findings) {
  size_t index;
  json_t *finding;
  json_array_foreach((json_t *)findings, index, finding) {
    print_finding(index + 1, finding);
  }
}
