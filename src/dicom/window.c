#include "window.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>

#include "isovox/base/auto.h"

bool ivx_window_open(const struct ivx_blob *blob, struct ivx_window **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_window_free) struct ivx_window *made = malloc(sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "scan: no memory");
    made->blob = blob;
    made->start = 0;
    made->used = 0;

    made->fd = open(blob->path, O_RDONLY | O_CLOEXEC);
    if (made->fd == -1)
        return ivx_fail_errno(err, "open", blob->path);
    *out = IVX_STEAL(made);
    return true;
}

void ivx_window_free(struct ivx_window **window)
{
    if (*window == NULL)
        return;
    ivx_fd_close(&(*window)->fd);
    free(*window);
    *window = NULL;
}

static bool holds(const struct ivx_window *window, uint64_t at, size_t length)
{
    return at >= window->start && at - window->start <= window->used
           && window->used - (at - window->start) >= length;
}

const uint8_t *ivx_window_get(struct ivx_window *window, uint64_t at, size_t length,
                              struct ivx_err *err)
{
    const struct ivx_blob *blob = window->blob;
    assert(length <= IVX_WINDOW_ROOM && at <= blob->length && length <= blob->length - at);

    if (!holds(window, at, length)) {
        const uint64_t rest = blob->length - at;
        window->used = 0;
        const size_t wanted = rest < IVX_WINDOW_ROOM ? (size_t)rest : IVX_WINDOW_ROOM;
        if (!ivx_fd_pread(window->fd, window->bytes, wanted, blob->offset + at, blob->path, err))
            return NULL;
        window->start = at;
        window->used = wanted;
    }
    return window->bytes + (at - window->start);
}
