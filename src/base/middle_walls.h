/* Forced in front of every file of the middle (src/meson.build). The middle is deaf and blind: it has no heap, clock,
 * threads, sockets or stdio, and no unbounded string functions. The few system headers it may use are included here
 * first; after that the functions below do not compile, and neither does a system header that declares them.
 * scripts/check-walls holds the other half: it reads the symbols of each finished library of the middle. */
#ifndef BASE_MIDDLE_WALLS_H
#define BASE_MIDDLE_WALLS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#pragma GCC poison malloc calloc realloc aligned_alloc posix_memalign alloca mmap munmap
#pragma GCC poison printf fprintf sprintf snprintf vsnprintf dprintf puts fputs perror fopen fclose fread fwrite
#pragma GCC poison sendto recvfrom sendmsg recvmsg epoll_wait
#pragma GCC poison gettimeofday clock_gettime localtime gmtime usleep nanosleep
#pragma GCC poison pthread_create pthread_mutex_lock thrd_create srand getrandom getenv
#pragma GCC poison strcpy strcat strncpy strncat strtok strdup strndup atoi atol strtol strtoul strtod

/* Words that are also good names for variables: only their calls are forbidden. */
#define time(...)    the_middle_has_no_clock
#define clock(...)   the_middle_has_no_clock
#define free(...)    the_middle_has_no_heap
#define read(...)    the_middle_is_deaf
#define write(...)   the_middle_is_deaf
#define open(...)    the_middle_is_deaf
#define close(...)   the_middle_is_deaf
#define socket(...)  the_middle_is_deaf
#define bind(...)    the_middle_is_deaf
#define connect(...) the_middle_is_deaf
#define send(...)    the_middle_is_deaf
#define recv(...)    the_middle_is_deaf
#define poll(...)    the_middle_is_deaf
#define sleep(...)   the_middle_does_not_wait
#define rand(...)    the_middle_has_a_seeded_random

#endif
