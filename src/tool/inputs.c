#include "inputs.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    if (!ivx_scan_looks_like_dicom(blob)) {
        inputs->skipped++;
        return true;
    }
    enum ivx_reason reason;
    struct ivx_err why = { 0 };
    if (ivx_instance_read(blob, &inputs->instances[inputs->count], &reason, &why)) {
        inputs->count++;
        return true;
    }
    if (reason == IVX_REASON_NONE)
        return ivx_fail(err, why.code, "%s", why.text);
    if (reason == IVX_REASON_UNSUPPORTED_MODALITY) {
        inputs->skipped++;
        return true;
    }
    return note_unusable(inputs, blob->path, reason, &why, err);
}

static bool take_file(struct ivx_inputs *inputs, const FTSENT *entry, struct ivx_err *err)
{
    if (!S_ISREG(entry->fts_statp->st_mode) || entry->fts_statp->st_size == 0) {
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

/* A DICOMDIR stands for the folder that it indexes. */
static char *what_is_meant(const char *path)
{
    char *copy = strdup(path);
    const char *slash = strrchr(path, '/');
    if (copy == NULL || strcmp(slash != NULL ? slash + 1 : path, "DICOMDIR") != 0)
        return copy;
    free(copy);
    if (slash == NULL)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
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

bool ivx_inputs_read(char *const *paths, int count, struct ivx_inputs *out,
                     struct ivx_err *err)
{
    IVX_AUTO(free_list) char **list = calloc((size_t)count + 1, sizeof *list);
    if (list == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    for (int n = 0; n < count; n++) {
        struct stat about;
        if (stat(paths[n], &about) == -1)
            return ivx_fail_errno(err, "read", paths[n]);
        list[n] = S_ISREG(about.st_mode) ? what_is_meant(paths[n]) : strdup(paths[n]);
        if (list[n] == NULL)
            return ivx_fail(err, IVX_FULL, "no memory");
    }
    return walk_all(list, out, err);
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
