/* Leases that end before their time: given back by their owner, or ended by the process
 * that the supervisor has started in its place. */
#include "db.h"

bool ivx_catalogue_job_release(struct ivx_catalogue *catalogue, int64_t job_id,
                               int64_t epoch, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int changed = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_change(catalogue,
                          "UPDATE job SET state = ?4, attempts = attempts - 1,"
                          " lease_us = 0, next_us = ?5"
                          " WHERE id = ?1 AND epoch = ?2 AND state = ?3",
                          ARGS(I(job_id), I(epoch), I(IVX_JOB_RUNNING), I(IVX_JOB_QUEUED),
                               I(ivx_now_us(catalogue))),
                          &changed, err))
        return false;
    if (changed == 0)
        return ivx_fail(err, IVX_STALE, "job %lld is not ours any more",
                        (long long)job_id);
    return ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_release_owner(struct ivx_catalogue *catalogue,
                                 const char *owner_prefix, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "UPDATE job SET lease_us = 0 WHERE state = ?2"
                         " AND substr(owner, 1, length(?1)) = ?1",
                         ARGS(T(owner_prefix), I(IVX_JOB_RUNNING)), err)
           && ivx_db_run(catalogue,
                         "UPDATE delivery SET lease_us = 0 WHERE state = ?2"
                         " AND substr(owner, 1, length(?1)) = ?1",
                         ARGS(T(owner_prefix), I(IVX_DELIVERY_SENDING)), err)
           && ivx_db_work_commit(&work, err);
}
