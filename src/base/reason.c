#include "isovox/base/reason.h"

static const struct row {
    const char *name, *text;
} rows[IVX_REASON_COUNT] = {
    [IVX_REASON_NONE] = { "", "" },
#define X(name, text) [IVX_REASON_##name] = { #name, text },
    IVX_REASONS(X)
#undef X
};

const char *ivx_reason_name(enum ivx_reason reason)
{
    return rows[reason].name;
}

const char *ivx_reason_text(enum ivx_reason reason)
{
    return rows[reason].text;
}
