/* Bytes as a deflated data set: its length, and any part of it in any order. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "isovox/base/auto.h"
#include "isovox/dicom/inflate.h"

enum { ROOM = 1 << 16 };

static void read_parts(struct ivx_inflate *inflate, uint64_t length, uint64_t part)
{
    static uint8_t one[ROOM], other[ROOM];
    struct ivx_err err = { 0 };
    const uint64_t at = length > 0 ? part * 977 % length : 0;
    const size_t room = length - at < ROOM ? (size_t)(length - at) : ROOM;
    /* What was measured is there, forwards and backwards alike, and no byte more. */
    if (!ivx_inflate_read(inflate, at, one, room, &err)
        || !ivx_inflate_read(inflate, 0, other, length < 5 ? (size_t)length : 5, &err)
        || !ivx_inflate_read(inflate, at, other, room, &err)
        || memcmp(one, other, room) != 0)
        abort();
    if (ivx_inflate_read(inflate, length, one, 1, &err))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ivx_blob blob = { fuzz_file(data, size), 0, size };
    const int fd = open(blob.path, O_RDONLY | O_CLOEXEC);
    struct ivx_err err = { 0 };
    uint64_t length;
    IVX_AUTO(ivx_inflate_free) struct ivx_inflate *inflate = NULL;
    if (fd == -1 || !ivx_inflate_new(fd, &blob, size > 0, &inflate, &err))
        abort();
    if (ivx_inflate_measure(inflate, &length, &err))
        read_parts(inflate, length, data == NULL || size == 0 ? 0 : data[0]);
    close(fd);
    return 0;
}
