/* What a change of a parameter would mean for what is going on now, in sentences for the operator who is about to make
 * it. Nothing is changed. */
#ifndef ADMIN_PARAMETER_EFFECT_H
#define ADMIN_PARAMETER_EFFECT_H

#include "base/text_builder.h"
#include "parameters/parameters.h"
#include "worker/worker.h"

/* Appends one to three sentences about the row's value in `after` instead of the one in `before`; `counts` are what
 * there is now. */
void parameter_effect_to_text(const struct parameter_row *row, const struct parameters *before,
                              const struct parameters *after, const struct worker_group_status *status,
                              struct text_builder *builder);

#endif
