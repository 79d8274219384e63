/* manifest.h - what the files that write the manifest share. */
#ifndef IVX_CONVERT_MANIFEST_H
#define IVX_CONVERT_MANIFEST_H

#include "parts.h"

/* Empty text: not said. */
void ivx_manifest_add_text(cJSON *object, const char *name, const char *text);
void ivx_manifest_add_numbers(cJSON *object, const char *name, const double *values, int count);
void ivx_manifest_add_dims(cJSON *object, int32_t i, int32_t j, int32_t k);

void ivx_manifest_add_source(const struct ivx_plan *plan,
                             const struct ivx_conversion_result *result, cJSON *root);
void ivx_manifest_add_sampling(const struct ivx_plan *plan,
                               const struct ivx_conversion_result *result, cJSON *root);
void ivx_manifest_add_counts(const struct ivx_plan *plan,
                             const struct ivx_conversion_result *result, cJSON *root);

#endif
