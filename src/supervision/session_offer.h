/* The negotiation of a leg's session timer (RFC 4028 §4–§9): what a message says, what we answer, what we ask for, and
 * what is in force after a 2xx. Pure functions; the tables are session_offer.def. Each leg negotiates alone.
 *
 *   as UAS   request ─ session_words_read ─ session_offer_judge ─► 422 with Min-SE
 *                                                               ─► 2xx with Session-Expires: terms
 *                                                               ─► 2xx without
 *
 *   as UAC   session_offer_ask ─► request ─► 2xx ─ session_offer_conclude: terms
 *                  ▲                     └► 422 ─ session_offer_raise
 *                  └────── at most twice ─────────────────┘ */
#ifndef SUPERVISION_SESSION_OFFER_H
#define SUPERVISION_SESSION_OFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text_builder.h"
#include "directory/directory.h"
#include "parameters/parameters.h"
#include "sip/sip_header_values.h"
#include "sip/sip_message.h"

#define SESSION_INTERVAL_MIN_S 90    /* RFC 4028 §4 */
#define SESSION_INTERVAL_MAX_S 86400 /* longest that we wait for anybody: beyond it a peer's wish is no timer */
#define SESSION_RAISES_MAX     2     /* how often a request that was answered 422 is sent again */

/* Who refreshes. */
enum session_role { SESSION_ROLE_NONE, SESSION_ROLE_OURS, SESSION_ROLE_THEIRS };

/* What two ends have agreed on. interval_s is 0 when the role is NONE. */
struct session_terms {
  uint32_t interval_s;
  uint8_t role; /* enum session_role */
};

/* What we want of one device: the parameters, and what the device overrides. */
struct session_wishes {
  uint32_t ttl_s; /* 0: timers are off */
  uint32_t min_se_s;
  uint8_t refresher; /* enum session_refresher_choice */
};

/* `overrides` NULL: a device that is not in the directory (any more). */
struct session_wishes session_wishes_of(const struct parameters *parameters, const struct device_overrides *overrides);

/* What a request or 2xx says about timers. A value that cannot be read (text, a sign, nothing) counts as not there: a
 * missing header field is never 0. */
struct session_words {
  uint32_t interval_s;
  uint32_t min_se_s; /* 0: none; else at least 90 (§5) */
  uint8_t refresher; /* enum sip_refresher */
  bool has_interval;
  bool supports; /* Supported or Require names `timer` */
};
struct session_words session_words_read(const struct sip_message *message);

/* The same without `supports`, which decides nothing in the answer to a request of ours. */
struct session_words session_words_of_answer(const struct sip_message *message);

/* --- as UAS ------------------------------------------------------------------------------------------------------ */

enum session_judgement {
  SESSION_TIMED,     /* 2xx with Session-Expires */
  SESSION_UNTIMED,   /* 2xx without */
  SESSION_TOO_SMALL, /* 422 */
};

struct session_verdict {
  enum session_judgement judgement;
  struct session_terms terms;
  bool require;      /* Require: timer in the 2xx (§9) */
  uint32_t min_se_s; /* of the 422 */
};

/* `in_force` NULL: the first request of a dialog. A later one that offers nothing but supports timers makes us the
 * refresher; one that does neither switches the timer off. A shorter interval than our minimum is refused where the
 * peer supports timers, and not timed where it does not (it could do nothing about a 422). */
struct session_verdict session_offer_judge(const struct session_words *request, const struct session_wishes *wishes,
                                           const struct session_terms *in_force);

/* Appends Session-Expires and Require, or nothing. */
void session_offer_write_answer(const struct session_verdict *verdict, struct text_builder *headers);

/* --- as UAC ------------------------------------------------------------------------------------------------------ */

/* What our request says. interval_s 0: no Session-Expires. */
struct session_asked {
  uint32_t interval_s;
  uint32_t min_se_s; /* largest that 422s and requests in this dialog have named; 0: none (§7.4) */
  uint8_t refresher; /* enum sip_refresher */
  uint8_t raises;    /* how often a 422 has raised it */
};

/* Fills in a request's interval and refresher and keeps `asked->min_se_s`. `in_force` NULL: the first request of a
 * dialog; else the interval in force is repeated (§7.4), unless `renew`: the wished one then takes its place. */
void session_offer_ask(struct session_asked *asked, const struct session_wishes *wishes,
                       const struct session_terms *in_force, bool renew);

/* A 422 came, naming `min_se_s` (0: none). False: do not try again. A 422 that names nothing useful raises to 1800 s,
 * then to twice what was asked; one that wants more than a day gets a request without Session-Expires. */
bool session_offer_raise(struct session_asked *asked, uint32_t min_se_s);

/* Notes a Min-SE that came in a request of the peer (§7.4). */
void session_offer_note_min_se(struct session_asked *asked, uint32_t min_se_s);

/* The dialog is established: what 422s said before does not count any more (§7.4). */
void session_offer_establish(struct session_asked *asked);

/* Appends Session-Expires and Min-SE, or nothing. Supported is the caller's: session_wishes.ttl_s says whether `timer`
 * is in it. */
void session_offer_write_request(const struct session_asked *asked, const struct session_wishes *wishes,
                                 struct text_builder *headers);

/* What is in force after the 2xx `answer` to the request that said `asked`. */
struct session_terms session_offer_conclude(const struct session_asked *asked, const struct session_words *answer,
                                            const struct session_wishes *wishes);

#endif
