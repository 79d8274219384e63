#include "isovox/sys/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { LARGE_PAGE = 1 << 21 };

void *ivx_pages_take(size_t bytes)
{
    if (bytes < LARGE_PAGE || bytes > SIZE_MAX - LARGE_PAGE)
        return malloc(bytes);
    const size_t whole = (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    void *made = aligned_alloc(LARGE_PAGE, whole);
    if (made != NULL)
        (void)madvise(made, whole, MADV_HUGEPAGE); /* a wish: small pages do as well */
    return made;
}
