/* pages.h - memory for large buffers. */
#ifndef IVX_SYS_PAGES_H
#define IVX_SYS_PAGES_H

#include <stddef.h>

/* Not zeroed; for free(). NULL: there is none. From 2 MiB on whole large pages are asked for
 * (madvise(2), MADV_HUGEPAGE), where the system has them to give: of the first touch of a
 * buffer most is page faults. */
void *ivx_pages_take(size_t bytes);

#endif
