/* From messages inside dialogs: what becomes of UPDATE and re-INVITE, who refreshes, and whose ACK never comes. */
#include "doctor/doctor_private.h"
#include "sip/sip_header_values.h"

#define SWALLOWED_SENT_MIN 5        /* sent so often, and no answer */
#define SWALLOWED_ALIVE_US 2000000  /* while the device was heard so much later */
#define ANSWERS_MIN        6        /* 200 OK sent so often, and no ACK */
#define ATTEMPT_US         10000000 /* so long after it the next attempt would have come */
#define REFRESHES_MIN      2        /* of each side */

static struct doctor_dialog *dialog_of(struct doctor *doctor, uint64_t key) {
  size_t at = key % DIALOGS_MAX;
  while (doctor->dialogs[at].key != 0 && doctor->dialogs[at].key != key)
    at = (at + 1) % DIALOGS_MAX;
  if (doctor->dialogs[at].key == key) return &doctor->dialogs[at];
  if (doctor->dialog_count >= DIALOGS_MAX / 8 * 7) return NULL;
  doctor->dialog_count++;
  doctor->dialogs[at].key = key;
  return &doctor->dialogs[at];
}

void dialog_diagnosis_take_note(struct doctor *doctor, const struct note *note) {
  if (note->kind != NOTE_LEG) return;
  struct doctor_dialog *dialog = dialog_of(doctor, trace_key(note->text));
  if (dialog) doctor_copy(dialog->call, sizeof dialog->call, note->call);
}

static void say(struct doctor *doctor, const struct doctor_dialog *dialog, const struct sighting *seen) {
  char memory[FINDING_SUBJECT_BYTES];
  struct sighting sighting = *seen;
  sighting.subject = doctor_subject(doctor, &dialog->remote, memory);
  sighting.call = str_view_from_c(dialog->call);
  doctor_note(doctor, &sighting);
}

/* --- what we send ------------------------------------------------------------------------------------------------ */

/* A request that repeats the session in force, or holds none, and is timed: a refresh (RFC 4028 §7.4, §10). */
static bool is_refresh(const struct sip_message *message, uint64_t in_force) {
  bool is_timed = sip_message_has(message, SIP_HEADER_SESSION_EXPIRES);
  return is_timed && (message->body.length == 0 || trace_key(message->body) == in_force);
}

static void note_sent(struct doctor_request *request, const struct trace_record *record,
                      const struct sip_message *message) {
  if (request->cseq != message->cseq)
    *request = (struct doctor_request){.cseq = message->cseq, .first_at = record->wall};
  request->sent++;
}

static void take_sent_request(struct doctor_dialog *dialog, const struct trace_record *record,
                              const struct sip_message *message) {
  bool is_first;
  if (message->to_tag.length == 0) return;
  if (message->method == SIP_METHOD_UPDATE) {
    is_first = dialog->update.cseq != message->cseq;
    note_sent(&dialog->update, record, message);
  } else if (message->method == SIP_METHOD_INVITE) {
    is_first = dialog->invite.cseq != message->cseq;
    note_sent(&dialog->invite, record, message);
  } else {
    return;
  }
  if (!is_first || !is_refresh(message, dialog->said)) return;
  dialog->our_refreshes++;
}

static void take_sent_answer(struct doctor_dialog *dialog, const struct sip_message *message) {
  struct sip_name_addr contact;
  struct address own;
  if (message->method != SIP_METHOD_INVITE || message->status < 200 || message->status >= 300) return;
  dialog->answers++;
  if (sip_name_addr_parse(sip_message_header(message, SIP_HEADER_CONTACT), &contact) == RESULT_OK &&
      doctor_host_address(contact.uri.host, &own))
    dialog->contact_is_private = doctor_is_private(&own) && !doctor_is_private(&dialog->remote);
}

/* --- what comes -------------------------------------------------------------------------------------------------- */

/* The method itself is refused, not this request for the moment. */
static bool refuses_method(unsigned status) {
  static const uint16_t refusals[] = {403, 405, 415, 420, 488, 500, 501, 603, 606};
  for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
    if (refusals[i] == status) return true;
  return false;
}

static void say_refused(struct doctor *doctor, const struct doctor_dialog *dialog, const struct trace_record *record,
                        const struct sip_message *message) {
  bool is_update = message->method == SIP_METHOD_UPDATE;
  say(doctor, dialog,
      &(struct sighting){.diagnosis = is_update ? DIAGNOSIS_update_rejected : DIAGNOSIS_reinvite_refused,
                         .confidence_percent = 95,
                         .at = record->wall,
                         .seen = is_update ? SEEN_update_answered : SEEN_reinvite_answered,
                         .numbers = {message->status},
                         .words = str_view_slice(message->reason_phrase, 0, FINDING_WORDS_BYTES - 1)});
}

static void take_answer(struct doctor *doctor, struct doctor_dialog *dialog, const struct trace_record *record,
                        const struct sip_message *message) {
  struct doctor_request *request = message->method == SIP_METHOD_UPDATE   ? &dialog->update
                                   : message->method == SIP_METHOD_INVITE ? &dialog->invite
                                                                          : NULL;
  bool has_retry = sip_message_has(message, SIP_HEADER_RETRY_AFTER);
  if (!request || request->cseq != message->cseq || request->sent == 0) return;
  bool is_new = !request->is_answered && message->status >= 200;
  if (message->status >= 200 || message->method == SIP_METHOD_INVITE) request->is_answered = true;
  if (is_new && refuses_method(message->status) && !has_retry) say_refused(doctor, dialog, record, message);
}

static void take_request(struct doctor_dialog *dialog, const struct trace_record *record,
                         const struct sip_message *message) {
  bool can_refresh = message->method == SIP_METHOD_UPDATE || message->method == SIP_METHOD_INVITE;
  if (message->to_tag.length == 0) return;
  dialog->is_acknowledged = true;
  if (!can_refresh || record->wall.value - dialog->their_refresh_at.value < 1000000) return; /* sent again */
  if (!is_refresh(message, dialog->heard)) return;
  dialog->their_refreshes++;
  dialog->their_refresh_at = record->wall;
}

static bool has_session(const struct sip_message *message) {
  return message->body.length > 0 && (message->is_request || (message->status >= 200 && message->status < 300));
}

/* The same Call-ID lives on over attempts with a longer interval (RFC 4028 §7.3). */
static void note_outcome(struct doctor_dialog *dialog, const struct sip_message *message) {
  if (message->is_request || message->method != SIP_METHOD_INVITE) return;
  if (message->status == 422) dialog->too_small++;
  if (message->status >= 200 && message->status < 300) dialog->is_up = true;
}

void dialog_diagnosis_take(struct doctor *doctor, const struct trace_record *record,
                           const struct sip_message *message) {
  if (message->method == SIP_METHOD_REGISTER || message->method == SIP_METHOD_CANCEL) return;
  struct doctor_dialog *dialog = dialog_of(doctor, trace_key(message->call_id));
  if (!dialog) return;
  bool is_sent = record->direction == TRACE_SENT;
  dialog->remote = record->remote;
  dialog->said_at = record->wall;
  note_outcome(dialog, message);
  if (is_sent && message->is_request) take_sent_request(dialog, record, message);
  if (is_sent && !message->is_request) take_sent_answer(dialog, message);
  if (!is_sent && message->is_request) take_request(dialog, record, message);
  if (!is_sent && !message->is_request) take_answer(doctor, dialog, record, message);
  if (!is_sent) dialog->heard_at = record->wall;
  if (has_session(message)) *(is_sent ? &dialog->said : &dialog->heard) = trace_key(message->body);
}

/* --- in the end -------------------------------------------------------------------------------------------------- */

static void conclude_swallowed(struct doctor *doctor, const struct doctor_dialog *dialog) {
  const struct doctor_request *update = &dialog->update;
  if (update->is_answered || update->sent < SWALLOWED_SENT_MIN ||
      dialog->heard_at.value < update->first_at.value + SWALLOWED_ALIVE_US)
    return;
  say(doctor, dialog,
      &(struct sighting){.diagnosis = DIAGNOSIS_update_swallowed,
                         .confidence_percent = 85,
                         .at = update->first_at,
                         .seen = SEEN_update_unanswered,
                         .numbers = {update->sent}});
}

static void conclude_refreshes(struct doctor *doctor, const struct doctor_dialog *dialog) {
  if (dialog->our_refreshes < REFRESHES_MIN || dialog->their_refreshes < REFRESHES_MIN) return;
  say(doctor, dialog,
      &(struct sighting){.diagnosis = DIAGNOSIS_both_refresh,
                         .confidence_percent = 85,
                         .at = dialog->their_refresh_at,
                         .seen = SEEN_both_refreshed,
                         .numbers = {dialog->our_refreshes, dialog->their_refreshes}});
}

/* Records tell how many; the messages tell why. */
static void conclude_ack(struct doctor *doctor, const struct doctor_dialog *dialog) {
  if (dialog->is_acknowledged || dialog->answers < ANSWERS_MIN) return;
  say(doctor, dialog,
      &(struct sighting){.diagnosis = DIAGNOSIS_missing_ack,
                         .confidence_percent = dialog->contact_is_private ? 98 : 90,
                         .at = dialog->heard_at,
                         .seen = dialog->contact_is_private ? SEEN_private_contact : SEEN_no_ack_came});
}

static void conclude_interval(struct doctor *doctor, const struct doctor_dialog *dialog) {
  if (dialog->too_small == 0 || dialog->is_up || dialog->said_at.value + ATTEMPT_US > doctor->latest.value) return;
  say(doctor, dialog,
      &(struct sighting){.diagnosis = DIAGNOSIS_interval_refused,
                         .confidence_percent = 90,
                         .at = dialog->said_at,
                         .seen = SEEN_intervals_refused,
                         .numbers = {dialog->too_small}});
}

void dialog_diagnosis_conclude(struct doctor *doctor) {
  for (size_t i = 0; i < DIALOGS_MAX; i++) {
    const struct doctor_dialog *dialog = &doctor->dialogs[i];
    if (dialog->key == 0) continue;
    conclude_swallowed(doctor, dialog);
    conclude_refreshes(doctor, dialog);
    conclude_ack(doctor, dialog);
    conclude_interval(doctor, dialog);
  }
}
