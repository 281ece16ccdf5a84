#include "net/dns_records.h"

#include <arpa/nameser.h>
#include <string.h>

#include "base/str_view.h"

static void note_ttl(const ns_rr *record, uint32_t *ttl_s) {
  if (ns_rr_ttl(*record) < *ttl_s) *ttl_s = ns_rr_ttl(*record);
}

/* --- SRV --------------------------------------------------------------------------------------------------------- */

/* False: it names no host. */
static bool read_server(const ns_msg *message, const ns_rr *record, struct dns_server *server) {
  const unsigned char *data = ns_rr_rdata(*record);
  if (ns_rr_rdlen(*record) < 7) return false;
  *server = (struct dns_server){.port = (uint16_t)ns_get16(data + 4),
                                .rank = {.priority = (uint16_t)ns_get16(data), .weight = (uint16_t)ns_get16(data + 2)}};
  int length = ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), data + 6, server->host, DNS_HOST_BYTES);
  /* "A Target of "." means that the service is decidedly not available at this domain." */
  return length > 0 && server->host[0] != '\0' && strcmp(server->host, ".") != 0;
}

bool dns_read_servers(const unsigned char *reply, int length, struct dns_servers *servers_out, uint32_t *ttl_s) {
  ns_msg message;
  bool has_records = false;
  servers_out->count = 0;
  if (ns_initparse(reply, length, &message) != 0) return false;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
    ns_rr record;
    if (ns_parserr(&message, ns_s_an, i, &record) != 0) break;
    if (ns_rr_type(record) != ns_t_srv || ns_rr_class(record) != ns_c_in) continue;
    has_records = true;
    note_ttl(&record, ttl_s);
    uint8_t at = servers_out->count;
    if (at == DNS_SERVERS_MAX || !read_server(&message, &record, &servers_out->items[at])) continue;
    servers_out->items[at].rank.server = at;
    servers_out->count++;
  }
  return has_records;
}

/* --- NAPTR ------------------------------------------------------------------------------------------------------- */

/* One <character-string> (RFC 1035 section 3.3); empty at the end of the data. */
static struct str_view read_string(const unsigned char **at, const unsigned char *end) {
  if (*at >= end || **at > end - *at - 1) {
    *at = end;
    return (struct str_view){0};
  }
  struct str_view text = str_view_of((const char *)*at + 1, **at);
  *at += 1 + text.length;
  return text;
}

static enum transport service_transport(struct str_view service) {
  if (str_view_equal_nocase(service, STR_VIEW("SIP+D2U"))) return TRANSPORT_UDP;
  if (str_view_equal_nocase(service, STR_VIEW("SIP+D2T"))) return TRANSPORT_TCP;
  if (str_view_equal_nocase(service, STR_VIEW("SIPS+D2T"))) return TRANSPORT_TLS;
  return TRANSPORT_NONE;
}

/* False: it is not about SIP over a transport that we speak, or is none that leads to SRV. */
static bool read_service(const ns_msg *message, const ns_rr *record, struct dns_service *service) {
  const unsigned char *at = ns_rr_rdata(*record), *end = at + ns_rr_rdlen(*record);
  if (ns_rr_rdlen(*record) < 7) return false;
  service->order = (uint16_t)ns_get16(at);
  service->preference = (uint16_t)ns_get16(at + 2);
  at += 4;
  struct str_view flags = read_string(&at, end);
  service->transport = service_transport(read_string(&at, end));
  (void)read_string(&at, end); /* a regular expression, which such records do not have */
  if (service->transport == TRANSPORT_NONE || !str_view_equal_nocase(flags, STR_VIEW("s")) || at >= end) return false;
  int length = ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), at, service->servers_name,
                                  sizeof service->servers_name);
  return length > 0 && service->servers_name[0] != '\0';
}

static bool is_before(const struct dns_service *a, const struct dns_service *b) {
  return a->order != b->order ? a->order < b->order : a->preference < b->preference;
}

bool dns_read_service(const unsigned char *reply, int length, struct dns_service *service_out, uint32_t *ttl_s) {
  ns_msg message;
  bool is_found = false;
  if (ns_initparse(reply, length, &message) != 0) return false;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
    ns_rr record;
    struct dns_service service;
    if (ns_parserr(&message, ns_s_an, i, &record) != 0) break;
    if (ns_rr_type(record) != ns_t_naptr || ns_rr_class(record) != ns_c_in) continue;
    note_ttl(&record, ttl_s);
    if (!read_service(&message, &record, &service) || (is_found && !is_before(&service, service_out))) continue;
    *service_out = service;
    is_found = true;
  }
  return is_found;
}
