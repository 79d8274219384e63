/* fold.c - a row of samples goes on for ever; a table only speaks of those that are there. */
#include <string.h>

#include "table.h"

double ivx_paired_sum(const double *w, int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; i < n / 2; i++)
        sum += w[i] + w[n - 1 - i];
    return n % 2 ? sum + w[n / 2] : sum;
}

void ivx_smear(const struct ivx_table *table, double *w, int32_t count)
{
    const int32_t reach = table->reach;
    double *terms = table->scratch + 3 * (size_t)table->most;
    double *kept = terms + table->most;

    memcpy(kept, w, (size_t)count * sizeof *w);
    for (int32_t to = 0; to < count + 2 * reach; to++) {
        const int32_t last = to < count - 1 ? to : count - 1;
        int32_t n = 0;
        for (int32_t from = to > 2 * reach ? to - 2 * reach : 0; from <= last; from++) {
            const int32_t away = from + reach - to;
            terms[n++] = kept[from] * table->gauss[away < 0 ? -away : away];
        }
        w[to] = ivx_paired_sum(terms, n);
    }
}

/* Values beyond the ends fall on the outermost sample: the edge is replicated. */
static void replicate_values(double *w, int32_t count, int32_t first, int32_t last,
                             int32_t *from_out, int32_t *to_out)
{
    int32_t from = 0, to = count - 1;
    while (first + from < 0 && from < to) {
        w[from + 1] += w[from];
        from++;
    }
    while (first + to > last && from < to) {
        w[to - 1] += w[to];
        to--;
    }
    *from_out = from;
    *to_out = to;
}

/* Beyond a replicated edge slopes fade by the pole per sample, so that the outermost one
 * carries them all. Those of samples before `from` and after `to`, from both ends. */
static void replicate_slopes(double *slope, int32_t count, int32_t from, int32_t to)
{
    double low = 0, high = 0;
    for (int32_t n = 0; n < from; n++)
        low = (low + slope[n]) * IVX_SPLINE_POLE;
    for (int32_t n = count - 1; n > to; n--)
        high = (high + slope[n]) * IVX_SPLINE_POLE;
    if (from == to) {
        slope[from] += low + high;
        return;
    }
    slope[from] += low;
    slope[to] += high;
}

static void replicate(struct ivx_table *table, int32_t i, int32_t first, int32_t count,
                      double *value, double *slope)
{
    const int32_t last = table->samples - 1;
    int32_t from, to;
    replicate_values(value, count, first, last, &from, &to);
    if (slope != NULL)
        replicate_slopes(slope, count, from, to);
    int32_t start = first + from;
    start = start < 0 ? 0 : start > last ? last : start;
    ivx_table_store(table, i, start, to - from + 1, value + from,
                    slope == NULL ? NULL : slope + from);
}

/* The weights of all samples of the endless row that are sample `at`; slopes of those that
 * run backwards count negative. */
static double gather(const struct ivx_table *table, int32_t first, int32_t count,
                     const double *w, int32_t at, bool slopes)
{
    double *terms = table->scratch + 5 * (size_t)table->most;
    int32_t n = 0;
    for (int32_t k = 0; k < count; k++) {
        if (ivx_mirror(first + k, table->samples) != at)
            continue;
        const bool backwards = slopes && ivx_mirror_backwards(first + k, table->samples);
        terms[n++] = backwards ? -w[k] : w[k];
    }
    return ivx_paired_sum(terms, n);
}

static void mirror(struct ivx_table *table, int32_t i, int32_t first, int32_t count,
                   const double *value, const double *slope)
{
    double *folded = table->scratch + 3 * (size_t)table->most;
    double *risen = folded + table->most;
    int32_t from = table->samples, to = -1;

    for (int32_t k = first; k < first + count; k++) {
        const int32_t at = ivx_mirror(k, table->samples);
        from = at < from ? at : from;
        to = at > to ? at : to;
    }
    for (int32_t at = from; at <= to; at++) {
        folded[at - from] = gather(table, first, count, value, at, false);
        if (slope != NULL)
            risen[at - from] = gather(table, first, count, slope, at, true);
    }
    ivx_table_store(table, i, from, to - from + 1, folded, slope == NULL ? NULL : risen);
}

void ivx_fold(struct ivx_table *table, int32_t i, int32_t first, int32_t count, double *value,
              double *slope)
{
    const bool inside = first >= 0 && first + count <= table->samples;
    if (table->shape.mirror && !inside)
        mirror(table, i, first, count, value, slope);
    else
        replicate(table, i, first, count, value, slope);
}
