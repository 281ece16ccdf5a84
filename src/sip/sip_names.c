#include "sip/sip_names.h"

#include "sip/sip_scan.h"

/* The table of names, of which the compiler keeps those of one length. */
static inline __attribute__((always_inline)) enum sip_header header_of_length(const char *name, size_t length) {
#define SIP_HEADER(header, text, compact, form)                                                                        \
  if (sizeof(text) - 1 == length && sip_same_name(name, text, length)) return SIP_HEADER_##header;
#include "sip/sip_headers.def"
#undef SIP_HEADER
  return SIP_HEADER_OTHER;
}

static enum sip_header header_of_letter(char letter) {
  letter |= 0x20;
#define SIP_HEADER(header, text, compact, form)                                                                        \
  if ((compact) != 0 && letter == (compact)) return SIP_HEADER_##header;
#include "sip/sip_headers.def"
#undef SIP_HEADER
  return SIP_HEADER_OTHER;
}

enum sip_header sip_header_from_name(struct str_view name) {
  switch (name.length) {
  case 1: return header_of_letter(name.data[0]);
#define LENGTH(n)                                                                                                      \
  case n: return header_of_length(name.data, n);
    LENGTH(2)
    LENGTH(3)
    LENGTH(4)
    LENGTH(5)
    LENGTH(6)
    LENGTH(7)
    LENGTH(8)
    LENGTH(9)
    LENGTH(10)
    LENGTH(11)
    LENGTH(12)
    LENGTH(13)
    LENGTH(14)
    LENGTH(15)
    LENGTH(16)
    LENGTH(17)
    LENGTH(18)
    LENGTH(19)
    LENGTH(20)
#undef LENGTH
  default: return SIP_HEADER_OTHER;
  }
}

#define SIP_HEADER(header, text, compact, form)                                                                        \
  _Static_assert(sizeof(text) - 1 >= 2 && sizeof(text) - 1 <= 20, "sip_header_from_name has no case for " text);
#include "sip/sip_headers.def"
#undef SIP_HEADER

enum sip_header_form sip_header_form(enum sip_header header) {
  static const uint8_t forms[SIP_HEADER_COUNT] = {
      [SIP_HEADER_OTHER] = SIP_ROWS,
#define SIP_HEADER(header, text, compact, form) [SIP_HEADER_##header] = form,
#include "sip/sip_headers.def"
#undef SIP_HEADER
  };
  return (enum sip_header_form)forms[header];
}

struct str_view sip_header_text(enum sip_header header) {
  static const struct str_view texts[SIP_HEADER_COUNT] = {
#define SIP_HEADER(header, text, compact, form) [SIP_HEADER_##header] = STR_VIEW_LITERAL(text),
#include "sip/sip_headers.def"
#undef SIP_HEADER
  };
  return texts[header];
}

struct str_view sip_method_text(enum sip_method method) {
  static const struct str_view texts[SIP_METHOD_COUNT] = {
#define SIP_METHOD(name) [SIP_METHOD_##name] = STR_VIEW_LITERAL(#name),
#include "sip/sip_methods.def"
#undef SIP_METHOD
  };
  return texts[method];
}

/* Method names compare with case (RFC 3261 §7.1). */
enum sip_method sip_method_from_text(struct str_view text) {
#define SIP_METHOD(name)                                                                                               \
  if (text.length == sizeof(#name) - 1 && memcmp(text.data, #name, sizeof(#name) - 1) == 0) return SIP_METHOD_##name;
#include "sip/sip_methods.def"
#undef SIP_METHOD
  return SIP_METHOD_UNKNOWN;
}

struct str_view sip_status_text(unsigned status) {
  switch (status) {
#define SIP_STATUS(code, text)                                                                                         \
  case code:                                                                                                           \
    return STR_VIEW(text);
#include "sip/sip_status_codes.def"
#undef SIP_STATUS
  default: return STR_VIEW("Unknown");
  }
}
