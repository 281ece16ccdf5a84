#include "sim/campaign.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/random.h"
#include "sim/world.h"

/* Long enough for every phone to have registered, also where much is lost. */
#define FIRST_CALL_MS 40000
#define LAST_CALL_MS  160000

/* What kind of world: with a clean one every record is known in advance. */
enum weather { CLEAN, LOSSY, TROUBLED, STORMY };

struct campaign {
  struct random random;
  char *text;
  size_t length;
  enum weather weather;
};

/* One call being made up. */
struct plot {
  unsigned index;
  const char *caller, *callee; /* actors */
  char number[24];
  unsigned ring_ms, answer_ms, talk_ms;
};

static void line(struct campaign *campaign, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(struct campaign *campaign, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  size_t left = CAMPAIGN_BYTES - campaign->length;
  int written = vsnprintf(campaign->text + campaign->length, left, format, arguments);
  va_end(arguments);
  if (written > 0 && (size_t)written + 1 < left) {
    campaign->length += (size_t)written;
    campaign->text[campaign->length++] = '\n';
  }
}

static unsigned draw(struct campaign *campaign, unsigned low, unsigned high) {
  return random_between(&campaign->random, low, high);
}

static bool chance(struct campaign *campaign, unsigned percent) {
  return draw(campaign, 1, 100) <= percent;
}

/* Mostly short, now and then very long. */
static unsigned draw_talk_ms(struct campaign *campaign) {
  if (chance(campaign, 70)) return draw(campaign, 200, 30000);
  return chance(campaign, 80) ? draw(campaign, 30000, 600000) : draw(campaign, 600000, 7000000);
}

/* --- the world
 * ---------------------------------------------------------------------------------------------------------------- */

static void write_faults(struct campaign *campaign) {
  unsigned loss = 0, duplicates = 0, reorders = 0, delay = draw(campaign, 1, 60);
  switch (campaign->weather) {
  case CLEAN: delay = draw(campaign, 1, 5); break;
  case LOSSY:
    loss = draw(campaign, 1, 12);
    duplicates = draw(campaign, 0, 5);
    reorders = draw(campaign, 0, 5);
    break;
  case TROUBLED: loss = draw(campaign, 0, 3); break;
  case STORMY:
    loss = draw(campaign, 12, 30);
    duplicates = draw(campaign, 0, 20);
    reorders = draw(campaign, 0, 30);
    break;
  }
  line(campaign, "delay 1ms to %ums", delay);
  if (loss) line(campaign, "loss %u%%", loss);
  if (duplicates) line(campaign, "duplicates %u%%", duplicates);
  if (reorders) line(campaign, "reorders %u%%", reorders);
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
  for (unsigned i = draw(campaign, 0, 4); i > 0; i--)
    line(campaign, "parameter %s", settings[draw(campaign, 0, sizeof settings / sizeof settings[0] - 1)]);
  if (chance(campaign, 12))
    line(campaign, "switch has room for %u calls and %u transactions", draw(campaign, 1, 8), draw(campaign, 16, 200));
}

static void write_traits(struct campaign *campaign) {
  static const char *const actors[] = {"pbx", "isp", "first", "second", "third", "alice", "bob", "carol"};
  for (unsigned i = 0; i < sizeof actors / sizeof actors[0]; i++) {
    if (chance(campaign, 25)) line(campaign, "%s supports 100rel", actors[i]);
    if (chance(campaign, 10)) line(campaign, "%s writes at length", actors[i]);
    if (campaign->weather != CLEAN && chance(campaign, 10)) line(campaign, "%s sends no 100", actors[i]);
  }
  if (chance(campaign, 20)) line(campaign, "first takes no connections");
}

static void write_actors(struct campaign *campaign) {
  line(campaign, "nat box at 203.0.113.9 keeps %us%s%s", draw(campaign, 30, 300),
       chance(campaign, 50) ? " symmetric" : "", chance(campaign, 30) ? " refreshed outbound" : "");
  line(campaign, "customer pbx at 10.0.1.5:5060 talks at most 2h");
  line(campaign, "customer isp at 10.0.1.6:5060 over tcp talks at most 2h");
  line(campaign, "gateway first at 10.0.2.1:5060 serves 44,46 priority 1");
  line(campaign, "gateway second at 10.0.2.2:5060 serves 44,46,48 priority 2");
  line(campaign, "gateway third at 10.0.2.3:5060 serves 49 over tcp");
  line(campaign, "gateway grave at 10.0.2.4:5060 serves 48 priority 1");
  line(campaign, "phone alice 1001 registers behind box talks at most 2h");
  line(campaign, "phone bob 1002 registers talks at most 2h");
  line(campaign, "phone carol 1003 registers over tcp talks at most 2h");
  line(campaign, "grave is dead");
  line(campaign, "alice pings \\r\\n\\r\\n every 20s");
  static const char *const phones[] = {"alice", "bob", "carol"};
  for (unsigned i = 0; i < sizeof phones / sizeof phones[0]; i++) {
    line(campaign, "%s rings after %ums", phones[i], draw(campaign, 0, 500));
    line(campaign, "%s answers after %ums", phones[i], draw(campaign, 500, 8000));
  }
}

static void write_trouble(struct campaign *campaign) {
  static const char *const victims[] = {"pbx", "first", "second", "bob", "alice"};
  unsigned at_ms = draw(campaign, FIRST_CALL_MS, LAST_CALL_MS + 60000);
  const char *victim = victims[draw(campaign, 0, 4)];
  switch (draw(campaign, 0, 8)) {
  case 0: line(campaign, "at %ums %s dies", at_ms, victim); break;
  case 1:
    line(campaign, "at %ums %s dies", at_ms, victim);
    line(campaign, "at %ums %s revives", at_ms + draw(campaign, 100, 60000), victim);
    break;
  case 2: line(campaign, "at %ums %s restarts", at_ms, victim); break;
  case 3: line(campaign, "at %ums box box restarts", at_ms); break;
  case 4: line(campaign, "at %ums switch stalls for %ums", at_ms, draw(campaign, 50, 5000)); break;
  case 5: line(campaign, "at %ums %s breaks connections", at_ms, chance(campaign, 50) ? "third" : "isp"); break;
  case 6: line(campaign, "at %ums second refuses packets", at_ms); break;
  case 7: line(campaign, "at %ums switch restarts", at_ms); break;
  case 8: line(campaign, "at %ums parameter SS_SIP_TIMEOUT_RINGING %u", at_ms, draw(campaign, 1, 20)); break;
  }
}

/* --- calls
 * --------------------------------------------------------------------------------------------------------------------------
 */

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
  line(campaign, "expect cdr callee=%s %s", plot->number, fields);
}

static void write_ringing(struct campaign *campaign, const struct plot *plot) {
  if (chance(campaign, 20))
    line(campaign, "%s makes progress after %ums for %s", plot->callee, plot->ring_ms / 2, plot->number);
  if (chance(campaign, 25))
    line(campaign, "%s plays early media after %ums for %s", plot->callee, plot->ring_ms, plot->number);
  if (chance(campaign, 80)) line(campaign, "%s rings after %ums for %s", plot->callee, plot->ring_ms, plot->number);
}

static void write_middle_of_talk(struct campaign *campaign, const struct plot *plot) {
  static const char *const deeds[] = {"sends re-INVITE", "updates",       "changes codec", "sends INFO",
                                      "sends OPTIONS",   "sends MESSAGE", "sends REFER",   "sends FROBNICATE"};
  if (plot->talk_ms < 4000) return;
  if (chance(campaign, 40)) {
    const char *who = chance(campaign, 50) ? plot->caller : plot->callee;
    unsigned hold_ms = draw(campaign, 300, plot->talk_ms / 2);
    line(campaign, "%s holds after %ums for %s", who, hold_ms, plot->number);
    line(campaign, "%s resumes after %ums for %s", who, hold_ms + draw(campaign, 1, plot->talk_ms / 3), plot->number);
  }
  for (unsigned i = draw(campaign, 0, 3); i > 0; i--)
    line(campaign, "%s %s after %ums for %s", chance(campaign, 50) ? plot->caller : plot->callee,
         deeds[draw(campaign, 0, 7)], draw(campaign, 10, plot->talk_ms), plot->number);
  if (chance(campaign, 10))
    line(campaign, "%s asks for an offer after %ums for %s", chance(campaign, 50) ? plot->caller : plot->callee,
         draw(campaign, 10, plot->talk_ms), plot->number);
  if (!chance(campaign, 10)) return;
  unsigned at_ms = draw(campaign, 100, plot->talk_ms / 2); /* both at once: glare */
  line(campaign, "%s changes codec after %ums for %s", plot->caller, at_ms, plot->number);
  line(campaign, "%s changes codec after %ums for %s", plot->callee, at_ms, plot->number);
}

static void write_end_of_talk(struct campaign *campaign, const struct plot *plot) {
  bool is_caller = chance(campaign, 50), is_both = chance(campaign, 5);
  line(campaign, "%s hangs up after %ums for %s", is_caller ? plot->caller : plot->callee, plot->talk_ms, plot->number);
  if (is_both)
    line(campaign, "%s hangs up after %ums for %s", is_caller ? plot->callee : plot->caller, plot->talk_ms,
         plot->number);
  else if (campaign->weather == TROUBLED) /* should the other never come back */
    line(campaign, "%s hangs up after %ums for %s", is_caller ? plot->callee : plot->caller, plot->talk_ms + 90000,
         plot->number);
  if (is_both)
    expect(campaign, plot, "reason=normal");
  else
    expect(campaign, plot, "reason=normal end_direction=%s hold_time_ms=%u±900", is_caller ? "caller" : "callee",
           plot->talk_ms);
}

static void write_answered(struct campaign *campaign, const struct plot *plot) {
  write_ringing(campaign, plot);
  line(campaign, "%s answers after %ums for %s", plot->callee, plot->answer_ms, plot->number);
  if (chance(campaign, 5))
    line(campaign, "%s forks after %ums for %s", plot->callee, plot->answer_ms + draw(campaign, 0, 3000), plot->number);
  write_middle_of_talk(campaign, plot);
  write_end_of_talk(campaign, plot);
}

static void write_refused(struct campaign *campaign, const struct plot *plot) {
  static const struct {
    unsigned status;
    const char *reason;
  } ways[] = {{486, "busy"},     {600, "busy"},     {603, "rejected"},
              {404, "rejected"}, {488, "rejected"}, {480, "no_answer"}};
  unsigned way = draw(campaign, 0, sizeof ways / sizeof ways[0] - 1);
  write_ringing(campaign, plot);
  line(campaign, "%s rejects %u after %ums for %s", plot->callee, ways[way].status, plot->answer_ms, plot->number);
  line(campaign, "second rejects %u after 100ms for %s", ways[way].status, plot->number);
  expect(campaign, plot, "reason=%s answered_at=", ways[way].reason);
}

static void write_cancelled(struct campaign *campaign, const struct plot *plot) {
  write_ringing(campaign, plot);
  line(campaign, "%s answers after %ums for %s", plot->callee, plot->answer_ms + 20000, plot->number);
  line(campaign, "second answers after %ums for %s", plot->answer_ms + 20000, plot->number);
  line(campaign, "%s cancels after %ums for %s", plot->caller, plot->ring_ms + draw(campaign, 0, 10000), plot->number);
  line(campaign, "%s hangs up after 100ms for %s", plot->caller, plot->number);
  expect(campaign, plot, "reason=cancelled end_direction=caller");
}

/* CANCEL crosses the 200 somewhere. */
static void write_cancel_race(struct campaign *campaign, const struct plot *plot) {
  write_ringing(campaign, plot);
  line(campaign, "%s answers after %ums for %s", plot->callee, plot->answer_ms, plot->number);
  line(campaign, "%s cancels after %ums for %s", plot->caller, plot->answer_ms + draw(campaign, 0, 30), plot->number);
  line(campaign, "%s hangs up after 1s for %s", plot->caller, plot->number);
  expect(campaign, plot, "end_direction=caller");
}

static void write_unanswered(struct campaign *campaign, const struct plot *plot) {
  line(campaign, "%s rings after %ums for %s", plot->callee, plot->ring_ms, plot->number);
  expect(campaign, plot, "reason=no_answer end_direction=switch");
}

/* The first gateway fails, the second takes the call. */
static void write_failover(struct campaign *campaign, const struct plot *plot) {
  static const unsigned failures[] = {500, 503, 408, 504};
  line(campaign, "first rejects %u after %ums for %s", failures[draw(campaign, 0, 3)], draw(campaign, 0, 3000),
       plot->number);
  struct plot second = *plot;
  second.callee = "second";
  write_answered(campaign, &second);
}

static void write_plot(struct campaign *campaign, const struct plot *plot) {
  unsigned luck = draw(campaign, 1, 100);
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
  unsigned target = draw(campaign, 0, 3);
  struct plot plot = {.index = index, .caller = caller, .callee = targets[target].callee};
  snprintf(plot.number, sizeof plot.number, "%s55%03u", targets[target].prefix, index);
  plot.ring_ms = draw(campaign, 0, 2000);
  plot.answer_ms = plot.ring_ms + draw(campaign, 0, 15000);
  plot.talk_ms = draw_talk_ms(campaign);
  line(campaign, "at %ums %s calls %s%s", draw(campaign, FIRST_CALL_MS, LAST_CALL_MS), caller, plot.number,
       chance(campaign, 15) ? " without offer" : "");
  write_plot(campaign, &plot);
}

/* To a phone, which answers as all its calls are answered; the caller hangs up. */
static void write_phone_call(struct campaign *campaign, const char *caller) {
  static const struct { const char *name, *number; } phones[] = {{"alice", "1001"}, {"bob", "1002"}, {"carol", "1003"}};
  unsigned callee = draw(campaign, 0, 2);
  if (strcmp(phones[callee].name, caller) == 0) callee = (callee + 1) % 3;
  line(campaign, "at %ums %s calls %s%s", draw(campaign, FIRST_CALL_MS, LAST_CALL_MS), caller, phones[callee].number,
       chance(campaign, 15) ? " without offer" : "");
}

static void write_calls(struct campaign *campaign) {
  static const char *const callers[] = {"pbx", "pbx", "pbx", "isp", "alice", "bob", "carol"};
  for (unsigned i = 0; i < CAMPAIGN_CALLS_OF_SEED; i++) {
    const char *caller = callers[draw(campaign, 0, 6)];
    if (chance(campaign, 25))
      write_phone_call(campaign, caller);
    else if (chance(campaign, 3))
      line(campaign, "at %ums %s calls 99%03u", draw(campaign, FIRST_CALL_MS, LAST_CALL_MS), caller, i);
    else
      write_gateway_call(campaign, i, caller);
  }
  /* Calls to phones: either end, whoever comes first. */
  static const char *const all[] = {"pbx", "isp", "alice", "bob", "carol"};
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
    for (unsigned phone = 1; phone <= 3; phone++)
      line(campaign, "%s hangs up after %ums for 100%u", all[i], draw_talk_ms(campaign), phone);
}

struct str_view campaign_write(uint64_t seed, char *memory) {
  struct campaign campaign = {.text = memory};
  random_seed(&campaign.random, (struct siphash_key){seed, CHANCE_CAMPAIGN});
  unsigned luck = draw(&campaign, 1, 100);
  campaign.weather = luck <= 30 ? CLEAN : luck <= 65 ? LOSSY : luck <= 88 ? TROUBLED : STORMY;
  line(&campaign, "# Made up from seed %llu.", (unsigned long long)seed);
  write_faults(&campaign);
  write_settings(&campaign);
  write_actors(&campaign);
  write_traits(&campaign);
  if (campaign.weather == TROUBLED)
    for (unsigned i = draw(&campaign, 1, 4); i > 0; i--)
      write_trouble(&campaign);
  write_calls(&campaign);
  return str_view_of(memory, campaign.length);
}
