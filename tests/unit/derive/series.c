#include "series.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"

void series_put(struct ivx_item *root, uint32_t tag, const char *text)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_item_put_text(root, tag, text, &err), "%s", err.text);
}

static void put_number(struct ivx_item *root, uint32_t tag, uint16_t value)
{
    struct ivx_err err = { 0 };
    ck_assert(ivx_item_put_u16(root, tag, value, &err));
}

static void fill(struct ivx_item *root, int k)
{
    static const struct {
        uint32_t tag;
        const char *text;
    } fixed[] = {
        { 0x00080005, "ISO_IR 192" },
        { 0x00080008, "ORIGINAL\\PRIMARY\\AXIAL" },
        { 0x00080016, "1.2.840.10008.5.1.4.1.1.2" },
        { 0x00080020, "20200102" },
        { 0x00080060, "CT" },
        { 0x00080070, "Somebody" },
        { 0x0008103e, "Head" },
        { 0x00100010, "PHANTOM^ISOVOX" },
        { 0x00180050, "3" },
        { 0x00180060, "120" },
        { 0x0020000d, "2.25.1" },
        { 0x0020000e, "2.25.2" },
        { 0x00200011, "2" },
        { 0x00200012, "1" },
        { 0x00200037, "0.8\\0.6\\0\\-0.6\\0.8\\0" },
        { 0x00200052, "2.25.3" },
        { 0x00280004, "MONOCHROME2" },
        { 0x00280030, "0.8\\0.7" },
        { 0x00281050, "40" },
        { 0x00281051, "400" },
        { 0x00281052, "-1024" },
        { 0x00281053, "1" },
    };
    for (size_t n = 0; n < IVX_COUNT(fixed); n++)
        series_put(root, fixed[n].tag, fixed[n].text);
    char text[64];
    snprintf(text, sizeof text, "2.25.10%d", k);
    series_put(root, 0x00080018, text);
    snprintf(text, sizeof text, "-10\\20\\%g", 2.5 * k);
    series_put(root, 0x00200032, text);
    snprintf(text, sizeof text, "%d", k + 1);
    series_put(root, 0x00200013, text);
    put_number(root, 0x00280002, 1);
    put_number(root, 0x00280010, SERIES_ROWS);
    put_number(root, 0x00280011, SERIES_COLUMNS);
    put_number(root, 0x00280100, 16);
    put_number(root, 0x00280101, 16);
    put_number(root, 0x00280102, 15);
    put_number(root, 0x00280103, 0);
}

static void write_slice(const char *path, int k, series_edit *edit)
{
    struct ivx_err err = { 0 };
    uint16_t pixels[SERIES_ROWS * SERIES_COLUMNS];
    for (int n = 0; n < SERIES_ROWS * SERIES_COLUMNS; n++)
        pixels[n] = (uint16_t)(1024 + 10 * k + n % SERIES_COLUMNS);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = NULL;
    ck_assert(ivx_dataset_new(&dataset, &err));
    fill(ivx_dataset_root(dataset), k);
    if (edit != NULL)
        edit(ivx_dataset_root(dataset), k);
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_msg(ivx_dataset_write(dataset, pixels, IVX_COUNT(pixels), fd, &err), "%s",
                  err.text);
}

void series_make(struct series *series, series_edit *edit)
{
#define SIXTY_FOUR(a) a a a a a a a a a a a a a a a a
    static const char *const digests[] = { SIXTY_FOUR("aaaa"), SIXTY_FOUR("bbbb"),
                                           SIXTY_FOUR("cccc"), SIXTY_FOUR("dddd"),
                                           SIXTY_FOUR("eeee"), SIXTY_FOUR("ffff") };
    *series = (struct series){ .folder = "/tmp/isovox-series-XXXXXX" };
    ck_assert_ptr_nonnull(mkdtemp(series->folder));
    for (int k = 0; k < SERIES_SLICES; k++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%d.dcm", series->folder, k);
        write_slice(path, k, edit);
        struct ivx_err err = { 0 };
        enum ivx_reason reason = IVX_REASON_NONE;
        IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDONLY);
        const struct ivx_blob blob = { path, 0, (uint64_t)lseek(fd, 0, SEEK_END) };
        ck_assert_msg(ivx_instance_read(&blob, &series->instances[k], &reason, &err),
                      "%s", err.text);
        series->sha256[k] = digests[k];
    }
    struct ivx_err err = { 0 };
    const struct ivx_assemble_options options = { IVX_GAP_REFUSE, true, false };
    ck_assert(ivx_assemble((const struct ivx_instance *const *)series->instances,
                           SERIES_SLICES, &options, &series->assembly, &err));
    ck_assert_int_eq(ivx_assembly_volumes(series->assembly), 1);
    series->volume = ivx_assembly_volume(series->assembly, 0);
}

void series_remove(struct series *series)
{
    ivx_assembly_free(&series->assembly);
    for (int k = 0; k < SERIES_SLICES; k++)
        ivx_instance_free(&series->instances[k]);
    ivx_tree_remove(series->folder, NULL);
}
