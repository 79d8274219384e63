#include "ahead.h"

#include <stdlib.h>

#include "isovox/base/auto.h"

/* What all slices that wait may take. */
#define MOST_WAITING ((size_t)64 << 20)

struct place {
    struct ivx_pixel_file file;
    uint8_t *raw;
    bool done;
    struct ivx_err err;
};

struct ivx_ahead {
    const struct ivx_source_volume *volume;
    struct ivx_crew crew;
    int32_t first, count; /* slices that are decoded */
    int32_t room;
    struct place place[];
};

bool ivx_ahead_new(const struct ivx_source_volume *volume, const struct ivx_crew *crew,
                   size_t bytes, struct ivx_ahead **out, struct ivx_err *err)
{
    const size_t fit = MOST_WAITING / bytes;
    const size_t wanted = (size_t)(crew->size < 1 ? 1 : crew->size);
    const size_t room = fit < 1 ? 1 : wanted < fit ? wanted : fit;
    IVX_AUTO(ivx_ahead_free)
    struct ivx_ahead *made = calloc(1, sizeof *made + room * sizeof made->place[0]);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "reader: no memory");
    made->volume = volume;
    made->crew = *crew;
    for (; made->room < (int32_t)room; made->room++) {
        struct place *place = &made->place[made->room];
        place->file.fd = -1;
        place->raw = malloc(bytes);
        if (place->raw == NULL)
            return ivx_fail(err, IVX_FULL, "reader: no memory for slices of %zu bytes", bytes);
    }
    *out = IVX_STEAL(made);
    return true;
}

void ivx_ahead_free(struct ivx_ahead **ahead)
{
    struct ivx_ahead *old = *ahead;
    if (old == NULL)
        return;
    for (int32_t n = 0; n < old->room; n++) {
        ivx_pixel_file_close(&old->place[n].file);
        free(old->place[n].raw);
    }
    free(old);
    *ahead = NULL;
}

static void decode_one(void *argument, int n)
{
    struct ivx_ahead *ahead = argument;
    struct place *place = &ahead->place[n];
    place->err = (struct ivx_err){ 0 };
    place->done = ivx_pixels_read(&place->file, ahead->volume->slices[ahead->first + n],
                                  place->raw, &place->err);
}

bool ivx_ahead_slice(struct ivx_ahead *ahead, int32_t k, const uint8_t **raw_out,
                     struct ivx_err *err)
{
    if (k < ahead->first || k >= ahead->first + ahead->count) {
        const int32_t left = ahead->volume->stack.slices - k;
        ahead->first = k;
        ahead->count = left < ahead->room ? left : ahead->room;
        ahead->crew.run(ahead->crew.crew, decode_one, ahead, ahead->count);
    }
    const struct place *place = &ahead->place[k - ahead->first];
    *raw_out = place->raw;
    return place->done || ivx_fail(err, place->err.code, "%s", place->err.text);
}
