/* What is known only when the last voxel is, written into the instances in place. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/dicom/scan.h"

enum { MOST_VALUES = 16, MOST_PLACES = 24 };

struct value {
    uint32_t tag;
    int depth;
    bool found;
    char text[65];
};
struct place {
    uint64_t offset, length;
    const struct value *value;
};
struct filling {
    struct value value[MOST_VALUES];
    struct place place[MOST_PLACES];
    int values, places;
};

static char *add(struct filling *filling, uint32_t tag, int depth)
{
    struct value *value = &filling->value[filling->values++];
    value->tag = tag;
    value->depth = depth;
    return value->text;
}

static void add_blur(const struct ivx_blur *blur, const double mm[3], char out[65])
{
    char one[3][17];
    for (int a = 0; a < 3; a++)
        ivx_ds_write(mm[a], one[a]);
    out[0] = '\0';
    if (blur->known)
        snprintf(out, 65, "%s\\%s\\%s", one[0], one[1], one[2]);
}

static void add_fraction(uint64_t part, uint64_t all, char out[65])
{
    char text[17];
    ivx_ds_write(all > 0 ? (double)part / (double)all : 0, text);
    ivx_text_copy(out, 65, text);
}

static char *add_private(struct filling *filling, unsigned element)
{
    return add(filling, ivx_private_tag(element), 0);
}

/* The elements SEALED of private.c. */
static void add_outcome(const struct ivx_derive *derive, const struct ivx_outcome *outcome,
                        struct filling *filling)
{
    const struct ivx_resample_report *report = outcome->report;
    ivx_text_copy(add_private(filling, 0x03), 65, derive->source_sha256);
    ivx_text_copy(add_private(filling, 0x10), 65, derive->pixel_sha256);
    ivx_text_copy(add_private(filling, 0x11), 65, outcome->voxel_sha256);
    add_blur(outcome->blur, outcome->blur->native_mm, add_private(filling, 0x12));
    add_blur(outcome->blur, outcome->blur->result_mm, add_private(filling, 0x13));
    add_fraction(report->background - report->padded, report->voxels,
                 add_private(filling, 0x14));
    add_fraction(report->padded, report->voxels, add_private(filling, 0x15));
    add_fraction(report->edge, report->voxels, add_private(filling, 0x16));
    snprintf(add_private(filling, 0x17), 65, "%llu", (unsigned long long)report->saturated);
    snprintf(add_private(filling, 0x18), 65, "%llu", (unsigned long long)report->clamped);
}

static void add_uids(const struct ivx_derive *derive, int32_t m, struct filling *filling)
{
    ivx_derive_sop_uid(derive, m, add(filling, 0x00080018, 0));
    ivx_text_copy(add(filling, 0x0020000e, 0), 65, derive->series_uid);
    if (!derive->derivation.enhanced)
        return;
    ivx_derive_uid(derive, "dimensions", add(filling, 0x00209164, 1));
    if (ivx_derive_parts(derive) == 1)
        return;
    ivx_derive_uid(derive, "concatenation", add(filling, 0x00209161, 0));
    ivx_derive_uid(derive, "concatenation source", add(filling, 0x00200242, 0));
}

static bool visit(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    struct filling *filling = context;
    struct value *value = filling->value, *end = value + filling->values;
    while (value < end && (value->tag != element->tag || value->depth != element->depth))
        value++;
    if (value == end)
        return true;
    if (filling->places == MOST_PLACES || strlen(value->text) > element->length)
        return ivx_fail(err, IVX_BUG, "derive: element %08x has no room", value->tag);
    value->found = true;
    filling->place[filling->places++] =
        (struct place){ element->offset, element->length, value };
    return true;
}

static bool all_found(const struct filling *filling, struct ivx_err *err)
{
    for (int n = 0; n < filling->values; n++)
        if (!filling->value[n].found)
            return ivx_fail(err, IVX_BUG, "derive: element %08x is not there",
                            filling->value[n].tag);
    return true;
}

/* The meta header says the same SOP Instance UID: PS3.10 7.1. */
static bool fill(uint8_t *header, uint64_t media_uid_at, const struct filling *filling,
                 struct ivx_err *err)
{
    for (int n = 0; n < filling->places; n++) {
        const struct place *place = &filling->place[n];
        uint8_t *at = header + place->offset;
        const size_t length = strlen(place->value->text);
        const bool is_uid = place->value->tag == 0x00080018;
        if (is_uid && memcmp(header + media_uid_at, at, length) != 0)
            return ivx_fail(err, IVX_BUG, "derive: the meta header has another UID");
        memset(at, ' ', place->length);
        memcpy(at, place->value->text, length);
        if (is_uid)
            memcpy(header + media_uid_at, at, length);
    }
    return true;
}

static bool read_places(int fd, const char *path, struct filling *filling,
                        struct ivx_scan *scan_out, struct ivx_err *err)
{
    struct stat about;
    if (fd == -1 || fstat(fd, &about) == -1)
        return ivx_fail_errno(err, "open", path);
    const struct ivx_blob blob = { path, 0, (uint64_t)about.st_size };
    enum ivx_reason reason;
    return ivx_scan(&blob, NULL, visit, filling, scan_out, &reason, err)
           && all_found(filling, err)
           && (scan_out->pixel_tag != 0 || ivx_fail(err, IVX_BUG, "derive: no pixels"));
}

bool ivx_derive_seal(const struct ivx_derive *derive, int32_t m,
                     const struct ivx_outcome *outcome, const char *path, uint8_t **header_out,
                     size_t *length_out, struct ivx_err *err)
{
    struct filling filling = { .values = 0 };
    add_uids(derive, m, &filling);
    add_outcome(derive, outcome, &filling);
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDWR | O_CLOEXEC);
    struct ivx_scan scan;
    if (!read_places(fd, path, &filling, &scan, err))
        return false;

    const size_t length = (size_t)scan.pixel_offset;
    IVX_AUTO(ivx_memory_free) uint8_t *header = malloc(length + 1);
    if (header == NULL)
        return ivx_fail(err, IVX_FULL, "derive: no memory for a header");
    if (!ivx_fd_pread(fd, header, length, 0, "instance", err)
        || !fill(header, scan.media_uid_at, &filling, err)
        || !ivx_fd_pwrite(fd, header, length, 0, "instance", err))
        return false;
    *length_out = length;
    *header_out = IVX_STEAL(header);
    return true;
}
