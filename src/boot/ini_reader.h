/* Reads a boot configuration file line by line, strictly: what is not understood is an error with its line, never
 * skipped.
 *
 *   # a comment stands on a line of its own (or after ';')
 *   [section]
 *   key = value            blanks around the value do not belong to it, everything between does, also # and ;
 *
 * Names of sections and keys are made of a–z, 0–9, '_' and '-'. The same section may come again. */
#ifndef BOOT_INI_READER_H
#define BOOT_INI_READER_H

#include "base/result.h"
#include "base/str_view.h"

#define INI_LINE_BYTES_MAX 4096

struct ini_reader {
  struct str_view rest;
  struct str_view section;
  unsigned line; /* of the entry or the problem returned last, from 1 */
};

/* Views into the text that was handed to ini_reader_over. */
struct ini_entry {
  struct str_view section, key, value;
};

/* The reader borrows `text` until its last use. */
struct ini_reader ini_reader_over(struct str_view text);

/* The next `key = value`. RESULT_NOT_FOUND: the file is at its end. RESULT_MALFORMED: `*problem` is a static phrase
 * that says what is wrong with line reader->line; do not go on. */
enum result ini_reader_next(struct ini_reader *reader, struct ini_entry *entry_out, const char **problem) MUST_USE;

#endif
