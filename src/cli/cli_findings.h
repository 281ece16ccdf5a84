/* Prints what the doctor has found. */
#ifndef CLI_CLI_FINDINGS_H
#define CLI_CLI_FINDINGS_H

#include <jansson.h>

#include "cli/cli_table.h"

/* One paragraph a finding; nothing for an empty list. */
void cli_print_findings(const json_t *findings);

#endif
