/* Writing SIP: the only place where SIP text is made. Lines go straight into a text_builder; CRLF is written here, and
 * values handed in are checked for CR and LF (a line break inside becomes a blank), so that no value can add a header
 * field. */
#ifndef SIP_SIP_BUILD_H
#define SIP_SIP_BUILD_H

#include "base/str_view.h"
#include "base/text_builder.h"
#include "boundary/address.h"
#include "sip/sip_message.h"

void sip_build_request_line(struct text_builder *builder, struct str_view method, struct str_view request_uri);

/* `reason` empty: the default phrase. */
void sip_build_status_line(struct text_builder *builder, unsigned status, struct str_view reason);

/* "Name: value\r\n". */
void sip_build_header(struct text_builder *builder, enum sip_header header, struct str_view value);
void sip_build_header_u32(struct text_builder *builder, enum sip_header header, uint32_t value);
void sip_build_other_header(struct text_builder *builder, struct str_view name, struct str_view value);

/* The same for a value that holds no line break for certain, and "Name: " and the line's end for one made of pieces. */
void sip_build_plain_header(struct text_builder *builder, enum sip_header header, struct str_view value);
void sip_build_header_begin(struct text_builder *builder, enum sip_header header);
void sip_build_header_end(struct text_builder *builder);

/* "Via: SIP/2.0/UDP host:port;branch=…;rport\r\n" (RFC 3581 §3: rport is always asked for over UDP). */
void sip_build_via(struct text_builder *builder, enum transport transport, const struct address *sent_by,
                   struct str_view branch);

/* The same with sent-by as text. */
void sip_build_via_text(struct text_builder *builder, enum transport transport, struct str_view sent_by,
                        struct str_view branch);

/* "CSeq: 1 INVITE\r\n" */
void sip_build_cseq(struct text_builder *builder, uint32_t number, struct str_view method);

/* "<uri>;tag=…" style values: `parameters` without leading ';', may be empty. */
void sip_build_name_addr(struct text_builder *builder, enum sip_header header, struct str_view display,
                         struct str_view uri, struct str_view parameters);

/* "Reason: Q.850;cause=16;text=\"normal\"\r\n" (RFC 3326 §2). `protocol` is a token; `text` is quoted here. */
void sip_build_reason(struct text_builder *builder, struct str_view protocol, unsigned cause, struct str_view text);

/* Copies every field of one kind from a message, in its order, byte for byte but unfolded. */
void sip_build_copy_headers(struct text_builder *builder, const struct sip_message *message, enum sip_header header);

/* What each response repeats from its request (RFC 3261 §8.2.6.2): Via (the topmost with received and rport by RFC 3581
 * §4, from `source`), From, To (with `to_tag` added when the request has none and to_tag is not empty), Call-ID, CSeq,
 * and Timestamp (of 100 responses). */
void sip_build_response_block(struct text_builder *builder, const struct sip_message *request,
                              const struct address *source, struct str_view to_tag);

/* The same, and a `keep` without value in the topmost Via gets `keep_s` (RFC 6223 §4.4): how often the sender, which is
 * willing to, shall send keep-alives; 0: we are not asking for any. */
void sip_build_response_block_keeping(struct text_builder *builder, const struct sip_message *request,
                                      const struct address *source, struct str_view to_tag, uint32_t keep_s);

/* Ends the headers: Content-Type (when there is a body), Content-Length, blank line, body. */
void sip_build_end(struct text_builder *builder, struct str_view content_type, struct str_view body);

#endif
