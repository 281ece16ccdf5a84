#include "worker/load.h"

#define WINDOW_MS 1000

static void pass_mark(struct load *load, struct mono_ms now, int64_t calm_ms) {
  struct mono_ms until = mono_ms_add(now, calm_ms);
  if (mono_ms_before(load->over_until, until)) load->over_until = until;
}

/* Lateness begins with the first late round and ends with a round in time, or when none has been late for a while. */
static void note_lateness(struct load *load, struct mono_ms now, bool is_late) {
  if (!is_late) {
    load->late_last.value = 0;
    return;
  }
  if (load->late_last.value == 0 || mono_ms_since(now, load->late_last) > LOAD_CALM_MS) load->late_since = now;
  load->late_last = now;
  if (mono_ms_since(now, load->late_since) >= LOAD_LAG_FOR_MS) pass_mark(load, now, LOAD_CALM_MS);
}

void load_note_lag(struct load *load, struct mono_ms now, int64_t lag_ms) {
  if (!mono_ms_before(now, load->window_end)) {
    bool is_recent = mono_ms_since(now, load->window_end) < WINDOW_MS;
    __atomic_store_n(&load->lag_ms_max_last, is_recent ? load->lag_ms_max : 0, __ATOMIC_RELAXED);
    __atomic_store_n(&load->lag_ms_max, 0, __ATOMIC_RELAXED);
    load->window_end = mono_ms_add(now, WINDOW_MS);
  }
  if (lag_ms > load->lag_ms_max)
    __atomic_store_n(&load->lag_ms_max, lag_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)lag_ms, __ATOMIC_RELAXED);
  note_lateness(load, now, lag_ms >= LOAD_LAG_MARK_MS);
}

void load_note_fill(struct load *load, struct mono_ms now, uint32_t fill_permille) {
  if (fill_permille >= LOAD_FILL_MARK_PERMILLE) pass_mark(load, now, LOAD_FILL_CALM_MS);
}

void load_note_queue(struct load *load, struct mono_ms now, bool stands) {
  if (!stands)
    load->standing_since.value = 0;
  else if (load->standing_since.value == 0)
    load->standing_since = now;
  else if (mono_ms_since(now, load->standing_since) >= LOAD_STANDING_FOR_MS)
    pass_mark(load, now, LOAD_STANDING_CALM_MS);
}

uint32_t load_lag_ms_max(const struct load *load) {
  uint32_t now = __atomic_load_n(&load->lag_ms_max, __ATOMIC_RELAXED);
  uint32_t last = __atomic_load_n(&load->lag_ms_max_last, __ATOMIC_RELAXED);
  return now > last ? now : last;
}
