/* OPTIONS: one request, one final answer. The Call-ID names the slot. */
#include "gun.h"
#include "sip/sip_build.h"

struct gun_probe {
  struct timer timer; /* first: the wheel hands it out */
  uint64_t due_us, give_up_us;
  uint32_t wait_ms;
};

static void send_probe(struct gun *gun, struct gun_probe *probe) {
  struct text_builder builder = gun_socket_compose(&gun->caller);
  char text[GUN_ADDRESS_BYTES + 128];
  struct text_builder value = text_builder_over(text, sizeof text);
  text_builder_add_literal(&value, "sip:");
  text_builder_add(&value, str_view_from_c(gun->target_text));
  struct str_view uri = text_builder_view(&value);
  sip_build_request_line(&builder, STR_VIEW("OPTIONS"), uri);
  gun_add_via(gun, &builder, 'o', 1, probe);
  sip_build_header_u32(&builder, SIP_HEADER_MAX_FORWARDS, 70);
  text_builder_add_literal(&builder, "To: <");
  text_builder_add(&builder, uri);
  text_builder_add_literal(&builder, ">\r\n");
  value = text_builder_over(text, sizeof text);
  text_builder_add(&value, gun_socket_contact(&gun->caller));
  text_builder_add_literal(&value, ";tag=o");
  sip_build_header(&builder, SIP_HEADER_FROM, text_builder_view(&value));
  value = text_builder_over(text, sizeof text);
  gun_add_slot_name(gun, &value, probe);
  sip_build_header(&builder, SIP_HEADER_CALL_ID, text_builder_view(&value));
  sip_build_cseq(&builder, 1, STR_VIEW("OPTIONS"));
  sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun_send(gun, &gun->caller, &gun->options.target, &builder);
}

static bool probe_start(struct gun *gun, uint64_t due_us) {
  struct handle handle;
  struct gun_probe *probe = pool_take(&gun->slots, &handle);
  if (!probe) return false;
  probe->due_us = due_us;
  probe->give_up_us = gun->now_us + GUN_GIVE_UP_MS * 1000ull;
  probe->wait_ms = GUN_T1_MS;
  send_probe(gun, probe);
  gun_arm(gun, &probe->timer, GUN_TIMER_PROBE, GUN_T1_MS);
  return true;
}

static void probe_receive(struct gun *gun, const struct sip_message *message, const struct address *source) {
  (void)source;
  struct gun_probe *probe = message->is_request ? NULL : gun_find_slot(gun, message->call_id);
  if (!probe) {
    if (!message->is_request && gun_is_slot_name(gun, message->call_id))
      gun->counts.repeated++;
    else
      gun->counts.unexpected++;
    return;
  }
  if (message->status < 200) return;
  latency_add(&gun->answer, gun->now_us - probe->due_us);
  gun_count_end(gun, message->status < 300 ? &gun->counts.completed : &gun->counts.rejected);
  gun_give_slot(gun, &probe->timer, probe);
}

void probe_timer_due(struct gun *gun, struct timer *timer) {
  struct gun_probe *probe = (struct gun_probe *)timer;
  if (gun->now_us >= probe->give_up_us) {
    gun_count_end(gun, &gun->counts.timed_out);
    gun_give_slot(gun, &probe->timer, probe);
    return;
  }
  gun->counts.retransmissions++;
  send_probe(gun, probe);
  probe->wait_ms = gun_next_wait_ms(probe->wait_ms, true);
  gun_arm(gun, &probe->timer, GUN_TIMER_PROBE, probe->wait_ms);
}

static void probe_release(struct gun *gun) {
  (void)gun;
}

const struct gun_player gun_prober = {"options", sizeof(struct gun_probe), probe_start, probe_receive, probe_release};
