#include "base/result.h"

const char *result_name(enum result result) {
  switch (result) {
  case RESULT_OK: return "ok";
  case RESULT_FULL: return "full";
  case RESULT_NOT_FOUND: return "not found";
  case RESULT_EXISTS: return "exists";
  case RESULT_MALFORMED: return "malformed";
  case RESULT_OUT_OF_RANGE: return "out of range";
  case RESULT_UNSUPPORTED: return "unsupported";
  case RESULT_WRONG_STATE: return "wrong state";
  case RESULT_REFUSED: return "refused";
  case RESULT_UNREACHABLE: return "unreachable";
  case RESULT_TIMED_OUT: return "timed out";
  case RESULT_FAILED: return "failed";
  }
  return "unknown";
}
