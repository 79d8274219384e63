/* convert_options.h - the command line of `isovox convert`. */
#ifndef IVX_TOOL_CONVERT_OPTIONS_H
#define IVX_TOOL_CONVERT_OPTIONS_H

#include "isovox/convert/conversion.h"

struct ivx_convert_options {
    struct ivx_recipe_settings recipe;
    enum ivx_format format;
    const char *output, *simd;
    int threads;
    size_t memory;
    bool progress, json;
    char *reference; /* of argv: with recipe.align IVX_ALIGN_REFERENCE, else NULL */
    char *const *inputs; /* of argv */
    int input_count;
};

/* True: go on. False: done, with *status_out: 0 after --help, else usage or configuration,
 * and the reason is on standard error. */
bool ivx_convert_options_parse(int argc, char **argv, struct ivx_convert_options *out,
                               int *status_out);

/* Options that other commands share: one value, or a line about it on standard error. */
bool ivx_option_memory(const char *command, const char *value, size_t *out);
bool ivx_option_threads(const char *command, const char *value, int *out);
/* How many processors this process may use. */
int ivx_option_cores(void);

#endif
