/* Bytes from the network through the scanner, the header record, the rules and the
 * reader. The object is taken at three heights, so that rules for groups run too, and
 * twice at some. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "isovox/dicom/scan.h"

/* How often, at which height, under which UID. */
static const struct {
    int height, name;
} takes[] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { 1, 1 }, { 2, 4 } };
enum { TAKES = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ivx_blob blob = { fuzz_file(data, size), 0, size };
    struct ivx_instance *read[TAKES] = { 0 };
    size_t count = 0;
    ivx_scan_looks_like_dicom(&blob);
    for (int n = 0; n < TAKES; n++) {
        enum ivx_reason reason;
        struct ivx_err err = { 0 };
        if (!ivx_instance_read(&blob, &read[count], &reason, &err)) {
            if (reason == IVX_REASON_NONE)
                abort(); /* memory and files are fine here: the object was to blame */
            continue;
        }
        read[count]->position[2] += 2.0 * takes[n].height;
        snprintf(read[count]->sop_uid, sizeof read[count]->sop_uid, "2.25.%d",
                 takes[n].name);
        count++;
    }
    const struct ivx_assemble_options options = { IVX_GAP_SPLIT, true, false };
    fuzz_check_assembly((const struct ivx_instance *const *)read, count, &options);
    for (size_t n = 0; n < count; n++)
        ivx_instance_free(&read[n]);
    return 0;
}
