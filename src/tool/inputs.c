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

static bool read_one(struct ivx_inputs *inputs, const struct ivx_blob *blob,
                     struct ivx_err *err)
{
    void *array = inputs->instances;
    if (!grow(&array, &inputs->room, inputs->count, sizeof(struct ivx_instance *), err))
        return false;
    inputs->instances = array;
    if (access(blob->path, R_OK) == -1)
        return ivx_fail_errno(err, "read", blob->path);
    enum ivx_reason reason;
    struct ivx_err why = { 0 };
    if (ivx_instance_read(blob, &inputs->instances[inputs->count], &reason, &why)) {
        inputs->count++;
        return true;
    }
    if (reason == IVX_REASON_NONE)
        return ivx_fail(err, why.code, "%s", why.text);
    /* Asked last, so that the files of a series are opened once. */
    if (reason == IVX_REASON_UNSUPPORTED_MODALITY || !ivx_scan_looks_like_dicom(blob)) {
        inputs->skipped++;
        return true;
    }
    return note_unusable(inputs, blob->path, reason, &why, err);
}

/* By its name, PS3.10 8.6. */
static bool is_dicomdir(const char *path, const struct stat *about)
{
    const char *slash = strrchr(path, '/');
    return S_ISREG(about->st_mode)
           && strcasecmp(slash != NULL ? slash + 1 : path, "DICOMDIR") == 0;
}

static bool take_file(struct ivx_inputs *inputs, const FTSENT *entry, struct ivx_err *err)
{
    if (!S_ISREG(entry->fts_statp->st_mode) || entry->fts_statp->st_size == 0
        || is_dicomdir(entry->fts_path, entry->fts_statp)) {
        inputs->skipped++;
        return true;
    }
    const struct ivx_blob blob = { entry->fts_path, 0, (uint64_t)entry->fts_statp->st_size };
    return read_one(inputs, &blob, err);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool take_entry(struct ivx_inputs *inputs, const FTSENT *entry, struct ivx_err *err)
{
    switch (entry->fts_info) {
    case FTS_F:
        return take_file(inputs, entry, err);
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
static bool take_listed(struct ivx_inputs *inputs, const char *folder, const char *name,
                        struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) char *path = NULL;
    struct stat about;
    if (!ivx_dicomdir_find(folder, name, &path, err))
        return false;
    if (path == NULL || stat(path, &about) == -1 || !S_ISREG(about.st_mode)) {
        struct ivx_err why = { 0 };
        ivx_fail(&why, IVX_DAMAGED, "the DICOMDIR lists it, and it is not there");
        return note_unusable(inputs, name, IVX_REASON_DAMAGED, &why, err);
    }
    if (about.st_size == 0) {
        inputs->skipped++;
        return true;
    }
    const struct ivx_blob blob = { path, 0, (uint64_t)about.st_size };
    return read_one(inputs, &blob, err);
}

/* The files that it lists, and no others. One that cannot be read, or lists nothing, is said
 * to be damaged, and *usable_out is false. */
static bool take_dicomdir(struct ivx_inputs *inputs, const char *path, const struct stat *about,
                          bool *usable_out, struct ivx_err *err)
{
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
        if (!take_listed(inputs, folder, listed.name[n], err))
            return false;
    if (listed.outside == 0)
        return true;
    ivx_fail(&why, IVX_DAMAGED, "%zu file IDs are none, or lead out of the folder",
             listed.outside);
    return note_unusable(inputs, path, IVX_REASON_DAMAGED, &why, err);
}

static bool walk_all(char *const *list, struct ivx_inputs *out, struct ivx_err *err)
{
    IVX_AUTO(close_walk) FTS *walk = fts_open(list, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (walk == NULL)
        return ivx_fail_errno(err, "read", list[0]);
    const FTSENT *entry;
    while ((errno = 0, entry = fts_read(walk)) != NULL)
        if (!take_entry(out, entry, err))
            return false;
    return errno == 0 || ivx_fail_errno(err, "read", list[0]);
}

/* What is to be walked for a named path: itself, the folder of a DICOMDIR that is no use, or
 * nothing (NULL) when a DICOMDIR answered. */
static bool take_named(struct ivx_inputs *inputs, const char *path, char **walk_out,
                       struct ivx_err *err)
{
    struct stat about;
    *walk_out = NULL;
    if (stat(path, &about) == -1)
        return ivx_fail_errno(err, "read", path);
    const bool index = is_dicomdir(path, &about);
    bool usable = false;
    if (index && !take_dicomdir(inputs, path, &about, &usable, err))
        return false;
    if (usable)
        return true;
    *walk_out = index ? folder_of(path) : strdup(path);
    return *walk_out != NULL || ivx_fail(err, IVX_FULL, "no memory");
}

bool ivx_inputs_read(char *const *paths, int count, struct ivx_inputs *out,
                     struct ivx_err *err)
{
    IVX_AUTO(free_list) char **list = calloc((size_t)count + 1, sizeof *list);
    int used = 0;
    if (list == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    for (int n = 0; n < count; n++) {
        if (!take_named(out, paths[n], &list[used], err))
            return false;
        used += list[used] != NULL;
    }
    return used == 0 || walk_all(list, out, err);
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
