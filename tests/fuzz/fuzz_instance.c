/* libFuzzer: bytes from the network through the scanner, the header record, the rules and
 * the reader. The input is taken three times, at three heights, so that rules for groups
 * run too. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "isovox/assemble/assembly.h"
#include "isovox/base/auto.h"
#include "isovox/dicom/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TIMES = 3 };

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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd == -1) {
        fd = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return 0;

    const struct ivx_blob blob = { path, 0, size };
    struct ivx_instance *read[TIMES] = { 0 };
    size_t count = 0;
    ivx_scan_looks_like_dicom(&blob);
    for (int n = 0; n < TIMES; n++) {
        enum ivx_reason reason;
        struct ivx_err err = { 0 };
        if (!ivx_instance_read(&blob, &read[count], &reason, &err)) {
            if (reason == IVX_REASON_NONE)
                abort(); /* memory and files are fine here: the object was to blame */
            continue;
        }
        read[count]->position[2] += 2.0 * n;
        snprintf(read[count]->sop_uid, sizeof read[count]->sop_uid, "2.25.%d", n);
        count++;
    }
    const struct ivx_assemble_options options = { IVX_GAP_SPLIT, true };
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = NULL;
    if (!ivx_assemble((const struct ivx_instance *const *)read, count, &options, &assembly, &err))
        abort();
    for (int n = 0; n < ivx_assembly_volumes(assembly); n++)
        read_volume(ivx_assembly_volume(assembly, n));
    for (size_t n = 0; n < count; n++)
        ivx_instance_free(&read[n]);
    return 0;
}
