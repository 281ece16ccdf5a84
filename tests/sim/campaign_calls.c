#include "sim/campaign.h"

#include <stdarg.h>
#include <stdio.h>

#include "sim/campaign_text.h"

/* Long enough for every phone to have registered, also where much is lost. */
#define FIRST_CALL_MS 40000
#define LAST_CALL_MS  160000

/* What kind of world: with a clean one every record is known in advance. */
enum weather { CLEAN, LOSSY, TROUBLED, STORMY };

struct campaign {
  struct campaign_text text;
  enum weather weather;
};

/* One call being made up. */
struct plot {
  unsigned index;
  const char *caller, *callee; /* actors */
  char number[24];
  unsigned ring_ms, answer_ms, talk_ms;
};

/* Mostly short, now and then very long. */
static unsigned draw_talk_ms(struct campaign *campaign) {
  if (campaign_chance(&campaign->text, 70)) return campaign_draw(&campaign->text, 200, 30000);
  return campaign_chance(&campaign->text, 80) ? campaign_draw(&campaign->text, 30000, 600000)
                                              : campaign_draw(&campaign->text, 600000, 7000000);
}

/* --- the world --------------------------------------------------------------------------------------------------- */

static void write_faults(struct campaign *campaign) {
  unsigned loss = 0, duplicates = 0, reorders = 0, delay = campaign_draw(&campaign->text, 1, 60);
  switch (campaign->weather) {
  case CLEAN: delay = campaign_draw(&campaign->text, 1, 5); break;
  case LOSSY:
    loss = campaign_draw(&campaign->text, 1, 12);
    duplicates = campaign_draw(&campaign->text, 0, 5);
    reorders = campaign_draw(&campaign->text, 0, 5);
    break;
  case TROUBLED: loss = campaign_draw(&campaign->text, 0, 3); break;
  case STORMY:
    loss = campaign_draw(&campaign->text, 12, 30);
    duplicates = campaign_draw(&campaign->text, 0, 20);
    reorders = campaign_draw(&campaign->text, 0, 30);
    break;
  }
  campaign_line(&campaign->text, "delay 1ms to %ums", delay);
  if (loss) campaign_line(&campaign->text, "loss %u%%", loss);
  if (duplicates) campaign_line(&campaign->text, "duplicates %u%%", duplicates);
  if (reorders) campaign_line(&campaign->text, "reorders %u%%", reorders);
}

/* Other values than the defaults, and hardly any room. */
static void write_settings(struct campaign *campaign) {
  static const char *const settings[] = {
      "SS_SIP_RESEND_INTERVAL 0.5,1,2,4",
      "SS_SIP_RESEND_INTERVAL 0.2,0.2,0.4,0.8,1.6,3.2,3.2,3.2",
      "SS_SIP_TIMEOUT_INVITE 3",
      "SS_SIP_TIMEOUT_TRYING 5",
      "SS_SIP_TIMEOUT_SESSION_PROGRESS 4",
      "SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP 6",
      "SS_SIP_TIMEOUT_RINGING 7",
      "SS_ENDPOINT_EXPIRE 60",
      "SS_ENDPOINT_REGISTER_REPLACE Off",
      "SS_SIP_AUTHENTICATION_CODE 401",
      "BF_DIGEST_ALGORITHMS SHA-256,MD5",
      "SS_GATEWAY_SWITCH_LIMIT 1",
      "SS_GATEWAY_SWITCH_UNTIL_CONNECT On",
      "SS_SIP_STOP_SWITCH_AFTER_SDP Off",
  };
  if (campaign->weather == CLEAN) return;
  for (unsigned i = campaign_draw(&campaign->text, 0, 4); i > 0; i--)
    campaign_line(&campaign->text, "parameter %s",
                  settings[campaign_draw(&campaign->text, 0, sizeof settings / sizeof settings[0] - 1)]);
  if (campaign_chance(&campaign->text, 12))
    campaign_line(&campaign->text, "switch has room for %u calls and %u transactions",
                  campaign_draw(&campaign->text, 1, 8), campaign_draw(&campaign->text, 16, 200));
}

static void write_traits(struct campaign *campaign) {
  static const char *const actors[] = {"pbx", "isp", "first", "second", "third", "alice", "bob", "carol"};
  for (unsigned i = 0; i < sizeof actors / sizeof actors[0]; i++) {
    if (campaign_chance(&campaign->text, 25)) campaign_line(&campaign->text, "%s supports 100rel", actors[i]);
    if (campaign_chance(&campaign->text, 10)) campaign_line(&campaign->text, "%s writes at length", actors[i]);
    if (campaign->weather != CLEAN && campaign_chance(&campaign->text, 10))
      campaign_line(&campaign->text, "%s sends no 100", actors[i]);
  }
  if (campaign_chance(&campaign->text, 20)) campaign_line(&campaign->text, "first takes no connections");
}

static void write_actors(struct campaign *campaign) {
  campaign_line(&campaign->text, "nat box at 203.0.113.9 keeps %us%s%s", campaign_draw(&campaign->text, 30, 300),
                campaign_chance(&campaign->text, 50) ? " symmetric" : "",
                campaign_chance(&campaign->text, 30) ? " refreshed outbound" : "");
  campaign_line(&campaign->text, "customer pbx at 10.0.1.5:5060 talks at most 2h");
  campaign_line(&campaign->text, "customer isp at 10.0.1.6:5060 over tcp talks at most 2h");
  campaign_line(&campaign->text, "gateway first at 10.0.2.1:5060 serves 44,46 priority 1");
  campaign_line(&campaign->text, "gateway second at 10.0.2.2:5060 serves 44,46,48 priority 2");
  campaign_line(&campaign->text, "gateway third at 10.0.2.3:5060 serves 49 over tcp");
  campaign_line(&campaign->text, "gateway grave at 10.0.2.4:5060 serves 48 priority 1");
  campaign_line(&campaign->text, "phone alice 1001 registers behind box talks at most 2h");
  campaign_line(&campaign->text, "phone bob 1002 registers talks at most 2h");
  campaign_line(&campaign->text, "phone carol 1003 registers over tcp talks at most 2h");
  campaign_line(&campaign->text, "grave is dead");
  campaign_line(&campaign->text, "alice pings \\r\\n\\r\\n every 20s");
  static const char *const phones[] = {"alice", "bob", "carol"};
  for (unsigned i = 0; i < sizeof phones / sizeof phones[0]; i++) {
    campaign_line(&campaign->text, "%s rings after %ums", phones[i], campaign_draw(&campaign->text, 0, 500));
    campaign_line(&campaign->text, "%s answers after %ums", phones[i], campaign_draw(&campaign->text, 500, 8000));
  }
}

static void write_trouble(struct campaign *campaign) {
  static const char *const victims[] = {"pbx", "first", "second", "bob", "alice"};
  unsigned at_ms = campaign_draw(&campaign->text, FIRST_CALL_MS, LAST_CALL_MS + 60000);
  const char *victim = victims[campaign_draw(&campaign->text, 0, 4)];
  switch (campaign_draw(&campaign->text, 0, 8)) {
  case 0: campaign_line(&campaign->text, "at %ums %s dies", at_ms, victim); break;
  case 1:
    campaign_line(&campaign->text, "at %ums %s dies", at_ms, victim);
    campaign_line(&campaign->text, "at %ums %s revives", at_ms + campaign_draw(&campaign->text, 100, 60000), victim);
    break;
  case 2: campaign_line(&campaign->text, "at %ums %s restarts", at_ms, victim); break;
  case 3: campaign_line(&campaign->text, "at %ums box box restarts", at_ms); break;
  case 4:
    campaign_line(&campaign->text, "at %ums switch stalls for %ums", at_ms, campaign_draw(&campaign->text, 50, 5000));
    break;
  case 5:
    campaign_line(&campaign->text, "at %ums %s breaks connections", at_ms,
                  campaign_chance(&campaign->text, 50) ? "third" : "isp");
    break;
  case 6: campaign_line(&campaign->text, "at %ums second refuses packets", at_ms); break;
  case 7: campaign_line(&campaign->text, "at %ums switch restarts", at_ms); break;
  case 8:
    campaign_line(&campaign->text, "at %ums parameter SS_SIP_TIMEOUT_RINGING %u", at_ms,
                  campaign_draw(&campaign->text, 1, 20));
    break;
  }
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

static void expect(struct campaign *campaign, const struct plot *plot, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Only a clean world is foreseen: who calls this number leaves this record. */
static void expect(struct campaign *campaign, const struct plot *plot, const char *format, ...) {
  if (campaign->weather != CLEAN) return;
  char fields[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(fields, sizeof fields, format, arguments);
  va_end(arguments);
  campaign_line(&campaign->text, "expect cdr callee=%s %s", plot->number, fields);
}

static void write_ringing(struct campaign *campaign, const struct plot *plot) {
  if (campaign_chance(&campaign->text, 20))
    campaign_line(&campaign->text, "%s makes progress after %ums for %s", plot->callee, plot->ring_ms / 2,
                  plot->number);
  if (campaign_chance(&campaign->text, 25))
    campaign_line(&campaign->text, "%s plays early media after %ums for %s", plot->callee, plot->ring_ms, plot->number);
  if (campaign_chance(&campaign->text, 80))
    campaign_line(&campaign->text, "%s rings after %ums for %s", plot->callee, plot->ring_ms, plot->number);
}

static void write_middle_of_talk(struct campaign *campaign, const struct plot *plot) {
  static const char *const deeds[] = {"sends re-INVITE", "updates",       "changes codec", "sends INFO",
                                      "sends OPTIONS",   "sends MESSAGE", "sends REFER",   "sends FROBNICATE"};
  if (plot->talk_ms < 4000) return;
  if (campaign_chance(&campaign->text, 40)) {
    const char *who = campaign_chance(&campaign->text, 50) ? plot->caller : plot->callee;
    unsigned hold_ms = campaign_draw(&campaign->text, 300, plot->talk_ms / 2);
    campaign_line(&campaign->text, "%s holds after %ums for %s", who, hold_ms, plot->number);
    campaign_line(&campaign->text, "%s resumes after %ums for %s", who,
                  hold_ms + campaign_draw(&campaign->text, 1, plot->talk_ms / 3), plot->number);
  }
  for (unsigned i = campaign_draw(&campaign->text, 0, 3); i > 0; i--)
    campaign_line(
        &campaign->text, "%s %s after %ums for %s", campaign_chance(&campaign->text, 50) ? plot->caller : plot->callee,
        deeds[campaign_draw(&campaign->text, 0, 7)], campaign_draw(&campaign->text, 10, plot->talk_ms), plot->number);
  if (campaign_chance(&campaign->text, 10))
    campaign_line(&campaign->text, "%s asks for an offer after %ums for %s",
                  campaign_chance(&campaign->text, 50) ? plot->caller : plot->callee,
                  campaign_draw(&campaign->text, 10, plot->talk_ms), plot->number);
  if (!campaign_chance(&campaign->text, 10)) return;
  unsigned at_ms = campaign_draw(&campaign->text, 100, plot->talk_ms / 2); /* both at once: glare */
  campaign_line(&campaign->text, "%s changes codec after %ums for %s", plot->caller, at_ms, plot->number);
  campaign_line(&campaign->text, "%s changes codec after %ums for %s", plot->callee, at_ms, plot->number);
}

static void write_end_of_talk(struct campaign *campaign, const struct plot *plot) {
  bool is_caller = campaign_chance(&campaign->text, 50), is_both = campaign_chance(&campaign->text, 5);
  campaign_line(&campaign->text, "%s hangs up after %ums for %s", is_caller ? plot->caller : plot->callee,
                plot->talk_ms, plot->number);
  if (is_both)
    campaign_line(&campaign->text, "%s hangs up after %ums for %s", is_caller ? plot->callee : plot->caller,
                  plot->talk_ms, plot->number);
  else if (campaign->weather == TROUBLED) /* should the other never come back */
    campaign_line(&campaign->text, "%s hangs up after %ums for %s", is_caller ? plot->callee : plot->caller,
                  plot->talk_ms + 90000, plot->number);
  if (is_both)
    expect(campaign, plot, "reason=normal");
  else
    expect(campaign, plot, "reason=normal end_direction=%s hold_time_ms=%u±900", is_caller ? "caller" : "callee",
           plot->talk_ms);
}

static void write_answered(struct campaign *campaign, const struct plot *plot) {
  write_ringing(campaign, plot);
  campaign_line(&campaign->text, "%s answers after %ums for %s", plot->callee, plot->answer_ms, plot->number);
  if (campaign_chance(&campaign->text, 5))
    campaign_line(&campaign->text, "%s forks after %ums for %s", plot->callee,
                  plot->answer_ms + campaign_draw(&campaign->text, 0, 3000), plot->number);
  write_middle_of_talk(campaign, plot);
  write_end_of_talk(campaign, plot);
}

static void write_refused(struct campaign *campaign, const struct plot *plot) {
  static const struct {
    unsigned status;
    const char *reason;
  } ways[] = {{486, "busy"},     {600, "busy"},     {603, "rejected"},
              {404, "rejected"}, {488, "rejected"}, {480, "no_answer"}};
  unsigned way = campaign_draw(&campaign->text, 0, sizeof ways / sizeof ways[0] - 1);
  write_ringing(campaign, plot);
  campaign_line(&campaign->text, "%s rejects %u after %ums for %s", plot->callee, ways[way].status, plot->answer_ms,
                plot->number);
  campaign_line(&campaign->text, "second rejects %u after 100ms for %s", ways[way].status, plot->number);
  expect(campaign, plot, "reason=%s answered_at=", ways[way].reason);
}

static void write_cancelled(struct campaign *campaign, const struct plot *plot) {
  write_ringing(campaign, plot);
  campaign_line(&campaign->text, "%s answers after %ums for %s", plot->callee, plot->answer_ms + 20000, plot->number);
  campaign_line(&campaign->text, "second answers after %ums for %s", plot->answer_ms + 20000, plot->number);
  campaign_line(&campaign->text, "%s cancels after %ums for %s", plot->caller,
                plot->ring_ms + campaign_draw(&campaign->text, 0, 10000), plot->number);
  campaign_line(&campaign->text, "%s hangs up after 100ms for %s", plot->caller, plot->number);
  expect(campaign, plot, "reason=cancelled end_direction=caller");
}

/* CANCEL crosses the 200 somewhere. */
static void write_cancel_race(struct campaign *campaign, const struct plot *plot) {
  write_ringing(campaign, plot);
  campaign_line(&campaign->text, "%s answers after %ums for %s", plot->callee, plot->answer_ms, plot->number);
  campaign_line(&campaign->text, "%s cancels after %ums for %s", plot->caller,
                plot->answer_ms + campaign_draw(&campaign->text, 0, 30), plot->number);
  campaign_line(&campaign->text, "%s hangs up after 1s for %s", plot->caller, plot->number);
  expect(campaign, plot, "end_direction=caller");
}

static void write_unanswered(struct campaign *campaign, const struct plot *plot) {
  campaign_line(&campaign->text, "%s rings after %ums for %s", plot->callee, plot->ring_ms, plot->number);
  expect(campaign, plot, "reason=no_answer end_direction=switch");
}

/* The first gateway fails, the second takes the call. */
static void write_failover(struct campaign *campaign, const struct plot *plot) {
  static const unsigned failures[] = {500, 503, 408, 504};
  campaign_line(&campaign->text, "first rejects %u after %ums for %s", failures[campaign_draw(&campaign->text, 0, 3)],
                campaign_draw(&campaign->text, 0, 3000), plot->number);
  struct plot second = *plot;
  second.callee = "second";
  write_answered(campaign, &second);
}

static void write_plot(struct campaign *campaign, const struct plot *plot) {
  unsigned luck = campaign_draw(&campaign->text, 1, 100);
  bool has_second = plot->number[0] == '4' && (plot->number[1] == '4' || plot->number[1] == '6');
  if (luck <= 45)
    write_answered(campaign, plot);
  else if (luck <= 60)
    write_refused(campaign, plot);
  else if (luck <= 72)
    write_cancelled(campaign, plot);
  else if (luck <= 80)
    write_cancel_race(campaign, plot);
  else if (luck <= 86)
    write_unanswered(campaign, plot);
  else if (has_second)
    write_failover(campaign, plot);
  else
    write_answered(campaign, plot);
}

/* To a gateway: the number is the call's own, and so is all that happens to it. */
static void write_gateway_call(struct campaign *campaign, unsigned index, const char *caller) {
  static const struct {
    const char *prefix, *callee;
  } targets[] = {{"44", "first"}, {"46", "first"}, {"48", "second"}, {"49", "third"}};
  unsigned target = campaign_draw(&campaign->text, 0, 3);
  struct plot plot = {.index = index, .caller = caller, .callee = targets[target].callee};
  snprintf(plot.number, sizeof plot.number, "%s55%03u", targets[target].prefix, index);
  plot.ring_ms = campaign_draw(&campaign->text, 0, 2000);
  plot.answer_ms = plot.ring_ms + campaign_draw(&campaign->text, 0, 15000);
  plot.talk_ms = draw_talk_ms(campaign);
  campaign_line(&campaign->text, "at %ums %s calls %s%s", campaign_draw(&campaign->text, FIRST_CALL_MS, LAST_CALL_MS),
                caller, plot.number, campaign_chance(&campaign->text, 15) ? " without offer" : "");
  write_plot(campaign, &plot);
}

/* To a phone, which answers as all its calls are answered; the caller hangs up. */
static void write_phone_call(struct campaign *campaign, const char *caller) {
  static const struct { const char *name, *number; } phones[] = {{"alice", "1001"}, {"bob", "1002"}, {"carol", "1003"}};
  unsigned callee = campaign_draw(&campaign->text, 0, 2);
  if (strcmp(phones[callee].name, caller) == 0) callee = (callee + 1) % 3;
  campaign_line(&campaign->text, "at %ums %s calls %s%s", campaign_draw(&campaign->text, FIRST_CALL_MS, LAST_CALL_MS),
                caller, phones[callee].number, campaign_chance(&campaign->text, 15) ? " without offer" : "");
}

static void write_calls(struct campaign *campaign) {
  static const char *const callers[] = {"pbx", "pbx", "pbx", "isp", "alice", "bob", "carol"};
  for (unsigned i = 0; i < CAMPAIGN_CALLS_OF_SEED; i++) {
    const char *caller = callers[campaign_draw(&campaign->text, 0, 6)];
    if (campaign_chance(&campaign->text, 25))
      write_phone_call(campaign, caller);
    else if (campaign_chance(&campaign->text, 3))
      campaign_line(&campaign->text, "at %ums %s calls 99%03u",
                    campaign_draw(&campaign->text, FIRST_CALL_MS, LAST_CALL_MS), caller, i);
    else
      write_gateway_call(campaign, i, caller);
  }
  /* Calls to phones: either end, whoever comes first. */
  static const char *const all[] = {"pbx", "isp", "alice", "bob", "carol"};
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
    for (unsigned phone = 1; phone <= 3; phone++)
      campaign_line(&campaign->text, "%s hangs up after %ums for 100%u", all[i], draw_talk_ms(campaign), phone);
}

struct str_view campaign_write_calls(uint64_t seed, char *memory) {
  struct campaign campaign = {.weather = CLEAN};
  campaign_text_init(&campaign.text, seed, memory);
  unsigned luck = campaign_draw(&campaign.text, 1, 100);
  campaign.weather = luck <= 30 ? CLEAN : luck <= 65 ? LOSSY : luck <= 88 ? TROUBLED : STORMY;
  campaign_line(&campaign.text, "# Made up from seed %llu.", (unsigned long long)seed);
  write_faults(&campaign);
  write_settings(&campaign);
  if (seed % 3 == 0) campaign_line(&campaign.text, "switch has %u workers", 2 + (unsigned)(seed / 3 % 3));
  write_actors(&campaign);
  write_traits(&campaign);
  if (campaign.weather == TROUBLED)
    for (unsigned i = campaign_draw(&campaign.text, 1, 4); i > 0; i--)
      write_trouble(&campaign);
  write_calls(&campaign);
  return campaign_text_view(&campaign.text);
}
