/* report.h - what `inspect` and `convert` say about volumes and refusals: docs/INTERFACE 2. */
#ifndef IVX_TOOL_REPORT_H
#define IVX_TOOL_REPORT_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "inputs.h"
#include "isovox/assemble/assembly.h"

/* NULL when memory is exhausted; the caller deletes them. */
cJSON *ivx_report_volume(const struct ivx_source_volume *volume);
cJSON *ivx_report_refused(const struct ivx_assembly *assembly, const struct ivx_inputs *inputs);

/* "refused: CODE: text (series UID)", one line each. */
void ivx_report_print_refused(const struct ivx_assembly *assembly,
                              const struct ivx_inputs *inputs, FILE *to);
/* How many of them count as failures: not what was merely passed over. */
int ivx_report_failures(const struct ivx_assembly *assembly, const struct ivx_inputs *inputs);

/* Pretty JSON and a newline; deletes it. False when memory or the stream failed. */
bool ivx_report_print(cJSON *json, FILE *to);

#endif
