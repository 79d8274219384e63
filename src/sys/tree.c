#include "isovox/sys/file.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path) == -1 && errno != ENOENT ? -1 : 0;
}

bool ivx_tree_remove(const char *path, struct ivx_err *err)
{
    if (nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return true;
    return ivx_fail_errno(err, "remove", path);
}
