#include "sim/ua_session.h"

#include <stdio.h>

#include "sim/world.h"

static const char *const direction_names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

void ua_session_init(struct ua_session *session, uint64_t id, struct str_view ip, uint16_t port) {
  *session = (struct ua_session){.id = id, .ip = ip};
  session->ours = (struct ua_description){.port = port, .payload = 8};
}

/* What follows s= and c= : one media line with what belongs to it. */
static struct str_view write_media(struct world *world, const struct ua_description *ours) {
  if (ours->payload == UA_FAX)
    return sim_format_view(&world->memory, "m=image %u udptl t38\r\na=T38FaxVersion:0\r\na=%s\r\n", ours->port,
                           direction_names[ours->direction]);
  return sim_format_view(&world->memory, "m=audio %u RTP/AVP %u 101\r\na=rtpmap:101 telephone-event/8000\r\na=%s\r\n",
                         ours->port, ours->payload, direction_names[ours->direction]);
}

static struct str_view write_text(struct world *world, const struct ua_session *session) {
  struct str_view media = write_media(world, &session->ours);
  return sim_format_view(&world->memory, "v=0\r\no=- %llu %llu IN IP4 %.*s\r\ns=-\r\nc=IN IP4 %.*s\r\nt=0 0\r\n%.*s",
                         (unsigned long long)session->id, (unsigned long long)session->version, (int)session->ip.length,
                         session->ip.data, (int)session->ip.length, session->ip.data, (int)media.length, media.data);
}

struct str_view ua_session_write(struct world *world, struct ua_session *session) {
  struct str_view text = write_text(world, session);
  if (session->sent.length && !str_view_equal(text, session->sent)) {
    session->version++;
    text = write_text(world, session);
  }
  session->sent = text;
  session->changed_us = world->now_us;
  return text;
}

struct str_view ua_session_offer(struct world *world, struct ua_session *session, enum ua_direction direction,
                                 unsigned payload) {
  session->before = session->ours;
  session->ours.direction = direction;
  session->ours.payload = payload;
  session->is_offer_open = true;
  return ua_session_write(world, session);
}

void ua_session_refused(struct ua_session *session) {
  if (session->is_offer_open) session->ours = session->before;
  session->is_offer_open = false;
}

/* --- theirs ------------------------------------------------------------------------------------------------------ */

static struct str_view line_of(struct str_view text, const char *start) {
  struct str_view wanted = str_view_from_c(start);
  while (text.length) {
    size_t length = str_view_find(text, '\r');
    struct str_view line = str_view_slice(text, 0, length);
    if (str_view_starts_with(line, wanted)) return str_view_from(line, wanted.length);
    text = str_view_from(text, length + 2);
  }
  return (struct str_view){0};
}

/* The n-th word, counted from 0. */
static struct str_view word_of(struct str_view line, unsigned n) {
  while (n-- > 0)
    line = str_view_from(line, str_view_find(line, ' ') + 1);
  return str_view_slice(line, 0, str_view_find(line, ' '));
}

static bool has_attribute(struct str_view text, const char *name) {
  char line[32];
  snprintf(line, sizeof line, "\na=%s\r", name);
  return memmem(text.data, text.length, line, strlen(line)) != NULL;
}

static bool read_description(struct str_view text, struct ua_description *out) {
  struct str_view media = line_of(text, "m=audio "), fax = line_of(text, "m=image ");
  uint32_t port, payload;
  if (fax.length && str_view_to_u32(word_of(fax, 0), &port)) {
    *out = (struct ua_description){.port = (uint16_t)port, .payload = UA_FAX};
  } else {
    if (!str_view_to_u32(word_of(media, 0), &port) || !str_view_to_u32(word_of(media, 2), &payload)) return false;
    *out = (struct ua_description){.port = (uint16_t)port, .payload = payload};
  }
  for (unsigned i = 0; i < 4; i++)
    if (has_attribute(text, direction_names[i])) out->direction = (enum ua_direction)i;
  return port <= UINT16_MAX;
}

/* All of the o= line but the version. */
static bool same_origin(struct str_view a, struct str_view b) {
  static const unsigned parts[] = {0, 1, 3, 4, 5};
  for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (!str_view_equal(word_of(a, parts[i]), word_of(b, parts[i]))) return false;
  return true;
}

static bool read_version(struct str_view text, uint64_t *version_out) {
  return str_view_to_u64(word_of(line_of(text, "o="), 2), version_out);
}

/* True when nothing but the version differs. */
static bool says_the_same(struct str_view a, struct str_view b) {
  struct str_view a_version = word_of(line_of(a, "o="), 2), b_version = word_of(line_of(b, "o="), 2);
  size_t a_at = (size_t)(a_version.data - a.data), b_at = (size_t)(b_version.data - b.data);
  return str_view_equal(str_view_slice(a, 0, a_at), str_view_slice(b, 0, b_at)) &&
         str_view_equal(str_view_from(a, a_at + a_version.length), str_view_from(b, b_at + b_version.length));
}

/* Refused offers count, and the answer to an offer may come after an offer that was made later. */
static const char *wrong_sequence(const struct ua_session *session, struct str_view now, bool is_strict) {
  uint64_t before, version;
  if (!read_version(now, &version)) return "the o= line has no version";
  if (!session->heard.length) return NULL;
  if (!read_version(session->heard, &before) || !same_origin(line_of(session->heard, "o="), line_of(now, "o=")))
    return "the o= line names another origin than before (RFC 3264 8)";
  if (version == before)
    return str_view_equal(session->heard, now) ? NULL : "the description has changed, its version has not (RFC 3264 8)";
  if (version < before) return "the version of the description has gone back (RFC 3264 8)";
  /* A description between them, an offer or an answer, may have been lost. */
  if (is_strict && !session->may_be_renewed && session->highest <= before && says_the_same(session->heard, now))
    return "the version has risen, and nothing has changed (RFC 4028 7.4)";
  if (is_strict && version > session->highest + 1) return "the version rose by more than one (RFC 3264 8)";
  return NULL;
}

const char *ua_session_pass_over(struct ua_session *session, struct str_view text, bool is_strict) {
  uint64_t version;
  if (!str_view_starts_with(text, STR_VIEW("v=0\r\n"))) return "the description does not begin as one";
  const char *wrong = wrong_sequence(session, text, is_strict);
  if (!wrong && read_version(text, &version) && version > session->highest) session->highest = version;
  return wrong;
}

const char *ua_session_take(struct world *world, struct ua_session *session, struct str_view text, bool is_strict) {
  struct ua_description theirs;
  const char *wrong = ua_session_pass_over(session, text, is_strict);
  if (wrong) return wrong;
  if (!read_description(text, &theirs)) return "the description has no usable m= line";
  session->heard = sim_copy(&world->memory, text);
  session->theirs = theirs;
  session->has_theirs = true;
  session->is_offer_open = false;
  session->changed_us = world->now_us;
  return NULL;
}

static enum ua_direction answer_to(enum ua_direction offered) {
  switch (offered) {
  case UA_SENDONLY: return UA_RECVONLY;
  case UA_RECVONLY: return UA_SENDONLY;
  case UA_INACTIVE: return UA_INACTIVE;
  case UA_SENDRECV: break;
  }
  return UA_SENDRECV;
}

struct str_view ua_session_answer(struct world *world, struct ua_session *session) {
  session->ours.direction = answer_to(session->theirs.direction);
  session->ours.payload = session->theirs.payload;
  return ua_session_write(world, session);
}

const char *ua_session_disagreement(const struct ua_session *a, const struct ua_session *b) {
  if (!a->has_theirs || !b->has_theirs) return "one end never got a session description";
  if (a->theirs.port != b->ours.port || b->theirs.port != a->ours.port)
    return "the ends send their media to the wrong ports";
  if (a->theirs.payload != b->ours.payload || b->theirs.payload != a->ours.payload)
    return "the ends do not agree about the codec";
  if (a->theirs.direction != b->ours.direction || b->theirs.direction != a->ours.direction)
    return "the ends do not agree about who is on hold";
  return NULL;
}
