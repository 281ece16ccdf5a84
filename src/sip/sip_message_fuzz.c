/* Any bytes as a message. What is taken must be the same when it is built and read again, every reader of values must
 * come to an end on it, and the response made of a request must be a response to it. */
#include "base/check.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"
#include "sip/sip_roundtrip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char memory[2 * SIP_MESSAGE_BYTES_MAX];

static void read_values(const struct sip_message *message) {
  for (unsigned header = 0; header < SIP_HEADER_COUNT; header++) {
    struct sip_value_cursor cursor = {0};
    struct sip_name_addr name_addr;
    struct str_view value;
    struct sip_via via;
    unsigned count = 0;
    while (sip_message_next_value(message, (enum sip_header)header, &cursor, &value)) {
      require(value.data >= message->bytes.data &&
              value.data + value.length <= message->bytes.data + message->bytes.length);
      (void)!sip_name_addr_parse(value, &name_addr);
      (void)!sip_via_parse(value, &via);
      count++;
    }
    require(count <= message->bytes.length);
    (void)sip_message_lists_token(message, (enum sip_header)header, STR_VIEW("timer"));
  }
}

/* A response with the request's block must be understood, and be an answer to that request. */
static void answer(const struct sip_message *request, bool is_good) {
  static struct sip_message response;
  struct sip_defect defect;
  struct address source = {.ip = {192, 0, 2, 1}, .port = 5060, .family = ADDRESS_IPV4};
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  sip_build_status_line(&builder, 400, (struct str_view){0});
  sip_build_response_block(&builder, request, &source, STR_VIEW("ours"));
  sip_build_end(&builder, (struct str_view){0}, (struct str_view){0});
  if (builder.overflowed || builder.length > SIP_MESSAGE_BYTES_MAX) return;
  enum result result = sip_message_parse(text_builder_view(&builder), &response, &defect);
  if (!is_good || response.header_count == SIP_MESSAGE_HEADERS_MAX) return;
  require(result == RESULT_OK);
  require(response.cseq == request->cseq && str_view_equal(response.method_text, request->method_text));
  require(str_view_equal(response.call_id, request->call_id) && response.to_tag.length > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct sip_message message;
  struct sip_defect defect;
  bool is_good = sip_message_parse(str_view_of((const char *)data, size), &message, &defect) == RESULT_OK;
  read_values(&message);
  if (!is_good) require(defect.rule && defect.offset <= size);
  if (is_good) require(sip_roundtrip_holds(&message, memory, sizeof memory));
  if (message.is_request) answer(&message, is_good);
  return 0;
}
