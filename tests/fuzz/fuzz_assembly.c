/* The rules of assembly over headers that the input makes up: each instruction of one
 * byte changes the next header or commits it. Grouping sees shapes here that no mutation
 * of whole objects would reach. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "isovox/base/text.h"

enum { MOST = 96, SIDE = 4, PIXELS = SIDE * SIDE, PICTURES = 8 };

struct machine {
    const uint8_t *at, *end;
    struct ivx_instance next, *made[MOST];
    size_t count;
    double step[3];
    const char *path;
};

static uint8_t take(struct machine *machine)
{
    return machine->at < machine->end ? *machine->at++ : 0;
}

/* Mostly tame, sometimes any double at all. */
static double number(struct machine *machine)
{
    static const double tame[] = { 0,    0.01, 0.02, 0.05, 0.1, 0.5, 1,
                                   1.08, 2,    2.5,  4,    7,   15.1 };
    const uint8_t kind = take(machine);
    if (kind < 200) {
        const double size = tame[kind % (sizeof tame / sizeof *tame)];
        return kind & 64 ? -size : size;
    }
    uint64_t bits = 0;
    for (int n = 0; n < 8; n++)
        bits = bits << 8 | take(machine);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void start(struct machine *machine)
{
    static const double axial[6] = { 1, 0, 0, 0, 1, 0 };
    struct ivx_instance *next = &machine->next;
    *next = (struct ivx_instance){
        .blob = { machine->path, 0, PICTURES * PIXELS * 2 },
        .rows = SIDE,
        .columns = SIDE,
        .frames = 1,
        .samples_per_pixel = 1,
        .bits_allocated = 16,
        .bits_stored = 12,
        .high_bit = 11,
        .has_position = true,
        .has_orientation = true,
        .has_spacing = true,
        .has_slope = true,
        .has_intercept = true,
        .has_pixels = true,
        .slope = 1,
        .intercept = -1024,
        .spacing = { 0.7, 0.7 },
        .pixel_length = 2 * PIXELS,
    };
    memcpy(next->orientation, axial, sizeof axial);
    ivx_text_copy(next->sop_class, sizeof next->sop_class, IVX_CT_IMAGE_STORAGE);
    ivx_text_copy(next->syntax, sizeof next->syntax, "1.2.840.10008.1.2.1");
    ivx_text_copy(next->photometric, sizeof next->photometric, "MONOCHROME2");
    ivx_text_copy(next->series_uid, sizeof next->series_uid, "2.25.1");
    machine->step[2] = 2;
}

static void commit(struct machine *machine)
{
    if (machine->count == MOST)
        return;
    struct ivx_instance *made = malloc(sizeof *made);
    if (made == NULL)
        abort();
    *made = machine->next;
    made->path = strdup(machine->path);
    machine->made[machine->count++] = made;
    machine->next.instance_number++;
    snprintf(machine->next.sop_uid, sizeof machine->next.sop_uid, "2.25.%d",
             (int)machine->next.instance_number);
    for (int n = 0; n < 3; n++)
        machine->next.position[n] += machine->step[n];
    machine->next.pixel_offset = machine->count % PICTURES * PIXELS * 2;
}

static void name(struct machine *machine, char *out, size_t room, const char *prefix)
{
    snprintf(out, room, "%s%d", prefix, take(machine) % 4);
}

static void turn(struct machine *machine)
{
    static const double planes[][6] = {
        { 1, 0, 0, 0, 1, 0 },
        { 1, 0, 0, 0, -1, 0 },
        { 0, 1, 0, 0, 0, -1 },
        { -1, 0, 0, 0, -1, 0 },
        { 0.8, 0.6, 0, -0.36, 0.48, 0.8 },
    };
    memcpy(machine->next.orientation, planes[take(machine) % 5], sizeof planes[0]);
}

static void change_class(struct ivx_instance *next, uint8_t which)
{
    static const char *const classes[] = {
        IVX_CT_IMAGE_STORAGE,
        IVX_MR_IMAGE_STORAGE,
        IVX_PET_IMAGE_STORAGE,
        "1.2.840.10008.5.1.4.1.1.7",
    };
    ivx_text_copy(next->sop_class, sizeof next->sop_class, classes[which % 4]);
}

static void change_text(struct machine *machine)
{
    struct ivx_instance *next = &machine->next;
    switch (take(machine) % 12) {
    case 0:
        name(machine, next->sop_uid, sizeof next->sop_uid, "2.25.");
        break;
    case 1:
        name(machine, next->series_uid, sizeof next->series_uid, "2.25.");
        break;
    case 2:
        name(machine, next->temporal, sizeof next->temporal, "");
        break;
    case 3:
        name(machine, next->acquisition_number, sizeof next->acquisition_number, "");
        break;
    case 4:
        name(machine, next->echo, sizeof next->echo, "1/");
        break;
    case 5:
        name(machine, next->image_type, sizeof next->image_type, "ORIGINAL\\PRIMARY\\M");
        break;
    case 6:
        ivx_text_copy(next->image_type, sizeof next->image_type, "X\\Y\\LOCALIZER");
        break;
    case 7:
        name(machine, next->content_time, sizeof next->content_time, "10000");
        break;
    case 8:
        name(machine, next->units, sizeof next->units, "U");
        break;
    case 9:
        name(machine, next->frame_uid, sizeof next->frame_uid, "2.25.9");
        break;
    case 10:
        ivx_text_copy(next->photometric, sizeof next->photometric, "MONOCHROME1");
        break;
    default:
        next->component = "MPRI"[take(machine) % 4];
        break;
    }
}

static void change_values(struct machine *machine)
{
    struct ivx_instance *next = &machine->next;
    switch (take(machine) % 9) {
    case 0:
        next->slope = number(machine);
        break;
    case 1:
        next->intercept = number(machine);
        break;
    case 2:
        next->has_slope = take(machine) & 1;
        break;
    case 3:
        next->bits_stored = take(machine) % 34;
        break;
    case 4:
        next->high_bit = take(machine) % 34;
        break;
    case 5:
        next->pixel_representation = take(machine) % 3;
        break;
    case 6:
        next->has_padding = true;
        next->padding = take(machine);
        break;
    case 7:
        next->has_modality_lut = take(machine) & 1;
        break;
    default:
        next->pixel_length = PIXELS * 2 - take(machine) % 3;
        break;
    }
}

static void change_geometry(struct machine *machine, uint8_t what)
{
    struct ivx_instance *next = &machine->next;
    switch (what) {
    case 0:
        machine->step[take(machine) % 3] = number(machine);
        break;
    case 1:
        next->position[take(machine) % 3] = number(machine);
        break;
    case 2:
        next->position[take(machine) % 3] += number(machine);
        break;
    case 3:
        turn(machine);
        break;
    case 4:
        next->orientation[take(machine) % 6] += number(machine);
        break;
    case 5:
        next->spacing[take(machine) % 2] = number(machine);
        break;
    case 6:
        next->has_thickness = true;
        next->thickness = number(machine);
        break;
    case 7:
        next->has_position = take(machine) & 1;
        break;
    default:
        next->rows = take(machine) % 2 ? SIDE : SIDE - 1;
        break;
    }
}

static void step(struct machine *machine)
{
    const uint8_t code = take(machine);
    if (code < 96)
        for (int n = 0; n <= code % 16; n++)
            commit(machine);
    else if (code < 168)
        change_geometry(machine, code % 9);
    else if (code < 208)
        change_text(machine);
    else if (code < 232)
        change_values(machine);
    else if (code < 240)
        change_class(&machine->next, code);
    else if (code < 248)
        machine->next.instance_number = take(machine);
    else if (machine->count > 0) { /* an earlier header is the next one again */
        machine->next = *machine->made[take(machine) % machine->count];
        machine->next.path = NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t pictures[PICTURES * PIXELS * 2];
    for (size_t n = 0; n < sizeof pictures; n++)
        pictures[n] = (uint8_t)(n * 7 + n / (PIXELS * 2));
    memcpy(pictures + PIXELS * 2, pictures, PIXELS * 2); /* two are the same */
    struct machine machine = {
        .at = data,
        .end = data + size,
        .path = fuzz_file(pictures, sizeof pictures),
    };
    start(&machine);
    const uint8_t how = take(&machine);
    while (machine.at < machine.end && machine.count < MOST)
        step(&machine);
    const struct ivx_assemble_options options = { (enum ivx_gap)(how % 3),
                                                  (how & 4) == 0, (how & 8) != 0 };
    fuzz_check_assembly((const struct ivx_instance *const *)machine.made, machine.count,
                        &options);
    for (size_t n = 0; n < machine.count; n++)
        ivx_instance_free(&machine.made[n]);
    return 0;
}
