/* room.h - what one call keeps in memory, all of it in a workspace: taken piece by piece,
 * given back at once. */
#ifndef IVX_CORE_ROOM_H
#define IVX_CORE_ROOM_H

#include "isovox/core/resample.h"

/* Every entry of the library enters, and leaves in any case. Without options->workspace the
 * workspace lives as long as the call. Entries that call one another share theirs. */
bool ivx_workspace_enter(const struct ivx_resample_options *options,
                         struct ivx_workspace **out, struct ivx_err *err);
/* Accepts NULL and leaves NULL, so it is the cleanup handler. */
void ivx_workspace_leave(struct ivx_workspace **workspace);

/* count * size bytes for as long as the call lasts, aligned for any vector; NULL when memory
 * is out. As it was left by whoever had it before; or zeros. */
void *ivx_room(struct ivx_workspace *workspace, size_t count, size_t size);
void *ivx_clear_room(struct ivx_workspace *workspace, size_t count, size_t size);

#endif
