/* gap.h - what is done where slices are missing: a word that assembly, recipes and routes
 * share. */
#ifndef IVX_BASE_GAP_H
#define IVX_BASE_GAP_H

#include <stdbool.h>

/*  enumerator            name in interfaces */
#define IVX_GAPS(X) \
  X(IVX_GAP_REFUSE,      "refuse") \
  X(IVX_GAP_INTERPOLATE, "interpolate") \
  X(IVX_GAP_SPLIT,       "split")

enum ivx_gap {
#define X(id, name) id,
    IVX_GAPS(X)
#undef X
    IVX_GAP_COUNT
};

bool ivx_gap_find(const char *name, enum ivx_gap *out);

#endif
