/* workspace.h - memory that outlives a call: buffers of one resampling are those of the next.
 *
 * The first touch of fresh memory costs several times the interpolation, so whoever resamples
 * more than once makes one workspace per thread that calls, and puts it into
 * options.workspace. Without one, a call takes its memory from the C library and gives it back.
 * One call at a time may use a workspace; results do not depend on it. */
#ifndef IVX_CORE_WORKSPACE_H
#define IVX_CORE_WORKSPACE_H

#include <stddef.h>

#include "isovox/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where memory comes from. take() returns memory aligned for any type, as malloc() does, or
 * NULL when there is none: the call then fails with IVX_FULL. give() gets what take() returned,
 * never NULL. Both are called on the thread that called the library. */
struct ivx_allocator {
    void *(*take)(void *context, size_t bytes);
    void (*give)(void *context, void *memory);
    void *context;
};

struct ivx_workspace; /* opaque */

/* allocator NULL: the C library's. It is copied; its context must outlive the workspace, which
 * itself is taken from it, too. Fails with IVX_FULL. */
bool ivx_workspace_new(const struct ivx_allocator *allocator, struct ivx_workspace **out,
                       struct ivx_err *err);
/* Gives everything back; accepts NULL and leaves NULL. Not while a call uses it. */
void ivx_workspace_free(struct ivx_workspace **workspace);

/* Bytes held between calls: those that the last call used. What it did not use was given
 * back; when memory is short or options.memory_limit would be passed, during it. */
size_t ivx_workspace_bytes(const struct ivx_workspace *workspace);

#ifdef __cplusplus
}
#endif

#endif
