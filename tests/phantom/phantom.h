/* phantom.h - a CT series whose truth is known: any matrix, or a closed-form field, in any
 * geometry, with the quirks of real scanners by option. */
#ifndef IVX_PHANTOM_H
#define IVX_PHANTOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"

enum phantom_shape {
    SHAPE_HEAD,
    SHAPE_SPHERE,
    SHAPE_RAMP,
    SHAPE_SINES,
    SHAPE_NOISE,
    SHAPE_CONSTANT,
    SHAPE_COUNT
};

struct phantom_options {
    const char *output, *from;
    enum phantom_shape shape;
    int32_t dims[3];   /* columns, rows, slices */
    double spacing[3]; /* mm between columns, rows, slices */
    double origin[3];  /* centre of the first voxel of the first slice */
    bool origin_given;
    double orientation[6]; /* row, column */
    double tilt_deg, jitter_mm;
    double *positions; /* along the normal, mm, ascending; dims[2] of them */
    int position_count;
    bool flip_rows, flip_normal;
    int bits; /* stored */
    bool is_unsigned, implicit, shuffle, scout, announce, no_rescale, no_position, drop_tilt_tag;
    double slope, intercept;
    bool padded;
    int padding;        /* stored value outside the reconstruction circle */
    int gap, duplicate; /* slice index, or -1 */
    int series;
    const char *seed, *study, *patient, *description;
    double thickness; /* 0: the slice spacing */
    double value;     /* HU of --shape constant */
};

/* The tables that --help prints are those that are parsed. Exits on --help and on error. */
void phantom_options_parse(int argc, char **argv, struct phantom_options *out);
const char *phantom_shape_name(enum phantom_shape shape);
bool phantom_shape_find(const char *name, enum phantom_shape *out);

/* HU at a point of the patient (LPS, mm); a pure function of its arguments. README.md has
 * the formulas, so that a test can evaluate them on its own. */
double phantom_field(const struct phantom_options *options, const double mm[3]);

/* A number in [0, 1) from a seed and an index. */
double phantom_chance(const char *seed, uint64_t index);
/* "2.25.<decimal>" from the seed and what it is for. */
void phantom_uid(const char *seed, const char *what, long n, char out[65]);

/* Everything that one instance says of itself. */
struct phantom_instance {
    const struct phantom_options *options;
    int32_t columns, rows;
    double position[3], orientation[6], spacing[2]; /* spacing: between rows, columns */
    int number, acquisition;
    char sop_uid[65], series_uid[65];
    bool localizer;
    uint16_t *stored; /* columns * rows words */
};
bool phantom_instance_write(const struct phantom_instance *instance, const char *path,
                            struct ivx_err *err);
/* Writes the whole series. */
bool phantom_series_write(const struct phantom_options *options, struct ivx_err *err);

#endif
