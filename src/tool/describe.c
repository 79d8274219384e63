#include "describe.h"

#include <math.h>

#include "isovox/base/auto.h"

struct range {
    double least, most;
};

static void widen(struct range *range, double value)
{
    range->least = fmin(range->least, value);
    range->most = fmax(range->most, value);
}

static void print_vector(FILE *to, const char *name, const double v[3])
{
    /* + 0.0: no "-0". */
    fprintf(to, "  %-11s%.6g %.6g %.6g\n", name, v[0] + 0.0, v[1] + 0.0, v[2] + 0.0);
}

static double gap(const struct ivx_source_volume *volume, int k)
{
    return volume->stack.t[k + 1] - volume->stack.t[k];
}

/* The distances in the order of the slices, equal neighbours together: "13 x 4.000,
 * 1 x 1.080, 14 x 7.000". */
static void print_profile(const struct ivx_source_volume *volume, FILE *to)
{
    enum { MOST = 12 };
    const int gaps = volume->stack.slices - 1;
    int runs = 0;
    fprintf(to, "  profile    ");
    for (int first = 0; first < gaps;) {
        int end = first + 1;
        while (end < gaps && fabs(gap(volume, end) - gap(volume, first)) < 0.005)
            end++;
        if (runs++ == MOST) {
            fprintf(to, ", and %d more", gaps - first);
            break;
        }
        fprintf(to, "%s%d x %.3f", first > 0 ? ", " : "", end - first, gap(volume, first));
        first = end;
    }
    fprintf(to, " mm\n");
}

static void print_distances(const struct ivx_source_volume *volume, FILE *to)
{
    const int last = volume->stack.slices - 1;
    struct range distance = { INFINITY, -INFINITY };
    for (int k = 0; k < last; k++)
        widen(&distance, gap(volume, k));
    fprintf(to, "  positions  %.3f to %.3f mm along the normal; ", volume->stack.t[0],
            volume->stack.t[last]);
    if (volume->uniform) {
        fprintf(to, "uniform, %.4f mm\n", volume->spacing_mm);
        return;
    }
    fprintf(to, "irregular, %.4f to %.4f mm, median %.4f mm\n", distance.least, distance.most,
            volume->spacing_mm);
    print_profile(volume, to);
}

static void print_range(FILE *to, const char *name, const struct range *range)
{
    fprintf(to, "; %s %.6g", name, range->least);
    if (range->most != range->least)
        fprintf(to, " to %.6g", range->most);
}

/* What the headers allow: the pixels are not read for it. */
static void print_format(const struct ivx_source_volume *volume, FILE *to)
{
    struct range bits = { INFINITY, -INFINITY }, slope = bits, intercept = bits, value = bits;
    const struct ivx_instance *first = volume->slices[0];
    for (int k = 0; k < volume->stack.slices; k++) {
        const struct ivx_instance *slice = volume->slices[k];
        const bool sign = slice->pixel_representation == 1;
        const double most = ldexp(1.0, slice->bits_stored - sign) - 1.0;
        widen(&bits, slice->bits_stored);
        widen(&slope, slice->slope);
        widen(&intercept, slice->intercept);
        widen(&value, slice->slope * (sign ? -most - 1.0 : 0.0) + slice->intercept);
        widen(&value, slice->slope * most + slice->intercept);
    }
    if (first->float_pixels)
        return;
    fprintf(to, "  stored     %d", (int)bits.least);
    if (bits.most != bits.least)
        fprintf(to, " to %d", (int)bits.most);
    fprintf(to, " bits, %s", first->pixel_representation == 1 ? "signed" : "unsigned");
    print_range(to, "slope", &slope);
    print_range(to, "intercept", &intercept);
    const enum ivx_kind kind = ivx_instance_kind(first);
    fprintf(to, "; room for %.6g to %.6g%s\n", value.least, value.most,
            kind == IVX_KIND_CT ? " HU" : "");
}

void ivx_describe(const struct ivx_source_volume *volume, FILE *to)
{
    char text[160];
    ivx_source_text(volume, text, sizeof text);
    fprintf(to, "%s %s\n  series     %s\n", volume->slices[0]->modality, text,
            volume->slices[0]->series_uid);
    print_vector(to, "origin", volume->stack.origin);
    print_vector(to, "row", volume->stack.row);
    print_vector(to, "column", volume->stack.column);
    print_vector(to, "normal", volume->stack.normal);
    print_distances(volume, to);
    if (volume->tilt_deg != 0.0)
        fprintf(to, "  tilt       %.2f degrees, slices shifted by up to %.2f mm\n",
                volume->tilt_deg, volume->tilt_max_mm);
    print_format(volume, to);
    for (int n = 0; n < volume->warning_count; n++)
        fprintf(to, "  warning    %s: %s\n", ivx_reason_name(volume->warnings[n].reason),
                volume->warnings[n].text);
}

bool ivx_describe_measure(const struct ivx_source_volume *volume,
                          struct ivx_reader_report *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
    if (!ivx_reader_new(volume, &reader, err))
        return false;
    for (int32_t k = 0; k < volume->stack.slices; k++) {
        struct ivx_slice slice;
        if (!ivx_reader_slice(reader, k, &slice, err))
            return false;
    }
    ivx_reader_report(reader, out);
    return true;
}

void ivx_describe_values(const struct ivx_reader_report *values, FILE *to)
{
    fprintf(to, "  values     %.6g to %.6g", values->least, values->most);
    if (values->padded > 0)
        fprintf(to, "; %llu pixels are padding", (unsigned long long)values->padded);
    if (values->floored > 0)
        fprintf(to, "; %llu pixels were under -1024 HU",
                (unsigned long long)values->floored);
    fprintf(to, "\n");
}

cJSON *ivx_describe_values_json(const struct ivx_reader_report *values)
{
    cJSON *made = cJSON_CreateObject();
    if (cJSON_AddNumberToObject(made, "least", values->least) != NULL
        && cJSON_AddNumberToObject(made, "most", values->most) != NULL
        && cJSON_AddNumberToObject(made, "padded", (double)values->padded) != NULL
        && cJSON_AddNumberToObject(made, "floored", (double)values->floored) != NULL)
        return made;
    cJSON_Delete(made);
    return NULL;
}
