#include "supervision/explanation.h"

#define T1_MS              500
#define T2_MS              4000
#define TIME_OF_DAY_OFFSET 11 /* in 2026-11-22T10:05:00.000Z */
#define TIME_OF_DAY_LENGTH 8

static void add_time(struct text_builder *text, struct wall_us time) {
  char memory[40];
  struct text_builder stamp = text_builder_over(memory, sizeof memory);
  wall_us_to_text(time, &stamp);
  text_builder_add(text, str_view_slice(text_builder_view(&stamp), TIME_OF_DAY_OFFSET, TIME_OF_DAY_LENGTH));
}

static void add_device(struct text_builder *text, const struct explanation_facts *facts) {
  text_builder_add(text, facts->of_caller ? STR_VIEW("The caller's device ") : STR_VIEW("The callee's device "));
}

static void add_seconds(struct text_builder *text, int64_t seconds) {
  text_builder_add_i64(text, seconds);
  text_builder_add_literal(text, " s");
}

static void add_request(struct text_builder *text, const struct explanation_facts *facts) {
  text_builder_add(text, facts->method == SIP_METHOD_INVITE ? STR_VIEW("re-INVITE") : sip_method_text(facts->method));
  text_builder_add_literal(text, " sent ");
  add_time(text, facts->sent_at);
}

static void add_last_heard(struct text_builder *text, const struct explanation_facts *facts) {
  if (!facts->alive || facts->alive->at.value == 0) {
    text_builder_add_literal(text, ".");
    return;
  }
  text_builder_add_literal(text, "; last heard ");
  add_time(text, facts->alive->at);
  text_builder_add_literal(text, " (");
  liveness_write(facts->alive, text);
  text_builder_add_literal(text, ").");
}

static void add_reachability(struct text_builder *text, const struct explanation_facts *facts) {
  if (facts->unreachable_since.value == 0) return;
  text_builder_add(text, facts->is_behind_nat ? STR_VIEW(" Its address is behind NAT and keep-alives were ")
                                              : STR_VIEW(" Keep-alives to its address were "));
  text_builder_add_literal(text, "unanswered since ");
  add_time(text, facts->unreachable_since);
  text_builder_add_literal(text, ".");
}

/* --- causes ------------------------------------------------------------------------------------------------------ */

static void write_unanswered(const struct explanation_facts *facts, struct text_builder *text) {
  add_device(text, facts);
  text_builder_add_literal(text, "stopped answering: ");
  add_request(text, facts);
  if (facts->resends > 0) {
    text_builder_add_literal(text, ", resent ");
    text_builder_add_u64(text, facts->resends);
    text_builder_add(text, facts->resends == 1 ? STR_VIEW(" time") : STR_VIEW(" times"));
  }
  text_builder_add_literal(text, ", no answer in ");
  add_seconds(text, (facts->ended_at.value - facts->sent_at.value) / 1000000);
}

static void write_rejected(const struct explanation_facts *facts, struct text_builder *text) {
  add_device(text, facts);
  if (facts->status == 481) {
    text_builder_add_literal(text, "does not know the call any more: ");
    add_request(text, facts);
    text_builder_add_literal(text, " was answered 481");
    return;
  }
  text_builder_add_literal(text, "refused to refresh its session of ");
  add_seconds(text, facts->seconds);
  text_builder_add_literal(text, " until that ran out: ");
  add_request(text, facts);
  text_builder_add_literal(text, " was answered ");
  text_builder_add_u64(text, facts->status);
}

static void write_expired(const struct explanation_facts *facts, struct text_builder *text) {
  add_device(text, facts);
  text_builder_add_literal(text, "was to refresh its session within ");
  add_seconds(text, facts->seconds);
  text_builder_add_literal(text, " and did not");
}

static void write_cap(const struct explanation_facts *facts, struct text_builder *text) {
  add_device(text, facts);
  text_builder_add_literal(text, "has no session timer: its call may last ");
  add_seconds(text, facts->seconds);
}

static void write_no_ack(const struct explanation_facts *facts, struct text_builder *text) {
  add_device(text, facts);
  text_builder_add_literal(text, "never acknowledged our answer, which was sent again for ");
  add_seconds(text, (facts->ended_at.value - facts->sent_at.value) / 1000000);
  text_builder_add_literal(text, ": mostly the Contact that it was given cannot be reached from there");
}

void explanation_write(const struct explanation_facts *facts, struct text_builder *text) {
  switch (facts->cause) {
  case END_CAUSE_refresh_unanswered: write_unanswered(facts, text); break;
  case END_CAUSE_refresh_rejected: write_rejected(facts, text); break;
  case END_CAUSE_session_expired: write_expired(facts, text); break;
  case END_CAUSE_no_timer_cap: write_cap(facts, text); break;
  case END_CAUSE_no_ack: write_no_ack(facts, text); break;
  case END_CAUSE_unreachable: /* the sentence of the cause says it all */
  case END_CAUSE_none:
  case END_CAUSE_COUNT: return;
  }
  add_last_heard(text, facts);
  add_reachability(text, facts);
}

/* --- counting ---------------------------------------------------------------------------------------------------- */

static int64_t wait_ms(const struct parameters *parameters, enum sip_method method, unsigned index) {
  const struct parameter_list *waits = &parameters->SS_SIP_RESEND_INTERVAL;
  if (waits->count > 0) return index < waits->count ? waits->ms[index] : 0;
  int64_t milliseconds = (int64_t)T1_MS << (index < 16 ? index : 16);
  return method != SIP_METHOD_INVITE && milliseconds > T2_MS ? T2_MS : milliseconds;
}

unsigned explanation_resends(const struct parameters *parameters, enum sip_method method, int64_t elapsed_ms) {
  unsigned count = 0;
  for (int64_t at_ms = 0;; count++) {
    int64_t wait = wait_ms(parameters, method, count);
    at_ms += wait;
    if (wait == 0 || at_ms >= elapsed_ms) return count;
  }
}
