#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "isovox/base/auto.h"

#include "command.h"
#include "scan_bytes.h"

/* The scanner reads files, and knows the syntax from a meta header. */
static bool open_object(const uint8_t *bytes, size_t length, const char *syntax, int *fd_out,
                        size_t *length_out, struct ivx_err *err)
{
    uint8_t meta[IVX_META_ROOM];
    const size_t head = ivx_meta_write("1.2.840.10008.1.1", "1.2.840.10008.1.1", syntax, meta);
    IVX_AUTO(ivx_fd_close) int fd = memfd_create("data set", MFD_CLOEXEC);
    if (fd == -1)
        return ivx_fail(err, IVX_FULL, "no memory file: %s", strerror(errno));
    if (!ivx_fd_write(fd, meta, head, "data set", err)
        || !ivx_fd_write(fd, bytes, length, "data set", err))
        return false;
    *fd_out = fd;
    *length_out = head + length;
    fd = -1;
    return true;
}

bool ivx_scan_bytes(const uint8_t *bytes, size_t length, const char *syntax,
                    const struct ivx_scan_limits *limits, ivx_scan_visit *visit,
                    void *context, struct ivx_err *err)
{
    IVX_AUTO(ivx_fd_close) int fd = -1;
    size_t size = 0;
    char path[64];
    struct ivx_scan scan;
    enum ivx_reason reason = IVX_REASON_NONE;
    if (!open_object(bytes, length, syntax, &fd, &size, err))
        return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const struct ivx_blob blob = { path, 0, size };
    return ivx_scan(&blob, limits, visit, context, &scan, &reason, err);
}
