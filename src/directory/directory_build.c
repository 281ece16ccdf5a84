#include "base/check.h"
#include "directory/directory_picture.h"
#include "directory/usage_numbers.h"

/* A picture being built: everything is taken from one arena, whose size directory_memory_bytes has told. */
struct directory_build {
  struct directory *picture;
  struct arena memory;
  struct text_builder texts;
  struct text_builder *problem;
};

/* What the devices come to: counted before memory is laid out. */
struct directory_sums {
  uint32_t devices[DEVICE_KINDS];
  uint32_t addresses[DEVICE_KINDS];
  uint32_t prefixes, rules;
  size_t text_bytes;
};

static void sum_rules(struct directory_sums *sums, const struct number_rule *rules, unsigned count) {
  sums->rules += count;
  for (unsigned i = 0; i < count; i++)
    sums->text_bytes += rules[i].original.length + rules[i].target.length;
}

static struct directory_sums sum_devices(const struct device *devices, size_t device_count) {
  struct directory_sums sums = {.text_bytes = DIRECTORY_REALM_MAX};
  for (size_t i = 0; i < device_count; i++) {
    const struct device *device = &devices[i];
    sums.devices[device->kind]++;
    sums.text_bytes += device->name.length + device->display.length;
    sum_rules(&sums, device->callee_rules, device->callee_rule_count);
    sum_rules(&sums, device->caller_rules, device->caller_rule_count);
    sums.addresses[DEVICE_PHONE] += device->address != NULL;
    if (!device->gateway) continue;
    sums.addresses[device->kind] += device->gateway->address_count;
    sums.prefixes += device->gateway->prefix_count;
    sums.text_bytes += device->gateway->host.length + device->gateway->user.length + device->gateway->password.length +
                       device->gateway->realm.length;
    for (uint16_t p = 0; p < device->gateway->prefix_count; p++)
      sums.text_bytes += device->gateway->prefixes[p].length;
  }
  return sums;
}

/* Rooms for one entry more than needed, because a table has at least one. */
static size_t table_bytes(uint32_t entries) {
  return hash_table_memory_bytes(entries + 1);
}

size_t directory_memory_bytes(const struct device *devices, size_t device_count) {
  struct directory_sums sums = sum_devices(devices, device_count);
  const size_t alignment_slack = 256;
  size_t bytes =
      sizeof(struct directory) + sums.text_bytes + usage_numbers_memory_bytes(device_count) + alignment_slack;
  for (unsigned kind = DEVICE_PHONE; kind < DEVICE_KINDS; kind++) {
    bytes += sums.devices[kind] * sizeof(struct device) + table_bytes(sums.devices[kind]);
    bytes += table_bytes(sums.addresses[kind]);
    if (kind != DEVICE_PHONE) bytes += sums.devices[kind] * sizeof(struct gateway);
  }
  bytes += sums.addresses[DEVICE_PHONE] * (sizeof(struct address) + sizeof(uint32_t) + 8);
  bytes += sums.prefixes * sizeof(struct str_view) + sums.rules * sizeof(struct number_rule);
  return bytes + prefix_table_memory_bytes(sums.prefixes);
}

static void *take(struct directory_build *build, size_t bytes) {
  void *memory = arena_take(&build->memory, bytes);
  require(memory);
  return memory;
}

static void take_table(struct directory_build *build, struct hash_table *table, uint32_t entries) {
  hash_table_init(table, take(build, table_bytes(entries)), entries + 1);
}

static struct str_view keep_text(struct directory_build *build, struct str_view text) {
  struct str_view kept = {build->texts.data + build->texts.length, text.length};
  text_builder_add(&build->texts, text);
  require(!build->texts.overflowed);
  return kept;
}

static const struct number_rule *keep_rules(struct directory_build *build, const struct number_rule *rules,
                                            unsigned count) {
  struct number_rule *kept = take(build, count * sizeof *kept);
  for (unsigned i = 0; i < count; i++) {
    kept[i].original = keep_text(build, rules[i].original);
    kept[i].target = keep_text(build, rules[i].target);
  }
  return kept;
}

static const struct gateway *keep_gateway(struct directory_build *build, const struct gateway *gateway) {
  struct gateway *kept = take(build, sizeof *kept);
  struct str_view *prefixes = take(build, gateway->prefix_count * sizeof *prefixes);
  *kept = *gateway;
  kept->host = keep_text(build, gateway->host);
  kept->user = keep_text(build, gateway->user);
  kept->password = keep_text(build, gateway->password);
  kept->realm = keep_text(build, gateway->realm);
  for (uint16_t i = 0; i < gateway->prefix_count; i++)
    prefixes[i] = keep_text(build, gateway->prefixes[i]);
  kept->prefixes = prefixes;
  return kept;
}

static const char *kind_name(enum device_kind kind) {
  return kind == DEVICE_PHONE ? "phone" : kind == DEVICE_MAPPING_GATEWAY ? "mapping gateway" : "routing gateway";
}

/* "mapping gateway customer-a …" */
static bool refuse(struct directory_build *build, const struct device *device, const char *what) {
  text_builder_add(build->problem, str_view_from_c(kind_name(device->kind)));
  text_builder_add_char(build->problem, ' ');
  text_builder_add(build->problem, device->name);
  text_builder_add(build->problem, str_view_from_c(what));
  return false;
}

static bool gateway_is_sound(struct directory_build *build, const struct device *device) {
  const struct gateway *gateway = device->gateway;
  if (!gateway) return refuse(build, device, " has no gateway settings");
  if (gateway->address_count > GATEWAY_ADDRESSES_MAX) return refuse(build, device, " has more than 16 addresses");
  if (gateway->prefix_count > GATEWAY_PREFIXES_MAX) return refuse(build, device, " has more than 256 prefixes");
  for (uint16_t i = 0; i < gateway->prefix_count; i++)
    if (gateway->prefixes[i].length == 0 || gateway->prefixes[i].length > GATEWAY_PREFIX_LENGTH_MAX)
      return refuse(build, device, " has a prefix that is not 1 to 63 characters long");
  return true;
}

static bool device_is_sound(struct directory_build *build, const struct device *device) {
  if (device->name.length == 0) {
    text_builder_add_literal(build->problem, "a ");
    text_builder_add(build->problem, str_view_from_c(kind_name(device->kind)));
    text_builder_add(build->problem,
                     device->kind == DEVICE_PHONE ? STR_VIEW(" has no number") : STR_VIEW(" has no name"));
    return false;
  }
  if (device->callee_rule_count > NUMBER_RULES_MAX || device->caller_rule_count > NUMBER_RULES_MAX)
    return refuse(build, device, " has more than 32 number rules");
  if (directory_index_of(build->picture, device->kind, device->name) != UINT32_MAX)
    return refuse(build, device, " is there twice");
  return device->kind == DEVICE_PHONE || gateway_is_sound(build, device);
}

static void insert(struct hash_table *table, uint64_t hash, uint32_t value) {
  enum result result = hash_table_insert(table, hash, value);
  require(result == RESULT_OK);
}

static bool refuse_address(struct directory_build *build, const struct device *device, const struct address *address,
                           enum device_kind other_kind, uint32_t other) {
  refuse(build, device, " claims ");
  address_to_text(address, build->problem);
  text_builder_add_literal(build->problem, ", which belongs to ");
  text_builder_add(build->problem, build->picture->lists[other_kind].devices[other].name);
  return false;
}

/* A phone that does not register: whoever calls from there is it. */
static bool add_phone_address(struct directory_build *build, struct device *device, uint32_t index) {
  uint32_t other = directory_phone_at(build->picture, device->address);
  if (other != UINT32_MAX) return refuse_address(build, device, device->address, DEVICE_PHONE, other);
  other = directory_gateway_at(build->picture, DEVICE_MAPPING_GATEWAY, device->address);
  if (other != UINT32_MAX) return refuse_address(build, device, device->address, DEVICE_MAPPING_GATEWAY, other);
  struct address *kept = take(build, sizeof *kept);
  *kept = *device->address;
  device->address = kept;
  insert(&build->picture->phones_by_address, address_hash(kept), index);
  build->picture->fixed_phones[build->picture->fixed_phone_count++] = index;
  return true;
}

/* Two vendors may share an address (one carrier, two dial plans); of two customers only one can be meant. */
static bool add_addresses(struct directory_build *build, const struct device *device, uint32_t index) {
  bool is_mapping = device->kind == DEVICE_MAPPING_GATEWAY;
  struct hash_table *table = is_mapping ? &build->picture->mapping_by_address : &build->picture->routing_by_address;
  for (uint8_t i = 0; i < device->gateway->address_count; i++) {
    const struct address *address = &device->gateway->addresses[i];
    uint32_t other = directory_gateway_at(build->picture, device->kind, address);
    uint32_t phone = is_mapping ? directory_phone_at(build->picture, address) : UINT32_MAX;
    if (is_mapping && other != UINT32_MAX && other != index)
      return refuse_address(build, device, address, device->kind, other);
    if (phone != UINT32_MAX) return refuse_address(build, device, address, DEVICE_PHONE, phone);
    if (other == UINT32_MAX) insert(table, address_hash(address), index);
  }
  return true;
}

static bool add_device(struct directory_build *build, const struct device *source) {
  if (!device_is_sound(build, source)) return false;
  struct device_list *list = &build->picture->lists[source->kind];
  uint32_t index = list->count++;
  struct device *device = &list->devices[index];
  *device = *source;
  device->name = keep_text(build, source->name);
  device->display = keep_text(build, source->display);
  device->callee_rules = keep_rules(build, source->callee_rules, source->callee_rule_count);
  device->caller_rules = keep_rules(build, source->caller_rules, source->caller_rule_count);
  insert(&list->by_name, directory_hash(device->name), index);
  if (device->kind == DEVICE_PHONE) {
    device->gateway = NULL;
    return !device->address || add_phone_address(build, device, index);
  }
  device->address = NULL;
  device->gateway = keep_gateway(build, source->gateway);
  return add_addresses(build, device, index);
}

static void lay_out(struct directory_build *build, const struct directory_sums *sums) {
  struct directory *picture = build->picture;
  for (unsigned kind = DEVICE_PHONE; kind < DEVICE_KINDS; kind++) {
    picture->lists[kind].devices = take(build, sums->devices[kind] * sizeof(struct device));
    take_table(build, &picture->lists[kind].by_name, sums->devices[kind]);
  }
  take_table(build, &picture->mapping_by_address, sums->addresses[DEVICE_MAPPING_GATEWAY]);
  take_table(build, &picture->routing_by_address, sums->addresses[DEVICE_ROUTING_GATEWAY]);
  take_table(build, &picture->phones_by_address, sums->addresses[DEVICE_PHONE]);
  picture->fixed_phones = take(build, sums->addresses[DEVICE_PHONE] * sizeof *picture->fixed_phones);
  build->texts = text_builder_over(take(build, sums->text_bytes), sums->text_bytes);
}

struct directory *directory_build(void *memory, const struct device *devices, size_t device_count,
                                  struct str_view realm, const struct directory *previous, uint32_t *usage_counts,
                                  uint32_t usage_max, struct text_builder *problem) {
  if (realm.length > DIRECTORY_REALM_MAX || device_count > usage_max) {
    text_builder_add(problem, realm.length > DIRECTORY_REALM_MAX ? STR_VIEW("the realm is longer than 255 bytes")
                                                                 : STR_VIEW("there are more devices than fit"));
    return NULL;
  }
  struct directory_build build = {.problem = problem};
  struct directory_sums sums = sum_devices(devices, device_count);
  arena_init(&build.memory, memory, directory_memory_bytes(devices, device_count));
  build.picture = take(&build, sizeof(struct directory));
  build.picture->usage_counts = usage_counts;
  build.picture->usage_max = usage_max;
  lay_out(&build, &sums);
  build.picture->realm = keep_text(&build, realm);
  for (size_t i = 0; i < device_count; i++)
    if (!add_device(&build, &devices[i])) return NULL;
  const struct device_list *routing = &build.picture->lists[DEVICE_ROUTING_GATEWAY];
  prefix_table_build(&build.picture->prefixes, routing->devices, routing->count, &build.memory);
  size_t bits_bytes = usage_numbers_memory_bytes(device_count);
  if (usage_numbers_give(build.picture, previous, take(&build, bits_bytes), bits_bytes) != RESULT_OK) {
    text_builder_add_literal(problem, "there are more devices than fit");
    return NULL;
  }
  return build.picture;
}
