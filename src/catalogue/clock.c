/* The clock that rows are written by: the steady one, and by how much the wall clock is ahead of
 * it. When the wall clock is set, what waits moves with it, in the transaction that notices. */
#include "db.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"

/* Less than LEAST_US is left to the next look; less than SET_US is what time services do all the
 * time. */
enum { LEAST_US = 200 * 1000, SET_US = 1000 * 1000, BOOT_ROOM = 37 };

/* One row. set_us: when the wall clock was seen to be set last; late_us: by how much it was set
 * forward, which is how long ivx_catalogue_over_us() waits for what was over before that. */
struct clock_row {
    char boot[BOOT_ROOM];
    int64_t offset_us, set_us, late_us;
};

/* What is due, and what counts from a moment, ?1: by how much the wall clock was set. Leases are
 * the steady clock's. When a job was decided is in its result: that stays. */
static const char *const moves[] = {
    "UPDATE job SET next_us = next_us + ?1 WHERE state IN (0, 1, 3)",
    "UPDATE delivery AS d SET next_us = next_us + ?1, created_us = created_us + ?1"
    " WHERE " IVX_DELIVERY_OPEN,
    "UPDATE commitment SET next_us = next_us + ?1,"
    " judged_us = iif(judged_us = 0, 0, judged_us + ?1) WHERE state IN (0, 1)",
    "UPDATE breaker SET next_us = iif(next_us = 0, 0, next_us + ?1), since_us = since_us + ?1",
    "UPDATE inquiry SET next_us = next_us + ?1 WHERE next_us > 0",
    "UPDATE unread SET next_us = next_us + ?1",
    "UPDATE series SET promised_us = promised_us + ?1 WHERE promised_us > 0",
    "UPDATE series SET due_us = max(due_us + ?1, 1), limit_us = limit_us + ?1"
    " WHERE due_us > 0 AND " IVX_SERIES_OPEN,
};

/* After a boot nobody lives that had a lease, and the time since is what the wall clock says, if
 * it says a later one at all: ?1 now. What waits is tried at once. */
static const char *const boots[] = {
    "UPDATE job SET lease_us = 0, next_us = min(next_us, ?1) WHERE state IN (0, 1, 3)",
    "UPDATE delivery AS d SET lease_us = 0, next_us = min(next_us, ?1),"
    " created_us = min(created_us, ?1) WHERE " IVX_DELIVERY_OPEN,
    ("UPDATE commitment SET held_us = 0, next_us = min(next_us, ?1),"
     " judged_us = min(judged_us, ?1) WHERE state IN (0, 1)"),
    "UPDATE breaker SET next_us = min(next_us, ?1)",
    "UPDATE inquiry SET next_us = min(next_us, ?1) WHERE next_us > 0",
    "UPDATE unread SET next_us = min(next_us, ?1)",
};
_Static_assert(IVX_JOB_QUEUED == 0 && IVX_JOB_RUNNING == 1 && IVX_JOB_FAILED == 3
                   && IVX_COMMITMENT_REQUESTED == 0 && IVX_COMMITMENT_JUDGED == 1,
               "the scripts have them as numbers");

static void read_clock(sqlite3_stmt *statement, void *row)
{
    struct clock_row *out = row;
    COLUMN(statement, 0, out->boot);
    out->offset_us = NUMBER(statement, 1);
    out->set_us = NUMBER(statement, 2);
    out->late_us = NUMBER(statement, 3);
}

static bool load(struct ivx_catalogue *catalogue, struct clock_row *out, struct ivx_err *err)
{
    if (!ivx_db_one(catalogue, "SELECT boot, offset_us, set_us, late_us FROM clock", NO_ARGS,
                    read_clock, out, err))
        return false;
    catalogue->offset_us = out->offset_us;
    return true;
}

static bool save(struct ivx_catalogue *catalogue, const struct clock_row *row,
                 struct ivx_err *err)
{
    catalogue->offset_us = row->offset_us;
    return ivx_db_run(catalogue,
                      "UPDATE clock SET boot = ?1, offset_us = ?2, set_us = ?3, late_us = ?4",
                      ARGS(T(row->boot), I(row->offset_us), I(row->set_us), I(row->late_us)),
                      err);
}

/* "": this process may not know; it is the one that the row says. Where nobody may, a boot looks
 * like a clock that was set forward. */
static void find_boot(char out[BOOT_ROOM])
{
    char text[BOOT_ROOM] = "";
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd == -1 ? -1 : read(fd, text, BOOT_ROOM - 1);
    if (fd != -1)
        close(fd);
    if (length > 0)
        text[length] = '\0';
    ivx_text_copy(out, BOOT_ROOM, text);
}

/* The wall clock minus the steady one, read together: who is not interrupted takes no time. */
static int64_t find_offset(void)
{
    int64_t wall = 0, before = 0, after = 0;
    for (int n = 0; n < 100; n++) {
        before = ivx_clock_steady_us();
        wall = ivx_clock_wall_us();
        after = ivx_clock_steady_us();
        if (after - before < 1000)
            break;
    }
    return wall - after;
}

static bool is_set(int64_t by_us)
{
    return by_us >= SET_US || by_us <= -SET_US;
}

static bool move(struct ivx_catalogue *catalogue, struct clock_row *row, int64_t by_us,
                 struct ivx_err *err)
{
    row->offset_us += by_us;
    if (is_set(by_us)) {
        row->set_us = ivx_clock_steady_us() + row->offset_us;
        row->late_us = row->late_us + by_us > 0 ? row->late_us + by_us : 0;
    } else if (row->set_us != 0) {
        row->set_us += by_us;
    }
    return ivx_db_run_all(catalogue, moves, IVX_COUNT(moves), by_us, err)
           && save(catalogue, row, err);
}

static bool begin_boot(struct ivx_catalogue *catalogue, struct clock_row *row, const char *boot,
                       int64_t offset_us, struct ivx_err *err)
{
    const int64_t now = ivx_clock_steady_us() + offset_us;
    ivx_text_copy(row->boot, sizeof row->boot, boot[0] == '\0' ? "?" : boot);
    row->offset_us = offset_us;
    row->set_us = row->set_us < now ? row->set_us : now;
    return ivx_db_run_all(catalogue, boots, IVX_COUNT(boots), now, err)
           && save(catalogue, row, err);
}

static bool is_same(const struct clock_row *row, const char *boot)
{
    return row->boot[0] != '\0' && (boot[0] == '\0' || strcmp(row->boot, boot) == 0);
}

static bool is_right(const struct clock_row *row, const char *boot, int64_t offset_us)
{
    const int64_t by_us = offset_us - row->offset_us;
    return is_same(row, boot) && by_us < LEAST_US && by_us > -LEAST_US;
}

/* Whoever comes second finds it done. */
static bool put_right(struct ivx_catalogue *catalogue, const char *boot, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    struct clock_row row = { 0 };
    if (!ivx_db_work_begin(&work, catalogue, err) || !load(catalogue, &row, err))
        return false;
    const int64_t offset_us = find_offset();
    if (is_right(&row, boot, offset_us))
        return true;
    const bool same = is_same(&row, boot);
    const int64_t by_us = offset_us - row.offset_us;
    if (!(same ? move(catalogue, &row, by_us, err)
               : begin_boot(catalogue, &row, boot, offset_us, err))
        || !ivx_db_work_commit(&work, err))
        return false;
    if (same && is_set(by_us))
        ivx_log(IVX_WARNING, "clock.set", "seconds=%.1f", (double)by_us / 1e6);
    return true;
}

bool ivx_catalogue_look_at_clock(struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    char boot[BOOT_ROOM];
    struct clock_row row = { 0 };
    find_boot(boot);
    return load(catalogue, &row, err)
           && (is_right(&row, boot, find_offset()) || put_right(catalogue, boot, err));
}

bool ivx_clock_load(struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    struct clock_row row = { 0 };
    return !catalogue->has_clock || load(catalogue, &row, err);
}

int64_t ivx_now_us(const struct ivx_catalogue *catalogue)
{
    return ivx_clock_steady_us() + catalogue->offset_us;
}

int64_t ivx_lease_us(int seconds)
{
    return ivx_clock_steady_us() + seconds * INT64_C(1000000);
}

int64_t ivx_catalogue_now_us(struct ivx_catalogue *catalogue)
{
    struct clock_row row = { 0 };
    struct ivx_err err = { 0 };
    load(catalogue, &row, &err); /* what cannot be read now was right a moment ago */
    return ivx_now_us(catalogue);
}

bool ivx_catalogue_clock_set_us(struct ivx_catalogue *catalogue, int64_t *steady_us_out,
                                struct ivx_err *err)
{
    struct clock_row row = { 0 };
    if (!load(catalogue, &row, err))
        return false;
    *steady_us_out = row.set_us == 0 ? INT64_MIN : row.set_us - row.offset_us;
    return true;
}

bool ivx_catalogue_over_us(struct ivx_catalogue *catalogue, int64_t keep_us, int64_t *out,
                           struct ivx_err *err)
{
    struct clock_row row = { 0 };
    if (!load(catalogue, &row, err))
        return false;
    const int64_t now = ivx_now_us(catalogue);
    *out = now - (now - row.set_us < keep_us ? row.late_us : 0) - keep_us;
    return true;
}
