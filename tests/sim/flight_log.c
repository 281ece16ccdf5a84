#include "sim/flight_log.h"

#include "doctor/doctor.h"
#include "sim/ledger.h"

struct flight_record {
  struct trace_record record;
  struct flight_record *next;
};

static void add(struct world *world, struct trace_record record) {
  struct flight_record *entry = sim_take(&world->memory, sizeof *entry);
  entry->record = record;
  entry->record.wall = (struct wall_us){world_wall(world).value};
  entry->record.payload = sim_copy(&world->memory, record.payload);
  if (world->last_flight)
    world->last_flight->next = entry;
  else
    world->first_flight = entry;
  world->last_flight = entry;
}

void flight_log_message(struct world *world, enum trace_direction direction, const struct flow *flow,
                        struct str_view bytes) {
  if (!world->asks_doctor) return;
  add(world, (struct trace_record){.remote = flow->remote,
                                   .kind = (uint8_t)trace_kind_of(direction, bytes),
                                   .direction = (uint8_t)direction,
                                   .transport = flow->transport,
                                   .payload = bytes});
}

void flight_log_note(struct world *world, const struct note *note) {
  char memory[TRACE_NOTE_BYTES_MAX];
  add(world,
      (struct trace_record){.kind = TRACE_NOTE, .direction = TRACE_INSIDE, .payload = trace_note_encode(note, memory)});
}

struct str_view flight_log_diagnose(struct world *world) {
  struct doctor *doctor = doctor_create(sim_take(&world->memory, doctor_memory_bytes()));
  for (const struct ledger_record *entry = world->ledger->first; entry; entry = entry->next)
    doctor_take_cdr(doctor, &entry->record);
  for (const struct flight_record *entry = world->first_flight; entry; entry = entry->next)
    doctor_take_record(doctor, &entry->record);
  doctor_conclude(doctor);
  struct str_view found = STR_VIEW("nothing");
  for (size_t i = 0; i < doctor_finding_count(doctor); i++) {
    const struct finding *finding = doctor_finding(doctor, i);
    const char *name = diagnosis_row((enum diagnosis)finding->diagnosis)->name;
    found = i == 0 ? str_view_from_c(name)
                   : sim_format_view(&world->memory, "%.*s,%s", (int)found.length, found.data, name);
  }
  return found;
}
