/* made.h - a small series, and what is derived of it. */
#ifndef IVX_TEST_MADE_H
#define IVX_TEST_MADE_H

#include "isovox/derive/derive.h"
#include "series.h"

#define RECIPE "{\"name\":\"iso-1mm\",\"spacing\":1}"

struct made {
    struct series series;
    struct ivx_grid grid;
    struct ivx_resample_options options;
    struct ivx_derivation derivation;
    struct ivx_derive *derive;
};

/* To that spacing, with the B-spline; what is not fit for the test is changed before derive. */
void made_new(struct made *made, series_edit *edit, double spacing);
void made_derive(struct made *made);
/* The source has been read. */
void made_identify(struct made *made);
void made_free(struct made *made);

void path_of(const struct made *made, int32_t m, char out[128]);
void write_instance(struct made *made, int32_t m);
struct ivx_dataset *read_back(struct made *made, int32_t m);
const char *text_of(struct ivx_dataset *dataset, uint32_t tag);

#endif
