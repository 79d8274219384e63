/* A codestream through a decoder. Seven bytes come first: which one, and the header's
 * figures: what a hostile header says of a hostile codestream. With FUZZ_ONLY others are
 * left alone, so that each gets its time. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "isovox/base/auto.h"
#include "isovox/dicom/decode.h"

enum { FIGURES = 7, MOST_PIXELS = 1 << 18 };

static const char *const syntaxes[] = {
    "1.2.840.10008.1.2.5",    "1.2.840.10008.1.2.4.70",  "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < FIGURES || data[0] >> 3 >= IVX_COUNT(syntaxes))
        return 0;
#ifdef FUZZ_ONLY
    if (data[0] >> 3 != FUZZ_ONLY)
        return -1;
#endif
    const struct ivx_frame frame = {
        .syntax = syntaxes[data[0] >> 3],
        .bits_allocated = 8 << (data[0] & 3),
        .pixel_representation = data[0] >> 2 & 1,
        .bits_stored = data[1],
        .high_bit = data[2],
        .rows = data[3] | data[4] << 8,
        .columns = data[5] | data[6] << 8,
    };
    if ((int64_t)frame.rows * frame.columns > MOST_PIXELS)
        return 0;
    const size_t length = size - FIGURES;
    const size_t bytes =
        (size_t)frame.rows * (size_t)frame.columns * (size_t)frame.bits_allocated / 8;
    /* Of exactly these sizes, so that a byte beside them is seen. */
    uint8_t *codestream = malloc(length > 0 ? length : 1);
    uint8_t *raw = malloc(bytes > 0 ? bytes : 1);
    struct ivx_err err = { 0 };
    if (codestream == NULL || raw == NULL)
        abort();
    memcpy(codestream, data + FIGURES, length);
    if (ivx_decode(&frame, codestream, length, raw, &err)) {
        volatile uint8_t seen; /* valgrind complains here when a byte was never written */
        for (size_t n = 0; n < bytes; n++)
            seen = raw[n] == 0;
        (void)seen;
    } else if (err.code == IVX_OK) {
        abort();
    }
    free(codestream);
    free(raw);
    return 0;
}
