/* Whole files of text that operators name: configuration, documents to apply. */
#ifndef BOOT_TEXT_FILE_H
#define BOOT_TEXT_FILE_H

#include <stddef.h>

/* The whole file, or standard input for "-": heap, NUL-terminated, the caller frees it. NULL with a sentence in
 * `problem`, also for one of more than `bytes_max`. */
char *text_file_read(const char *name, size_t bytes_max, size_t *length_out, char *problem, size_t problem_bytes);

/* Longest document to apply. */
#define TEXT_FILE_DOCUMENT_MAX (256ul * 1024 * 1024)

#endif
