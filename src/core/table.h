/* table.h - tap tables: which samples an output position is made of, and how much of
 * each. Made in double, used as float. docs/adr/0002-engine.md is the definition. */
#ifndef IVX_CORE_TABLE_H
#define IVX_CORE_TABLE_H

#include <stddef.h>

#include "isovox/core/resample.h"

/* Slopes along z are sums over this many neighbours on either side. */
enum { IVX_REACH = 16 };

/* The pole of the cubic spline: sqrt(3) - 2, and what turns sums of increments into
 * slopes. */
#define IVX_SPLINE_POLE (-0.26794919243112270647)
#define IVX_SPLINE_GAIN 0.63397459621556135324

/* What one axis is interpolated with: `stretch` > 1 when it is anti-aliased. `spline`:
 * the table has weights for slopes beside those for values. `sigma` > 0: of a Gaussian
 * that the samples pass before, in samples. `mirror`: how the row goes on. */
struct ivx_shape {
    enum ivx_kernel kernel;
    double stretch;
    bool spline, mirror;
    double sigma;
};

/* One output position: samples first .. first + count - 1. count 0: outside. */
struct ivx_taps {
    int32_t first, count;
};

struct ivx_table {
    int32_t outputs;
    int32_t samples;
    int32_t most; /* taps of one output at most */
    struct ivx_shape shape;
    struct ivx_taps *row;
    float *weight;   /* per output: `most` for values, then `most` for slopes if any */
    double *scratch; /* IVX_SCRATCH * most */
    double *gauss;   /* weights at distances 0 ... reach; NULL without sigma */
    int32_t reach;
};
enum { IVX_SCRATCH = 6 };

/* shape.c: options that mean something, or IVX_REFUSED. */
bool ivx_options_check(const struct ivx_resample_options *options, struct ivx_err *err);
/* The shape of an axis from `spacing` to `target` millimetres. */
struct ivx_shape ivx_shape_of(const struct ivx_resample_options *options, double target,
                              double spacing);
/* How many taps one output has at most; an irregular axis may need more. */
int32_t ivx_shape_taps(const struct ivx_shape *shape);
/* Whole samples that a Gaussian reaches, and its weights there: distances 0 ... reach, which
 * sum to 1 over both sides. */
int32_t ivx_gauss_reach(double sigma);
void ivx_gauss_weights(double sigma, double *weight);
/* exp(-x * x / 2), 0 <= x <= 32; the same on every machine. */
double ivx_gauss_at(double x);

/* fold.c: weights of samples first ... first + count - 1 of the endless row become row i of
 * the table. slope: NULL, or weights of slopes likewise. */
void ivx_fold(struct ivx_table *table, int32_t i, int32_t first, int32_t count, double *value,
              double *slope);
/* The Gaussian before the interpolation: `count` weights become count + 2 * reach, from
 * `reach` samples before; in place. */
void ivx_smear(const struct ivx_table *table, double *w, int32_t count);
/* From both ends inwards: the sum that a mirrored table would have, too. */
double ivx_paired_sum(const double *w, int32_t n);

/* Where sample k of a mirrored row lies among n, and whether it runs backwards there. */
static inline int32_t ivx_mirror(int32_t k, int32_t n)
{
    if (n == 1)
        return 0;
    k %= 2 * (n - 1);
    k = k < 0 ? k + 2 * (n - 1) : k;
    return k < n ? k : 2 * (n - 1) - k;
}

static inline bool ivx_mirror_backwards(int32_t k, int32_t n)
{
    if (n == 1)
        return false;
    k %= 2 * (n - 1);
    return (k < 0 ? k + 2 * (n - 1) : k) >= n;
}

/* In the workspace, for as long as the call lasts. */
bool ivx_table_new(struct ivx_workspace *workspace, struct ivx_table *table, int32_t outputs,
                   int32_t samples, const struct ivx_shape *shape, int32_t most,
                   struct ivx_err *err);
size_t ivx_table_bytes(int32_t outputs, int32_t most, bool spline);

/* Positions are whole multiples of 2^-28 samples: rounded once, here, half to even.
 * |position| < 2^23. */
static inline double ivx_quantise(double position)
{
    const double shifted = position * 268435456.0 + 6755399441055744.0; /* 1.5 * 2^52 */
    return (shifted - 6755399441055744.0) / 268435456.0;
}

/* Fill row i for the position u, in samples. Outside [-0.5, samples - 0.5]: no taps. */
void ivx_table_row(struct ivx_table *table, int32_t i, double u);

/* The same on an equidistant lattice: u = quantise(base + i * step). */
void ivx_table_lattice(struct ivx_table *table, double base, double step);

static inline int32_t ivx_floor(double value)
{
    const int32_t whole = (int32_t)value;
    return value < whole ? whole - 1 : whole;
}

/* Hermite's cubics: how much two values and two slopes count at f between them. */
static inline void ivx_hermite(double f, double value_out[2], double slope_out[2])
{
    const double e = 1 - f;
    value_out[0] = e * e * (3 - 2 * e);
    value_out[1] = f * f * (3 - 2 * f);
    slope_out[0] = f * e * e;
    slope_out[1] = -(e * f * f);
}

static inline const float *ivx_table_values(const struct ivx_table *table, int32_t i)
{
    return table->weight + (size_t)i * table->most * (table->shape.spline ? 2 : 1);
}

static inline const float *ivx_table_slopes(const struct ivx_table *table, int32_t i)
{
    return ivx_table_values(table, i) + table->most;
}

/* FNV-1a over what the table says. */
#define IVX_DIGEST_START 14695981039346656037ULL
uint64_t ivx_digest(uint64_t digest, const void *bytes, size_t length);
uint64_t ivx_table_digest(uint64_t digest, const struct ivx_table *table);

/* For the builder of irregular tables: round `count` double weights that should sum to 1
 * into row i, what rounding leaves over going to the largest; and Hermite's cubics. */
void ivx_table_store(struct ivx_table *table, int32_t i, int32_t first, int32_t count,
                     const double *value, const double *slope);
double ivx_kernel_at(enum ivx_kernel kernel, double x);
int ivx_kernel_radius(enum ivx_kernel kernel);

#endif
