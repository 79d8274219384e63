/* Procedure steps that modalities perform (MPPS). */
#include "db.h"

#include "isovox/catalogue/performed.h"

/* What one sender may list in all its steps. */
static bool has_room(struct ivx_catalogue *catalogue, int64_t step_id, size_t count,
                     struct ivx_err *err)
{
    int64_t listed = 0;
    if (!ivx_db_number(catalogue,
                       "SELECT count(*) FROM (SELECT 1 FROM step_image WHERE step_id IN"
                       " (SELECT id FROM step WHERE calling_ae ="
                       " (SELECT calling_ae FROM step WHERE id = ?1)) LIMIT ?2)",
                       ARGS(I(step_id), I(IVX_STEP_IMAGES_MOST)), &listed, NULL, err))
        return false;
    return listed + (int64_t)count <= IVX_STEP_IMAGES_MOST
           || ivx_fail(err, IVX_FULL, "the steps of this sender list %d images",
                       IVX_STEP_IMAGES_MOST);
}

static bool add_images(struct ivx_catalogue *catalogue, int64_t step_id,
                       const struct ivx_step_image *images, size_t count,
                       struct ivx_err *err)
{
    if (count > 0 && !has_room(catalogue, step_id, count, err))
        return false;
    for (size_t n = 0; n < count; n++)
        if (!ivx_db_run(catalogue,
                        "INSERT INTO step_image (step_id, series_uid, sop_uid)"
                        " VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                        ARGS(I(step_id), T(images[n].series_uid), T(images[n].sop_uid)),
                        err))
            return false;
    return true;
}

/* The series that it lists are to be looked at again. */
static bool touch(struct ivx_catalogue *catalogue, int64_t step_id, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "UPDATE series SET " IVX_SERIES_TOUCH " WHERE " IVX_SERIES_OPEN
                      " AND series_uid IN (SELECT series_uid FROM step_image"
                      " WHERE step_id = ?1)",
                      ARGS(I(step_id)), err);
}

bool ivx_catalogue_step_create(struct ivx_catalogue *catalogue, const char *sop_uid,
                               const char *calling_ae, const struct ivx_step_image *images,
                               size_t count, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int64_t known = 0, of_sender = 0;
    bool found = false;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_number(catalogue, "SELECT id FROM step WHERE sop_uid = ?1",
                          ARGS(T(sop_uid)), &known, &found, err)
        || !ivx_db_number(catalogue, "SELECT count(*) FROM step WHERE calling_ae = ?1",
                          ARGS(T(calling_ae)), &of_sender, NULL, err))
        return false;
    if (found)
        return ivx_fail(err, IVX_STALE, "the procedure step is known already");
    if (of_sender >= IVX_STEPS_MOST)
        return ivx_fail(err, IVX_FULL, "%d procedure steps of this sender", IVX_STEPS_MOST);
    if (!ivx_db_run(catalogue,
                    "INSERT INTO step (sop_uid, calling_ae, state, changed_us)"
                    " VALUES (?1, ?2, ?3, ?4)",
                    ARGS(T(sop_uid), T(calling_ae), I(IVX_STEP_OPEN),
                         I(ivx_now_us(catalogue))),
                    err))
        return false;
    const int64_t id = sqlite3_last_insert_rowid(catalogue->db);
    return add_images(catalogue, id, images, count, err) && touch(catalogue, id, err)
           && ivx_db_work_commit(&work, err);
}

struct step {
    int64_t id;
    enum ivx_step_state state;
};

static void read_step(sqlite3_stmt *statement, void *row)
{
    struct step *out = row;
    out->id = NUMBER(statement, 0);
    out->state = (enum ivx_step_state)NUMBER(statement, 1);
}

/* PS3.4 F.7.2.2.2: what is COMPLETED or DISCONTINUED stays so. */
bool ivx_catalogue_step_set(struct ivx_catalogue *catalogue, const char *sop_uid,
                            enum ivx_step_state state, bool lists,
                            const struct ivx_step_image *images, size_t count,
                            struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    struct step step;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_one(catalogue, "SELECT id, state FROM step WHERE sop_uid = ?1",
                       ARGS(T(sop_uid)), read_step, &step, err))
        return false;
    if (step.state != IVX_STEP_OPEN)
        return ivx_fail(err, IVX_REFUSED, "the procedure step may no longer be updated");
    if (lists
        && !(touch(catalogue, step.id, err)
             && ivx_db_run(catalogue, "DELETE FROM step_image WHERE step_id = ?1",
                        ARGS(I(step.id)), err)
             && add_images(catalogue, step.id, images, count, err)))
        return false;
    return ivx_db_run(catalogue, "UPDATE step SET state = ?2, changed_us = ?3 WHERE id = ?1",
                      ARGS(I(step.id), I(state), I(ivx_now_us(catalogue))), err)
           && touch(catalogue, step.id, err) && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_steps_forget(struct ivx_catalogue *catalogue, int64_t before_us,
                                struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "DELETE FROM step_image WHERE step_id IN"
                         " (SELECT id FROM step WHERE changed_us < ?1)",
                         ARGS(I(before_us)), err)
           && ivx_db_run(catalogue, "DELETE FROM step WHERE changed_us < ?1",
                         ARGS(I(before_us)), err)
           && ivx_db_work_commit(&work, err);
}
