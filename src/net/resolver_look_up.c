/* A resolver of one's own for one question: for threads that may wait. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "net/poll_tag.h"
#include "net/resolver.h"

struct look_up {
  struct resolver_addresses *found;
  bool is_answered;
};

static void keep(void *context, struct handle asker, const struct resolver_addresses *found) {
  struct look_up *look_up = context;
  (void)asker;
  look_up->is_answered = true;
  *look_up->found = *found;
}

static struct mono_ms now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (struct mono_ms){(int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}

static void run(struct resolver *resolver, int epoll_fd, const struct look_up *look_up, struct mono_ms deadline) {
  struct mono_ms now = now_ms();
  while (!look_up->is_answered && mono_ms_before(now, deadline)) {
    struct epoll_event events[4];
    struct mono_ms wake = resolver_next_wake(resolver, now);
    if (mono_ms_before(deadline, wake)) wake = deadline;
    int count = epoll_wait(epoll_fd, events, 4, (int)mono_ms_since(wake, now));
    now = now_ms();
    for (int i = 0; i < count; i++)
      resolver_ready(resolver, (int)poll_tag_number(events[i].data.u64), events[i].events, now);
    resolver_advance(resolver, now);
  }
}

enum result resolver_look_up(const struct resolver_question *question, const char *servers, int deadline_ms,
                             struct resolver_addresses *found_out) {
  struct look_up look_up = {.found = found_out};
  found_out->count = 0;
  struct random random;
  struct siphash_key seed;
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  size_t bytes = resolver_memory_bytes();
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (epoll_fd >= 0 && memory != MAP_FAILED && getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed) {
    random_seed(&random, seed);
    struct resolver_options options = {
        .epoll_fd = epoll_fd, .servers = servers, .random = &random, .answered = keep, .context = &look_up};
    struct resolver *resolver = resolver_create(memory, &options);
    if (resolver) {
      struct mono_ms now = now_ms();
      resolver_ask(resolver, question, HANDLE_NONE, now);
      run(resolver, epoll_fd, &look_up, mono_ms_add(now, deadline_ms));
      resolver_destroy(resolver);
    }
  }
  if (memory != MAP_FAILED) munmap(memory, bytes);
  if (epoll_fd >= 0) close(epoll_fd);
  return found_out->count > 0 ? RESULT_OK : RESULT_NOT_FOUND;
}
