#include "scanned.h"

#include <check.h>
#include <string.h>

#include "isovox/base/auto.h"

bool note(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    (void)err;
    struct seen *seen = context;
    if (seen->count < MOST_SEEN) {
        seen->element[seen->count] = *element;
        ivx_scan_text(element, seen->text[seen->count], 32);
    }
    seen->count++;
    return true;
}


void scan_with(const struct bytes *bytes, const struct ivx_scan_limits *limits,
               struct outcome *out)
{
    char path[64];
    IVX_AUTO(ivx_fd_close) int fd = bytes_file(bytes, path);
    const struct ivx_blob blob = { path, 0, bytes->used };
    memset(out, 0, sizeof *out);
    out->passed = ivx_scan(&blob, limits, note, &out->seen, &out->scan, &out->reason, &out->err);
    ck_assert_int_eq(out->passed, out->err.code == IVX_OK);
    ck_assert_int_eq(out->passed, out->reason == IVX_REASON_NONE);
}

struct outcome scanned(const struct bytes *bytes)
{
    struct outcome out;
    scan_with(bytes, NULL, &out);
    return out;
}
