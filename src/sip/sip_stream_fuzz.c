/* Any bytes as a stream, whole and in pieces: both must give the same messages, and what the parser takes as a message
 * must end where its frame does. The first byte says how long the pieces are. */
#include "base/check.h"
#include "sip/sip_message.h"
#include "sip/sip_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A running sum over where messages begin and end and where the stream breaks. Pings and pongs are left out: which of
 * them a CR LF is depends on what comes with it. */
struct outcome {
  uint64_t sum;
  bool broken;
};

static void note(struct outcome *outcome, size_t start, uint32_t length) {
  outcome->sum = (outcome->sum * 1000003 + start) * 1000003 + length;
}

static void check_message(struct str_view frame) {
  static struct sip_message message;
  struct sip_defect defect;
  if (sip_message_parse(frame, &message, &defect) != RESULT_OK) return;
  require(message.body.data + message.body.length == frame.data + frame.length);
}

/* Takes frames off what has come so far; returns how much of it is used up. */
static size_t take_frames(struct str_view bytes, size_t used, uint32_t *searched, struct outcome *outcome) {
  while (!outcome->broken) {
    uint32_t length;
    struct str_view rest = str_view_from(bytes, used);
    enum sip_frame frame = sip_stream_frame(rest, searched, &length);
    if (frame == SIP_FRAME_INCOMPLETE) break;
    if (frame == SIP_FRAME_BROKEN) {
      outcome->broken = true;
      break;
    }
    require(length > 0 && length <= rest.length && *searched == 0);
    if (frame == SIP_FRAME_MESSAGE) {
      note(outcome, used, length);
      check_message(str_view_slice(rest, 0, length));
    }
    used += length;
  }
  return used;
}

static struct outcome run(struct str_view bytes, size_t piece) {
  struct outcome outcome = {0};
  uint32_t searched = 0;
  size_t used = 0;
  for (size_t come = 0; come < bytes.length;) {
    come = bytes.length - come < piece ? bytes.length : come + piece;
    used = take_frames(str_view_slice(bytes, 0, come), used, &searched, &outcome);
  }
  return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  struct str_view bytes = str_view_of((const char *)data + 1, size - 1);
  struct outcome whole = run(bytes, bytes.length), pieces = run(bytes, data[0] + 1u);
  require(whole.broken == pieces.broken && whole.sum == pieces.sum);
  return 0;
}
