/* A hint shared by all workers: on which of them the device with a flow lives. Whatever is no REGISTER may arrive at
 * any worker (a life sign where the kernel hands it, a request where its Call-ID lives), and the worker that watches
 * over the device must hear of it. One byte for each of 2^n hashes of flows, written by whoever takes the device; two
 * flows may share one, then the later one is right, and at worst a life sign goes unnoticed. Beside the counts of calls
 * in use the one thing that workers share. */
#ifndef BOUNDARY_DEVICE_HOMES_H
#define BOUNDARY_DEVICE_HOMES_H

#include <stddef.h>
#include <stdint.h>

struct device_homes {
  uint8_t *homes; /* atomic; 1 + worker, 0: no device */
  uint32_t mask;  /* number of bytes − 1; a power of two */
};

#define DEVICE_HOME_NONE UINT8_MAX

/* Four bytes for each device, so that few share one. */
static inline size_t device_homes_memory_bytes(uint32_t devices_max) {
  size_t count = 64;
  while (count < (size_t)devices_max * 4 && count < UINT32_C(1) << 31)
    count *= 2;
  return count;
}

/* `memory` zero-filled, of device_homes_memory_bytes(); borrowed. */
static inline struct device_homes device_homes_over(void *memory, uint32_t devices_max) {
  return (struct device_homes){memory, (uint32_t)(device_homes_memory_bytes(devices_max) - 1)};
}

static inline void device_homes_set(struct device_homes *homes, uint64_t flow_hash, uint8_t worker) {
  __atomic_store_n(&homes->homes[flow_hash & homes->mask], (uint8_t)(worker + 1), __ATOMIC_RELAXED);
}

/* Only what this worker said itself. */
static inline void device_homes_clear(struct device_homes *homes, uint64_t flow_hash, uint8_t worker) {
  uint8_t said = (uint8_t)(worker + 1);
  __atomic_compare_exchange_n(&homes->homes[flow_hash & homes->mask], &said, 0, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* DEVICE_HOME_NONE: none is known. */
static inline uint8_t device_homes_find(const struct device_homes *homes, uint64_t flow_hash) {
  uint8_t said = __atomic_load_n(&homes->homes[flow_hash & homes->mask], __ATOMIC_RELAXED);
  return said ? (uint8_t)(said - 1) : DEVICE_HOME_NONE;
}

#endif
