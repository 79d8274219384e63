/* shape.c - which kernel an axis gets, how wide, and what smooths its samples before. */
#include <math.h>

#include "table.h"

/* Ratios up to this count as equal spacing: positions in files carry rounding noise. */
#define SAME_SPACING 1.0001
#define LN2 0.69314718055994530942
#define TRUNCATE 4.0 /* sigmas, as scipy.ndimage.gaussian_filter */
#define LEAST_BETA 0.01

/* libm's exp and log differ between C libraries; sqrt is exact everywhere. */
double ivx_gauss_at(double x)
{
    const double small = -x * x / 2 / 1024;
    double sum = 1;
    for (int n = 8; n > 0; n--)
        sum = 1 + sum * small / n;
    for (int n = 0; n < 10; n++)
        sum *= sum;
    return sum;
}

/* 0 < x <= 1: 2 artanh of a small number, and halvings. */
static double logarithm(double x)
{
    int halvings = 0;
    for (; x < 0.7; halvings++)
        x *= 2;
    const double t = (x - 1) / (x + 1), square = t * t;
    double sum = 0;
    for (int n = 25; n > 0; n -= 2)
        sum = sum * square + 1.0 / n;
    return 2 * t * sum - halvings * LN2;
}

bool ivx_options_check(const struct ivx_resample_options *options, struct ivx_err *err)
{
    const double beta = options->mirp_beta;
    if ((unsigned)options->kernel >= IVX_KERNEL_COUNT
        || (unsigned)options->antialias > IVX_ANTIALIAS_GAUSS_MIRP
        || (unsigned)options->boundary > IVX_BOUNDARY_MIRROR
        || (unsigned)options->result > IVX_FLOAT32)
        return ivx_fail(err, IVX_REFUSED, "resample: an option has no such value");
    if (options->antialias == IVX_ANTIALIAS_GAUSS_MIRP && beta != 0
        && !(beta >= LEAST_BETA && beta <= 1))
        return ivx_fail(err, IVX_REFUSED, "resample: beta is %g, not %g to 1", beta, LEAST_BETA);
    if (options->clamp
        && !(isfinite(options->least) && isfinite(options->most)
             && options->least <= options->most))
        return ivx_fail(err, IVX_REFUSED, "resample: clamped to no range");
    return true;
}

static double sigma_of(const struct ivx_resample_options *options, double ratio)
{
    const double beta = options->mirp_beta == 0 ? IVX_MIRP_BETA : options->mirp_beta;
    if (options->antialias == IVX_ANTIALIAS_GAUSS_CARDOSO)
        return ratio > SAME_SPACING ? sqrt((ratio * ratio - 1) / (8 * LN2)) : 0;
    return sqrt(-8 * ratio * ratio * logarithm(beta));
}

struct ivx_shape ivx_shape_of(const struct ivx_resample_options *options, double target,
                              double spacing)
{
    const enum ivx_kernel kernel = options->kernel;
    struct ivx_shape shape = { kernel, 1, kernel == IVX_BSPLINE3,
                               options->boundary == IVX_BOUNDARY_MIRROR, 0 };
    const double ratio = target / spacing;

    if (options->antialias == IVX_ANTIALIAS_OFF || kernel == IVX_NEAREST)
        return shape;
    if (options->antialias != IVX_ANTIALIAS_AUTO) {
        shape.sigma = sigma_of(options, ratio);
        return shape;
    }
    if (ratio <= SAME_SPACING)
        return shape;
    shape.stretch = ratio;
    shape.spline = false;
    if (kernel == IVX_BSPLINE3) /* stretching the spline itself would blur */
        shape.kernel = IVX_LANCZOS3;
    return shape;
}

int32_t ivx_gauss_reach(double sigma)
{
    return ivx_floor(TRUNCATE * sigma + 0.5);
}

void ivx_gauss_weights(double sigma, double *weight)
{
    const int32_t reach = ivx_gauss_reach(sigma);
    double sum = 0;
    weight[0] = 1;
    for (int32_t n = reach; n > 0; n--) {
        weight[n] = ivx_gauss_at(n / sigma);
        sum += 2 * weight[n];
    }
    sum += weight[0];
    for (int32_t n = 0; n <= reach; n++)
        weight[n] /= sum;
}

int32_t ivx_shape_taps(const struct ivx_shape *shape)
{
    const int32_t more = 2 * ivx_gauss_reach(shape->sigma);
    if (shape->spline)
        return 2 + more;
    return ivx_floor(2 * ivx_kernel_radius(shape->kernel) * shape->stretch) + 2 + more;
}
