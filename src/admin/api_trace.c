/* The flight recorder's answers: messages with both legs in one view, as JSON, as a ladder in text, as a capture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api_trace.h"
#include "admin/desk.h"
#include "recorder/ring_file.h"
#include "recorder/trace_query.h"
#include "trace/trace_json.h"
#include "trace/trace_pcap.h"

#define LIMIT_DEFAULT  1000
#define RECENT_S       900 /* without call, since and cursor: the last so many seconds */
#define BEFORE_CALL_US 2000000
#define CALL_ID_DIGITS 30 /* of which the first 12 are milliseconds since 1970 (call/call_record.c) */

/* --- the question ------------------------------------------------------------------------------------------------ */

static bool refuse(struct api_response *response, const char *detail) {
  api_respond_problem(response, 400, detail, NULL);
  return false;
}

bool api_trace_add_address(struct trace_filter *filter, const char *text) {
  if (filter->address_count == TRACE_ADDRESSES_MAX) return true;
  struct address *address = &filter->addresses[filter->address_count];
  if (address_parse(str_view_from_c(text), 0, address) != RESULT_OK) return false;
  filter->address_count++;
  return true;
}

static void add_document_addresses(void *context, const char *document) {
  struct trace_filter *filter = context;
  json_t *object = json_loads(document, 0, NULL), *entry;
  size_t index;
  const char *address = json_string_value(json_object_get(object, "address"));
  if (address) api_trace_add_address(filter, address);
  json_array_foreach(json_object_get(object, "addresses"), index, entry) {
    if (json_is_string(entry)) api_trace_add_address(filter, json_string_value(entry));
  }
  json_decref(object);
}

bool api_trace_add_device(const struct api_request *request, const char *device, struct trace_filter *filter) {
  for (size_t k = 0; k < object_kind_count; k++) {
    json_t *object = api_object_find(request, &object_kinds[k], device);
    if (!object) continue;
    char *document = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (object_kinds[k].kind == DEVICE_PHONE)
      filter->number = str_view_from_c(device);
    else if (document)
      add_document_addresses(filter, document);
    free(document);
    return filter->number.length > 0 || filter->address_count > 0;
  }
  return false;
}

int64_t api_call_began_us(const char *call) {
  if (strlen(call) != CALL_ID_DIGITS || strspn(call, "0123456789abcdef") != CALL_ID_DIGITS) return 0;
  char digits[13];
  snprintf(digits, sizeof digits, "%.12s", call);
  return (int64_t)strtoull(digits, NULL, 16) * 1000 - BEFORE_CALL_US;
}

static bool read_filter(const struct api_request *request, struct trace_query *query, struct api_response *response) {
  struct trace_filter *filter = &query->filter;
  const char *address = api_query(request, "address"), *device = api_query(request, "device");
  filter->call = str_view_from_c(api_query(request, "call"));
  filter->number = str_view_from_c(api_query(request, "number"));
  if (address && !api_trace_add_address(filter, address))
    return refuse(response, "address must be an IP address, with or without a port");
  if (device && !api_trace_add_device(request, device, filter))
    return refuse(response,
                  "device must be the number of a phone, or the name of a gateway whose addresses are numbers");
  if (filter->call.length > 0) filter->since.value = api_call_began_us(filter->call.data);
  return api_query_time(request, "since", &filter->since.value, response) &&
         api_query_time(request, "until", &filter->until.value, response);
}

static bool read_query(const struct api_request *request, struct trace_query *query, struct api_response *response) {
  uint32_t limit, keepalives;
  *query = (struct trace_query){.cursor = api_query(request, "cursor")};
  if (!read_filter(request, query, response) ||
      !api_query_number(request, "limit", 1, TRACE_RECORDS_MAX, LIMIT_DEFAULT, &limit, response) ||
      !api_query_number(request, "keepalives", 0, 1, query->filter.address_count > 0 || api_query(request, "kept"),
                        &keepalives, response))
    return false;
  query->limit = limit;
  query->wants_keepalives = keepalives;
  if (api_query(request, "kept")) return true; /* all of it */
  if (!api_query(request, "since") && query->filter.call.length == 0) {
    query->filter.since.value = worker_group_wall_now(request->switch_parts->group).value - (int64_t)RECENT_S * 1000000;
    query->wants_latest = !query->cursor;
  }
  return true;
}

static bool ask(const struct api_request *request, struct trace_result *result, struct api_response *response) {
  struct trace_query query;
  char dir[RING_PATH_BYTES], problem[256];
  const char *kept = api_query(request, "kept");
  if (!read_query(request, &query, response)) return false;
  snprintf(dir, sizeof dir, "%s/trace", request->switch_parts->data_dir);
  if (kept && debug_traces_directory(request->desk->debug_traces, kept, dir, sizeof dir) != RESULT_OK) {
    api_respond_problem(response, 404, "there is no such debug trace", NULL);
    return false;
  }
  if (trace_query_run(dir, &query, result, problem, sizeof problem)) return true;
  return refuse(response, problem);
}

/* --- the answers ------------------------------------------------------------------------------------------------- */

/* A text that grows; every piece is built in memory of its own size. */
struct growing {
  FILE *stream;
  char *text;
  size_t length;
};

typedef void piece_writer(const struct trace_ladder *ladder, const struct trace_record *record, const void *context,
                          struct text_builder *text);

static void add_piece(struct growing *growing, size_t bytes_max, piece_writer *write, const struct trace_ladder *ladder,
                      const struct trace_record *record, const void *context) {
  char *memory = malloc(bytes_max);
  if (!memory) return;
  struct text_builder text = text_builder_over(memory, bytes_max);
  write(ladder, record, context, &text);
  fwrite(text.data, 1, text.length, growing->stream);
  free(memory);
}

static bool begin(struct growing *growing) {
  *growing = (struct growing){0};
  growing->stream = open_memstream(&growing->text, &growing->length);
  return growing->stream != NULL;
}

static void end(struct growing *growing, const char *content_type, struct api_response *response) {
  fclose(growing->stream);
  api_respond_text(response, 200, content_type, growing->text);
  response->length = growing->length; /* a capture holds zero bytes */
}

/* Answers with what `write_all` makes of the records that were asked for. */
static void respond(const struct api_request *request, const char *content_type,
                    void (*write_all)(struct growing *growing, const struct trace_ladder *ladder,
                                      const struct trace_result *result),
                    struct api_response *response) {
  struct trace_result *result = malloc(sizeof *result);
  struct trace_ladder *ladder = malloc(sizeof *ladder);
  struct growing growing;
  if (result && ladder && ask(request, result, response)) {
    trace_ladder_build(ladder, result->records, result->count);
    if (begin(&growing)) {
      write_all(&growing, ladder, result);
      end(&growing, content_type, response);
    }
    trace_result_free(result);
  }
  free(result);
  free(ladder);
  if (response->status == 0) api_respond_problem(response, 503, "no memory", NULL);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void write_record(const struct trace_ladder *ladder, const struct trace_record *record, const void *context,
                         struct text_builder *json) {
  char id[48];
  (void)context;
  snprintf(id, sizeof id, "%u.%s%llu", record->worker, record->kind == TRACE_KEEPALIVE ? "k" : "",
           (unsigned long long)record->position);
  trace_json_write_record(ladder, record, str_view_from_c(id), json);
}

static void write_columns(const struct trace_ladder *ladder, const struct trace_record *record, const void *context,
                          struct text_builder *json) {
  (void)record, (void)context;
  trace_json_write_columns(ladder, json);
}

static void write_json(struct growing *growing, const struct trace_ladder *ladder, const struct trace_result *result) {
  fputs("{\"items\":[", growing->stream);
  for (size_t i = 0; i < result->count; i++) {
    if (i > 0) fputc(',', growing->stream);
    size_t bytes_max = trace_json_bytes_max(result->records[i].payload.length);
    add_piece(growing, bytes_max, write_record, ladder, &result->records[i], NULL);
  }
  fputs("],\"participants\":", growing->stream);
  add_piece(growing, TRACE_JSON_COLUMNS_BYTES_MAX, write_columns, ladder, NULL, NULL);
  fprintf(growing->stream, ",\"next_cursor\":\"%s\",\"has_more\":%s,\"is_damaged\":%s}", result->cursor,
          result->has_more ? "true" : "false", result->is_torn || result->unreadable ? "true" : "false");
}

void api_trace(const struct api_request *request, struct api_response *response) {
  respond(request, "application/json", write_json, response);
}

/* --- text -------------------------------------------------------------------------------------------------------- */

static void write_head(const struct trace_ladder *ladder, const struct trace_record *record, const void *context,
                       struct text_builder *text) {
  (void)record, (void)context;
  trace_ladder_write_head(ladder, text);
}

static void write_rung(const struct trace_ladder *ladder, const struct trace_record *record, const void *start,
                       struct text_builder *text) {
  trace_ladder_write_record(ladder, record, *(const struct wall_us *)start, text);
}

static void write_paragraph(const struct trace_ladder *ladder, const struct trace_record *record, const void *context,
                            struct text_builder *text) {
  (void)ladder, (void)context;
  trace_text_write_record(record, text);
}

static void write_text(struct growing *growing, const struct trace_ladder *ladder, const struct trace_result *result) {
  if (result->count == 0) {
    fputs("nothing is recorded that fits\n", growing->stream);
    return;
  }
  struct wall_us start = result->records[0].wall;
  add_piece(growing, TRACE_LADDER_LINE_BYTES_MAX * 2, write_head, ladder, NULL, NULL);
  for (size_t i = 0; i < result->count; i++)
    add_piece(growing, TRACE_LADDER_LINE_BYTES_MAX, write_rung, ladder, &result->records[i], &start);
  fputs("\n", growing->stream);
  for (size_t i = 0; i < result->count; i++)
    add_piece(growing, result->records[i].payload.length + TRACE_LADDER_LINE_BYTES_MAX, write_paragraph, ladder,
              &result->records[i], NULL);
}

void api_trace_txt(const struct api_request *request, struct api_response *response) {
  respond(request, "text/plain; charset=utf-8", write_text, response);
}

/* --- capture ----------------------------------------------------------------------------------------------------- */

static void write_packet(const struct trace_ladder *ladder, const struct trace_record *record, const void *context,
                         struct text_builder *file) {
  (void)ladder, (void)context;
  trace_pcap_write_record(record, file);
}

static void write_file_head(const struct trace_ladder *ladder, const struct trace_record *record, const void *context,
                            struct text_builder *file) {
  (void)ladder, (void)record, (void)context;
  trace_pcap_write_head(file);
}

static void write_pcap(struct growing *growing, const struct trace_ladder *ladder, const struct trace_result *result) {
  add_piece(growing, TRACE_PCAP_OVERHEAD_BYTES, write_file_head, ladder, NULL, NULL);
  for (size_t i = 0; i < result->count; i++)
    add_piece(growing, result->records[i].payload.length + TRACE_PCAP_OVERHEAD_BYTES, write_packet, ladder,
              &result->records[i], NULL);
}

void api_trace_pcap(const struct api_request *request, struct api_response *response) {
  respond(request, "application/vnd.tcpdump.pcap", write_pcap, response);
}
