#include "convert_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/file.h"

static bool join(char out[PATH_MAX], const char *folder, const char *name,
                 struct ivx_err *err)
{
    if ((size_t)snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        return ivx_fail(err, IVX_REFUSED, "the output path is too long");
    return true;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), wanted = strlen(end);
    return length > wanted && strcmp(text + length - wanted, end) == 0;
}

static bool names_a_file(const struct ivx_convert_options *options)
{
    const char *output = options->output;
    if (options->format == IVX_FORMAT_NIFTI)
        return ends_with(output, ".nii") || ends_with(output, ".nii.gz");
    return options->format == IVX_FORMAT_RAW && ends_with(output, ".raw");
}

static bool split_file(const char *output, struct ivx_place *out, struct ivx_err *err)
{
    const char *slash = strrchr(output, '/');
    const char *name = slash == NULL ? output : slash + 1;
    const int length = slash == NULL ? 0 : (int)(slash - output);
    const bool top = slash == output;
    if (snprintf(out->folder, PATH_MAX, "%.*s", length, output) >= PATH_MAX
        || !ivx_text_copy(out->file, sizeof out->file, name))
        return ivx_fail(err, IVX_REFUSED, "the output path is too long");
    if (length == 0)
        ivx_text_copy(out->folder, PATH_MAX, top ? "/" : ".");
    return true;
}

/* Results are the user's: with the user's umask, unlike ivx_directory_make(). */
static bool make_folders(const char *path, struct ivx_err *err)
{
    char so_far[PATH_MAX];
    ivx_text_copy(so_far, sizeof so_far, path);
    for (char *c = so_far + 1;; c++) {
        const char kept = *c;
        if (kept != '/' && kept != '\0')
            continue;
        *c = '\0';
        if (mkdir(so_far, 0777) == -1 && errno != EEXIST)
            return ivx_fail_errno(err, "create", so_far);
        if (kept == '\0')
            return true;
        *c = kept;
    }
}

bool ivx_place_open(const struct ivx_convert_options *options, int volumes,
                    struct ivx_place *out, struct ivx_err *err)
{
    *out = (struct ivx_place){ .used = NULL };
    if (!names_a_file(options)) {
        if (!ivx_text_copy(out->folder, sizeof out->folder, options->output))
            return ivx_fail(err, IVX_REFUSED, "the output path is too long");
    } else {
        if (volumes > 1)
            return ivx_fail(err, IVX_REFUSED,
                            "%d volumes do not fit into one file: give -o a "
                            "folder",
                            volumes);
        if (!split_file(options->output, out, err))
            return false;
    }
    return volumes == 0 || make_folders(out->folder, err);
}

void ivx_place_close(struct ivx_place *place)
{
    if (place->staging[0] != '\0')
        ivx_tree_remove(place->staging, NULL);
    place->staging[0] = '\0';
    for (size_t n = 0; n < place->used_count; n++)
        free(place->used[n]);
    free(place->used);
    place->used = NULL;
    place->used_count = 0;
}

bool ivx_place_stage(struct ivx_place *place, struct ivx_err *err)
{
    if (!join(place->staging, place->folder, ".isovox-XXXXXX", err))
        return false;
    if (mkdtemp(place->staging) == NULL) {
        place->staging[0] = '\0';
        return ivx_fail_errno(err, "create a folder in", place->folder);
    }
    /* mkdtemp() ignores the umask; this is how it is asked for. */
    const mode_t mask = umask(0);
    umask(mask);
    return chmod(place->staging, 0777 & ~mask) == 0
           || ivx_fail_errno(err, "chmod", place->staging);
}

static bool is_used(const struct ivx_place *place, const char *name)
{
    for (size_t n = 0; n < place->used_count; n++)
        if (strcmp(place->used[n], name) == 0)
            return true;
    return false;
}

static bool use(struct ivx_place *place, const char *name, struct ivx_err *err)
{
    char **grown = realloc(place->used, (place->used_count + 1) * sizeof *grown);
    if (grown != NULL)
        place->used = grown;
    char *copy = grown == NULL ? NULL : strdup(name);
    if (copy == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    place->used[place->used_count++] = copy;
    return true;
}

/* "name", or "name_2", "name_3" when an earlier volume of this run has it. */
static bool choose_name(struct ivx_place *place, const char *name, char out[NAME_MAX + 1],
                        struct ivx_err *err)
{
    ivx_text_copy(out, NAME_MAX + 1, name);
    for (int n = 2; is_used(place, out); n++)
        snprintf(out, NAME_MAX + 1, "%.200s_%d", name, n);
    return use(place, out, err);
}

/* One call instead of one fsync per file: there may be thousands. */
static bool sync_all(const char *folder, struct ivx_err *err)
{
    IVX_AUTO(ivx_fd_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return ivx_fail_errno(err, "open", folder);
    return syncfs(fd) == 0 || ivx_fail_errno(err, "sync", folder);
}

static bool is_ours(const char *folder)
{
    char manifest[PATH_MAX];
    return join(manifest, folder, "manifest.json", NULL) && access(manifest, F_OK) == 0;
}

/* The old and the new folder change places, then the old one goes: there is always one. */
static bool replace(struct ivx_place *place, const char *path, struct ivx_err *err)
{
    if (!is_ours(path))
        return ivx_fail(err, IVX_REFUSED, "%.200s exists and is no earlier result", path);
    if (renameat2(AT_FDCWD, place->staging, AT_FDCWD, path, RENAME_EXCHANGE) == -1)
        return ivx_fail_errno(err, "replace", path);
    return ivx_tree_remove(place->staging, err);
}

static bool publish_folder(struct ivx_place *place, const char *path, struct ivx_err *err)
{
    if (renameat2(AT_FDCWD, place->staging, AT_FDCWD, path, RENAME_NOREPLACE) == -1) {
        if (errno != EEXIST)
            return ivx_fail_errno(err, "rename to", path);
        if (!replace(place, path, err))
            return false;
    }
    place->staging[0] = '\0';
    return ivx_directory_sync(place->folder, err);
}

static bool move(struct ivx_place *place, const char *from, const char *to,
                 struct ivx_err *err)
{
    char old[PATH_MAX], fresh[PATH_MAX];
    if (!join(old, place->staging, from, err) || !join(fresh, place->folder, to, err))
        return false;
    if (access(old, F_OK) == -1)
        return true;
    return rename(old, fresh) == 0 || ivx_fail_errno(err, "rename to", fresh);
}

/* What goes with the file first, the file itself last: where it is, all is. */
static bool publish_file(struct ivx_place *place, struct ivx_err *err)
{
    char sidecar[NAME_MAX + 32], manifest[NAME_MAX + 32];
    snprintf(sidecar, sizeof sidecar, "%s.json", place->file);
    snprintf(manifest, sizeof manifest, "%s.manifest.json", place->file);
    return move(place, "manifest.json", manifest, err)
           && move(place, sidecar, sidecar, err)
           && move(place, place->file, place->file, err)
           && ivx_directory_sync(place->folder, err);
}

bool ivx_place_publish(struct ivx_place *place, const char *name, char path_out[PATH_MAX],
                       struct ivx_err *err)
{
    char chosen[NAME_MAX + 1];
    if (!sync_all(place->staging, err))
        return false;
    if (place->file[0] != '\0')
        return join(path_out, place->folder, place->file, err)
               && publish_file(place, err);
    return choose_name(place, name, chosen, err)
           && join(path_out, place->folder, chosen, err)
           && publish_folder(place, path_out, err);
}
