/* series.h - a small CT series on disk, and the volume that is assembled of it. */
#ifndef IVX_TEST_SERIES_H
#define IVX_TEST_SERIES_H

#include "isovox/assemble/assembly.h"
#include "isovox/dicom/dataset.h"

enum { SERIES_SLICES = 6, SERIES_COLUMNS = 5, SERIES_ROWS = 4 };

struct series {
    char folder[64];
    struct ivx_instance *instances[SERIES_SLICES];
    struct ivx_assembly *assembly;
    const struct ivx_source_volume *volume;
    const char *sha256[SERIES_SLICES];
};

/* Called for each slice after the usual attributes are set. */
typedef void series_edit(struct ivx_item *root, int k);

/* 0.7 x 0.8 x 2.5 mm, oblique, HU = 10 k + i. */
void series_make(struct series *series, series_edit *edit);
void series_remove(struct series *series);
void series_put(struct ivx_item *root, uint32_t tag, const char *text);

#endif
