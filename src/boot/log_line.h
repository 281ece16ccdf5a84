/* The log: lines on standard error, each with its time (RFC 3339, UTC, the host's clock). Any thread. */
#ifndef BOOT_LOG_LINE_H
#define BOOT_LOG_LINE_H

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
