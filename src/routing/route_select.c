#include "routing/route_select.h"

#include "parameters/parameters.h"

/* More than may be tried, so that gateways that are full or locked do not hide those behind them. */
#define ROUTES_CONSIDERED_MAX 64

static bool was_tried(const struct route_search *search, const struct device *device) {
  for (uint8_t i = 0; i < search->tried_count; i++)
    if (search->tried[i] == device->usage) return true;
  return false;
}

static bool is_usable(const struct device *device) {
  return !device->locked && (device->gateway->address_count > 0 || device->gateway->host.length > 0);
}

/* The limit counts gateways, so the first attempt is never beyond it. */
static bool may_try_another(const struct parameters *parameters, const struct route_search *search) {
  if (search->tried_count >= ROUTE_CANDIDATES_MAX) return false;
  return search->tried_count == 0 || parameters->SS_GATEWAY_SWITCH_LIMIT == PARAMETER_NO_LIMIT ||
         search->tried_count < parameters->SS_GATEWAY_SWITCH_LIMIT;
}

enum result route_select(struct context *context, struct str_view number, struct route_search *search,
                         const struct device **device_out) {
  const struct device *candidates[ROUTES_CONSIDERED_MAX];
  unsigned count = directory_find_routes(context->directory, number, candidates, ROUTES_CONSIDERED_MAX);
  bool any_usable = false, any_full = false;
  if (!may_try_another(context->parameters, search)) return RESULT_REFUSED;
  for (unsigned i = 0; i < count; i++) {
    if (!is_usable(candidates[i])) continue;
    any_usable = true;
    if (was_tried(search, candidates[i])) continue;
    if (directory_acquire(context->directory, candidates[i]) != RESULT_OK) {
      any_full = true;
      continue;
    }
    search->tried[search->tried_count++] = candidates[i]->usage;
    *device_out = candidates[i];
    return RESULT_OK;
  }
  return !any_usable ? RESULT_NOT_FOUND : any_full ? RESULT_FULL : RESULT_REFUSED;
}

enum result route_select_again(struct context *context, struct str_view number, const struct route_search *search,
                               const struct device **device_out) {
  const struct device *candidates[ROUTES_CONSIDERED_MAX];
  unsigned count = directory_find_routes(context->directory, number, candidates, ROUTES_CONSIDERED_MAX);
  for (unsigned i = 0; i < count && search->tried_count > 0; i++) {
    if (candidates[i]->usage != search->tried[search->tried_count - 1] || !is_usable(candidates[i])) continue;
    *device_out = candidates[i];
    return directory_acquire(context->directory, candidates[i]);
  }
  return RESULT_NOT_FOUND;
}

enum failover_verdict { FAILOVER_NO, FAILOVER_YES, FAILOVER_UNTIL_CONNECT };

static const struct {
  uint16_t first, last;
  enum failover_verdict verdict;
} failover_rows[] = {
#define FAILOVER(first, last, verdict) {first, last, FAILOVER_##verdict},
#include "routing/failover.def"
#undef FAILOVER
};

static enum failover_verdict failover_of_status(unsigned status) {
  for (size_t i = 0; i < sizeof failover_rows / sizeof failover_rows[0]; i++)
    if (status >= failover_rows[i].first && status <= failover_rows[i].last) return failover_rows[i].verdict;
  return FAILOVER_NO;
}

bool failover_allowed(const struct parameters *parameters, const struct route_failure *failure) {
  bool until_connect = parameters->SS_GATEWAY_SWITCH_UNTIL_CONNECT;
  if (failure->sdp_seen && parameters->SS_SIP_STOP_SWITCH_AFTER_SDP) return false;
  if (failure->ringing_seen && !until_connect) return false;
  if (failure->timed_out) return true;
  enum failover_verdict verdict = failover_of_status(failure->status);
  return verdict == FAILOVER_YES || (verdict == FAILOVER_UNTIL_CONNECT && until_connect);
}
