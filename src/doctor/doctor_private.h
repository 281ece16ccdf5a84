/* What the files of this room share. */
#ifndef DOCTOR_DOCTOR_PRIVATE_H
#define DOCTOR_DOCTOR_PRIVATE_H

#include "doctor/doctor.h"
#include "sip/sip_message.h"
#include "trace/trace_message.h"

#define FINDINGS_MAX 256
#define DEVICES_MAX  1024
#define DIALOGS_MAX  32768 /* slots of the table; a power of two */
#define PHONES_MAX   32768
#define LENGTHS_MAX  17

/* What is known of a device by its records: which address is whose, and how long its calls lasted. */
struct doctor_device {
  char name[FINDING_SUBJECT_BYTES];
  char address[FINDING_SUBJECT_BYTES];
  uint32_t reached[LENGTHS_MAX]; /* calls that lasted at least so long */
  uint32_t ended[LENGTHS_MAX];   /* and of these those that the device ended just then */
  struct wall_us since[LENGTHS_MAX], latest[LENGTHS_MAX];
  char calls[LENGTHS_MAX][FINDING_CALL_BYTES];
};

/* One request of ours that refreshes or changes the session, the last of its method. */
struct doctor_request {
  uint32_t cseq;
  uint16_t sent; /* how often */
  bool is_answered;
  struct wall_us first_at;
};

/* One leg, by its Call-ID. */
struct doctor_dialog {
  uint64_t key; /* 0: the slot is free */
  struct address remote;
  char call[FINDING_CALL_BYTES];
  uint64_t said, heard; /* hashes of the last session description sent and received */
  struct doctor_request update, invite;
  struct wall_us heard_at, their_refresh_at;
  uint16_t our_refreshes, their_refreshes;
  uint16_t answers;   /* our 2xx to the first INVITE, as often as it was sent */
  uint16_t too_small; /* INVITEs refused with 422, by either side */
  bool is_up;         /* one was answered with 2xx */
  struct wall_us said_at;
  bool is_acknowledged; /* an ACK, or anything else inside the dialog, came */
  bool contact_is_private;
};

/* One registering device, by its Call-ID. */
struct doctor_phone {
  uint64_t key;
  struct address source;
  struct wall_us ends_at;
  char number[FINDING_CALL_BYTES];
  uint16_t moves, lates;
  struct wall_us move_since, move_latest, late_since, late_latest;
};

struct doctor {
  struct finding findings[FINDINGS_MAX];
  uint32_t finding_count;
  struct doctor_device devices[DEVICES_MAX];
  uint32_t device_count;
  struct doctor_dialog dialogs[DIALOGS_MAX];
  uint32_t dialog_count;
  struct wall_us latest; /* of all records */
  struct doctor_phone phones[PHONES_MAX];
  uint32_t phone_count;
};

/* --- finding.c --------------------------------------------------------------------------------------------------- */

/* What was seen once. */
struct sighting {
  enum diagnosis diagnosis;
  unsigned confidence_percent;
  struct str_view subject; /* a device's name */
  struct wall_us at;
  struct str_view call; /* may be empty */
  /* The first of these are kept. */
  enum seen seen;
  uint32_t numbers[FINDING_NUMBERS_MAX];
  struct str_view words;
};

/* Adds to the finding of that diagnosis and subject, or makes it; what does not fit any more is left out. */
struct finding *doctor_note(struct doctor *doctor, const struct sighting *sighting);

/* Copies `text` into `place` of `bytes`, NUL-terminated. */
void doctor_copy(char *place, size_t bytes, struct str_view text);

/* The device's name where records have told it, else the address as text in `memory` (FINDING_SUBJECT_BYTES). */
struct str_view doctor_subject(const struct doctor *doctor, const struct address *address, char *memory);

/* --- the diagnoses ----------------------------------------------------------------------------------------------- */

void call_diagnosis_conclude(struct doctor *doctor);
void dialog_diagnosis_take(struct doctor *doctor, const struct trace_record *record, const struct sip_message *message);
void dialog_diagnosis_take_note(struct doctor *doctor, const struct note *note);
void dialog_diagnosis_conclude(struct doctor *doctor);
void device_diagnosis_take(struct doctor *doctor, const struct trace_record *record, const struct sip_message *message);
void device_diagnosis_conclude(struct doctor *doctor);

/* RFC 1918, RFC 6598, link-local: an address that means nothing outside. */
bool doctor_is_private(const struct address *address);

/* Reads the host of a Contact, Via …; false: it is a name. */
bool doctor_host_address(struct str_view host, struct address *address_out);

#endif
