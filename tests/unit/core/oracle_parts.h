/* oracle_parts.h - what the oracles of both pages are made of. */
#ifndef TESTS_CORE_ORACLE_PARTS_H
#define TESTS_CORE_ORACLE_PARTS_H

#include "oracle.h"

/* A row of samples goes on for ever, with its outermost values or mirrored. What lies
 * further out than this does not show in double precision. */
enum { ORACLE_BEYOND = 60, ORACLE_MOST = 400 };

static inline double oracle_dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* ---- oracle_rows.c -------------------------------------------------------------------
 */

double oracle_kernel(enum ivx_kernel kernel, double x);
double oracle_radius(enum ivx_kernel kernel);
/* Sample k of an endless row of n: the outermost one beyond the ends, or mirrored. */
int oracle_clamp(int k, int n);
int oracle_place(const struct ivx_resample_options *options, int k, int n);
/* Positions are whole multiples of 2^-28 samples. */
double oracle_quantum(double u);
double oracle_stretch(const struct ivx_resample_options *options, double target,
                      double spacing);
double oracle_sigma(const struct ivx_resample_options *options, double target,
                    double spacing);
/* Weights of n equidistant samples for position u, in samples. */
void oracle_weights(const struct ivx_resample_options *options, double target,
                    double spacing, double u, int n, double *w);

/* ---- oracle_normal.c -----------------------------------------------------------------
 */

double oracle_mean_gap(const struct ivx_stack *s);
/* Height above slice 0 in units of slices. */
double oracle_position(const struct ivx_stack *s, double mm);
/* Along the normal at `mm`: values x[] of every slice at one lateral position. */
double oracle_along(const struct ivx_stack *s, const struct ivx_resample_options *options,
                    double target, const double *x, double mm);

/* ---- oracle.c ------------------------------------------------------------------------
 */

/* The scanned region and a rim of `half` samples: its lateral shift goes straight from
 * slice to slice. */
bool oracle_inside(const struct ivx_stack *s, double u, double v, double mm, double half);
/* The quotient of value times presence, and presence; limited when that is asked for. */
void oracle_settle(struct verdict *verdict, const struct ivx_resample_options *options,
                   double value, double there);

#endif
