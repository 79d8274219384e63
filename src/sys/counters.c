#include "isovox/sys/counters.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"

/* Of each row: what follows the numbers is its owner. A file of ours is far smaller. */
enum { FILE_MOST = 1 << 20 };

enum { SHOW_US = 1000000 };

struct row {
    char owner[IVX_COUNTER_ROOM];
    _Atomic uint64_t value[IVX_COUNTER_MOST];
};

/* Anonymous memory: a page of a file that cannot be written would end the process. */
struct shared {
    atomic_size_t rows; /* those that are complete */
    struct row row[IVX_COUNTER_OWNERS];
};

struct ivx_counters {
    struct shared *shared;
    size_t count;
    char *written; /* the last text */
    int64_t shown_us; /* steady clock */
};

bool ivx_counters_new(size_t count, struct ivx_counters **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_counters_free) struct ivx_counters *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for counters");
    made->shared = mmap(NULL, sizeof *made->shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made->shared == MAP_FAILED) {
        made->shared = NULL;
        return ivx_fail(err, IVX_FULL, "no memory for counters");
    }
    made->count = count < IVX_COUNTER_MOST ? count : IVX_COUNTER_MOST;
    ivx_counters_declare(made, "other");
    *out = IVX_STEAL(made);
    return true;
}

void ivx_counters_free(struct ivx_counters **counters)
{
    if (*counters == NULL)
        return;
    if ((*counters)->shared != NULL)
        munmap((*counters)->shared, sizeof *(*counters)->shared);
    free((*counters)->written);
    free(*counters);
    *counters = NULL;
}

/* False: it is not there. */
static bool find(const struct ivx_counters *counters, const char *owner, size_t *out)
{
    const size_t rows = atomic_load(&counters->shared->rows);
    for (size_t n = 0; n < rows; n++) {
        if (strcmp(counters->shared->row[n].owner, owner) == 0) {
            *out = n;
            return true;
        }
    }
    return false;
}

void ivx_counters_declare(struct ivx_counters *counters, const char *owner)
{
    struct shared *shared = counters->shared;
    const size_t rows = atomic_load(&shared->rows);
    char name[IVX_COUNTER_ROOM];
    size_t there;
    ivx_text_copy(name, sizeof name, owner);
    for (char *at = name; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == '"' || *at == '\\')
            *at = '?'; /* a name ends its line, and is quoted where it is shown */
    if (rows == IVX_COUNTER_OWNERS || find(counters, name, &there))
        return;
    ivx_text_copy(shared->row[rows].owner, sizeof shared->row[rows].owner, name);
    atomic_store(&shared->rows, rows + 1);
}

size_t ivx_counters_find(const struct ivx_counters *counters, const char *owner)
{
    size_t found = 0;
    return owner != NULL && find(counters, owner, &found) ? found : 0;
}

void ivx_counters_add(struct ivx_counters *counters, size_t owner, size_t number, uint64_t n)
{
    atomic_fetch_add(&counters->shared->row[owner].value[number], n);
}

/* ---- for others ---------------------------------------------------------------------- */

static bool path_of(const char *state_dir, const char *role, const char *ending,
                    char out[4096], struct ivx_err *err)
{
    const int length = snprintf(out, 4096, "%s/run/%s.counters%s", state_dir, role, ending);
    return (length > 0 && length < 4096)
           || ivx_fail(err, IVX_REFUSED, "state_dir is too long");
}

static void put_rows(const struct ivx_counters *counters, struct ivx_text *to)
{
    const struct shared *shared = counters->shared;
    const size_t rows = atomic_load(&shared->rows);
    ivx_text_add(to, "isovox-counters %zu\n", counters->count);
    for (size_t n = 0; n < rows; n++) {
        for (size_t k = 0; k < counters->count; k++)
            ivx_text_add(to, "%" PRIu64 " ", atomic_load(&shared->row[n].value[k]));
        ivx_text_add(to, "%s\n", shared->row[n].owner);
    }
}

/* Whole or not at all, and not durable. */
static bool replace(const char *state_dir, const char *role, const struct ivx_text *text,
                    struct ivx_err *err)
{
    char folder[4096], path[4096], draft[4096];
    if (!path_of(state_dir, role, "", path, err)
        || !path_of(state_dir, role, ".tmp", draft, err))
        return false;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (access(folder, F_OK) == -1 && !ivx_directory_make(folder, err))
        return false;
    IVX_AUTO(ivx_fd_close)
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1)
        return ivx_fail_errno(err, "open", draft);
    if (!ivx_fd_write(fd, text->data, text->used, draft, err))
        return false;
    return rename(draft, path) == 0 || ivx_fail_errno(err, "rename", draft);
}

bool ivx_counters_write(struct ivx_counters *counters, const char *state_dir, const char *role,
                        struct ivx_err *err)
{
    IVX_AUTO(ivx_text_free) struct ivx_text text = { 0 };
    put_rows(counters, &text);
    if (text.failed)
        return ivx_fail(err, IVX_FULL, "no memory for counters");
    if (counters->written != NULL && strcmp(counters->written, text.data) == 0)
        return true;
    if (!replace(state_dir, role, &text, err))
        return false;
    free(counters->written);
    counters->written = IVX_STEAL(text.data);
    return true;
}

void ivx_counters_show(struct ivx_counters *counters, const char *state_dir, const char *role)
{
    struct ivx_err err = { 0 };
    const int64_t now = ivx_clock_steady_us();
    if (now - counters->shown_us < SHOW_US)
        return;
    counters->shown_us = now;
    if (!ivx_counters_write(counters, state_dir, role, &err))
        ivx_log(IVX_DEBUG, "counters.kept", "text=\"%s\"", err.text);
}

/* "1 2 3 CT1": false when it is no such line. */
static bool read_row(char *line, size_t count, struct ivx_counter_row *out)
{
    *out = (struct ivx_counter_row){ 0 };
    for (size_t n = 0; n < count; n++) {
        long long value;
        char *end = strchr(line, ' ');
        if (end == NULL)
            return false;
        *end = '\0';
        if (!ivx_text_to_int64(line, &value) || value < 0)
            return false;
        out->value[n] = (uint64_t)value;
        line = end + 1;
    }
    return line[0] != '\0' && ivx_text_copy(out->owner, sizeof out->owner, line);
}

bool ivx_counters_read(const char *state_dir, const char *role, size_t count,
                       struct ivx_counter_row **rows_out, size_t *row_count_out,
                       struct ivx_err *err)
{
    char path[4096], head[48];
    IVX_AUTO(ivx_memory_free) char *text = NULL;
    IVX_AUTO(ivx_memory_free)
    struct ivx_counter_row *rows = calloc(IVX_COUNTER_OWNERS, sizeof *rows);
    size_t length = 0, used = 0;
    if (rows == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for counters");
    if (!path_of(state_dir, role, "", path, err))
        return false;
    if (access(path, F_OK) == -1)
        return ivx_fail(err, IVX_ABSENT, "%s has counted nothing yet", role);
    if (!ivx_file_read(path, FILE_MOST, &text, &length, err))
        return false;
    snprintf(head, sizeof head, "isovox-counters %zu\n", count);
    if (count > IVX_COUNTER_MOST || strncmp(text, head, strlen(head)) != 0)
        return ivx_fail(err, IVX_ABSENT, "%s counts other numbers", role);

    for (char *line = text + strlen(head), *end; (end = strchr(line, '\n')) != NULL;
         line = end + 1) {
        *end = '\0';
        if (used == IVX_COUNTER_OWNERS || !read_row(line, count, &rows[used++]))
            return ivx_fail(err, IVX_ABSENT, "%s is no list of counters", path);
    }
    *rows_out = IVX_STEAL(rows);
    *row_count_out = used;
    return true;
}
