#include "worker/touch.h"

#include <sys/mman.h>

#include "base/check.h"

#define PAGE_BYTES 4096

static const char *page_at_or_after(const char *address) {
  return address + (-(uintptr_t)address & (PAGE_BYTES - 1));
}

void touch_ahead(struct touch *touch, unsigned number, struct str_view fresh) {
  expect_or(number < TOUCH_POOLS_MAX, return );
  const char *last = touch->pools[number].fresh;
  touch->pools[number].fresh = fresh.data;
  if (last == NULL || fresh.data <= last) return;
  size_t ahead = 2 * (size_t)(fresh.data - last);
  const char *end = page_at_or_after(fresh.data + (ahead < fresh.length ? ahead : fresh.length));
  const char *start = page_at_or_after(fresh.data);
  if (start < touch->pools[number].resident) start = touch->pools[number].resident;
  if (end <= start) return;
  /* Where the kernel does not know it, or has no memory, the pages come one by one as before. */
  (void)madvise((void *)(uintptr_t)start, (size_t)(end - start), MADV_POPULATE_WRITE);
  touch->pools[number].resident = end;
}
