/* A DICOMDIR: its records, and the search for the files they name. */
#include <stdlib.h>
#include <string.h>

#include "dicomdir.h"
#include "fuzz.h"
#include "isovox/base/auto.h"

/* Nothing that is found lies elsewhere than under the folder. */
static void check_name(const char *name)
{
    IVX_AUTO(ivx_memory_free) char *path = NULL;
    struct ivx_err err = { 0 };
    if (name[0] == '\0' || name[0] == '/' || strcmp(name, "..") == 0
        || strncmp(name, "../", 3) == 0 || strstr(name, "/../") != NULL
        || strstr(name, "//") != NULL)
        abort();
    const size_t length = strlen(name);
    if (length > 2 && strcmp(name + length - 3, "/..") == 0)
        abort();
    if (!ivx_dicomdir_find("/usr/share/misc", name, &path, &err))
        abort();
    if (path != NULL && strncmp(path, "/usr/share/misc/", 16) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ivx_blob blob = { fuzz_file(data, size), 0, size };
    IVX_AUTO(ivx_dicomdir_free) struct ivx_dicomdir listed = { 0 };
    enum ivx_reason reason = IVX_REASON_NONE;
    struct ivx_err err = { 0 };
    if (!ivx_dicomdir_read(&blob, &listed, &reason, &err) && reason == IVX_REASON_NONE)
        abort();
    for (size_t n = 0; n < listed.count && n < 50; n++)
        check_name(listed.name[n]);
    return 0;
}
