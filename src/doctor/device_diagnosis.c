/* From what devices write about themselves and when they register: routers that rewrite SIP, routers that forget, and
 * registrations that are renewed too late. */
#include "base/arena.h"
#include "doctor/doctor_private.h"
#include "sip/sip_header_values.h"

#define MOVES_MIN     2 /* to another port, without an end of the registration in between */
#define LATES_MIN     2
#define LATE_SLACK_US 1000000
#define LATE_MOST_US  (INT64_C(3600) * 1000000) /* later it has been away */

bool doctor_is_private(const struct address *address) {
  const uint8_t *ip = address->ip;
  if (address->family == ADDRESS_IPV6) return (ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
  return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
         (ip[0] == 100 && (ip[1] & 0xc0) == 64) || (ip[0] == 169 && ip[1] == 254);
}

bool doctor_host_address(struct str_view host, struct address *address_out) {
  return address_parse_ip(host, address_out) == RESULT_OK;
}

/* --- ALG --------------------------------------------------------------------------------------------------------- */

static bool is_inside(struct str_view host, const struct address *source) {
  struct address address;
  return doctor_host_address(host, &address) && doctor_is_private(&address) && !address_equal_ip(&address, source);
}

/* The c= line of the session, or of the first medium. */
static struct str_view connection_of(struct str_view session) {
  static const char mark[] = "\nc=IN IP4 ";
  if (session.length == 0) return (struct str_view){0};
  const char *found = memmem(session.data, session.length, mark, sizeof mark - 1);
  if (!found) return (struct str_view){0};
  struct str_view rest = str_view_from(session, (size_t)(found - session.data) + sizeof mark - 1);
  size_t length = str_view_find(rest, '\n');
  return str_view_trim(str_view_slice(rest, 0, length));
}

/* A device that knows the address outside (STUN, or learnt from `received`) writes it into its Contact too, and one
 * that does not writes it nowhere. Only what rewrites on the way writes it into the Via and forgets the rest. */
static void look_for_alg(struct doctor *doctor, const struct trace_record *record, const struct sip_message *message) {
  struct address via;
  struct sip_name_addr contact;
  char memory[FINDING_SUBJECT_BYTES];
  if (!message->has_top_via || !doctor_host_address(message->top_via.host, &via) ||
      !address_equal_ip(&via, &record->remote) || doctor_is_private(&via) || !sip_message_has_one_via(message))
    return;
  bool has_contact = sip_name_addr_parse(sip_message_header(message, SIP_HEADER_CONTACT), &contact) == RESULT_OK;
  bool contact_is_inside = has_contact && !contact.is_star && is_inside(contact.uri.host, &record->remote);
  bool session_is_inside = is_inside(connection_of(message->body), &record->remote);
  if (!contact_is_inside && !session_is_inside) return;
  doctor_note(doctor, &(struct sighting){
                          .diagnosis = DIAGNOSIS_sip_alg,
                          .confidence_percent = contact_is_inside ? 90 : 70,
                          .subject = doctor_subject(doctor, &record->remote, memory),
                          .at = record->wall,
                          .call = message->call_id,
                          .seen = contact_is_inside ? SEEN_contact_inside : SEEN_media_inside,
                      });
}

/* --- registrations ----------------------------------------------------------------------------------------------- */

static struct doctor_phone *phone_of(struct doctor *doctor, uint64_t key) {
  size_t at = key % PHONES_MAX;
  while (doctor->phones[at].key != 0 && doctor->phones[at].key != key)
    at = (at + 1) % PHONES_MAX;
  if (doctor->phones[at].key == key) return &doctor->phones[at];
  if (doctor->phone_count >= PHONES_MAX / 8 * 7) return NULL;
  doctor->phone_count++;
  doctor->phones[at].key = key;
  return &doctor->phones[at];
}

static void name_phone(struct doctor_phone *phone, const struct sip_message *message) {
  struct sip_name_addr to;
  char memory[256];
  struct arena arena;
  arena_init(&arena, memory, sizeof memory);
  if (phone->number[0] == '\0' && sip_name_addr_parse(sip_message_header(message, SIP_HEADER_TO), &to) == RESULT_OK)
    doctor_copy(phone->number, sizeof phone->number, sip_uri_user_plain(&to.uri, &arena));
}

static void count(uint16_t *counter, struct wall_us *since, struct wall_us *latest, struct wall_us now) {
  if (*counter == 0) *since = now;
  if (*counter < UINT16_MAX) (*counter)++;
  *latest = now;
}

static void take_register(struct doctor *doctor, const struct trace_record *record, const struct sip_message *message) {
  struct doctor_phone *phone = phone_of(doctor, trace_key(message->call_id));
  if (!phone) return;
  name_phone(phone, message);
  bool is_registered = phone->ends_at.value > record->wall.value;
  bool has_moved = phone->source.family != ADDRESS_NONE && record->transport == TRANSPORT_UDP &&
                   address_equal_ip(&phone->source, &record->remote) && phone->source.port != record->remote.port;
  if (is_registered && has_moved) count(&phone->moves, &phone->move_since, &phone->move_latest, record->wall);
  int64_t late_us = phone->ends_at.value == 0 ? 0 : record->wall.value - phone->ends_at.value;
  if (late_us > LATE_SLACK_US && late_us < LATE_MOST_US) {
    count(&phone->lates, &phone->late_since, &phone->late_latest, record->wall);
    phone->ends_at.value = 0;
  }
  phone->source = record->remote;
}

/* The longest time that any Contact in the answer was granted (RFC 3261 §10.3). */
static uint32_t granted_s(const struct sip_message *message) {
  struct sip_value_cursor cursor = {0};
  struct str_view value, expires;
  struct sip_name_addr contact;
  uint32_t longest_s = 0, seconds;
  while (sip_message_next_value(message, SIP_HEADER_CONTACT, &cursor, &value)) {
    if (sip_name_addr_parse(value, &contact) != RESULT_OK) continue;
    if (sip_parameter_find(contact.parameters, STR_VIEW("expires"), &expires) && str_view_to_u32(expires, &seconds) &&
        seconds > longest_s)
      longest_s = seconds;
  }
  return longest_s;
}

static void take_registered(struct doctor *doctor, const struct trace_record *record,
                            const struct sip_message *message) {
  struct doctor_phone *phone = phone_of(doctor, trace_key(message->call_id));
  if (!phone) return;
  uint32_t seconds = granted_s(message);
  phone->ends_at.value = seconds ? record->wall.value + (int64_t)seconds * 1000000 : 0;
}

void device_diagnosis_take(struct doctor *doctor, const struct trace_record *record,
                           const struct sip_message *message) {
  bool is_received = record->direction == TRACE_RECEIVED;
  bool is_register = message->method == SIP_METHOD_REGISTER;
  if (is_received && message->is_request && (is_register || message->method == SIP_METHOD_INVITE))
    look_for_alg(doctor, record, message);
  if (is_received && message->is_request && is_register) take_register(doctor, record, message);
  if (!is_received && is_register && message->status >= 200 && message->status < 300)
    take_registered(doctor, record, message);
}

static void conclude(struct doctor *doctor, const struct doctor_phone *phone, bool is_move) {
  unsigned times = is_move ? phone->moves : phone->lates;
  struct sighting sighting = {.diagnosis = is_move ? DIAGNOSIS_nat_binding_short : DIAGNOSIS_registration_late,
                              .confidence_percent = times > 5 ? 90 : 75,
                              .subject = str_view_from_c(phone->number),
                              .at = is_move ? phone->move_since : phone->late_since,
                              .seen = is_move ? SEEN_other_port : SEEN_registered_late,
                              .numbers = {times}};
  struct finding *finding = doctor_note(doctor, &sighting);
  if (!finding) return;
  finding->count += times - 1;
  finding->latest = is_move ? phone->move_latest : phone->late_latest;
}

void device_diagnosis_conclude(struct doctor *doctor) {
  for (size_t i = 0; i < PHONES_MAX; i++) {
    const struct doctor_phone *phone = &doctor->phones[i];
    if (phone->moves >= MOVES_MIN) conclude(doctor, phone, true);
    if (phone->lates >= LATES_MIN) conclude(doctor, phone, false);
  }
}
