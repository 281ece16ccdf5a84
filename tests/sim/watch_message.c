/* Each message by itself: whole, and free of what belongs to the other side. */
#include "sim/actor.h"
#include "sim/nat_box.h"
#include "sim/watcher.h"
#include "sim/world.h"

static bool holds(struct str_view text, const char *needle) {
  return memmem(text.data, text.length, needle, strlen(needle)) != NULL;
}

/* True for the one to whom it goes, and for all behind the same box. */
static bool is_receiver(const struct actor *actor, const struct address *remote) {
  const struct nat_box *box = actor->endpoint->nat;
  if (box) return address_equal_ip(&box->outside, remote);
  /* It may have moved, and have another one where it was. */
  for (const struct endpoint *endpoint = actor->world->network.first; endpoint; endpoint = endpoint->next)
    if (endpoint->owner == actor && address_equal_ip(&endpoint->address, remote)) return true;
  return false;
}

/* Actors write their own names into tags, Call-IDs and branches ("tag-alice-7"), and their addresses into Via and
 * Contact: a message to anybody else must not show them. Session descriptions do, where media goes from end to end. */
static void check_topology(struct sighting *sighting, struct str_view headers) {
  char needle[96], ip[64];
  for (struct actor *actor = sighting->world->first_actor; actor; actor = actor->next) {
    if (actor->endpoint == sighting->endpoint || is_receiver(actor, &sighting->remote)) continue;
    snprintf(needle, sizeof needle, "-%s-", actor->name);
    struct text_builder text = text_builder_over(ip, sizeof ip - 1);
    address_ip_to_text(&actor->endpoint->address, &text);
    ip[text.length] = '\0';
    if (holds(headers, needle) || holds(headers, ip))
      watcher_blame(sighting, "it shows something of the other side's: a tag, a Call-ID, a branch or an address");
  }
}

static void check_request(struct sighting *sighting) {
  const struct sip_message *message = &sighting->message;
  uint32_t hops;
  if (!str_view_starts_with(sighting->via.branch, STR_VIEW("z9hG4bK")))
    watcher_blame(sighting, "its branch has no magic cookie (RFC 3261 8.1.1.7)");
  if (!str_view_to_u32(sip_message_header(message, SIP_HEADER_MAX_FORWARDS), &hops) || hops == 0 || hops > 70)
    watcher_blame(sighting, "Max-Forwards is missing, 0 or above 70 (RFC 3261 8.1.1.6)");
  if (message->from_tag.length == 0) watcher_blame(sighting, "From has no tag (RFC 3261 8.1.1.3)");
  bool wants_contact = message->method == SIP_METHOD_INVITE || message->method == SIP_METHOD_UPDATE;
  if (wants_contact && !sip_message_has(message, SIP_HEADER_CONTACT))
    watcher_blame(sighting, "it has no Contact (RFC 3261 8.1.1.8)");
  if (sighting->transport != sighting->via.transport) watcher_blame(sighting, "Via names another transport");
}

static void check_response(struct sighting *sighting) {
  const struct sip_message *message = &sighting->message;
  if (message->status > 100 && message->to_tag.length == 0) watcher_blame(sighting, "To has no tag (RFC 3261 8.2.6.2)");
  bool is_provisional = message->status > 100 && message->status < 200;
  if (is_provisional && sip_message_has(message, SIP_HEADER_SESSION_EXPIRES))
    watcher_blame(sighting, "a provisional response has Session-Expires (RFC 4028 4)");
  bool makes_dialog = message->method == SIP_METHOD_INVITE && message->status > 100 && message->status < 300;
  if (makes_dialog && !sip_message_has(message, SIP_HEADER_CONTACT))
    watcher_blame(sighting, "it has no Contact (RFC 3261 12.1.1)");
}

void watch_message_said(struct sighting *sighting) {
  const struct sip_message *message = &sighting->message;
  if (!sip_message_has(message, SIP_HEADER_CONTENT_LENGTH)) watcher_blame(sighting, "it has no Content-Length");
  if (message->body.length > 0 && !sip_message_has(message, SIP_HEADER_CONTENT_TYPE))
    watcher_blame(sighting, "a body without Content-Type (RFC 3261 20.15)");
  if (sighting->endpoint->is_switch)
    check_topology(sighting, str_view_slice(sighting->bytes, 0, sighting->bytes.length - message->body.length));
  if (message->is_request)
    check_request(sighting);
  else
    check_response(sighting);
}
