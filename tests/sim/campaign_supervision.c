/* Long calls between ends that time their sessions in all ways and none, refuse, hang, die and come back, mostly
 * through two switches in a row. What must come of them is checked by watch_timer.c and ledger_bound.c: a call whose
 * end is gone is ended within its bound, and no other one by a switch. */
#include <stdio.h>

#include "sim/campaign.h"
#include "sim/campaign_text.h"

#define CALLS         6
#define FIRST_CALL_MS 1000
#define LAST_CALL_MS  60000
#define ENDS          5

static const char *const ends[ENDS] = {"pbx", "isp", "first", "second", "alice"};
static const unsigned intervals_s[] = {90, 100, 120, 180, 300, 600, 900, 1800};

static unsigned draw_interval_s(struct campaign_text *text) {
  return intervals_s[campaign_draw(text, 0, sizeof intervals_s / sizeof intervals_s[0] - 1)];
}

static const char *draw_word(struct campaign_text *text, const char *const *words, unsigned count) {
  return words[campaign_draw(text, 0, count - 1)];
}

#define DRAW_WORD(text, ...)                                                                                           \
  draw_word(text, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* A third of the worlds lose nothing, so that every end must be accounted for. */
static void write_faults(struct campaign_text *text) {
  campaign_line(text, "delay 1ms to %ums", campaign_draw(text, 2, campaign_chance(text, 20) ? 400 : 60));
  if (campaign_chance(text, 34)) return;
  campaign_line(text, "loss %u%%", campaign_draw(text, 1, 30));
  campaign_line(text, "duplicates %u%%", campaign_draw(text, 0, 20));
  campaign_line(text, "reorders %u%%", campaign_draw(text, 0, 30));
}

static void write_settings_of(struct campaign_text *text, const char *of) {
  campaign_line(text, "parameter SS_SIP_SESSION_TTL %u%s", campaign_chance(text, 5) ? 0 : draw_interval_s(text), of);
  if (campaign_chance(text, 30)) campaign_line(text, "parameter BF_SESSION_MIN_SE %u%s", draw_interval_s(text), of);
  campaign_line(text, "parameter BF_SESSION_REFRESHER %s%s", DRAW_WORD(text, "us", "us", "them", "peer"), of);
  campaign_line(text, "parameter SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP %s%s", DRAW_WORD(text, "0", "0", "20", "auto"),
                of);
  campaign_line(text, "parameter SS_SIP_SESSION_UPDATE_SEGMENT %u%s", campaign_draw(text, 2, 5), of);
  campaign_line(text, "parameter BF_NO_TIMER_PROBE %s%s", DRAW_WORD(text, "options", "options", "reinvite"), of);
  campaign_line(text, "parameter SS_SIP_NO_TIMER_REINVITE_INTERVAL %s%s", DRAW_WORD(text, "0", "7200", "3000"), of);
}

static void write_switches(struct campaign_text *text, bool are_two) {
  campaign_line(text, "switch east at 10.0.0.1");
  if (are_two) campaign_line(text, "switch west at 10.0.0.2");
  write_settings_of(text, " of east");
  if (are_two) write_settings_of(text, " of west");
  const char *far = are_two ? "west" : "east";
  campaign_line(text, "customer pbx at 10.0.1.5 of east");
  campaign_line(text, "customer isp at 10.0.1.6 of east%s", campaign_chance(text, 15) ? " without timers" : "");
  campaign_line(text, "gateway first at 10.0.2.1 serves 44 of %s login trunk", far);
  campaign_line(text, "gateway second at 10.0.2.2 serves 46 of %s login trunk%s%s", far,
                campaign_chance(text, 15) ? " without timers" : "", campaign_chance(text, 20) ? " over tcp" : "");
  campaign_line(text, "nat box at 203.0.113.9 keeps %us", campaign_draw(text, 60, 300));
  campaign_line(text, "phone alice 1001 behind box registers of %s%s", far,
                campaign_chance(text, 20) ? " over tcp" : "");
  campaign_line(text, "alice answers after %ums", campaign_draw(text, 100, 20000));
  if (are_two) campaign_line(text, "trunk both from east to west serves 44,46,1");
}

static void write_session_wishes(struct campaign_text *text, const char *end) {
  static const char *const roles[] = {"", "", " refreshed by uac", " refreshed by uas"};
  if (campaign_chance(text, 30)) return; /* knows no timers */
  campaign_line(text, "%s supports timer", end);
  if (campaign_chance(text, 70))
    campaign_line(text, "%s asks for sessions of %us%s", end, draw_interval_s(text), draw_word(text, roles, 4));
  if (campaign_chance(text, 30)) campaign_line(text, "%s agrees to sessions refreshed by uas", end);
  if (campaign_chance(text, 10)) campaign_line(text, "%s refuses sessions below %us", end, draw_interval_s(text));
  if (campaign_chance(text, 20)) campaign_line(text, "%s refreshes by INVITE", end);
  if (campaign_chance(text, 30)) campaign_line(text, "%s never gives up", end);
}

/* What an end does that answers, but not as is usual. */
static void write_manners(struct campaign_text *text, const char *end) {
  static const unsigned refusals[] = {183, 302, 400, 403, 405, 415, 420, 480, 488, 491, 500, 501, 503, 603};
  unsigned status = refusals[campaign_draw(text, 0, sizeof refusals / sizeof refusals[0] - 1)];
  if (campaign_chance(text, 20)) campaign_line(text, "%s does not allow UPDATE", end);
  if (campaign_chance(text, 10)) campaign_line(text, "%s writes compactly", end);
  if (campaign_chance(text, 10)) campaign_line(text, "%s names no Contact", end);
  if (campaign_chance(text, 10)) campaign_line(text, "%s counts in steps of %u", end, campaign_draw(text, 2, 100000));
  if (campaign_chance(text, 15))
    campaign_line(text, "%s refuses UPDATE with %u inside times %u", end, status,
                  campaign_draw(text, 1, campaign_chance(text, 50) ? 3 : 1000));
  else if (campaign_chance(text, 10))
    campaign_line(text, "%s ignores UPDATE inside", end);
  if (campaign_chance(text, 10))
    campaign_line(text, "%s refuses INVITE with %u inside times %u", end, status, campaign_draw(text, 1, 4));
  if (campaign_chance(text, 10))
    campaign_line(text, "%s refuses UPDATE with 503 inside times 2 saying Retry-After:%u", end,
                  campaign_draw(text, 1, 60));
}

/* Of the gateways, to whom the switch has credentials: of all requests or of one kind, once a call or each time. */
static void write_demand(struct campaign_text *text, const char *end) {
  if (!campaign_chance(text, 15)) return;
  campaign_line(text, "%s demands credentials with %s%s%s times %u", end, DRAW_WORD(text, "401", "407"),
                DRAW_WORD(text, "", "", " of INVITE", " of UPDATE", " of BYE"), DRAW_WORD(text, "", " by SHA-256"),
                campaign_draw(text, 1, campaign_chance(text, 50) ? 3 : 1000));
}

static void write_trouble(struct campaign_text *text, bool are_two) {
  unsigned at_ms = campaign_draw(text, FIRST_CALL_MS, 3000000);
  const char *victim = ends[campaign_draw(text, 0, ENDS - 1)];
  switch (campaign_draw(text, 0, 12)) {
  case 0:
  case 1:
  case 2: campaign_line(text, "at %ums %s dies", at_ms, victim); break;
  case 3:
    campaign_line(text, "at %ums %s dies", at_ms, victim);
    campaign_line(text, "at %ums %s revives", at_ms + campaign_draw(text, 100, 600000), victim);
    break;
  case 4:
  case 5: campaign_line(text, "at %ums %s restarts", at_ms, victim); break;
  case 6: campaign_line(text, "at %ums %s refuses packets", at_ms, victim); break;
  case 7: campaign_line(text, "at %ums %s hangs for %us", at_ms, victim, campaign_draw(text, 1, 300)); break;
  case 8: campaign_line(text, "at %ums switch %s restarts", at_ms, are_two ? "west" : "east"); break;
  case 9: campaign_line(text, "at %ums box box restarts", at_ms); break;
  case 10: campaign_line(text, "at %ums %s breaks connections", at_ms, victim); break;
  case 11: campaign_line(text, "at %ums switch stalls for %us", at_ms, campaign_draw(text, 1, 400)); break;
  case 12: campaign_line(text, "at %ums parameter SS_SIP_SESSION_TTL %u", at_ms, draw_interval_s(text)); break;
  }
}

static void write_middle(struct campaign_text *text, const char *end, const char *number, unsigned talk_ms) {
  static const char *const deeds[] = {"sends re-INVITE", "updates", "changes codec", "offers a fax",
                                      "holds",           "resumes", "sends INFO",    "refreshes"};
  for (unsigned i = campaign_draw(text, 0, 4); i > 0; i--)
    campaign_line(text, "%s %s after %ums for %s", end, deeds[campaign_draw(text, 0, 7)],
                  campaign_draw(text, 10, talk_ms), number);
}

static void write_call(struct campaign_text *text, unsigned index) {
  static const char *const callees[] = {"first", "second", "alice"}, *const prefixes[] = {"44", "46", ""};
  unsigned target = campaign_chance(text, 15) ? 2 : campaign_draw(text, 0, 1);
  const char *caller = campaign_chance(text, 60) ? "pbx" : "isp", *callee = callees[target];
  char number[24] = "1001";
  if (target < 2) snprintf(number, sizeof number, "%s55%02u", prefixes[target], index);
  unsigned talk_ms = campaign_draw(text, 10000, campaign_chance(text, 70) ? 2000000 : 9000000);
  campaign_line(text, "at %ums %s calls %s%s", campaign_draw(text, FIRST_CALL_MS, LAST_CALL_MS), caller, number,
                campaign_chance(text, 10) ? " without offer" : "");
  campaign_line(text, "%s answers after %ums for %s", callee, campaign_draw(text, 100, 20000), number);
  if (campaign_chance(text, 5)) campaign_line(text, "%s forks after %ums for %s", callee, 20500, number);
  write_middle(text, caller, number, talk_ms);
  write_middle(text, callee, number, talk_ms);
  if (campaign_chance(text, 20)) { /* both at once */
    unsigned at_ms = campaign_draw(text, 100, talk_ms);
    campaign_line(text, "%s changes codec after %ums for %s", caller, at_ms, number);
    campaign_line(text, "%s changes codec after %ums for %s", callee, at_ms, number);
  }
  campaign_line(text, "%s hangs up after %ums for %s", campaign_chance(text, 50) ? caller : callee, talk_ms, number);
}

struct str_view campaign_write_supervision(uint64_t seed, char *memory) {
  struct campaign_text text;
  campaign_text_init(&text, seed, memory);
  bool are_two = campaign_chance(&text, 75);
  campaign_line(&text, "# Made up from seed %llu of supervision.", (unsigned long long)seed);
  write_faults(&text);
  write_switches(&text, are_two);
  for (unsigned i = 0; i < ENDS; i++) {
    write_session_wishes(&text, ends[i]);
    write_manners(&text, ends[i]);
  }
  write_demand(&text, "first");
  write_demand(&text, "second");
  if (campaign_chance(&text, 60))
    for (unsigned i = campaign_draw(&text, 1, 3); i > 0; i--)
      write_trouble(&text, are_two);
  for (unsigned i = 0; i < CALLS; i++)
    write_call(&text, i);
  return campaign_text_view(&text);
}
