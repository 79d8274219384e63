#include "shield.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "describe.h"
#include "isovox/base/auto.h"
#include "isovox/sys/file.h"
#include "isovox/sys/stop.h"

/* LOOK_MS: how late a request to stop may be seen that arrives between two waits. */
enum { LOOK_MS = 200, MOST_REPLY = 1 << 30 };

/* Stands behind the task's reply: who reads it to the end knows how the task ended. */
struct verdict {
    bool good;
    struct ivx_err err;
};

static _Noreturn void run_child(ivx_shielded_fn *task, const void *context, int fd)
{
    struct verdict verdict = { 0 };
    IVX_AUTO(ivx_text_free) struct ivx_text reply = { 0 };
    verdict.good = task(context, &reply, &verdict.err);
    ivx_text_add_bytes(&reply, &verdict, sizeof verdict);
    const bool told = !reply.failed && ivx_fd_write(fd, reply.data, reply.used, "reply", NULL);
    fflush(stderr);
    _exit(told ? 0 : 1);
}

/* Until the child has closed its end. */
static void collect(int fd, pid_t child, struct ivx_text *out)
{
    static const size_t most = MOST_REPLY;
    char chunk[1 << 14];
    bool told = false;
    for (;;) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        const int count = poll(&ready, 1, LOOK_MS);
        if (ivx_stop_wanted() && !told)
            told = kill(child, SIGTERM) == 0;
        if (count <= 0)
            continue;
        const ssize_t length = read(fd, chunk, sizeof chunk);
        if (length == 0 || (length == -1 && errno != EINTR))
            return;
        if (length > 0)
            ivx_text_add_bytes(out, chunk, (size_t)length);
        if (out->used > most) /* no task of ours says so much */
            kill(child, SIGKILL);
    }
}

static bool tell_end(int status, struct ivx_err *err)
{
    if (!WIFSIGNALED(status))
        return ivx_fail(err, IVX_DAMAGED, "what read the images ended with status %d",
                        WEXITSTATUS(status));
    const int number = WTERMSIG(status);
    return ivx_fail(err, IVX_DAMAGED, "what read the images was ended by signal %d (%s): %s",
                    number, strsignal(number),
                    number == SIGKILL ? "memory was short, or somebody did it"
                                      : "a decoder failed over a damaged image");
}

static bool read_verdict(struct ivx_text *reply, int status, struct ivx_err *err)
{
    struct verdict verdict;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || reply->used < sizeof verdict)
        return tell_end(status, err);
    if (reply->failed)
        return ivx_fail(err, IVX_FULL, "no memory for what was made");
    reply->used -= sizeof verdict;
    memcpy(&verdict, reply->data + reply->used, sizeof verdict);
    if (!verdict.good)
        return ivx_fail(err, verdict.err.code, "%.239s", verdict.err.text);
    return true;
}

bool ivx_shield(ivx_shielded_fn *task, const void *context, struct ivx_text *reply_out,
                struct ivx_err *err)
{
    int ends[2], status = 0;
    const pid_t parent = getpid();
    if (pipe(ends) == -1)
        return ivx_fail_errno(err, "open", "a pipe");
    fflush(NULL); /* or both processes print what is waiting */
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        ivx_stop_with_parent(parent);
        run_child(task, context, ends[1]);
    }
    close(ends[1]);
    if (child == -1) {
        close(ends[0]);
        return ivx_fail_errno(err, "start", "a process");
    }
    collect(ends[0], child, reply_out);
    close(ends[0]);
    while (waitpid(child, &status, 0) == -1 && errno == EINTR)
        ;
    return read_verdict(reply_out, status, err);
}

/* What comes back of a conversion, before its two texts. Pointers into the program and into
 * what was there before the fork mean the same in both processes. */
struct converted {
    enum ivx_reason reason;
    struct ivx_conversion_result result;
    size_t manifest, stages; /* bytes, terminator included */
};

static bool convert(const void *context, struct ivx_text *reply, struct ivx_err *err)
{
    struct ivx_conversion conversion = *(const struct ivx_conversion *)context;
    struct converted made = { .reason = IVX_REASON_NONE };
    IVX_AUTO(ivx_conversion_result_free) struct ivx_conversion_result result = { .files = 0 };
    conversion.reason_out = &made.reason;
    if (!ivx_conversion_run(&conversion, &result, err)) {
        ivx_text_add_bytes(reply, &made, sizeof made);
        return false;
    }
    made.result = result;
    made.manifest = strlen(result.manifest_json) + 1;
    made.stages = strlen(result.stages_json) + 1;
    ivx_text_add_bytes(reply, &made, sizeof made);
    ivx_text_add_bytes(reply, result.manifest_json, made.manifest);
    ivx_text_add_bytes(reply, result.stages_json, made.stages);
    return true;
}

/* The next text of a reply, in memory of its own. */
static bool take_text(const struct ivx_text *reply, size_t at, size_t length, char **out,
                      struct ivx_err *err)
{
    if (at > reply->used || length > reply->used - at)
        return ivx_fail(err, IVX_BUG, "the reply of a conversion is incomplete");
    *out = strndup(reply->data + at, length);
    return *out != NULL || ivx_fail(err, IVX_FULL, "no memory for a manifest");
}

bool ivx_shield_convert(const struct ivx_conversion *conversion,
                        struct ivx_conversion_result *out, struct ivx_err *err)
{
    struct converted made;
    IVX_AUTO(ivx_text_free) struct ivx_text reply = { 0 };
    const bool good = ivx_shield(convert, conversion, &reply, err);
    if (reply.used >= sizeof made) {
        memcpy(&made, reply.data, sizeof made);
        if (conversion->reason_out != NULL)
            *conversion->reason_out = made.reason;
    }
    if (!good)
        return false;
    IVX_AUTO(ivx_conversion_result_free) struct ivx_conversion_result result = made.result;
    result.manifest_json = result.stages_json = NULL;
    if (!take_text(&reply, sizeof made, made.manifest, &result.manifest_json, err)
        || !take_text(&reply, sizeof made + made.manifest, made.stages, &result.stages_json, err))
        return false;
    *out = result;
    result.manifest_json = result.stages_json = NULL;
    return true;
}

static bool measure(const void *context, struct ivx_text *reply, struct ivx_err *err)
{
    struct ivx_reader_report report;
    if (!ivx_describe_measure(context, &report, err))
        return false;
    ivx_text_add_bytes(reply, &report, sizeof report);
    return true;
}

bool ivx_shield_measure(const struct ivx_source_volume *volume, struct ivx_reader_report *out,
                        struct ivx_err *err)
{
    IVX_AUTO(ivx_text_free) struct ivx_text reply = { 0 };
    if (!ivx_shield(measure, volume, &reply, err))
        return false;
    if (reply.used != sizeof *out)
        return ivx_fail(err, IVX_BUG, "the reply of a measurement is incomplete");
    memcpy(out, reply.data, sizeof *out);
    return true;
}
