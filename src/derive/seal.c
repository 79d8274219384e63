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

enum { FIRST = 0x11, COUNT = 8 }; /* the private elements (0099,xx11) to (0099,xx18) */

struct places {
    uint64_t offset[COUNT], length[COUNT];
    int found;
};

static bool visit(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    (void)err;
    struct places *places = context;
    const uint32_t n = element->tag - ivx_private_tag(FIRST);
    if (element->depth > 0 || element->tag < ivx_private_tag(FIRST) || n >= COUNT)
        return true;
    places->offset[n] = element->offset;
    places->length[n] = element->length;
    places->found++;
    return true;
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

static void make_texts(const struct ivx_outcome *outcome, char out[COUNT][65])
{
    const struct ivx_resample_report *report = outcome->report;
    ivx_text_copy(out[0], 65, outcome->voxel_sha256);
    add_blur(outcome->blur, outcome->blur->native_mm, out[1]);
    add_blur(outcome->blur, outcome->blur->result_mm, out[2]);
    add_fraction(report->background - report->padded, report->voxels, out[3]);
    add_fraction(report->padded, report->voxels, out[4]);
    add_fraction(report->edge, report->voxels, out[5]);
    snprintf(out[6], 65, "%llu", (unsigned long long)report->saturated);
    snprintf(out[7], 65, "%llu", (unsigned long long)report->clamped);
}

static bool fill(uint8_t *header, const struct places *places, char texts[COUNT][65],
                 struct ivx_err *err)
{
    for (int n = 0; n < COUNT; n++) {
        const size_t length = strlen(texts[n]);
        if (length > places->length[n])
            return ivx_fail(err, IVX_BUG, "derive: element %x has no room for %zu bytes",
                            ivx_private_tag((unsigned)(FIRST + n)), length);
        memset(header + places->offset[n], ' ', places->length[n]);
        memcpy(header + places->offset[n], texts[n], length);
    }
    return true;
}

/* The elements stand side by side: one write. */
static bool seal(int fd, const struct places *places, uint64_t header_length,
                 char texts[COUNT][65], struct ivx_hash *headers, struct ivx_err *err)
{
    const uint64_t from = places->offset[0];
    const uint64_t to = places->offset[COUNT - 1] + places->length[COUNT - 1];
    IVX_AUTO(ivx_memory_free) uint8_t *header = malloc(header_length + 1);
    if (header == NULL)
        return ivx_fail(err, IVX_FULL, "derive: no memory for a header");
    if (to > header_length)
        return ivx_fail(err, IVX_BUG, "derive: private elements behind the pixels");
    if (!ivx_fd_pread(fd, header, header_length, 0, "instance", err)
        || !fill(header, places, texts, err)
        || !ivx_fd_pwrite(fd, header + from, to - from, from, "instance", err))
        return false;
    ivx_hash_add(headers, header, header_length);
    return true;
}

bool ivx_derive_seal(const struct ivx_outcome *outcome, const char *path,
                     struct ivx_hash *headers, struct ivx_err *err)
{
    char texts[COUNT][65];
    make_texts(outcome, texts);
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat about;
    if (fd == -1 || fstat(fd, &about) == -1)
        return ivx_fail_errno(err, "open", path);
    const struct ivx_blob blob = { path, 0, (uint64_t)about.st_size };
    struct places places = { .found = 0 };
    struct ivx_scan scan;
    enum ivx_reason reason;
    if (!ivx_scan(&blob, NULL, visit, &places, &scan, &reason, err))
        return false;
    if (places.found != COUNT)
        return ivx_fail(err, IVX_BUG, "derive: %d of %d private elements", places.found, COUNT);
    return seal(fd, &places, scan.pixel_offset, texts, headers, err);
}
