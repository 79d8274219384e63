#include "isovox/base/gap.h"

#include <string.h>

bool ivx_gap_find(const char *name, enum ivx_gap *out)
{
    static const char *const names[] = {
#define X(id, name) name,
        IVX_GAPS(X)
#undef X
    };
    for (int n = 0; n < IVX_GAP_COUNT; n++)
        if (strcmp(names[n], name) == 0) {
            *out = (enum ivx_gap)n;
            return true;
        }
    return false;
}
