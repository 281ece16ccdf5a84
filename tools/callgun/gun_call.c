/* What both ends of a call say alike. */
#include "gun_call.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"

#define OVERDUE_US 1000000

static uint64_t refresh_every_us(const struct gun *gun) {
  return (uint64_t)(gun->options.refresh_every_s * 1e6);
}

void gun_call_await_refreshes(struct gun *gun, struct gun_call *call) {
  if (refresh_every_us(gun) != 0) call->refresh_due_us = gun->now_us + refresh_every_us(gun);
}

/* The next is due from when this one was, so that whoever drifts shows. */
void gun_call_note_refresh(struct gun *gun, struct gun_call *call, const struct sip_message *request) {
  if (request->cseq == call->refresh_cseq) {
    gun->counts.repeated++;
    return;
  }
  call->refresh_cseq = request->cseq;
  gun->counts.refreshes_answered++;
  if (call->refresh_due_us == 0) return;
  arrivals_count(&gun->refreshes, gun->now_us);
  uint64_t due_us = call->refresh_due_us, now_us = gun->now_us;
  latency_add(&gun->refreshes.off, now_us > due_us ? now_us - due_us : due_us - now_us);
  call->refresh_due_us += refresh_every_us(gun);
}

void gun_call_count_overdue(struct gun *gun) {
  const struct gun_call *call;
  for (uint32_t index = 0; (call = pool_next(&gun->slots, &index)) != NULL;)
    if (call->refresh_due_us != 0 && call->refresh_due_us + OVERDUE_US < gun->now_us) gun->refreshes.overdue++;
}

void gun_call_add_timer(struct text_builder *builder, const struct sip_message *request) {
  struct sip_session_expires expires;
  if (!sip_message_has(request, SIP_HEADER_SESSION_EXPIRES) ||
      sip_session_expires_parse(sip_message_header(request, SIP_HEADER_SESSION_EXPIRES), &expires) != RESULT_OK)
    return;
  char value[48];
  struct text_builder text = text_builder_over(value, sizeof value);
  text_builder_add_u64(&text, expires.interval_s);
  if (expires.refresher == SIP_REFRESHER_UAS)
    text_builder_add_literal(&text, ";refresher=uas");
  else
    text_builder_add_literal(&text, ";refresher=uac");
  sip_build_header(builder, SIP_HEADER_SESSION_EXPIRES, text_builder_view(&text));
  sip_build_header(builder, SIP_HEADER_REQUIRE, STR_VIEW("timer"));
}

void gun_call_respond(struct gun *gun, struct gun_socket *socket, const struct sip_message *request,
                      const struct address *source, unsigned status) {
  struct text_builder builder = gun_socket_compose(socket);
  sip_build_status_line(&builder, status, STR_VIEW(""));
  sip_build_response_block(&builder, request, source, STR_VIEW("none"));
  bool is_invite = request->method == SIP_METHOD_INVITE, is_update = request->method == SIP_METHOD_UPDATE;
  if (status == 200 && (is_invite || is_update)) {
    sip_build_header(&builder, SIP_HEADER_CONTACT, gun_socket_contact(socket));
    gun_call_add_timer(&builder, request);
  }
  if (status == 200 && is_invite)
    sip_build_end(&builder, STR_VIEW("application/sdp"), gun_socket_body(socket));
  else
    sip_build_end(&builder, STR_VIEW(""), STR_VIEW(""));
  gun_send(gun, socket, source, &builder);
}
