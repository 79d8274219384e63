#include "isovox/outbox/outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"

enum { PATH_ROOM = 4096, KEY_MOST = 200 };

struct ivx_outbox {
    char root[PATH_ROOM]; /* state_dir/outbox */
    int held; /* the stage made last, locked while it may be written to; -1 */
};

/* Keys are ours, but a path is never built from an unchecked text. */
static bool key_is_sound(const char *key)
{
    const size_t length = strlen(key);
    return length > 0 && length <= KEY_MOST && key[0] != '.'
           && strspn(key,
                     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
                  == length;
}

static bool check_key(const char *key, struct ivx_err *err)
{
    return key_is_sound(key) || ivx_fail(err, IVX_BUG, "outbox: unsound key");
}

/* The root leaves room for all that is appended: ivx_outbox_open() has checked it. */
static void stage_path(const struct ivx_outbox *outbox, const char *key, int64_t epoch,
                       char out[PATH_ROOM])
{
    const int length = snprintf(out, PATH_ROOM, "%.3800s/staging/%.200s.e%lld",
                                outbox->root, key, (long long)epoch);
    if (length < 0 || length >= PATH_ROOM)
        abort();
}

void ivx_outbox_path(const struct ivx_outbox *outbox, const char *key, char *path_out)
{
    const int length =
        snprintf(path_out, PATH_ROOM, "%.3800s/ready/%.200s", outbox->root, key);
    if (length < 0 || length >= PATH_ROOM)
        abort();
}

bool ivx_outbox_open(const char *state_dir, struct ivx_outbox **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_outbox_free) struct ivx_outbox *made = calloc(1, sizeof *made);
    char path[PATH_ROOM];
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "outbox: no memory");
    made->held = -1;
    if (strlen(state_dir) > 3700)
        return ivx_fail(err, IVX_REFUSED, "outbox: the path of state_dir is too long");
    snprintf(made->root, sizeof made->root, "%s/outbox", state_dir);
    snprintf(path, sizeof path, "%.3800s/staging", made->root);
    if (!ivx_directory_make(path, err))
        return false;
    snprintf(path, sizeof path, "%.3800s/ready", made->root);
    if (!ivx_directory_make(path, err))
        return false;
    *out = IVX_STEAL(made);
    return true;
}

void ivx_outbox_free(struct ivx_outbox **outbox)
{
    if (*outbox != NULL)
        ivx_fd_close(&(*outbox)->held);
    free(*outbox);
    *outbox = NULL;
}

/* The lock goes with the process: times of files, which a clock that is set makes wrong, are
 * no sign of life. */
static bool hold(struct ivx_outbox *outbox, const char *path, struct ivx_err *err)
{
    ivx_fd_close(&outbox->held);
    outbox->held = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (outbox->held == -1)
        return ivx_fail_errno(err, "open", path);
    return flock(outbox->held, LOCK_EX | LOCK_NB) == 0 || ivx_fail_errno(err, "lock", path);
}

static bool is_held(int directory, const char *name)
{
    IVX_AUTO(ivx_fd_close)
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd != -1 && flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK;
}

bool ivx_outbox_stage(struct ivx_outbox *outbox, const char *key, int64_t epoch,
                      char *path_out, struct ivx_err *err)
{
    if (!check_key(key, err))
        return false;
    stage_path(outbox, key, epoch, path_out);
    if (!ivx_tree_remove(path_out, err))
        return false;
    if (mkdir(path_out, 0700) == -1)
        return ivx_fail_errno(err, "mkdir", path_out);
    return hold(outbox, path_out, err);
}

static void close_directory(DIR **directory)
{
    if (*directory != NULL)
        closedir(*directory);
    *directory = NULL;
}

/* What is done to each file of a staging directory. */
typedef bool each_file(int fd, const char *name, struct ivx_err *err);

/* A hint that lets the disk work on all files while the first is waited for. */
static bool start_writing(int fd, const char *name, struct ivx_err *err)
{
    (void)name;
    (void)err;
    sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return true;
}

static bool visit_file(int directory, const char *name, each_file *act,
                       struct ivx_err *err)
{
    struct stat status;
    IVX_AUTO(ivx_fd_close)
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd == -1)
        return ivx_fail_errno(err, "open", name);
    if (fstat(fd, &status) == -1)
        return ivx_fail_errno(err, "stat", name);
    if (!S_ISREG(status.st_mode))
        return ivx_fail(err, IVX_BUG, "outbox: %s is no file", name);
    return act(fd, name, err);
}

static bool visit_files(const char *path, each_file *act, int *count_out,
                        struct ivx_err *err)
{
    IVX_AUTO(close_directory) DIR *directory = opendir(path);
    if (directory == NULL)
        return ivx_fail_errno(err, "open", path);
    *count_out = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL)
            return errno == 0 || ivx_fail_errno(err, "read", path);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!visit_file(dirfd(directory), entry->d_name, act, err))
            return false;
        ++*count_out;
    }
}

/* Renames onto a published result fail: it is not empty. */
static bool give_name(const char *staged, const char *ready, bool *was_there_out,
                      struct ivx_err *err)
{
    *was_there_out = false;
    if (rename(staged, ready) == 0)
        return true;
    *was_there_out = errno == ENOTEMPTY || errno == EEXIST;
    return *was_there_out || ivx_fail_errno(err, "rename", ready);
}

static bool sync_ready(const struct ivx_outbox *outbox, struct ivx_err *err)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%.3800s/ready", outbox->root);
    return ivx_directory_sync(path, err);
}

bool ivx_outbox_publish(struct ivx_outbox *outbox, const char *key, int64_t epoch,
                        struct ivx_err *err)
{
    char staged[PATH_ROOM], ready[PATH_ROOM];
    bool was_there = false;
    int files = 0;
    if (!check_key(key, err))
        return false;
    stage_path(outbox, key, epoch, staged);
    ivx_outbox_path(outbox, key, ready);

    /* The order is the guarantee: contents, their names, the result's name, its
     * directory. The last also when the result was there: whoever published it may have
     * died before. */
    if (!visit_files(staged, start_writing, &files, err))
        return false;
    if (files == 0)
        return ivx_fail(err, IVX_BUG, "outbox: nothing to publish");
    if (!visit_files(staged, ivx_fd_sync, &files, err) || !ivx_directory_sync(staged, err)
        || !give_name(staged, ready, &was_there, err) || !sync_ready(outbox, err))
        return false;
    if (was_there)
        ivx_outbox_drop_stage(outbox, key, epoch);
    return true;
}

/* What cannot be removed now is swept later. */
static void remove_tree(const char *path)
{
    struct ivx_err err = { 0 };
    if (!ivx_tree_remove(path, &err))
        ivx_log(IVX_WARNING, "outbox.remove", "reason=\"%s\"", err.text);
}

void ivx_outbox_drop_stage(struct ivx_outbox *outbox, const char *key, int64_t epoch)
{
    char path[PATH_ROOM];
    if (!key_is_sound(key))
        return;
    stage_path(outbox, key, epoch, path);
    remove_tree(path);
}

/* Moved away first: whoever looks into ready/ finds all of a result, or nothing. Synced, so
 * that no power cut brings it back when nothing leads to it any more. */
bool ivx_outbox_remove(struct ivx_outbox *outbox, const char *key, struct ivx_err *err)
{
    char ready[PATH_ROOM], gone[PATH_ROOM];
    if (!check_key(key, err))
        return false;
    ivx_outbox_path(outbox, key, ready);
    stage_path(outbox, key, -1, gone);
    if (!ivx_tree_remove(gone, err))
        return false;
    if (rename(ready, gone) == -1 && errno != ENOENT)
        return ivx_fail_errno(err, "rename", ready);
    return sync_ready(outbox, err) && ivx_tree_remove(gone, err);
}

void ivx_outbox_sweep(struct ivx_outbox *outbox, int seconds)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%.3800s/staging", outbox->root);
    IVX_AUTO(close_directory) DIR *directory = opendir(path);
    const int64_t oldest_s = ivx_clock_wall_us() / 1000000 - seconds;
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0
            || fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW)
                   == -1
            || status.st_mtim.tv_sec >= oldest_s || is_held(dirfd(directory), entry->d_name))
            continue;
        snprintf(path, sizeof path, "%.3800s/staging/%.255s", outbox->root,
                 entry->d_name);
        ivx_log(IVX_INFO, "outbox.sweep", "stage=%s", entry->d_name);
        remove_tree(path);
    }
}
