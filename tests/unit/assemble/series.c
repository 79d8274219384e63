#include "series.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "isovox/base/text.h"

enum { PIXELS = SERIES_ROWS * SERIES_COLUMNS };

void series_pixels(struct series *series, struct ivx_instance *instance, const uint16_t *words)
{
    const size_t bytes = PIXELS * sizeof *words;
    instance->blob = (struct ivx_blob){ instance->path, 0, 1 << 20 };
    instance->pixel_offset = series->used;
    instance->pixel_length = bytes;
    ck_assert_int_eq(pwrite(series->fd, words, bytes, (off_t)series->used), (ssize_t)bytes);
    series->used += bytes;
}

static void own_pixels(struct series *series, struct ivx_instance *instance, int number)
{
    uint16_t words[PIXELS];
    for (int n = 0; n < PIXELS; n++)
        words[n] = (uint16_t)(1000 + 7 * n + 13 * number);
    series_pixels(series, instance, words);
}

static void name(struct ivx_instance *instance, int number)
{
    snprintf(instance->sop_uid, sizeof instance->sop_uid, "2.25.1%04d", number);
}

static struct ivx_instance *blank(struct series *series)
{
    ck_assert_int_lt(series->count, SERIES_MOST);
    struct ivx_instance *made = calloc(1, sizeof *made);
    ck_assert_ptr_nonnull(made);
    series->all[series->count++] = made;
    return made;
}

static void fill(struct ivx_instance *made)
{
    static const double axial[6] = { 1, 0, 0, 0, 1, 0 };
    ivx_text_copy(made->sop_class, sizeof made->sop_class, "1.2.840.10008.5.1.4.1.1.2");
    ivx_text_copy(made->series_uid, sizeof made->series_uid, "2.25.2");
    ivx_text_copy(made->study_uid, sizeof made->study_uid, "2.25.3");
    ivx_text_copy(made->frame_uid, sizeof made->frame_uid, "2.25.4");
    ivx_text_copy(made->syntax, sizeof made->syntax, "1.2.840.10008.1.2.1");
    ivx_text_copy(made->modality, sizeof made->modality, "CT");
    ivx_text_copy(made->image_type, sizeof made->image_type, "ORIGINAL\\PRIMARY\\AXIAL");
    ivx_text_copy(made->photometric, sizeof made->photometric, "MONOCHROME2");
    made->rows = SERIES_ROWS;
    made->columns = SERIES_COLUMNS;
    made->frames = made->samples_per_pixel = 1;
    made->bits_allocated = made->bits_stored = 16;
    made->high_bit = 15;
    made->has_position = made->has_orientation = made->has_spacing = true;
    made->has_slope = made->has_intercept = made->has_pixels = made->has_thickness = true;
    memcpy(made->orientation, axial, sizeof axial);
    made->spacing[0] = 0.7;
    made->spacing[1] = 0.5;
    made->slope = 1;
    made->intercept = -1024;
}

void series_start(struct series *series, int count, double step)
{
    memset(series, 0, sizeof *series);
    series->fd = memfd_create("isovox-series", MFD_CLOEXEC);
    ck_assert_int_ne(series->fd, -1);
    snprintf(series->path, sizeof series->path, "/proc/self/fd/%d", series->fd);
    for (int n = 0; n < count; n++) {
        struct ivx_instance *made = blank(series);
        fill(made);
        made->path = strdup(series->path);
        name(made, n);
        made->instance_number = n + 1;
        made->thickness = step;
        made->position[0] = -10;
        made->position[1] = -20;
        made->position[2] = 30 + n * step;
        own_pixels(series, made, n);
    }
}

void series_free(struct series *series)
{
    for (int n = 0; n < series->count; n++)
        ivx_instance_free(&series->all[n]);
    close(series->fd);
}

struct ivx_instance *series_resend(struct series *series, int n)
{
    struct ivx_instance *made = blank(series);
    *made = *series->all[n];
    made->path = strdup(series->path);
    ck_assert_ptr_nonnull(made->path);
    made->blob.path = made->path;
    return made;
}

struct ivx_instance *series_add(struct series *series, int n)
{
    struct ivx_instance *made = series_resend(series, n);
    name(made, series->count + 1000);
    own_pixels(series, made, series->count + 1000);
    return made;
}

void series_remove(struct series *series, int n)
{
    ivx_instance_free(&series->all[n]);
    series->all[n] = series->all[--series->count];
}

uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

double random_between(uint64_t *state, double least, double most)
{
    return least + (most - least) * (double)(next_random(state) >> 11) * 0x1p-53;
}

void series_shuffle(struct series *series, uint64_t *state)
{
    for (int n = series->count - 1; n > 0; n--) {
        const int other = (int)(next_random(state) % (uint64_t)(n + 1));
        struct ivx_instance *held = series->all[n];
        series->all[n] = series->all[other];
        series->all[other] = held;
    }
}

struct ivx_assembly *series_assemble(const struct series *series,
                                     const struct ivx_assemble_options *options)
{
    struct ivx_err err = { 0 };
    struct ivx_assembly *made = NULL;
    const bool done = ivx_assemble((const struct ivx_instance *const *)series->all,
                                   (size_t)series->count, options, &made, &err);
    ck_assert_msg(done, "%s", err.text);
    return made;
}

struct ivx_assembly *series_decide(const struct series *series)
{
    const struct ivx_assemble_options options = { IVX_GAP_REFUSE, true, false };
    return series_assemble(series, &options);
}

const struct ivx_source_volume *series_only(const struct ivx_assembly *assembly)
{
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++) {
        const struct ivx_refusal *refusal = ivx_assembly_refusal(assembly, n);
        ck_assert_msg(refusal->passed_over, "refused: %s: %s",
                      ivx_reason_name(refusal->reason), refusal->text);
    }
    ck_assert_int_eq(ivx_assembly_volumes(assembly), 1);
    return ivx_assembly_volume(assembly, 0);
}

void series_refused(const struct ivx_assembly *assembly, enum ivx_reason reason)
{
    ck_assert_int_eq(ivx_assembly_volumes(assembly), 0);
    ck_assert_int_eq(ivx_assembly_refusals(assembly), 1);
    ck_assert_str_eq(ivx_reason_name(ivx_assembly_refusal(assembly, 0)->reason),
                     ivx_reason_name(reason));
}

bool series_warned(const struct ivx_source_volume *volume, enum ivx_reason reason)
{
    for (int n = 0; n < volume->warning_count; n++)
        if (volume->warnings[n].reason == reason)
            return true;
    return false;
}

static void add_volume(struct ivx_text *text, const struct ivx_source_volume *volume,
                       bool with_uids)
{
    const struct ivx_stack *stack = &volume->stack;
    ivx_text_add(text, "%d %d %d %a %a uniform %d %a tilt %a %a\n", stack->columns, stack->rows,
                 stack->slices, stack->column_spacing, stack->row_spacing, volume->uniform,
                 volume->spacing_mm, volume->tilt_deg, volume->tilt_max_mm);
    for (int n = 0; n < 3; n++)
        ivx_text_add(text, "%a %a %a %a\n", stack->origin[n], stack->row[n], stack->column[n],
                     stack->normal[n]);
    for (int k = 0; k < stack->slices; k++)
        ivx_text_add(text, "%a %a %a %llu %s\n", stack->t[k], stack->shift_row[k],
                     stack->shift_column[k],
                     (unsigned long long)volume->slices[k]->pixel_offset,
                     with_uids ? volume->slices[k]->sop_uid : "");
    for (int n = 0; n < volume->warning_count; n++)
        ivx_text_add(text, "%s %s\n", ivx_reason_name(volume->warnings[n].reason),
                     volume->warnings[n].text);
}

char *series_text(const struct ivx_assembly *assembly, bool with_uids)
{
    struct ivx_text text = { 0 };
    for (int n = 0; n < ivx_assembly_volumes(assembly); n++)
        add_volume(&text, ivx_assembly_volume(assembly, n), with_uids);
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++) {
        const struct ivx_refusal *refusal = ivx_assembly_refusal(assembly, n);
        ivx_text_add(&text, "refused %s %s %d\n", ivx_reason_name(refusal->reason),
                     refusal->text, refusal->instances);
    }
    ck_assert(!text.failed);
    return text.data;
}
