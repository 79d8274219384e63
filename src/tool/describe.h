/* describe.h - a volume in words and figures, for people. Nothing of a patient. */
#ifndef IVX_TOOL_DESCRIBE_H
#define IVX_TOOL_DESCRIBE_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "isovox/assemble/assembly.h"

void ivx_describe(const struct ivx_source_volume *volume, FILE *to);

/* What the pixels hold, read and decoded: the least and the largest value that takes part,
 * and how many do not. */
bool ivx_describe_measure(const struct ivx_source_volume *volume,
                          struct ivx_reader_report *out, struct ivx_err *err);
void ivx_describe_values(const struct ivx_reader_report *values, FILE *to);
cJSON *ivx_describe_values_json(const struct ivx_reader_report *values);

#endif
