#include "window.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"

/* Most headers of images are shorter; what follows them need not be copied. */
enum { FIRST = 16384 };

bool ivx_window_open(const struct ivx_blob *blob, struct ivx_window **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_window_free) struct ivx_window *made = malloc(sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "scan: no memory");
    made->blob = blob;
    made->length = blob->length;
    made->inflated = NULL;
    made->deflated_at = 0;
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
    ivx_inflate_free(&(*window)->inflated);
    ivx_fd_close(&(*window)->fd);
    free(*window);
    *window = NULL;
}

static bool holds(const struct ivx_window *window, uint64_t at, size_t length)
{
    return at >= window->start && at - window->start <= window->used
           && window->used - (at - window->start) >= length;
}

bool ivx_window_inflate(struct ivx_window *window, uint64_t at, enum ivx_reason *reason_out,
                        struct ivx_err *err)
{
    uint64_t length;
    struct ivx_err why = { 0 };
    if (!ivx_inflate_new(window->fd, window->blob, at, &window->inflated, &why)
        || !ivx_inflate_measure(window->inflated, &length, &why)) {
        if (why.code == IVX_DAMAGED || why.code == IVX_REFUSED)
            *reason_out =
                why.code == IVX_DAMAGED ? IVX_REASON_DAMAGED : IVX_REASON_TOO_LARGE;
        return ivx_fail(err, why.code, "%s", why.text);
    }
    window->deflated_at = at;
    window->length = at + length;
    window->used = 0;
    return true;
}

static bool fetch(struct ivx_window *window, uint64_t at, void *out, size_t length,
                  struct ivx_err *err)
{
    const struct ivx_blob *blob = window->blob;
    if (window->inflated != NULL && at >= window->deflated_at)
        return ivx_inflate_read(window->inflated, at - window->deflated_at, out, length, err);
    return ivx_fd_pread(window->fd, out, length, blob->offset + at, blob->path, err);
}

bool ivx_window_peek(struct ivx_window *window, uint64_t at, void *out, size_t length,
                     struct ivx_err *err)
{
    assert(at <= window->length && length <= window->length - at);
    if (!holds(window, at, length))
        return fetch(window, at, out, length, err);
    memcpy(out, window->bytes + (at - window->start), length);
    return true;
}

static bool first_fetch(const struct ivx_window *window)
{
    return window->start == 0 && window->used == 0;
}

const uint8_t *ivx_window_get(struct ivx_window *window, uint64_t at, size_t length,
                              struct ivx_err *err)
{
    assert(length <= IVX_WINDOW_ROOM && at <= window->length && length <= window->length - at);

    if (!holds(window, at, length)) {
        const uint64_t rest = window->length - at;
        size_t wanted = first_fetch(window) ? FIRST : IVX_WINDOW_ROOM;
        wanted = wanted < length ? length : wanted;
        wanted = rest < wanted ? (size_t)rest : wanted;
        window->used = 0;
        if (!fetch(window, at, window->bytes, wanted, err))
            return NULL;
        window->start = at;
        window->used = wanted;
    }
    return window->bytes + (at - window->start);
}
