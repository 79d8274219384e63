#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"
#include "phantom.h"

struct series {
    const struct phantom_options *options;
    double normal[3], origin[3];
    int *number; /* Instance Number per slice */
    uint16_t *stored;
    int16_t *matrix; /* one slice of --from */
    int fd;          /* of --from, or -1 */
    int written;
};

static double slice_t(const struct phantom_options *o, int k)
{
    return o->positions != NULL ? o->positions[k] : k * o->spacing[2];
}

static double column_shift(const struct phantom_options *o, int k)
{
    return tan(o->tilt_deg * M_PI / 180) * (slice_t(o, k) - slice_t(o, 0));
}

/* The centre of the first pixel of slice k. */
static void slice_position(const struct series *s, int k, double out[3])
{
    const struct phantom_options *o = s->options;
    const double *row = o->orientation, *column = o->orientation + 3;
    const double along = slice_t(o, k) - slice_t(o, 0);
    const double sway = k == 0 ? 0 : o->jitter_mm;
    const double a =
        sway * (2 * phantom_chance(o->seed, 2 * (uint64_t)k) - 1) * M_SQRT1_2;
    const double b =
        sway * (2 * phantom_chance(o->seed, 2 * (uint64_t)k + 1) - 1) * M_SQRT1_2;
    for (int n = 0; n < 3; n++)
        out[n] = s->origin[n] + along * s->normal[n] + a * row[n]
                 + (b + column_shift(o, k)) * column[n];
}

static void place(struct series *s)
{
    const struct phantom_options *o = s->options;
    const double *r = o->orientation, *c = o->orientation + 3;
    const int last = o->dims[2] - 1;
    s->normal[0] = r[1] * c[2] - r[2] * c[1];
    s->normal[1] = r[2] * c[0] - r[0] * c[2];
    s->normal[2] = r[0] * c[1] - r[1] * c[0];
    for (int n = 0; n < 3; n++) {
        const double centre =
            0.5
            * ((o->dims[0] - 1) * o->spacing[0] * r[n]
               + ((o->dims[1] - 1) * o->spacing[1] + column_shift(o, last)) * c[n]
               + (slice_t(o, last) - slice_t(o, 0)) * s->normal[n]);
        s->origin[n] = o->origin_given ? o->origin[n] : -centre;
    }
}

static bool number_slices(struct series *s, struct ivx_err *err)
{
    const int count = s->options->dims[2];
    s->number = calloc((size_t)count, sizeof *s->number);
    if (s->number == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    for (int k = 0; k < count; k++)
        s->number[k] = k + 1;
    for (int k = count - 1; k > 0 && s->options->shuffle; k--) { /* Fisher and Yates */
        const int other =
            (int)(phantom_chance(s->options->seed, 1000000u + (uint64_t)k) * (k + 1));
        const int kept = s->number[k];
        s->number[k] = s->number[other];
        s->number[other] = kept;
    }
    return true;
}

static uint16_t store(const struct phantom_options *o, double hu)
{
    const double least = o->is_unsigned ? 0 : -ldexp(1, o->bits - 1);
    const double most =
        o->is_unsigned ? ldexp(1, o->bits) - 1 : ldexp(1, o->bits - 1) - 1;
    const double value = nearbyint((hu - o->intercept) / o->slope);
    const double held = value < least ? least : value > most ? most : value;
    return (uint16_t)((int32_t)held & (int32_t)(ldexp(1, o->bits) - 1));
}

static bool outside_circle(const struct phantom_options *o, int i, int j)
{
    const double x = (i - 0.5 * (o->dims[0] - 1)) * o->spacing[0];
    const double y = (j - 0.5 * (o->dims[1] - 1)) * o->spacing[1];
    const double radius =
        0.5 * fmin(o->dims[0] * o->spacing[0], o->dims[1] * o->spacing[1]);
    return x * x + y * y > radius * radius;
}

static double value_at(const struct series *s, const double first[3], int i, int j)
{
    const struct phantom_options *o = s->options;
    if (s->fd != -1) {
        const int row = o->flip_rows ? o->dims[1] - 1 - j : j;
        return s->matrix[(size_t)row * (size_t)o->dims[0] + (size_t)i];
    }
    double p[3];
    for (int n = 0; n < 3; n++)
        p[n] = first[n] + i * o->spacing[0] * o->orientation[n]
               + j * o->spacing[1] * o->orientation[3 + n];
    return phantom_field(o, p);
}

static bool fill_slice(struct series *s, int k, const double first[3],
                       struct ivx_err *err)
{
    const struct phantom_options *o = s->options;
    const size_t pixels = (size_t)o->dims[0] * (size_t)o->dims[1];
    if (s->fd != -1
        && !ivx_fd_pread(s->fd, s->matrix, pixels * 2, (uint64_t)k * pixels * 2, o->from,
                         err))
        return false;
    for (int j = 0; j < o->dims[1]; j++)
        for (int i = 0; i < o->dims[0]; i++)
            s->stored[(size_t)j * (size_t)o->dims[0] + (size_t)i] =
                o->padded && outside_circle(o, i, j)
                    ? (uint16_t)(o->padding & (int)(ldexp(1, o->bits) - 1))
                    : store(o, value_at(s, first, i, j));
    return true;
}

static bool write_one(struct series *s, struct phantom_instance *in, long copy,
                      struct ivx_err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/IM%05d%s.dcm", s->options->output, in->number,
             copy ? "b" : "");
    phantom_uid(s->options->seed, copy ? "copy" : "instance",
                s->options->series * 100000L + in->number, in->sop_uid);
    phantom_uid(s->options->seed, "series", s->options->series, in->series_uid);
    in->stored = s->stored;
    s->written++;
    return phantom_instance_write(in, path, err);
}

static struct phantom_instance instance(const struct series *s)
{
    const struct phantom_options *o = s->options;
    struct phantom_instance made = { .options = o,
                                     .columns = o->dims[0],
                                     .rows = o->dims[1],
                                     .acquisition = 1,
                                     .spacing = { o->spacing[1], o->spacing[0] } };
    for (int n = 0; n < 6; n++)
        made.orientation[n] = o->orientation[n];
    return made;
}

static bool write_slice(struct series *s, int k, struct ivx_err *err)
{
    struct phantom_instance in = instance(s);
    in.number = s->number[k];
    slice_position(s, k, in.position);
    if (!fill_slice(s, k, in.position, err))
        return false;
    if (k != s->options->gap && !write_one(s, &in, 0, err))
        return false;
    return k != s->options->duplicate || write_one(s, &in, 1, err);
}

/* A coronal projection of nothing: only its header matters. */
static bool write_scout(struct series *s, struct ivx_err *err)
{
    static const double coronal[6] = { 1, 0, 0, 0, 0, -1 };
    struct phantom_instance in = instance(s);
    in.number = s->options->dims[2] + 1;
    in.localizer = true;
    for (int n = 0; n < 6; n++)
        in.orientation[n] = coronal[n];
    for (int n = 0; n < 3; n++)
        in.position[n] = s->origin[n];
    return fill_slice(s, 0, in.position, err) && write_one(s, &in, 0, err);
}

static bool write_all(struct series *s, struct ivx_err *err)
{
    const struct phantom_options *o = s->options;
    const size_t pixels = (size_t)o->dims[0] * (size_t)o->dims[1];
    s->stored = calloc(pixels, sizeof *s->stored);
    s->matrix = calloc(pixels, sizeof *s->matrix);
    if (s->stored == NULL || s->matrix == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    if (!number_slices(s, err) || !ivx_directory_make(o->output, err))
        return false;
    for (int k = 0; k < o->dims[2]; k++)
        if (!write_slice(s, k, err))
            return false;
    return !o->scout || write_scout(s, err);
}

bool phantom_series_write(const struct phantom_options *options, struct ivx_err *err)
{
    struct series s = { .options = options, .fd = -1 };
    place(&s);
    if (options->from != NULL)
        s.fd = open(options->from, O_RDONLY | O_CLOEXEC);
    const bool opened = options->from == NULL || s.fd != -1;
    const bool done =
        opened ? write_all(&s, err) : ivx_fail_errno(err, "open", options->from);
    ivx_fd_close(&s.fd);
    free(s.number);
    free(s.stored);
    free(s.matrix);
    if (done)
        printf("%d instances in %s\n", s.written, options->output);
    return done;
}
