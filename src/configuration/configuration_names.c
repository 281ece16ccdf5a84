#include "configuration/configuration_names.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "configuration/configuration_private.h"
#include "net/resolver.h"

#define LOOK_EVERY_S        60
#define LOOK_UP_DEADLINE_MS 2000
#define HOST_BYTES          256

struct configuration_names {
  struct configuration *configuration;
  const char *servers;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  bool is_woken, is_stopping;
  pthread_t thread;
};

/* One gateway's name and what was found for it. */
struct named_gateway {
  char name[HOST_BYTES], host[HOST_BYTES];
  enum transport transport;
  struct resolver_addresses found;
};
_Static_assert(RESOLVER_ADDRESSES_MAX <= GATEWAY_ADDRESSES_MAX, "a gateway has room for all addresses of a name");

static bool copy_text(struct str_view text, char *copy) {
  if (text.length >= HOST_BYTES) return false;
  memcpy(copy, text.data, text.length);
  copy[text.length] = '\0';
  return true;
}

/* Copies of all gateways that have a host name, because looking up takes longer than anyone may hold the configuration.
 */
static struct named_gateway *list_named(struct configuration *configuration, size_t *count_out) {
  pthread_mutex_lock(&configuration->mutex);
  const struct directory *directory = configuration->picture.directory;
  size_t count = directory_count(directory, DEVICE_ROUTING_GATEWAY);
  struct named_gateway *list = calloc(count + 1, sizeof *list);
  *count_out = 0;
  for (size_t i = 0; i < count && list; i++) {
    const struct device *device = directory_at(directory, DEVICE_ROUTING_GATEWAY, i);
    struct named_gateway *named = &list[*count_out];
    if (device->gateway->host.length == 0 || !copy_text(device->name, named->name) ||
        !copy_text(device->gateway->host, named->host))
      continue;
    named->transport = device->gateway->transport;
    (*count_out)++;
  }
  pthread_mutex_unlock(&configuration->mutex);
  return list;
}

/* "host" or "host:port"; without a port SRV records say it, and without a transport NAPTR records that. */
static void look_up(const struct configuration_names *names, struct named_gateway *named) {
  struct resolver_question question = {.host = str_view_from_c(named->host), .transport = named->transport};
  size_t colon = str_view_find(question.host, ':');
  uint32_t port;
  if (colon < question.host.length) {
    if (!str_view_to_u32(str_view_from(question.host, colon + 1), &port) || port > UINT16_MAX) return;
    question.port = (uint16_t)port;
    question.host.length = colon;
  }
  (void)!resolver_look_up(&question, names->servers, LOOK_UP_DEADLINE_MS, &named->found);
}

static bool is_known(const struct gateway *gateway, const struct address *address, const struct server_rank *rank) {
  for (uint8_t i = 0; i < gateway->address_count; i++)
    if (address_equal(&gateway->addresses[i], address) && gateway->ranks[i].priority == rank->priority &&
        gateway->ranks[i].weight == rank->weight)
      return true;
  return false;
}

/* Name servers turn the order of their answers round: only another set is a change. */
static bool is_same(const struct gateway *gateway, const struct named_gateway *named) {
  if (gateway->address_count != named->found.count || gateway->found_transport != named->found.transport) return false;
  for (uint8_t i = 0; i < named->found.count; i++)
    if (!is_known(gateway, &named->found.items[i], &named->found.ranks[i])) return false;
  return true;
}

/* Puts what was found into the change. A name that nobody answers for keeps the addresses it had. */
static void take_found(struct change *change, const struct named_gateway *named) {
  for (size_t i = 0; i < change->device_count; i++) {
    struct device *device = &change->devices[i];
    if (device->kind != DEVICE_ROUTING_GATEWAY || named->found.count == 0 ||
        !str_view_equal(device->name, str_view_from_c(named->name)) ||
        !str_view_equal(device->gateway->host, str_view_from_c(named->host)) || is_same(device->gateway, named))
      continue;
    struct gateway *gateway = arena_take(&change->configuration->arena, sizeof *gateway);
    if (!gateway) return;
    *gateway = *device->gateway;
    memcpy(gateway->addresses, named->found.items, named->found.count * sizeof named->found.items[0]);
    memcpy(gateway->ranks, named->found.ranks, named->found.count * sizeof named->found.ranks[0]);
    gateway->address_count = named->found.count;
    gateway->found_transport = named->found.transport;
    device->gateway = gateway;
    change->devices_changed = true;
  }
}

static void apply(struct configuration *configuration, const struct named_gateway *list, size_t count) {
  struct configuration_problem problem;
  struct change change;
  pthread_mutex_lock(&configuration->mutex);
  if (change_begin(&change, configuration, "resolver", &problem)) {
    for (size_t i = 0; i < count; i++)
      take_found(&change, &list[i]);
    if (change.devices_changed && change_commit(&change) != RESULT_OK)
      fprintf(stderr, "belfry: the gateways' addresses cannot be used: %s\n", problem.text);
  }
  change_end(&change);
  pthread_mutex_unlock(&configuration->mutex);
}

static bool wait_for_work(struct configuration_names *names) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += LOOK_EVERY_S;
  pthread_mutex_lock(&names->mutex);
  int code = 0;
  while (!names->is_woken && !names->is_stopping && code == 0)
    code = pthread_cond_timedwait(&names->wake, &names->mutex, &until);
  names->is_woken = false;
  bool goes_on = !names->is_stopping;
  pthread_mutex_unlock(&names->mutex);
  return goes_on;
}

static void *run(void *argument) {
  struct configuration_names *names = argument;
  pthread_setname_np(pthread_self(), "belfry-names");
  do {
    size_t count;
    struct named_gateway *list = list_named(names->configuration, &count);
    for (size_t i = 0; i < count && list && !__atomic_load_n(&names->is_stopping, __ATOMIC_RELAXED); i++)
      look_up(names, &list[i]);
    if (list && count > 0) apply(names->configuration, list, count);
    free(list);
  } while (wait_for_work(names));
  return NULL;
}

struct configuration_names *configuration_names_start(struct configuration *configuration, const char *servers) {
  struct configuration_names *names = calloc(1, sizeof *names);
  if (!names) return NULL;
  names->configuration = configuration;
  names->servers = servers;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&names->wake, &attributes);
  pthread_condattr_destroy(&attributes);
  pthread_mutex_init(&names->mutex, NULL);
  if (pthread_create(&names->thread, NULL, run, names) == 0) return names;
  free(names);
  return NULL;
}

void configuration_names_wake(struct configuration_names *names) {
  pthread_mutex_lock(&names->mutex);
  names->is_woken = true;
  pthread_cond_signal(&names->wake);
  pthread_mutex_unlock(&names->mutex);
}

void configuration_names_stop(struct configuration_names **names_pointer) {
  struct configuration_names *names = *names_pointer;
  if (!names) return;
  *names_pointer = NULL;
  pthread_mutex_lock(&names->mutex);
  __atomic_store_n(&names->is_stopping, true, __ATOMIC_RELAXED);
  pthread_cond_signal(&names->wake);
  pthread_mutex_unlock(&names->mutex);
  pthread_join(names->thread, NULL);
  pthread_cond_destroy(&names->wake);
  pthread_mutex_destroy(&names->mutex);
  free(names);
}
