/* What an operation that may fail returns; the compiler insists that it is used. Few codes: the text for a person is
 * made where the failure is decided. */
#ifndef BASE_RESULT_H
#define BASE_RESULT_H

#define MUST_USE __attribute__((warn_unused_result))

enum result {
  RESULT_OK = 0,
  RESULT_FULL,         /* a pool, queue or buffer has no room; the caller has a defined answer for that */
  RESULT_NOT_FOUND,    /* nothing of that name, handle or key */
  RESULT_EXISTS,       /* something of that name is there already */
  RESULT_MALFORMED,    /* bytes from outside break a grammar */
  RESULT_OUT_OF_RANGE, /* well-formed, but beyond a limit */
  RESULT_UNSUPPORTED,  /* well-formed, but not something we do */
  RESULT_WRONG_STATE,  /* not now: the object's state does not allow it */
  RESULT_REFUSED,      /* not allowed for whoever asks */
  RESULT_UNREACHABLE,  /* no way to that address */
  RESULT_TIMED_OUT,
  RESULT_FAILED, /* the world failed: disk, socket, database */
};

/* A short lower-case word for logs and tests, such as "full". Static storage. */
const char *result_name(enum result result);

#endif
