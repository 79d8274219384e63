/* rig.h - a catalogue in a fresh directory, a clock that the test moves, short hands. */
#ifndef IVX_TEST_CATALOGUE_RIG_H
#define IVX_TEST_CATALOGUE_RIG_H

#include <check.h>
#include <stdint.h>

#include "isovox/base/auto.h"
#include "isovox/catalogue/catalogue.h"

extern char state_dir[64];
extern struct ivx_catalogue *cat;
extern uint64_t rig_segment; /* where what arrives lies; 1 at first */
/* What ivx_clock_steady_us() says, and by how much ivx_clock_wall_us() is ahead of it. */
extern int64_t now_us, set_us;

extern bool rig_forgets; /* rows that totals go on counting; false at first */

void rig_start(void);
void rig_end(void);
void rig_reopen(void); /* as another process would find it */
void rig_sql(const char *sql); /* behind the catalogue's back */

/* A call that must succeed. */
#define OK(call)                                                                         \
    do {                                                                                 \
        struct ivx_err err = { 0 };                                                      \
        ck_assert_msg((call), "%s: %s", #call, err.text);                                \
    } while (0)
/* A call that must fail with this code. */
#define FAILS(wanted, call)                                                              \
    do {                                                                                 \
        struct ivx_err err = { 0 };                                                      \
        ck_assert_msg(!(call), "%s: should fail", #call);                                \
        ck_assert_msg(err.code == (wanted), "%s: %s", ivx_code_text(err.code),           \
                      err.text);                                                         \
    } while (0)

/* Indexes one record of series "S<series>", UID "<series>.<n>", content "c<content>", at
 * its own place in segment 1; received at `at_us` through `association`. */
enum ivx_arrival_fate rig_arrive(int series, int n, int content, const char *association,
                                 int64_t at_us);
void rig_ended(const char *association, bool released);
/* n instances of series `series` through association "A", released. Returns its id. */
int64_t rig_series(int series, int n);
struct ivx_series_row rig_series_row(int64_t id);
enum ivx_series_state rig_state(int64_t id);
struct ivx_job_row rig_job(int64_t id);
struct ivx_delivery_row rig_delivery(int64_t id);
int64_t rig_only_job(int64_t series_id);   /* newest */
int64_t rig_only_delivery(int64_t job_id); /* newest */

/* Decides series `id` as PLANNED with one job per key (NULL ends), each to `destination`
 * (NULL: none), over all its instances. */
bool rig_decide(int64_t id, const char *const *keys, const char *destination,
                struct ivx_err *err);
extern int rig_priority; /* of the jobs that are decided; IVX_PRIORITY_ROUTINE at first */
void rig_plan(int64_t id, const char *key, const char *destination);
/* Claims, finishes with `outputs` instances; returns the job's id. */
int64_t rig_convert(int outputs);
bool rig_finish(int64_t job, int64_t epoch, int outputs, struct ivx_err *err);
/* Answers items first..last of a claimed delivery with `status`. */
bool rig_answer(const struct ivx_delivery_row *row, int64_t first, int64_t last,
                int status, struct ivx_err *err);

#endif
