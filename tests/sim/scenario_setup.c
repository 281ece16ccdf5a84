/* Who and what there is: the statements of scenario_statements.def. */
#include "sim/nat_box.h"
#include "sim/scenario.h"
#include "sip/sip_digest_compute.h"

#define SIP_PORT 5060
#define REALM    STR_VIEW("belfry")

struct statement {
  struct scenario_line *line;
  struct scenario *scenario;
  struct world *world;
  struct match match;
};

#define STATEMENT_FUNCTION(name) static void statement_##name(struct statement *statement)

/* --- reading values ---------------------------------------------------------------------------------------------- */

static struct str_view value_of(const struct statement *statement, const char *name) {
  return match_value(&statement->match, name);
}

static void complain(struct statement *statement, const char *what, struct str_view word) {
  scenario_complain(statement->line, "%.*s is not %s", (int)word.length, word.data, what);
}

static bool read_address(struct statement *statement, const char *name, struct address *out) {
  struct str_view word = value_of(statement, name);
  if (address_parse(word, SIP_PORT, out) == RESULT_OK) return true;
  complain(statement, "an address", word);
  return false;
}

static int64_t time_of(struct statement *statement, const char *name, int64_t otherwise_us) {
  int64_t time_us = otherwise_us;
  if (match_has(&statement->match, name) && !read_time_us(value_of(statement, name), &time_us))
    complain(statement, "a time (200ms, 3s, 2h)", value_of(statement, name));
  return time_us;
}

static uint32_t number_of(struct statement *statement, const char *name, uint32_t otherwise) {
  uint32_t number = otherwise;
  if (match_has(&statement->match, name) && !str_view_to_u32(value_of(statement, name), &number))
    complain(statement, "a number", value_of(statement, name));
  return number;
}

static uint32_t ppm_of(struct statement *statement) {
  uint32_t ppm = 0;
  if (!read_ppm(value_of(statement, "PERCENT"), &ppm))
    complain(statement, "a percentage", value_of(statement, "PERCENT"));
  return ppm;
}

static struct str_view kept(struct statement *statement, struct str_view text) {
  return sim_copy(&statement->world->memory, text);
}

static const char *kept_name(struct statement *statement) {
  return sim_c_text(&statement->world->memory, value_of(statement, "NAME"));
}

static struct actor *actor_of(struct statement *statement, const char *name) {
  struct actor *actor = actor_find(statement->world, value_of(statement, name));
  if (!actor) complain(statement, "an actor", value_of(statement, name));
  return actor;
}

/* --- the switch -------------------------------------------------------------------------------------------------- */

STATEMENT_FUNCTION(no_switch) {
  statement->scenario->without_switch = true;
}

static void add_socket(struct node_setup *setup, const struct address *address, enum transport transport) {
  if (setup->socket_count == NODE_SOCKETS_MAX) return;
  setup->sockets[setup->socket_count++] =
      (struct local_socket){.bound = *address, .advertised = *address, .transport = (uint8_t)transport};
}

STATEMENT_FUNCTION(switch_at) {
  struct address address;
  if (!read_address(statement, "ADDRESS", &address)) return;
  add_socket(&statement->scenario->setups[0], &address, TRANSPORT_UDP);
  add_socket(&statement->scenario->setups[0], &address, TRANSPORT_TCP);
}

/* The first one that is named is the one that would be there anyway. */
STATEMENT_FUNCTION(switch_named) {
  struct scenario *scenario = statement->scenario;
  struct address address;
  if (!read_address(statement, "ADDRESS", &address)) return;
  bool is_first = scenario->setups[0].socket_count == 0;
  if (!is_first && scenario->setup_count == WORLD_NODES_MAX) {
    complain(statement, "possible: there are too many switches", value_of(statement, "NAME"));
    return;
  }
  struct node_setup *setup = &scenario->setups[is_first ? 0 : scenario->setup_count++];
  setup->name = kept_name(statement);
  add_socket(setup, &address, TRANSPORT_UDP);
  add_socket(setup, &address, TRANSPORT_TCP);
}

/* The number of the switch that is named in a group; of the first where none is. */
static unsigned switch_number(struct statement *statement, const char *name) {
  struct str_view word = value_of(statement, name);
  for (unsigned i = 0; word.length && i < statement->scenario->setup_count; i++)
    if (str_view_equal(word, str_view_from_c(statement->scenario->setups[i].name))) return i;
  if (word.length) complain(statement, "a switch", word);
  return 0;
}

STATEMENT_FUNCTION(limits) {
  struct switch_limits *limits = &statement->scenario->setups[0].limits;
  limits->calls_max = number_of(statement, "CALLS", limits->calls_max);
  limits->transactions_max = number_of(statement, "TRANSACTIONS", limits->transactions_max);
}

STATEMENT_FUNCTION(workers) {
  uint32_t count = number_of(statement, "COUNT", 1);
  if (count < 1 || count > NODE_WORKERS_MAX)
    scenario_complain(statement->line, "a switch has 1 to %u workers", NODE_WORKERS_MAX);
  else
    statement->scenario->setups[0].worker_count = (uint8_t)count;
}

static void set_parameter(struct statement *statement, const struct parameter_row *row, unsigned number) {
  struct node_setup *setup = &statement->scenario->setups[number];
  char text[512];
  struct text_builder problem = text_builder_over(text, sizeof text);
  if (parameter_set(&setup->parameters, row, value_of(statement, "VALUE"), &problem) != RESULT_OK)
    scenario_complain(statement->line, "%.*s", (int)problem.length, text);
  else if (number < statement->world->node_count)
    switch_node_order(statement->world->nodes[number], ORDER_PARAMETERS_CHANGED, (struct str_view){0}, NULL);
}

/* Of all switches, also of those that are named later; or of one. */
STATEMENT_FUNCTION(parameter) {
  const struct parameter_row *row = parameter_find(value_of(statement, "NAME"));
  if (!row) {
    complain(statement, "a parameter", value_of(statement, "NAME"));
    return;
  }
  if (match_has(&statement->match, "SWITCH")) {
    set_parameter(statement, row, switch_number(statement, "SWITCH"));
    return;
  }
  for (unsigned i = 0; i < WORLD_NODES_MAX; i++)
    set_parameter(statement, row, i);
}

STATEMENT_FUNCTION(journal) {
  struct node_setup *setup = &statement->scenario->setups[0];
  setup->journal_flush_us = time_of(statement, "TIME", NODE_FLUSH_US);
  statement->world->crash.is_tried = true;
  if (setup->journal_flush_us == 0) complain(statement, "a time that passes", value_of(statement, "TIME"));
}

static void restart(struct statement *statement, unsigned number) {
  statement->world->is_troubled = true;
  if (number < statement->world->node_count)
    switch_node_restart(statement->world->nodes[number], time_of(statement, "TIME", 0));
}

STATEMENT_FUNCTION(restart) {
  restart(statement, 0);
}

STATEMENT_FUNCTION(restart_named) {
  restart(statement, switch_number(statement, "NAME"));
}

STATEMENT_FUNCTION(stall) {
  statement->world->is_troubled = true;
  int64_t time_us = time_of(statement, "TIME", 0);
  for (unsigned i = 0; i < statement->world->node_count; i++)
    switch_node_stall(statement->world->nodes[i], statement->world->now_us + time_us);
}

STATEMENT_FUNCTION(clock_forward) {
  world_set_wall(statement->world, time_of(statement, "TIME", 0));
}

STATEMENT_FUNCTION(clock_back) {
  world_set_wall(statement->world, -time_of(statement, "TIME", 0));
}

/* Ids stand in the list of calls as "id":"…". */
STATEMENT_FUNCTION(operator_hangs_up) {
  if (statement->world->node_count == 0) return;
  struct switch_node *node = statement->world->nodes[0];
  struct str_view list = switch_node_order(node, ORDER_LIST_CALLS, (struct str_view){0}, NULL);
  static const char key[] = "\"id\":\"";
  unsigned count = 0;
  for (;;) {
    const char *found = list.length ? memmem(list.data, list.length, key, sizeof key - 1) : NULL;
    if (!found) break;
    list = str_view_from(list, (size_t)(found - list.data) + sizeof key - 1);
    enum result result;
    switch_node_order(node, ORDER_HANGUP_CALL, str_view_slice(list, 0, str_view_find(list, '"')), &result);
    if (result != RESULT_OK)
      world_fail(statement->world, "the order to hang up a listed call came to %s", result_name(result));
    count++;
  }
  if (count == 0) world_fail(statement->world, "the operator finds no call to hang up");
}

STATEMENT_FUNCTION(operator_tests) {
  if (statement->world->node_count == 0) return;
  struct str_view gateway = value_of(statement, "GATEWAY"), number = value_of(statement, "NUMBER");
  char order[256];
  enum result result;
  struct text_builder text = text_builder_over(order, sizeof order);
  text_builder_add(&text, gateway);
  text_builder_add_char(&text, '\n');
  text_builder_add(&text, number);
  text_builder_add_char(&text, '\n');
  switch_node_order(statement->world->nodes[0], ORDER_TEST_TRUNK, text_builder_view(&text), &result);
  if (result != RESULT_OK) world_fail(statement->world, "the order to test a gateway came to %s", result_name(result));
}

STATEMENT_FUNCTION(note_size) {
  if (statement->world->node_count > 0) switch_node_count(statement->world->nodes[0], &statement->scenario->size_noted);
}

STATEMENT_FUNCTION(run_for) {
  statement->scenario->run_for_us = time_of(statement, "TIME", 0);
}

/* --- who there is ------------------------------------------------------------------------------------------------ */

static void read_transport(struct statement *statement, struct actor *actor) {
  struct str_view word = value_of(statement, "TRANSPORT");
  if (!word.length) return;
  actor->transport = transport_from_name(word);
  if (actor->transport != TRANSPORT_UDP && actor->transport != TRANSPORT_TCP) complain(statement, "udp or tcp", word);
}

static struct actor *add_actor(struct statement *statement, enum actor_kind kind, const struct address *address) {
  struct str_view name = value_of(statement, "NAME");
  if (actor_find(statement->world, name)) {
    complain(statement, "a new name", name);
    return NULL;
  }
  if (network_find(&statement->world->network, address)) {
    complain(statement, "a free address", value_of(statement, "ADDRESS"));
    return NULL;
  }
  struct actor *actor = actor_add(statement->world, kind, kept_name(statement), address);
  actor->switch_number = switch_number(statement, "SWITCH");
  read_transport(statement, actor);
  return actor;
}

static void read_keep_alive(struct statement *statement, struct device *device) {
  static const char *const methods[] = {"message", "crlf", "options", "auto", "off"}; /* as the parameter's choices */
  struct str_view wanted = value_of(statement, "METHOD");
  if (!wanted.length) return;
  for (int32_t i = 0; i <= KEEP_ALIVE_OFF; i++)
    if (str_view_equal(wanted, str_view_from_c(methods[i]))) device->overrides.keep_alive = i;
  if (device->overrides.keep_alive == DEVICE_USE_PARAMETER) complain(statement, "a keep-alive method", wanted);
}

static void read_refresher(struct statement *statement, struct device *device) {
  static const struct {
    const char *name;
    int16_t choice;
  } choices[] = {{"us", SESSION_REFRESHER_US}, {"them", SESSION_REFRESHER_THEM}, {"peer", SESSION_REFRESHER_PEER}};
  struct str_view word = value_of(statement, "WHO");
  for (unsigned i = 0; i < sizeof choices / sizeof choices[0]; i++) {
    if (!str_view_equal(word, str_view_from_c(choices[i].name))) continue;
    device->overrides.refresher = choices[i].choice;
    return;
  }
  complain(statement, "us, them or peer", word);
}

static struct device *add_device_to(struct statement *statement, unsigned number, enum device_kind kind,
                                    struct str_view name) {
  struct node_setup *setup = &statement->scenario->setups[number];
  if (setup->device_count == NODE_DEVICES_MAX) {
    complain(statement, "possible: there are too many devices", name);
    return NULL;
  }
  struct device *device = &setup->devices[setup->device_count++];
  device_set_defaults(device, kind);
  device->name = kept(statement, name);
  device->capacity = number_of(statement, "COUNT", UINT32_MAX);
  if (match_has(&statement->match, "LIMIT"))
    device->overrides.max_duration_s = (int32_t)(time_of(statement, "LIMIT", 0) / SECOND_US);
  read_keep_alive(statement, device);
  if (match_has(&statement->match, "without")) device->overrides.sip_timer = false;
  if (match_has(&statement->match, "WHO")) read_refresher(statement, device);
  return device;
}

static struct device *add_device(struct statement *statement, enum device_kind kind, struct str_view name) {
  return add_device_to(statement, switch_number(statement, "SWITCH"), kind, name);
}

static struct nat_box *box_named(const struct world *world, struct str_view name) {
  struct nat_box *box = world->network.first_nat;
  while (box && !str_view_equal(name, str_view_from_c(box->name)))
    box = box->next;
  return box;
}

/* Phones without an address get 192.168.1.N. */
static struct address phone_address(struct statement *statement) {
  struct address address = {.ip = {192, 168, 1, 1}, .port = SIP_PORT, .family = ADDRESS_IPV4};
  if (match_has(&statement->match, "ADDRESS"))
    read_address(statement, "ADDRESS", &address);
  else
    for (const struct actor *actor = statement->world->first_actor; actor; actor = actor->next)
      address.ip[3]++;
  return address;
}

static void write_ha1(struct device *phone, struct str_view password) {
  struct sip_digest_hex md5 = sip_digest_ha1(SIP_DIGEST_MD5, phone->name, REALM, password);
  struct sip_digest_hex sha = sip_digest_ha1(SIP_DIGEST_SHA256, phone->name, REALM, password);
  memcpy(phone->ha1_md5, md5.text, sizeof phone->ha1_md5);
  memcpy(phone->ha1_sha256, sha.text, sizeof phone->ha1_sha256);
}

STATEMENT_FUNCTION(phone) {
  struct address address = phone_address(statement);
  struct actor *actor = add_actor(statement, ACTOR_PHONE, &address);
  if (!actor) return;
  struct str_view password = value_of(statement, "PASSWORD"), box = value_of(statement, "NAT");
  actor->number = kept(statement, value_of(statement, "NUMBER"));
  actor->password = password.length ? kept(statement, password) : STR_VIEW("secret");
  actor->registration.expires_s = (uint32_t)(time_of(statement, "TIME", 3600 * SECOND_US) / SECOND_US);
  actor->registration.is_wanted = match_has(&statement->match, "registers");
  if (box.length && !(actor->endpoint->nat = box_named(statement->world, box))) complain(statement, "a NAT box", box);
  struct device *device = add_device(statement, DEVICE_PHONE, actor->number);
  if (!device) return;
  write_ha1(device, STR_VIEW("secret"));
  if (match_has(&statement->match, "always")) device->address = &actor->endpoint->address;
}

static struct gateway *make_gateway(struct statement *statement, struct device *device, const struct address *address) {
  if (!device) return NULL;
  struct gateway *gateway = sim_take(&statement->world->memory, sizeof *gateway);
  gateway_set_defaults(gateway);
  gateway->addresses[0] = *address;
  gateway->address_count = 1;
  device->gateway = gateway;
  return gateway;
}

static struct gateway *add_gateway(struct statement *statement, enum device_kind kind, const struct actor *actor) {
  struct device *device = add_device(statement, kind, value_of(statement, "NAME"));
  struct gateway *gateway = make_gateway(statement, device, &actor->endpoint->address);
  if (gateway) gateway->transport = actor->transport;
  return gateway;
}

STATEMENT_FUNCTION(customer) {
  struct address address;
  if (!read_address(statement, "ADDRESS", &address)) return;
  struct actor *actor = add_actor(statement, ACTOR_CUSTOMER, &address);
  if (!actor) return;
  actor->number = STR_VIEW("3100");
  struct gateway *gateway = add_gateway(statement, DEVICE_MAPPING_GATEWAY, actor);
  if (gateway && actor->transport == TRANSPORT_TCP) gateway->addresses[0].port = 0;
}

static void read_routes(struct statement *statement, struct gateway *gateway) {
  struct str_view list = value_of(statement, "PREFIXES");
  struct str_view *prefixes = sim_take(&statement->world->memory, 16 * sizeof *prefixes);
  for (uint16_t count = 0; list.length && count < 16; gateway->prefix_count = ++count) {
    size_t length = str_view_find(list, ',');
    prefixes[count] = kept(statement, str_view_slice(list, 0, length));
    list = str_view_from(list, length + 1);
  }
  gateway->prefixes = prefixes;
  gateway->priority = (uint16_t)number_of(statement, "PRIORITY", 1);
}

static void read_login(struct statement *statement, struct gateway *gateway) {
  struct str_view password = value_of(statement, "PASSWORD");
  if (!match_has(&statement->match, "USER")) return;
  gateway->user = kept(statement, value_of(statement, "USER"));
  gateway->password = password.length ? kept(statement, password) : STR_VIEW("secret");
}

STATEMENT_FUNCTION(gateway) {
  struct address address;
  if (!read_address(statement, "ADDRESS", &address)) return;
  struct actor *actor = add_actor(statement, ACTOR_VENDOR, &address);
  if (!actor) return;
  actor->number = STR_VIEW("4400");
  struct gateway *gateway = add_gateway(statement, DEVICE_ROUTING_GATEWAY, actor);
  if (!gateway) return;
  read_routes(statement, gateway);
  read_login(statement, gateway);
  if (match_has(&statement->match, "HOST")) gateway->host = kept(statement, value_of(statement, "HOST"));
}

/* A vendor of the one switch is the other, whose customer is the first. */
STATEMENT_FUNCTION(trunk) {
  struct scenario *scenario = statement->scenario;
  unsigned from = switch_number(statement, "SWITCH"), to = switch_number(statement, "OTHER");
  struct str_view name = value_of(statement, "NAME");
  struct gateway *out = make_gateway(statement, add_device_to(statement, from, DEVICE_ROUTING_GATEWAY, name),
                                     &scenario->setups[to].sockets[0].bound);
  struct gateway *in = make_gateway(statement, add_device_to(statement, to, DEVICE_MAPPING_GATEWAY, name),
                                    &scenario->setups[from].sockets[0].bound);
  if (out && in) read_routes(statement, out);
}

STATEMENT_FUNCTION(stranger) {
  struct address address;
  if (!read_address(statement, "ADDRESS", &address)) return;
  struct actor *actor = add_actor(statement, ACTOR_STRANGER, &address);
  if (actor) actor->number = STR_VIEW("6660");
}

STATEMENT_FUNCTION(host) {
  struct node_setup *setup = &statement->scenario->setups[0];
  struct address address;
  if (!read_address(statement, "ADDRESS", &address) || setup->host_count == NODE_HOSTS_MAX) return;
  struct node_host *host = &setup->hosts[setup->host_count++];
  host->name = kept(statement, value_of(statement, "NAME"));
  host->addresses[0] = address;
  host->address_count = 1;
}

/* --- the network ------------------------------------------------------------------------------------------------- */

STATEMENT_FUNCTION(nat) {
  struct address address;
  struct str_view filter = value_of(statement, "FILTER");
  if (!read_address(statement, "ADDRESS", &address)) return;
  struct nat_box *box = nat_add(statement->world, kept_name(statement), &address);
  box->is_symmetric = match_has(&statement->match, "symmetric");
  box->refreshed_inbound = !match_has(&statement->match, "refreshed");
  box->lifetime_us = time_of(statement, "TIME", box->lifetime_us);
  if (!filter.length) return;
  if (str_view_equal(filter, STR_VIEW("anyone")))
    box->filter = NAT_FROM_ANYONE;
  else if (str_view_equal(filter, STR_VIEW("same-address")))
    box->filter = NAT_FROM_SAME_ADDRESS;
  else
    complain(statement, "anyone or same-address", filter);
}

STATEMENT_FUNCTION(nat_restart) {
  struct nat_box *box = box_named(statement->world, value_of(statement, "NAME"));
  statement->world->is_troubled = true;
  if (box)
    nat_restart(box);
  else
    complain(statement, "a NAT box", value_of(statement, "NAME"));
}

/* The faults that a statement is about: of the network, or of one actor's way. */
static struct link_faults *faults_of(struct statement *statement) {
  struct actor *actor;
  if (match_has(&statement->match, "RECEIVER"))
    return (actor = actor_of(statement, "RECEIVER")) ? &actor->endpoint->to : NULL;
  if (match_has(&statement->match, "SENDER"))
    return (actor = actor_of(statement, "SENDER")) ? &actor->endpoint->from : NULL;
  return &statement->world->network.faults;
}

STATEMENT_FUNCTION(loss) {
  struct link_faults *faults = faults_of(statement);
  if (faults) faults->loss_ppm = ppm_of(statement);
}

STATEMENT_FUNCTION(duplicate) {
  struct link_faults *faults = faults_of(statement);
  if (faults) faults->duplicate_ppm = ppm_of(statement);
}

STATEMENT_FUNCTION(reorder) {
  struct link_faults *faults = faults_of(statement);
  if (faults) faults->reorder_ppm = ppm_of(statement);
}

STATEMENT_FUNCTION(delay) {
  struct link_faults *faults = faults_of(statement);
  if (!faults) return;
  faults->delay_min_us = time_of(statement, "MINIMUM", 0);
  faults->delay_max_us = time_of(statement, "MAXIMUM", 0);
}

/* --- the table --------------------------------------------------------------------------------------------------- */

enum statement_time { STATEMENT_SETUP, STATEMENT_LATER };

static const struct {
  const char *pattern;
  enum statement_time time;
  void (*act)(struct statement *statement);
} statements[] = {
#define STATEMENT(name, pattern, time) {pattern, STATEMENT_##time, statement_##name},
#include "sim/scenario_statements.def"
#undef STATEMENT
};

bool scenario_statement(struct scenario_line *line, const char **closest_out, unsigned *closest_words) {
  struct statement statement = {.line = line, .scenario = line->scenario, .world = line->scenario->world};
  for (unsigned i = 0; i < sizeof statements / sizeof statements[0]; i++) {
    unsigned matched;
    if (scenario_match(statements[i].pattern, line->words, line->word_count, &statement.match, &matched)) {
      if (statements[i].time == STATEMENT_SETUP && line->scenario->is_running)
        scenario_complain(line, "this cannot change while time passes");
      else
        statements[i].act(&statement);
      return true;
    }
    if (matched > *closest_words) {
      *closest_words = matched;
      *closest_out = statements[i].pattern;
    }
  }
  return false;
}
