#include "trying.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"

enum { MAGIC = 0x69767831 };

struct note {
    uint64_t magic, what, a, b, deaths;
};
/* On disk: the note at hand, then the suspect. The suspect is what the last process that
 * died was at; it stays until it has been read well, because the records before it are
 * read again first. */
struct ivx_trying {
    int fd;
    struct note now, suspect;
};

static bool same(const struct note *a, const struct note *b)
{
    return a->what == b->what && a->a == b->a && a->b == b->b;
}

/* A note that cannot be written costs the protection, not the work. */
static void leave(const struct ivx_trying *trying, const struct note *note, off_t place)
{
    if (pwrite(trying->fd, note, sizeof *note, place) == -1)
        return;
}

static void read_note(int fd, off_t place, struct note *out)
{
    if (pread(fd, out, sizeof *out, place) != (ssize_t)sizeof *out || out->magic != MAGIC)
        *out = (struct note){ .magic = MAGIC };
}

static void find_suspect(struct ivx_trying *trying)
{
    read_note(trying->fd, 0, &trying->now);
    read_note(trying->fd, sizeof trying->now, &trying->suspect);
    if (trying->now.what == IVX_TRYING_NOTHING)
        return;

    if (!same(&trying->now, &trying->suspect)) {
        trying->suspect = trying->now;
        trying->suspect.deaths = 0;
    }
    trying->suspect.deaths++;
    leave(trying, &trying->suspect, sizeof trying->now);
    trying->now = (struct note){ .magic = MAGIC };
    leave(trying, &trying->now, 0);
}

bool ivx_trying_open(const char *state_dir, struct ivx_trying **out, struct ivx_err *err)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/run/plan.trying", state_dir);
    if (length < 0 || length >= (int)sizeof path)
        return ivx_fail(err, IVX_REFUSED, "state_dir is too long");
    IVX_AUTO(ivx_trying_free) struct ivx_trying *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory");
    made->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (made->fd == -1)
        return ivx_fail_errno(err, "open", path);

    find_suspect(made);
    *out = IVX_STEAL(made);
    return true;
}

void ivx_trying_free(struct ivx_trying **trying)
{
    if (*trying == NULL)
        return;
    ivx_fd_close(&(*trying)->fd);
    free(*trying);
    *trying = NULL;
}

bool ivx_trying_begin(struct ivx_trying *trying, enum ivx_trying_what what, uint64_t a,
                      uint64_t b)
{
    trying->now = (struct note){ .magic = MAGIC, .what = what, .a = a, .b = b };
    if (same(&trying->now, &trying->suspect) && trying->suspect.deaths >= 2) {
        trying->now.what = IVX_TRYING_NOTHING;
        return false;
    }
    leave(trying, &trying->now, 0);
    return true;
}

void ivx_trying_end(struct ivx_trying *trying)
{
    if (same(&trying->now, &trying->suspect)) {
        trying->suspect = (struct note){ .magic = MAGIC };
        leave(trying, &trying->suspect, sizeof trying->now);
    }
    trying->now = (struct note){ .magic = MAGIC };
    leave(trying, &trying->now, 0);
}
