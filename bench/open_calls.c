/* A journal full of calls that talk, as a switch leaves it that was killed, without placing them by SIP:
 *
 *   build/bench/open_calls DIR CALLS WORKERS SWITCH CUSTOMER VENDOR SAMPLES
 *   build/bench/open_calls belfry-data 1000000 2 127.0.0.1:5060 127.0.0.1:5070 127.0.0.1:5080 20
 *
 * The middle itself carries each call, INVITE, 200, ACK, on a clock of its own that ends now; what it tells the journal
 * goes to DIR/journal through the journal's own writer. So what a call leaves behind is what it leaves behind in life.
 * Of SAMPLES calls, spread over all, what a request of the caller in the call says is printed, a line each:
 *
 *   Request-URI \t Call-ID \t From \t To */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "directory/directory.h"
#include "parameters/parameters.h"
#include "store/call_journal.h"
#include "switch/switch_core.h"

#define WORKERS_MAX    16
#define CALLS_A_MS     10
#define ARENA_BYTES    ((size_t)4 << 20)
#define OUTBOX_BYTES   ((size_t)4 << 20)
#define OUTBOX_ENTRIES 1024
#define MESSAGE_BYTES  4096
#define TRANSACTIONS   2000000u
#define SESSION_BYTES                                                                                                  \
  "v=0\r\no=gun 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\n"                                      \
  "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"                                  \
  "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"

struct world {
  const char *switch_text, *customer_text, *vendor_text;
  struct address customer, vendor;
  struct parameters parameters;
  struct directory *directory;
  uint32_t usage[16];
  struct call_journal *journal;
  uint32_t calls, worker_count, samples;
  struct local_identity local;
};

struct worker {
  struct context context;
  struct local_identity local;
  struct timer_wheel wheel;
  struct arena arena;
  struct outbox outbox;
  struct counters counters;
  struct random random;
  struct switch_core *core;
  char invite[MESSAGE_BYTES], answer[MESSAGE_BYTES]; /* the last ones that it sent */
};

static void give_up(const char *what) {
  fprintf(stderr, "open_calls: %s\n", what);
  exit(1);
}

/* Address space: touched as it is used. */
static void *room(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) give_up("no memory");
  return memory;
}

static struct address address_of(const char *text) {
  struct address address;
  if (address_parse(str_view_from_c(text), 5060, &address) != RESULT_OK) give_up("an address cannot be read");
  return address;
}

/* --- the switch -------------------------------------------------------------------------------------------------- */

static void build_directory(struct world *world) {
  static const struct str_view any[] = {STR_VIEW_LITERAL("*")};
  static struct gateway gateways[2];
  static struct device devices[2];
  static const enum device_kind kinds[] = {DEVICE_MAPPING_GATEWAY, DEVICE_ROUTING_GATEWAY};
  for (unsigned i = 0; i < 2; i++) {
    gateway_set_defaults(&gateways[i]);
    device_set_defaults(&devices[i], kinds[i]);
    gateways[i].addresses[0] = i == 0 ? world->customer : world->vendor;
    gateways[i].address_count = 1;
    devices[i].gateway = &gateways[i];
    devices[i].name = i == 0 ? STR_VIEW("customer") : STR_VIEW("vendor");
  }
  gateways[1].prefixes = any;
  gateways[1].prefix_count = 1;
  char text[256];
  struct text_builder problem = text_builder_over(text, sizeof text);
  world->directory = directory_build(room(directory_memory_bytes(devices, 2)), devices, 2, STR_VIEW("belfry"), NULL,
                                     world->usage, 16, &problem);
  if (!world->directory) give_up("the directory cannot be built");
}

static void create_worker(struct world *world, struct worker *worker, uint8_t index, int64_t back_ms) {
  struct switch_limits limits = {
      .calls_max = world->calls / world->worker_count + 64, .registrations_max = 64, .transactions_max = TRANSACTIONS};
  struct timespec boot, wall;
  clock_gettime(CLOCK_BOOTTIME, &boot);
  clock_gettime(CLOCK_REALTIME, &wall);
  worker->core = switch_core_create(room(switch_core_memory_bytes(&limits)), &limits);
  arena_init(&worker->arena, room(ARENA_BYTES), ARENA_BYTES);
  outbox_init(&worker->outbox, room(OUTBOX_ENTRIES * sizeof(struct outbox_entry)), OUTBOX_ENTRIES, room(OUTBOX_BYTES),
              OUTBOX_BYTES);
  random_seed(&worker->random, (struct siphash_key){7 + index, (uint64_t)wall.tv_nsec});
  worker->local = world->local;
  worker->local.worker = index;
  worker->context = (struct context){.now = {boot.tv_sec * 1000 - back_ms},
                                     .wall_now = {((int64_t)wall.tv_sec * 1000 - back_ms) * 1000 + wall.tv_nsec / 1000},
                                     .random = &worker->random,
                                     .wheel = &worker->wheel,
                                     .arena = &worker->arena,
                                     .outbox = &worker->outbox,
                                     .counters = &worker->counters,
                                     .parameters = &world->parameters,
                                     .directory = world->directory,
                                     .local = &worker->local};
  timer_wheel_init(&worker->wheel, worker->context.now);
}

/* --- what comes out of it ---------------------------------------------------------------------------------------- */

static void tell_journal(const struct world *world, const struct outbox_entry *entry) {
  while (call_journal_put(world->journal, (enum journal_kind)entry->journal_kind, entry->key, entry->bytes,
                          JOURNAL_SOON, NULL) == RESULT_FULL)
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static void keep(char *place, struct str_view bytes) {
  if (bytes.length >= MESSAGE_BYTES) give_up("a message is too long");
  memcpy(place, bytes.data, bytes.length);
  place[bytes.length] = '\0';
}

static void empty_outbox(const struct world *world, struct worker *worker) {
  for (uint32_t i = 0; i < worker->outbox.entry_count; i++) {
    const struct outbox_entry *entry = &worker->outbox.entries[i];
    if (entry->kind == OUTBOX_JOURNAL) tell_journal(world, entry);
    if (entry->kind != OUTBOX_SEND) continue;
    if (str_view_starts_with_nocase(entry->bytes, STR_VIEW("INVITE "))) keep(worker->invite, entry->bytes);
    if (str_view_starts_with_nocase(entry->bytes, STR_VIEW("SIP/2.0 200 "))) keep(worker->answer, entry->bytes);
  }
  outbox_reset(&worker->outbox);
}

static void advance(const struct world *world, struct worker *worker) {
  worker->context.now.value++;
  worker->context.wall_now.value += 1000;
  while (switch_core_advance(worker->core, &worker->context))
    empty_outbox(world, worker);
  empty_outbox(world, worker);
}

/* --- the peers --------------------------------------------------------------------------------------------------- */

/* What stands between `before` and the end of its line, or `end`. */
static struct str_view cut(const char *message, const char *before, char end) {
  const char *start = strstr(message, before);
  if (!start) give_up("the switch does not say what it should");
  start += strlen(before);
  size_t length = 0;
  while (start[length] != '\r' && start[length] != '\0' && start[length] != end)
    length++;
  return str_view_of(start, length);
}

#define VIEW(view) (int)(view).length, (view).data

static void hear(const struct world *world, struct worker *worker, const struct address *from, const char *text) {
  struct event event = {.kind = EVENT_MESSAGE,
                        .flow = {.transport = TRANSPORT_UDP, .worker = worker->local.worker, .remote = *from},
                        .bytes = str_view_from_c(text)};
  switch_core_handle(worker->core, &worker->context, &event);
  empty_outbox(world, worker);
}

static void invite(const struct world *world, struct worker *worker, uint32_t number) {
  char text[MESSAGE_BYTES] = {0};
  snprintf(text, sizeof text - 64,
           "INVITE sip:44%u@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKopen%u;rport\r\nMax-Forwards: 70\r\n"
           "From: <sip:%u@%s>;tag=from%u\r\nTo: <sip:44%u@%s>\r\nCall-ID: open-%u@%s\r\nCSeq: 1 INVITE\r\n"
           "Contact: <sip:%u@%s>\r\nAllow: INVITE, ACK, CANCEL, BYE, UPDATE\r\nSupported: timer\r\n"
           "Session-Expires: 1800\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n" SESSION_BYTES,
           number, world->switch_text, world->customer_text, number, number, world->customer_text, number, number,
           world->switch_text, number, world->customer_text, number, world->customer_text, sizeof SESSION_BYTES - 1);
  worker->invite[0] = '\0';
  hear(world, worker, &world->customer, text);
}

static void answer(const struct world *world, struct worker *worker, uint32_t number) {
  char text[MESSAGE_BYTES] = {0};
  struct str_view via = cut(worker->invite, "\r\nVia: ", '\0'), from = cut(worker->invite, "\r\nFrom: ", '\0'),
                  to = cut(worker->invite, "\r\nTo: ", '\0'), call_id = cut(worker->invite, "\r\nCall-ID: ", '\0'),
                  cseq = cut(worker->invite, "\r\nCSeq: ", '\0');
  snprintf(text, sizeof text - 64,
           "SIP/2.0 200 OK\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s;tag=to%u\r\nCall-ID: %.*s\r\nCSeq: %.*s\r\n"
           "Contact: <sip:44%u@%s>\r\nAllow: INVITE, ACK, CANCEL, BYE, UPDATE\r\nSupported: timer\r\n"
           "Session-Expires: 1800;refresher=uac\r\nRequire: timer\r\nContent-Type: application/sdp\r\n"
           "Content-Length: %zu\r\n\r\n" SESSION_BYTES,
           VIEW(via), VIEW(from), VIEW(to), number, VIEW(call_id), VIEW(cseq), number, world->vendor_text,
           sizeof SESSION_BYTES - 1);
  worker->answer[0] = '\0';
  hear(world, worker, &world->vendor, text);
}

static void acknowledge(const struct world *world, struct worker *worker, uint32_t number) {
  char text[MESSAGE_BYTES] = {0};
  struct str_view to = cut(worker->answer, "\r\nTo: ", '\0'), target = cut(worker->answer, "\r\nContact: <", '>');
  snprintf(
      text, sizeof text - 64,
      "ACK %.*s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKack%u;rport\r\nMax-Forwards: 70\r\n"
      "From: <sip:%u@%s>;tag=from%u\r\nTo: %.*s\r\nCall-ID: open-%u@%s\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
      VIEW(target), world->customer_text, number, number, world->customer_text, number, VIEW(to), number,
      world->customer_text);
  hear(world, worker, &world->customer, text);
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static void print_sample(const struct world *world, const struct worker *worker, uint32_t number) {
  struct str_view to = cut(worker->answer, "\r\nTo: ", '\0'), target = cut(worker->answer, "\r\nContact: <", '>');
  printf("%.*s\topen-%u@%s\t<sip:%u@%s>;tag=from%u\t%.*s\n", VIEW(target), number, world->customer_text, number,
         world->customer_text, number, VIEW(to));
}

static void place_calls(const struct world *world, struct worker *workers) {
  uint32_t every = world->samples > 0 ? (world->calls + world->samples - 1) / world->samples : UINT32_MAX;
  for (uint32_t number = 0; number < world->calls; number++) {
    struct worker *worker = &workers[number % world->worker_count];
    for (uint32_t i = 0; i < world->worker_count && number % CALLS_A_MS == 0; i++)
      advance(world, &workers[i]);
    invite(world, worker, number);
    answer(world, worker, number);
    acknowledge(world, worker, number);
    if (number % every == 0) print_sample(world, worker, number);
  }
}

static void open_journal(struct world *world, const char *dir) {
  char problem[512];
  struct call_journal_options options = {.dir = dir, .objects_max = world->calls + 1024};
  world->journal = call_journal_open(&options, problem, sizeof problem);
  if (!world->journal || call_journal_start(world->journal) != RESULT_OK) give_up(problem);
}

static struct world read_arguments(char **words) {
  struct world world = {.calls = (uint32_t)strtoul(words[2], NULL, 10),
                        .worker_count = (uint32_t)strtoul(words[3], NULL, 10),
                        .switch_text = words[4],
                        .customer_text = words[5],
                        .vendor_text = words[6],
                        .samples = (uint32_t)strtoul(words[7], NULL, 10)};
  if (world.calls == 0 || world.worker_count == 0 || world.worker_count > WORKERS_MAX) give_up("no calls, no workers");
  world.customer = address_of(world.customer_text);
  world.vendor = address_of(world.vendor_text);
  world.local = (struct local_identity){.socket_count = 1, .worker_count = (uint8_t)world.worker_count};
  world.local.sockets[0].bound = world.local.sockets[0].advertised = address_of(world.switch_text);
  world.local.sockets[0].transport = TRANSPORT_UDP;
  parameters_set_defaults(&world.parameters);
  return world;
}

int main(int argc, char **argv) {
  if (argc != 8) give_up("DIR CALLS WORKERS SWITCH CUSTOMER VENDOR SAMPLES");
  struct world world = read_arguments(argv);
  struct worker *workers = room(world.worker_count * sizeof *workers);
  build_directory(&world);
  open_journal(&world, argv[1]);
  for (uint32_t i = 0; i < world.worker_count; i++)
    create_worker(&world, &workers[i], (uint8_t)i, world.calls / CALLS_A_MS + 1000);
  place_calls(&world, workers);
  call_journal_close(&world.journal);
  return 0;
}
