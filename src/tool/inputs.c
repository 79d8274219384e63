#include "inputs.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dicomdir.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/convert/threads.h"
#include "isovox/dicom/scan.h"

static bool grow(void **array, size_t *room, size_t used, size_t each, struct ivx_err *err)
{
    if (used < *room)
        return true;
    size_t more = *room == 0 ? 256 : *room, bytes;
    void *grown = NULL;
    if (!__builtin_mul_overflow(more, 2, &more) && !__builtin_mul_overflow(more, each, &bytes))
        grown = realloc(*array, bytes);
    if (grown == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for %zu files", used);
    *array = grown;
    *room = more;
    return true;
}

static bool note_unusable(struct ivx_inputs *inputs, const char *path, enum ivx_reason reason,
                          const struct ivx_err *why, struct ivx_err *err)
{
    void *array = inputs->unusable;
    if (!grow(&array, &inputs->unusable_room, inputs->unusable_count, sizeof *inputs->unusable,
              err))
        return false;
    inputs->unusable = array;
    struct ivx_unusable *made = &inputs->unusable[inputs->unusable_count];
    *made = (struct ivx_unusable){ .path = strdup(path), .reason = reason };
    if (made->path == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    ivx_text_copy(made->text, sizeof made->text, why->text);
    inputs->unusable_count++;
    return true;
}

/* Files that wait to be read: their headers are, by several threads, a batch at a time. */
enum { BATCH = 4096 };

struct file {
    char *path; /* owned */
    uint64_t size;
    struct ivx_instance *instance; /* owned; NULL: it is none, and reason and err say why */
    enum ivx_reason reason;        /* NONE: it could not be read */
    bool dicom;                    /* it looks like it */
    struct ivx_err err;
};
struct listing {
    struct ivx_inputs *inputs;
    struct ivx_threads *threads;
    size_t count;
    struct file *file; /* BATCH */
};

static void clear_files(struct listing *listing)
{
    for (size_t n = 0; n < listing->count; n++) {
        ivx_instance_free(&listing->file[n].instance);
        free(listing->file[n].path);
    }
    listing->count = 0;
}

static void listing_clear(struct listing *listing)
{
    if (listing->file != NULL)
        clear_files(listing);
    free(listing->file);
    ivx_threads_free(&listing->threads);
}

static void read_file(void *argument, int n)
{
    struct file *file = (struct file *)argument + n;
    const struct ivx_blob blob = { file->path, 0, file->size };
    if (access(file->path, R_OK) == -1) {
        ivx_fail_errno(&file->err, "read", file->path);
        return;
    }
    if (ivx_instance_read(&blob, &file->instance, &file->reason, &file->err)
        || file->reason == IVX_REASON_NONE)
        return;
    /* Asked last, so that the files of a series are opened once. */
    file->dicom = file->reason != IVX_REASON_UNSUPPORTED_MODALITY
                  && ivx_scan_looks_like_dicom(&blob);
}

static bool collect(struct ivx_inputs *inputs, struct file *file, struct ivx_err *err)
{
    void *array = inputs->instances;
    if (!grow(&array, &inputs->room, inputs->count, sizeof(struct ivx_instance *), err))
        return false;
    inputs->instances = array;
    if (file->instance != NULL) {
        inputs->instances[inputs->count++] = IVX_STEAL(file->instance);
        return true;
    }
    if (file->reason == IVX_REASON_NONE)
        return ivx_fail(err, file->err.code, "%s", file->err.text);
    inputs->skipped += !file->dicom;
    return !file->dicom || note_unusable(inputs, file->path, file->reason, &file->err, err);
}

static bool read_files(struct listing *listing, struct ivx_err *err)
{
    const struct ivx_crew crew = ivx_threads_crew(listing->threads);
    crew.run(crew.crew, read_file, listing->file, (int)listing->count);
    for (size_t n = 0; n < listing->count; n++)
        if (!collect(listing->inputs, &listing->file[n], err))
            return false;
    clear_files(listing);
    return true;
}

static bool list_file(struct listing *listing, const char *path, const struct stat *about,
                      struct ivx_err *err)
{
    struct file *file = &listing->file[listing->count];
    *file = (struct file){ .path = strdup(path), .size = (uint64_t)about->st_size };
    if (file->path == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    listing->count++;
    return listing->count < BATCH || read_files(listing, err);
}

/* By its name, PS3.10 8.6. */
static bool is_dicomdir(const char *path, const struct stat *about)
{
    const char *slash = strrchr(path, '/');
    return S_ISREG(about->st_mode)
           && strcasecmp(slash != NULL ? slash + 1 : path, "DICOMDIR") == 0;
}

static bool take_file(struct listing *listing, const FTSENT *entry, struct ivx_err *err)
{
    if (!S_ISREG(entry->fts_statp->st_mode) || entry->fts_statp->st_size == 0
        || is_dicomdir(entry->fts_path, entry->fts_statp)) {
        listing->inputs->skipped++;
        return true;
    }
    return list_file(listing, entry->fts_path, entry->fts_statp, err);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool take_entry(struct listing *listing, const FTSENT *entry, struct ivx_err *err)
{
    switch (entry->fts_info) {
    case FTS_F:
        return take_file(listing, entry, err);
    case FTS_NS:
    case FTS_DNR:
    case FTS_ERR:
        errno = entry->fts_errno;
        return ivx_fail_errno(err, "read", entry->fts_path);
    default: /* folders, dangling links, cycles, sockets */
        return true;
    }
}

static void close_walk(FTS **walk)
{
    if (*walk != NULL)
        fts_close(*walk);
}

static void free_list(char ***list)
{
    for (char **path = *list; path != NULL && *path != NULL; path++)
        free(*path);
    free(*list);
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Not to be found is a fault of the medium, and of nothing else on it. */
static bool take_listed(struct listing *listing, const char *folder, const char *name,
                        struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) char *path = NULL;
    struct stat about;
    if (!ivx_dicomdir_find(folder, name, &path, err))
        return false;
    if (path == NULL || stat(path, &about) == -1 || !S_ISREG(about.st_mode)) {
        struct ivx_err why = { 0 };
        ivx_fail(&why, IVX_DAMAGED, "the DICOMDIR lists it, and it is not there");
        return note_unusable(listing->inputs, name, IVX_REASON_DAMAGED, &why, err);
    }
    if (about.st_size == 0) {
        listing->inputs->skipped++;
        return true;
    }
    return list_file(listing, path, &about, err);
}

/* The files that it lists, and no others. One that cannot be read, or lists nothing, is said
 * to be damaged, and *usable_out is false. */
static bool take_dicomdir(struct listing *listing, const char *path, const struct stat *about,
                          bool *usable_out, struct ivx_err *err)
{
    struct ivx_inputs *inputs = listing->inputs;
    const struct ivx_blob blob = { path, 0, (uint64_t)about->st_size };
    IVX_AUTO(ivx_dicomdir_free) struct ivx_dicomdir listed = { 0 };
    IVX_AUTO(ivx_memory_free) char *folder = folder_of(path);
    enum ivx_reason reason = IVX_REASON_NONE;
    struct ivx_err why = { 0 };
    if (folder == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    *usable_out = ivx_dicomdir_read(&blob, &listed, &reason, &why);
    if (!*usable_out && reason == IVX_REASON_NONE)
        return ivx_fail(err, why.code, "%s", why.text);
    if (!*usable_out)
        return note_unusable(inputs, path, reason, &why, err);
    for (size_t n = 0; n < listed.count; n++)
        if (!take_listed(listing, folder, listed.name[n], err))
            return false;
    if (listed.outside == 0)
        return true;
    ivx_fail(&why, IVX_DAMAGED, "%zu file IDs are none, or lead out of the folder",
             listed.outside);
    return note_unusable(inputs, path, IVX_REASON_DAMAGED, &why, err);
}

static bool walk_all(char *const *list, struct listing *listing, struct ivx_err *err)
{
    IVX_AUTO(close_walk) FTS *walk = fts_open(list, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (walk == NULL)
        return ivx_fail_errno(err, "read", list[0]);
    const FTSENT *entry;
    while ((errno = 0, entry = fts_read(walk)) != NULL)
        if (!take_entry(listing, entry, err))
            return false;
    return errno == 0 || ivx_fail_errno(err, "read", list[0]);
}

/* What is to be walked for a named path: itself, the folder of a DICOMDIR that is no use, or
 * nothing (NULL) when a DICOMDIR answered. */
static bool take_named(struct listing *listing, const char *path, char **walk_out,
                       struct ivx_err *err)
{
    struct stat about;
    *walk_out = NULL;
    if (stat(path, &about) == -1)
        return ivx_fail_errno(err, "read", path);
    const bool index = is_dicomdir(path, &about);
    bool usable = false;
    if (index && !take_dicomdir(listing, path, &about, &usable, err))
        return false;
    if (usable)
        return true;
    *walk_out = index ? folder_of(path) : strdup(path);
    return *walk_out != NULL || ivx_fail(err, IVX_FULL, "no memory");
}

static bool listing_start(struct ivx_inputs *inputs, int threads, struct listing *out,
                          struct ivx_err *err)
{
    out->inputs = inputs;
    out->file = calloc(BATCH, sizeof *out->file);
    if (out->file == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    return ivx_threads_new(threads, &out->threads, err);
}

bool ivx_inputs_read(char *const *paths, int count, int threads, struct ivx_inputs *out,
                     struct ivx_err *err)
{
    IVX_AUTO(listing_clear) struct listing listing = { .count = 0 };
    IVX_AUTO(free_list) char **list = calloc((size_t)count + 1, sizeof *list);
    int used = 0;
    if (list == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    if (!listing_start(out, threads, &listing, err))
        return false;
    for (int n = 0; n < count; n++) {
        if (!take_named(&listing, paths[n], &list[used], err))
            return false;
        used += list[used] != NULL;
    }
    return (used == 0 || walk_all(list, &listing, err)) && read_files(&listing, err);
}

void ivx_inputs_free(struct ivx_inputs *inputs)
{
    for (size_t n = 0; n < inputs->count; n++)
        ivx_instance_free(&inputs->instances[n]);
    for (size_t n = 0; n < inputs->unusable_count; n++)
        free(inputs->unusable[n].path);
    free(inputs->instances);
    free(inputs->unusable);
    *inputs = (struct ivx_inputs){ 0 };
}
