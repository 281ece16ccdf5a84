/* Forced in front of every file of the middle (src/meson.build). The middle is deaf and blind: it has no heap, clock,
 * threads, sockets or stdio, and no unbounded string functions. The few system headers it may use are included here
 * first; after that the names below do not compile, and neither does a system header that declares them. */
#ifndef BASE_MIDDLE_WALLS_H
#define BASE_MIDDLE_WALLS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#pragma GCC poison malloc calloc realloc free aligned_alloc posix_memalign alloca mmap munmap
#pragma GCC poison printf fprintf sprintf snprintf vsnprintf dprintf puts fputs perror fopen fclose fread fwrite
#pragma GCC poison open close read write socket bind connect send sendto recv recvfrom sendmsg recvmsg poll epoll_wait
#pragma GCC poison time clock gettimeofday clock_gettime localtime gmtime sleep usleep nanosleep
#pragma GCC poison pthread_create pthread_mutex_lock thrd_create rand random srand getrandom getenv
#pragma GCC poison strcpy strcat strncpy strncat strtok strdup strndup atoi atol strtol strtoul strtod

#endif
