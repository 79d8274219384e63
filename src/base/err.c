#include "isovox/base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const struct row {
    const char *text;
    int dimse, http;
} rows[] = {
    [IVX_OK] = { "ok", 0x0000, 200 },
#define X(code, text, dimse, http) [code] = { text, dimse, http },
    IVX_CODES(X)
#undef X
};

bool ivx_fail(struct ivx_err *err, enum ivx_code code, const char *format, ...)
{
    if (err == NULL)
        return false;

    assert(err->code == IVX_OK && "error set twice");
    err->code = code;

    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return false;
}

const char *ivx_code_text(enum ivx_code code)
{
    return rows[code].text;
}

int ivx_code_dimse(enum ivx_code code)
{
    return rows[code].dimse;
}

int ivx_code_http(enum ivx_code code)
{
    return rows[code].http;
}
