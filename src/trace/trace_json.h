/* Records as JSON, in the fields of GET /api/v1/trace. */
#ifndef TRACE_TRACE_JSON_H
#define TRACE_TRACE_JSON_H

#include "trace/trace_ladder.h"

/* As much as the JSON of a record with so long a payload may take. */
size_t trace_json_bytes_max(size_t payload_length);

/* Appends one record as an object. `id` names it. */
void trace_json_write_record(const struct trace_ladder *ladder, const struct trace_record *record, struct str_view id,
                             struct text_builder *json);

/* Appends the ladder's columns as an array: name, address, side. */
void trace_json_write_columns(const struct trace_ladder *ladder, struct text_builder *json);
#define TRACE_JSON_COLUMNS_BYTES_MAX 4096

#endif
