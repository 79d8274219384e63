/* Files of a result. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"
#include "parts.h"

void ivx_output_close(struct ivx_output *output)
{
    if (output->state != NULL)
        output->close(output->state);
    output->state = NULL;
}

bool ivx_part_create(const struct ivx_conversion *conversion, const char *name,
                     const char *suffix, int *fd_out, struct ivx_err *err)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s%s", conversion->directory, name,
                         suffix)
        >= sizeof path)
        return ivx_fail(err, IVX_REFUSED, "convert: the output path is too long");
    *fd_out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return *fd_out != -1 || ivx_fail_errno(err, "create", path);
}

bool ivx_part_write_text(const struct ivx_conversion *conversion, const char *name,
                         const char *suffix, const char *text, struct ivx_err *err)
{
    IVX_AUTO(ivx_fd_close) int fd = -1;
    return ivx_part_create(conversion, name, suffix, &fd, err)
           && ivx_fd_write(fd, text, strlen(text), name, err)
           && ivx_fd_write(fd, "\n", 1, name, err);
}
