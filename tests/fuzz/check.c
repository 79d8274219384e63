#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd == -1) {
        fd = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return path;
}

static void broken(const char *promise)
{
    fprintf(stderr, "broken promise: %s\n", promise);
    abort();
}

static void read_volume(const struct ivx_source_volume *volume)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
    if (!ivx_reader_new(volume, &reader, &err))
        return;
    for (int k = 0; k < volume->stack.slices; k++) {
        struct ivx_slice slice;
        if (!ivx_reader_slice(reader, k, &slice, &err))
            return;
    }
    struct ivx_reader_report report;
    ivx_reader_report(reader, &report);
    if (!(report.least <= report.most))
        broken("the values have a range");
}

/* Shifts under a micrometre count as rounding (R6); directions are orthonormal after R2.
 */
static void check_positions(const struct ivx_source_volume *volume)
{
    const struct ivx_stack *s = &volume->stack;
    for (int k = 0; k < s->slices; k++) {
        double off = 0, size = 1;
        for (int n = 0; n < 3; n++) {
            const double here = s->origin[n] + s->shift_row[k] * s->row[n]
                                + s->shift_column[k] * s->column[n]
                                + (s->t[k] - s->t[0]) * s->normal[n];
            off = fmax(off, fabs(here - volume->slices[k]->position[n]));
            size = fmax(size, fabs(volume->slices[k]->position[n]));
        }
        if (!(off <= 1.5e-3 + 1e-9 * size))
            broken("the first pixel is where its header says");
        if (k > 0 && !(s->t[k] - s->t[k - 1] >= 0.01))
            broken("positions ascend");
    }
}

static bool says_copies(const struct ivx_source_volume *volume)
{
    for (int n = 0; n < volume->warning_count; n++)
        if (volume->warnings[n].reason == IVX_REASON_DUPLICATES_DROPPED)
            return true;
    return false;
}

static int by_address(const void *a, const void *b)
{
    const void *const left = *(const void *const *)a, *const right =
                                                          *(const void *const *)b;
    return (left > right) - (left < right);
}

static void check_accounts(const struct ivx_assembly *assembly, size_t count,
                           const char *decisions)
{
    size_t used = 0, refused = 0;
    bool copies = false;
    const void **seen = calloc(count + 1, sizeof *seen);
    if (seen == NULL)
        abort();
    for (int n = 0; n < ivx_assembly_volumes(assembly); n++) {
        const struct ivx_source_volume *volume = ivx_assembly_volume(assembly, n);
        copies = copies || says_copies(volume);
        for (int k = 0; k < volume->stack.slices && used < count; k++)
            seen[used++] = volume->slices[k];
    }
    qsort(seen, used, sizeof *seen, by_address);
    for (size_t n = 1; n < used; n++)
        if (seen[n] == seen[n - 1])
            broken("no instance is in two volumes");
    free(seen);
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++)
        refused += (size_t)ivx_assembly_refusal(assembly, n)->instances;
    if (used + refused != count && !copies) {
        fprintf(stderr, "%s%zu in volumes, %zu refused, of %zu\n", decisions, used, refused,
                count);
        broken("every instance is in a volume or refused, and once");
    }
}

static char *text_of(const struct ivx_assembly *assembly)
{
    struct ivx_text text = { 0 };
    for (int n = 0; n < ivx_assembly_volumes(assembly); n++) {
        const struct ivx_source_volume *volume = ivx_assembly_volume(assembly, n);
        ivx_text_add(&text, "%d %a %a %d\n", volume->stack.slices, volume->tilt_deg,
                     volume->spacing_mm, volume->warning_count);
        for (int k = 0; k < volume->stack.slices; k++)
            ivx_text_add(&text, "%a %a %a\n", volume->stack.t[k],
                         volume->stack.shift_row[k], volume->stack.shift_column[k]);
        for (int k = 0; k < volume->warning_count; k++)
            ivx_text_add(&text, "%s %s\n", ivx_reason_name(volume->warnings[k].reason),
                         volume->warnings[k].text);
    }
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++) {
        const struct ivx_refusal *refusal = ivx_assembly_refusal(assembly, n);
        ivx_text_add(&text, "%s %s %d\n", ivx_reason_name(refusal->reason), refusal->text,
                     refusal->instances);
    }
    if (text.failed)
        abort();
    return text.data;
}

static void assemble(const struct ivx_instance *const *instances, size_t count,
                     const struct ivx_assemble_options *options,
                     struct ivx_assembly **out)
{
    struct ivx_err err = { 0 };
    if (ivx_assemble(instances, count, options, out, &err))
        return;
    fprintf(stderr, "%s\n", err.text);
    broken("what instances contain is no failure");
}

void fuzz_check_assembly(const struct ivx_instance *const *instances, size_t count,
                         const struct ivx_assemble_options *options)
{
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = NULL, *again = NULL;
    IVX_AUTO(ivx_memory_free)
    const struct ivx_instance **turned = calloc(count + 1, sizeof *turned);
    if (turned == NULL)
        abort();
    for (size_t n = 0; n < count; n++)
        turned[n] = instances[count - 1 - n];
    assemble(instances, count, options, &assembly);
    assemble(turned, count, options, &again);
    IVX_AUTO(ivx_memory_free) char *one = text_of(assembly);
    IVX_AUTO(ivx_memory_free) char *other = text_of(again);
    size_t images = 0;
    for (size_t n = 0; n < count; n++)
        images += instances[n]->frame_count > 0 ? (size_t)instances[n]->frame_count : 1;
    check_accounts(assembly, images, one);
    for (int n = 0; n < ivx_assembly_volumes(assembly); n++) {
        check_positions(ivx_assembly_volume(assembly, n));
        read_volume(ivx_assembly_volume(assembly, n));
    }
    if (one != other && (one == NULL || other == NULL || strcmp(one, other) != 0)) {
        fprintf(stderr, "%s\n--- turned round:\n%s\n", one, other);
        broken("order changes nothing");
    }
}
