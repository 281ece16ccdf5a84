#include "admin/sample_ring.h"

#include <math.h>
#include <stdlib.h>

const struct series_row series_rows[] = {
#define SERIES(name, help) {#name, help, offsetof(struct sample, name)},
#include "admin/series.def"
#undef SERIES
};
const size_t series_row_count = sizeof series_rows / sizeof series_rows[0];

bool sample_ring_open(struct sample_ring *ring, size_t capacity) {
  *ring = (struct sample_ring){.samples = calloc(capacity, sizeof *ring->samples), .capacity = capacity};
  return ring->samples != NULL;
}

void sample_ring_close(struct sample_ring *ring) {
  free(ring->samples);
  *ring = (struct sample_ring){0};
}

void sample_ring_add(struct sample_ring *ring, const struct sample *sample) {
  ring->samples[ring->next] = *sample;
  ring->next = (ring->next + 1) % ring->capacity;
  if (ring->count < ring->capacity) ring->count++;
}

const struct sample *sample_ring_back(const struct sample_ring *ring, size_t age) {
  if (age >= ring->count) return NULL;
  return &ring->samples[(ring->next + ring->capacity - 1 - age) % ring->capacity];
}

static float mean_of(const struct sample_ring *ring, size_t offset, size_t count) {
  double sum = 0;
  unsigned known = 0;
  for (size_t age = 0; age < count && age < ring->count; age++) {
    float value = *(const float *)(const void *)((const char *)sample_ring_back(ring, age) + offset);
    if (isnan(value)) continue;
    sum += (double)value;
    known++;
  }
  return known ? (float)(sum / known) : NAN;
}

struct sample sample_ring_mean(const struct sample_ring *ring, size_t count) {
  struct sample mean;
  for (size_t i = 0; i < series_row_count; i++)
    *(float *)(void *)((char *)&mean + series_rows[i].offset) = mean_of(ring, series_rows[i].offset, count);
  return mean;
}
