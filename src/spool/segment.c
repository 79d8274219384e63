#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"

enum { SMALLEST_SEGMENT = 1 << 20 };

void ivx_segment_close(struct ivx_segment *segment)
{
    ivx_fd_close(&segment->fd);
}

static void name_of(uint64_t number, const char *suffix, char out[24])
{
    snprintf(out, 24, "%016" PRIx64 ".%s", number, suffix);
}

/* The spool never takes the last of a disk: one that is full must not stop the catalogue,
 * the results and the deliveries that would empty it. */
static const uint64_t most_reserved = UINT64_C(256) << 20;

static bool disk_has(int fd, uint64_t bytes)
{
    struct statvfs disk;
    if (fstatvfs(fd, &disk) == -1)
        return true;
    const uint64_t twentieth = (uint64_t)disk.f_blocks * disk.f_frsize / 20;
    const uint64_t reserved = twentieth < most_reserved ? twentieth : most_reserved;
    return (uint64_t)disk.f_bavail * disk.f_frsize >= bytes + reserved;
}

int ivx_segment_allocate(struct ivx_segment *segment, uint64_t from, uint64_t bytes)
{
    if (!disk_has(segment->fd, bytes))
        return ENOSPC;
    return fallocate(segment->fd, 0, (off_t)from, (off_t)bytes) == 0 ? 0 : errno;
}

/* Reserves [0, bytes), or less when the disk has less; file systems without preallocation
 * get zeros written by posix_fallocate(). */
static bool reserve(struct ivx_segment *segment, uint64_t bytes, struct ivx_err *err)
{
    for (;; bytes /= 4) {
        int failed = ivx_segment_allocate(segment, 0, bytes);
        if (failed == EOPNOTSUPP)
            failed = posix_fallocate(segment->fd, 0, (off_t)bytes);
        if (failed == 0) {
            segment->size = bytes;
            return true;
        }
        errno = failed;
        if (failed != ENOSPC || bytes / 4 < SMALLEST_SEGMENT)
            return ivx_fail_errno(err, "allocate", segment->name);
        if (ftruncate(segment->fd, 0) == -1) /* what was got of it goes back */
            return ivx_fail_errno(err, "truncate", segment->name);
    }
}

static bool write_pages(struct ivx_segment *segment, struct ivx_err *err)
{
    uint8_t pages[IVX_FIRST_SLOT];
    struct ivx_page *page = &segment->page;
    if (getrandom(page->key, sizeof page->key, 0) != sizeof page->key)
        return ivx_fail_errno(err, "getrandom for", segment->name);
    for (size_t at = 0; at < sizeof pages; at += IVX_SLOT_ALIGN)
        ivx_page_encode(page, pages + at);
    return ivx_fd_pwrite(segment->fd, pages, sizeof pages, 0, segment->name, err);
}

/* The order is the guarantee: contents, then name, then directory. link() rather than
 * rename(): it never replaces a segment that another process has just made. */
static bool publish(struct ivx_spool *spool, struct ivx_segment *segment,
                    const char *draft, bool *published_out, struct ivx_err *err)
{
    if (!reserve(segment, spool->segment_bytes, err) || !write_pages(segment, err)
        || !ivx_fd_sync(segment->fd, segment->name, err))
        return false;
    if (linkat(spool->directory, draft, spool->directory, segment->name, 0) == -1) {
        /* Another process was quicker, or a sweep, between the draft's making and its lock. */
        if (errno == EEXIST || errno == ENOENT)
            return true;
        return ivx_fail_errno(err, "link", segment->name);
    }
    *published_out = true;
    return ivx_fd_sync(spool->directory, "spool", err);
}

static bool create_as(struct ivx_spool *spool, uint64_t number, struct ivx_segment *out,
                      bool *made_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_segment_close)
    struct ivx_segment made = { .fd = -1, .number = number, .page.number = number };
    memcpy(made.page.boot, spool->boot, IVX_BOOT_SIZE);
    char draft[24];
    name_of(number, "seg", made.name);
    name_of(number, "new", draft);
    made.fd =
        openat(spool->directory, draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made.fd == -1)
        return errno == EEXIST || ivx_fail_errno(err, "create", draft);
    if (flock(made.fd, LOCK_EX | LOCK_NB) == -1)
        return true; /* a sweep of abandoned drafts was quicker */

    bool published = false;
    const bool ok = publish(spool, &made, draft, &published, err);
    unlinkat(spool->directory, draft, 0);
    if (!ok)
        return false;
    if (published) {
        *out = made;
        made.fd = -1;
        *made_out = true;
    }
    return true;
}

/* Numbers are never used twice, even after their segment is reclaimed: a mark that is
 * left over in the catalogue must not hide records. Hence the clock, not only a count. */
bool ivx_segment_create(struct ivx_spool *spool, struct ivx_segment *out,
                        struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    if (!ivx_spool_segments(spool, &numbers, &count, err))
        return false;

    uint64_t number = (uint64_t)ivx_clock_wall_us();
    if (count > 0 && numbers[count - 1] >= number)
        number = numbers[count - 1] + 1;
    for (int attempt = 0; attempt < 1000; attempt++, number++) {
        bool made = false;
        if (!create_as(spool, number, out, &made, err))
            return false;
        if (made)
            return true;
    }
    return ivx_fail(err, IVX_RETRY, "spool: no free segment number");
}

/* As ivx_fd_pread(), but the end of the file is no error. */
static bool read_some(const struct ivx_segment *segment, uint8_t *bytes, size_t length,
                      uint64_t offset, size_t *read_out, struct ivx_err *err)
{
    size_t used = 0;
    while (used < length) {
        const ssize_t done =
            pread(segment->fd, bytes + used, length - used, (off_t)(offset + used));
        if (done == -1 && errno == EINTR)
            continue;
        if (done == -1)
            return ivx_fail_errno(err, "read", segment->name);
        if (done == 0)
            break;
        used += (size_t)done;
    }
    *read_out = used;
    return true;
}

/* Either page will do: without the key every record of the segment is lost. */
bool ivx_segment_read_pages(struct ivx_segment *segment, struct ivx_err *err)
{
    struct ivx_err first = { 0 };
    for (uint64_t at = 0; at < IVX_FIRST_SLOT; at += IVX_SLOT_ALIGN) {
        uint8_t page[IVX_SLOT_ALIGN];
        size_t got = 0;
        struct ivx_err why = { 0 };
        if (!read_some(segment, page, sizeof page, at, &got, &why) && first.code == IVX_OK)
            first = why;
        if (got == sizeof page && ivx_page_decode(page, &segment->page)
            && segment->page.number == segment->number)
            return true;
    }
    if (first.code != IVX_OK)
        return ivx_fail(err, first.code, "%s", first.text);
    return ivx_fail(err, IVX_DAMAGED, "%s: its first pages are damaged", segment->name);
}

bool ivx_segment_open(struct ivx_spool *spool, uint64_t number, struct ivx_segment *out,
                      struct ivx_err *err)
{
    IVX_AUTO(ivx_segment_close)
    struct ivx_segment opened = { .fd = -1, .number = number };
    struct stat status;
    name_of(number, "seg", opened.name);
    opened.fd = openat(spool->directory, opened.name, O_RDONLY | O_CLOEXEC);
    if (opened.fd == -1)
        return ivx_fail_errno(err, "open", opened.name);
    if (fstat(opened.fd, &status) == -1)
        return ivx_fail_errno(err, "stat", opened.name);
    opened.size = (uint64_t)status.st_size;
    opened.sealed = (status.st_mode & S_IWUSR) == 0;
    if (!ivx_segment_read_pages(&opened, err))
        return false;
    *out = opened;
    opened.fd = -1;
    return true;
}

bool ivx_segment_slot(const struct ivx_segment *segment, uint64_t slot,
                      struct ivx_record *out, enum ivx_slot_state *state_out,
                      struct ivx_err *err)
{
    uint8_t header[IVX_HEADER_SIZE];
    size_t got = 0;
    if (!read_some(segment, header, sizeof header, slot, &got, err))
        return false;
    if (got < sizeof header) {
        *state_out = IVX_SLOT_EMPTY;
        return true;
    }
    *state_out = ivx_header_decode(header, slot, segment->page.key, out);
    if (*state_out == IVX_SLOT_RECORD)
        out->segment = segment->number;
    return true;
}

/* The first slot at or after `slot` that may hold data: what was preallocated and never
 * written is skipped. */
static uint64_t next_data(const struct ivx_segment *segment, uint64_t slot)
{
    const off_t data = lseek(segment->fd, (off_t)slot, SEEK_DATA);
    if (data == -1)
        return errno == ENXIO ? segment->size : slot;
    return (uint64_t)data / IVX_SLOT_ALIGN * IVX_SLOT_ALIGN;
}

bool ivx_segment_search(const struct ivx_segment *segment, uint64_t *slot,
                        bool *found_out, struct ivx_err *err)
{
    *found_out = false;
    for (uint64_t at = next_data(segment, *slot); at < segment->size;
         at = next_data(segment, at + IVX_SLOT_ALIGN)) {
        struct ivx_record record;
        enum ivx_slot_state state;
        if (!ivx_segment_slot(segment, at, &record, &state, err))
            return false;
        if (state == IVX_SLOT_RECORD) {
            *found_out = true;
            *slot = at;
            return true;
        }
    }
    return true;
}

bool ivx_segment_verify(const struct ivx_segment *segment,
                        const struct ivx_record *record, bool *good_out,
                        struct ivx_err *err)
{
    enum { BLOCK = 1 << 18 };
    IVX_AUTO(ivx_hash_free) struct ivx_hash *hash = NULL;
    IVX_AUTO(ivx_memory_free) uint8_t *block = malloc(BLOCK);
    if (block == NULL)
        return ivx_fail(err, IVX_FULL, "spool: no memory");
    if (!ivx_hash_new(&hash, err))
        return false;

    *good_out = false;
    size_t got = 0;
    for (uint64_t at = 0; at < record->length; at += got) {
        const uint64_t left = record->length - at;
        const size_t wanted = left < BLOCK ? (size_t)left : BLOCK;
        if (!read_some(segment, block, wanted, record->offset + at, &got, err))
            return false;
        if (got < wanted)
            return true;
        ivx_hash_add(hash, block, got);
    }
    uint8_t digest[IVX_SHA256_SIZE], end[IVX_END_SIZE], wanted_end[IVX_END_SIZE];
    ivx_hash_finish(hash, digest);
    if (!read_some(segment, end, sizeof end, record->offset + record->length, &got, err))
        return false;
    ivx_end_encode(record, record->offset - IVX_HEADER_SIZE, segment->page.key,
                   wanted_end);
    *good_out = got == sizeof end && memcmp(end, wanted_end, sizeof end) == 0
                && memcmp(digest, record->sha256, sizeof digest) == 0;
    return true;
}

void ivx_segment_seal(struct ivx_segment *segment, uint64_t end)
{
    if (ftruncate(segment->fd, (off_t)end) == -1)
        ivx_log(IVX_WARNING, "spool.truncate", "segment=%s errno=%d", segment->name,
                errno);
    if (fchmod(segment->fd, 0400) == -1)
        ivx_log(IVX_WARNING, "spool.seal", "segment=%s errno=%d", segment->name, errno);
}

void ivx_segment_seal_data(struct ivx_segment *segment)
{
    off_t end = 0;
    for (off_t at = 0; (at = lseek(segment->fd, end, SEEK_DATA)) != -1;) {
        end = lseek(segment->fd, at, SEEK_HOLE);
        if (end == -1)
            break;
    }
    const bool known = end > 0 && errno == ENXIO;
    ivx_segment_seal(segment, known ? (uint64_t)end : segment->size);
}

void ivx_segment_report(struct ivx_spool *spool, uint64_t number, uint64_t slot)
{
    for (unsigned n = 0; n < IVX_SPOOL_REPORTED && n < spool->reported_count; n++)
        if (spool->reported[n].segment == number && spool->reported[n].offset == slot)
            return;
    spool->reported[spool->reported_count++ % IVX_SPOOL_REPORTED] =
        (struct ivx_spool_mark){ number, slot };
    ivx_log(IVX_ERROR, "spool.damaged", "segment=%016" PRIx64 " offset=%" PRIu64, number,
            slot);
}
