/* NIfTI-1 (nifti1.h of 2003, single file "n+1"), gzipped when the name ends in .gz. The
 * gzip header carries no time and no name, so the same voxels give the same bytes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

#include "config.h"
#include "isovox/base/auto.h"
#include "isovox/sys/file.h"
#include "parts.h"

enum {
    HEADER = 352,
    DT_INT16 = 4,
    DT_FLOAT32 = 16,
    UNITS_MM = 2,
    SCANNER_ANAT = 1,
    CHUNK = 1 << 18
};

struct nifti {
    int fd;
    size_t slice_bytes;
    bool gzipped, deflating;
    z_stream stream;
    unsigned char *chunk;
};

static void put16(uint8_t *header, size_t at, int value)
{
    header[at] = (uint8_t)(value & 0xff);
    header[at + 1] = (uint8_t)(value >> 8 & 0xff);
}

static void put_float(uint8_t *header, size_t at, double value)
{
    const float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    put16(header, at, (int)(bits & 0xffff));
    put16(header, at + 2, (int)(bits >> 16));
}

/* A unit quaternion (a, b, c, d) with a >= 0 of a proper rotation r[row][column]:
 * nifti1.h, METHOD 2, by the largest of the four so that nothing is divided by a small
 * number. */
static void quaternion(double r[3][3], double out[4])
{
    const double squares[4] = { 1 + r[0][0] + r[1][1] + r[2][2],
                                1 + r[0][0] - r[1][1] - r[2][2],
                                1 - r[0][0] + r[1][1] - r[2][2],
                                1 - r[0][0] - r[1][1] + r[2][2] };
    int most = 0;
    for (int n = 1; n < 4; n++)
        if (squares[n] > squares[most])
            most = n;
    const double x = r[2][1] - r[1][2], y = r[0][2] - r[2][0], z = r[1][0] - r[0][1];
    const double xy = r[0][1] + r[1][0], xz = r[0][2] + r[2][0], yz = r[1][2] + r[2][1];
    const double rows[4][4] = { { squares[0], x, y, z },
                                { x, squares[1], xy, xz },
                                { y, xy, squares[2], yz },
                                { z, xz, yz, squares[3] } };
    double length = 0;
    for (int n = 0; n < 4; n++)
        length += rows[most][n] * rows[most][n];
    const double scale = (rows[most][0] < 0 ? -1 : 1) / sqrt(length);
    for (int n = 0; n < 4; n++)
        out[n] = rows[most][n] * scale;
}

/* LPS to RAS+: the first two patient coordinates change sign. */
static void put_affine(const struct ivx_grid *grid, uint8_t *header)
{
    static const double flip[3] = { -1, -1, 1 };
    double rotation[3][3], turned[4];
    for (int row = 0; row < 3; row++) {
        const size_t at = 280 + 16 * (size_t)row; /* srow_x, srow_y, srow_z */
        for (int axis = 0; axis < 3; axis++) {
            rotation[row][axis] = flip[row] * grid->axis[axis][row];
            put_float(header, at + 4 * (size_t)axis,
                      rotation[row][axis] * grid->spacing[axis]);
        }
        put_float(header, at + 12, flip[row] * grid->origin[row]);
        put_float(header, 268 + 4 * (size_t)row,
                  flip[row] * grid->origin[row]); /* qoffset */
    }
    quaternion(rotation, turned);
    for (int n = 1; n < 4; n++)
        put_float(header, 256 + 4 * (size_t)(n - 1), turned[n]); /* quatern_b, c, d */
}

static void make_header(const struct ivx_plan *plan, uint8_t header[HEADER])
{
    const struct ivx_grid *grid = &plan->grid;
    const bool integers = plan->options.result == IVX_INT16;
    memset(header, 0, HEADER);
    put16(header, 0, 348);    /* sizeof_hdr */
    header[38] = 'r';         /* regular */
    put16(header, 40, 3);     /* dim[0] */
    put_float(header, 76, 1); /* qfac: our axes are right-handed, in LPS and so in RAS */
    for (size_t n = 0; n < 3; n++) {
        put16(header, 42 + 2 * n, grid->count[n]);
        put_float(header, 80 + 4 * n, grid->spacing[n]);
    }
    for (size_t n = 4; n < 8; n++)
        put16(header, 40 + 2 * n, 1);
    put16(header, 70, integers ? DT_INT16 : DT_FLOAT32);
    put16(header, 72, integers ? 16 : 32);
    put_float(header, 108, HEADER); /* vox_offset */
    put_float(header, 112, 1);      /* scl_slope */
    header[123] = UNITS_MM;
    snprintf((char *)header + 148, 80, "isovox %s", PACKAGE_VERSION);
    put16(header, 252, SCANNER_ANAT); /* qform_code */
    put16(header, 254, SCANNER_ANAT); /* sform_code */
    put_affine(grid, header);
    memcpy(header + 344, "n+1", 4);
}

static bool squeeze(struct nifti *nifti, int flush, struct ivx_err *err)
{
    int state = Z_OK;
    do {
        nifti->stream.next_out = nifti->chunk;
        nifti->stream.avail_out = CHUNK;
        state = deflate(&nifti->stream, flush);
        if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
            return ivx_fail(err, IVX_BUG, "nifti: deflate: %d", state);
        const size_t made = CHUNK - nifti->stream.avail_out;
        if (!ivx_fd_write(nifti->fd, nifti->chunk, made, "nifti", err))
            return false;
    } while (nifti->stream.avail_out == 0
             || (flush == Z_FINISH && state != Z_STREAM_END));
    return true;
}

static bool add(struct nifti *nifti, const void *bytes, size_t length,
                struct ivx_err *err)
{
    if (!nifti->gzipped)
        return ivx_fd_write(nifti->fd, bytes, length, "nifti", err);
    nifti->stream.next_in = bytes;
    nifti->stream.avail_in =
        (uInt)length; /* one slice: below 4 GiB by its 16-bit sides */
    return squeeze(nifti, Z_NO_FLUSH, err);
}

static bool slice(void *state, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct nifti *nifti = state;
    (void)m;
    return add(nifti, voxel, nifti->slice_bytes, err);
}

static bool finish(void *state, struct ivx_err *err)
{
    struct nifti *nifti = state;
    return !nifti->gzipped || squeeze(nifti, Z_FINISH, err);
}

static void close_nifti(void *state)
{
    struct nifti *nifti = state;
    if (nifti->deflating)
        deflateEnd(&nifti->stream);
    ivx_fd_close(&nifti->fd);
    free(nifti->chunk);
    free(nifti);
}

static bool begin(struct nifti *nifti, const struct ivx_plan *plan, struct ivx_err *err)
{
    const char *name = plan->conversion->file_name;
    const size_t length = strlen(name);
    nifti->slice_bytes = (size_t)plan->grid.count[0] * (size_t)plan->grid.count[1]
                         * (plan->options.result == IVX_INT16 ? 2 : 4);
    nifti->gzipped = length > 3 && strcmp(name + length - 3, ".gz") == 0;
    if (!ivx_part_create(plan->conversion, name, "", &nifti->fd, err))
        return false;
    if (nifti->gzipped) {
        nifti->chunk = malloc(CHUNK);
        /* 15 + 16: a gzip wrapper. Level 1: CT gains little from more. */
        nifti->deflating =
            deflateInit2(&nifti->stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY)
            == Z_OK;
        if (nifti->chunk == NULL || !nifti->deflating)
            return ivx_fail(err, IVX_FULL, "nifti: no memory");
    }
    uint8_t header[HEADER];
    make_header(plan, header);
    return add(nifti, header, sizeof header, err);
}

bool ivx_output_nifti(const struct ivx_plan *plan, struct ivx_output *out,
                      struct ivx_err *err)
{
    struct nifti *nifti = calloc(1, sizeof *nifti);
    if (nifti == NULL)
        return ivx_fail(err, IVX_FULL, "nifti: no memory");
    nifti->fd = -1;
    *out = (struct ivx_output){
        .slice = slice, .finish = finish, .close = close_nifti, .state = nifti, .files = 1
    };
    return begin(nifti, plan, err);
}
