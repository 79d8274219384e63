/* convert_output.h - from a staging folder to the final name, all or nothing. */
#ifndef IVX_TOOL_CONVERT_OUTPUT_H
#define IVX_TOOL_CONVERT_OUTPUT_H

#include <limits.h>

#include "convert_options.h"

/* Where results go, and the names that this run has used. */
struct ivx_place {
    char folder[PATH_MAX];   /* what results are made inside: exists */
    char file[NAME_MAX + 1]; /* -o FILE: its name; else empty */
    char staging[PATH_MAX];  /* of the volume in hand; empty: none */
    char **used;
    size_t used_count;
};

/* Whether OUTPUT names a file is told by its ending. Makes the folder. */
bool ivx_place_open(const struct ivx_convert_options *options, int volumes,
                    struct ivx_place *out, struct ivx_err *err);
/* Removes a staging folder that was not published. */
void ivx_place_close(struct ivx_place *place);

bool ivx_place_stage(struct ivx_place *place, struct ivx_err *err);
/* Syncs, then renames the staging folder to `name` (made unique in this run; what an earlier
 * run left there is replaced), or its file to the file's name. path_out: the result's. */
bool ivx_place_publish(struct ivx_place *place, const char *name, char path_out[PATH_MAX],
                       struct ivx_err *err);

#endif
