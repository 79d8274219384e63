/* The convert role's parts against a real spool, catalogue and outbox. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "part10.h"
#include "worker.h"

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/convert/conversion.h"
#include "isovox/dicom/dicom.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/hash.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"

enum { SLICES = 6 };

static char root[64];
static struct ivx_config config;
static struct ivx_worker worker;

static void journal_slice(struct ivx_spool_writer *writer, int k, const char *image_type)
{
    struct ivx_err err = { 0 };
    char uid[32];
    unsigned char bytes[PART10_ROOM];
    snprintf(uid, sizeof uid, "2.25.2%03d", k);
    const struct slice slice = { .sop_uid = uid, .series_uid = "2.25.7", .z = 2.0 * k,
                                 .number = k + 1, .value = (short)(100 * k),
                                 .image_type = image_type };
    const size_t length = part10_make(&slice, bytes);
    struct ivx_record record = { .kind = IVX_RECORD_INSTANCE, .calling_ae = "CT1",
                                 .sop_class = "1.2.840.10008.5.1.4.1.1.2",
                                 .syntax = "1.2.840.10008.1.2.1", .association = "a" };
    ivx_text_copy(record.sop_uid, sizeof record.sop_uid, uid);
    ck_assert_msg(ivx_spool_begin(writer, &record, &err)
                      && ivx_spool_append(writer, bytes, length, &err)
                      && ivx_spool_commit(writer, &record, &err),
                  "%s", err.text);

    char digest[IVX_SHA256_HEX];
    enum ivx_arrival_fate fate;
    ivx_text_hex(record.sha256, sizeof record.sha256, digest);
    const struct ivx_arrival arrival = {
        .sop_uid = uid, .sop_class = record.sop_class, .syntax = record.syntax,
        .series_uid = "2.25.7", .study_uid = "2.25.1000", .modality = "CT",
        .calling_ae = "CT1", .peer = "127.0.0.1", .association = "a", .sha256_hex = digest,
        .received_us = 1, .segment = record.segment, .offset = record.offset,
        .length = record.length,
    };
    ck_assert_msg(ivx_catalogue_index_arrival(worker.catalogue, &arrival, &fate, &err), "%s",
                  err.text);
}

static void make_job(void)
{
    struct ivx_err err = { 0 };
    struct ivx_recipe_settings recipe;
    IVX_AUTO(ivx_memory_free) char *json = NULL;
    IVX_AUTO(ivx_memory_free) struct ivx_instance_row *rows = NULL;
    size_t count = 0;
    ivx_recipe_default(&recipe);
    ck_assert(ivx_recipe_json(&recipe, &json, &err));
    ck_assert(ivx_catalogue_series_instances(worker.catalogue, 1, &rows, &count, &err));
    int64_t ids[SLICES];
    for (size_t n = 0; n < count; n++)
        ids[n] = rows[n].id;
    const char *const destination = "pacs";
    const struct ivx_new_job job = { .key = "job-1", .recipe_name = "iso-1mm",
                                     .recipe_json = json, .route = "ct", .volume_text = "v",
                                     .instance_ids = ids, .instance_count = count,
                                     .destinations = &destination, .destination_count = 1 };
    const struct ivx_decision decision = { .series_id = 1, .seen_instances = SLICES,
                                           .state = IVX_SERIES_PLANNED, .code = "",
                                           .note = "", .warnings_json = "[]", .jobs = &job,
                                           .job_count = 1 };
    ck_assert_msg(ivx_catalogue_decide(worker.catalogue, &decision, &err), "%s", err.text);
}

static void make_series(const char *image_type)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = NULL;
    ck_assert(ivx_spool_writer_new(worker.spool, &writer, &err));
    ck_assert(ivx_catalogue_index_begin(worker.catalogue, &err));
    for (int k = 0; k < SLICES; k++)
        journal_slice(writer, k, image_type);
    ck_assert_msg(ivx_catalogue_index_end(worker.catalogue, &err), "%s", err.text);
    make_job();
}

static void setup(void)
{
    struct ivx_err err = { 0 };
    snprintf(root, sizeof root, "/tmp/isovox_role_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    config = (struct ivx_config){ .state_dir = root };
    config.convert.threads = 1;
    config.convert.max_memory = 256;
    config.convert.lease = 60;
    config.convert.attempts = 3;
    worker = (struct ivx_worker){ .config = &config, .owner = "convert.0:1" };
    ck_assert_msg(ivx_spool_open(root, &worker.spool, &err)
                      && ivx_outbox_open(root, &worker.outbox, &err)
                      && ivx_catalogue_open(root, &worker.catalogue, &err),
                  "%s", err.text);
}

static void teardown(void)
{
    struct ivx_err err = { 0 };
    ivx_outbox_free(&worker.outbox);
    ivx_spool_free(&worker.spool);
    ivx_catalogue_free(&worker.catalogue);
    ck_assert(ivx_tree_remove(root, &err));
}

static struct ivx_lease claim(const char *owner, struct ivx_claim *out)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_catalogue_claim(worker.catalogue, owner, 60, 3, out, &err), "%s",
                  err.text);
    return (struct ivx_lease){ .catalogue = worker.catalogue, .job_id = out->job_id,
                               .epoch = out->epoch, .seconds = 60 };
}

static enum ivx_job_state job_state(void)
{
    struct ivx_err err = { 0 };
    struct ivx_job_row row;
    ck_assert(ivx_catalogue_get_job(worker.catalogue, 1, &row, &err));
    return row.state;
}

static size_t pending(struct ivx_delivery_item **out)
{
    struct ivx_err err = { 0 };
    struct ivx_delivery_row delivery;
    size_t count = 0;
    ck_assert_msg(ivx_catalogue_delivery_claim(worker.catalogue, "pacs", "d", 60, &delivery,
                                               &err),
                  "%s", err.text);
    ck_assert(ivx_catalogue_delivery_pending(worker.catalogue, delivery.id, out, &count,
                                             &err));
    return count;
}

static void run(struct ivx_claim *claimed, struct ivx_lease *lease)
{
    struct ivx_err err = { 0 };
    char code[32];
    ck_assert_msg(ivx_worker_run(&worker, claimed, lease, code, &err), "%s", err.text);
}

/* 6 slices, 2 mm apart: 12 mm deep, so 12 results of 1 mm. */
START_TEST(a_job_becomes_a_published_result_and_a_delivery)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim claimed = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_delivery_item *items = NULL;
    char path[4096], first[4200];
    make_series(NULL);
    struct ivx_lease lease = claim(worker.owner, &claimed);

    run(&claimed, &lease);

    ck_assert_int_eq(job_state(), IVX_JOB_DONE);
    ck_assert_uint_eq(pending(&items), 12);
    ck_assert_str_eq(items[0].file, "000001.dcm");
    ck_assert_str_eq(items[11].file, "000012.dcm");
    ivx_outbox_path(worker.outbox, "job-1", path);
    snprintf(first, sizeof first, "%s/%s", path, items[0].file);
    ck_assert_int_eq(access(first, R_OK), 0);
}
END_TEST

/* A's lease has run out, and B has taken the job, before A could say that it is done. */
START_TEST(who_was_thought_dead_finishes_nothing)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim a = { 0 }, b = { 0 };
    struct ivx_err err = { 0 }, stale = { 0 };
    char code[32];
    make_series(NULL);
    struct ivx_lease lease_a = claim("convert.0:1", &a);
    ck_assert(ivx_catalogue_release_owner(worker.catalogue, "convert.0:", &err));
    struct ivx_lease lease_b = claim("convert.0:2", &b);

    ck_assert(!ivx_worker_run(&worker, &a, &lease_a, code, &stale));

    ck_assert_int_eq(stale.code, IVX_STALE);
    ck_assert_int_eq(job_state(), IVX_JOB_RUNNING);
    run(&b, &lease_b);
    ck_assert_int_eq(job_state(), IVX_JOB_DONE);
}
END_TEST

/* Published by an attempt that was killed before its record. */
START_TEST(a_result_that_lies_there_is_recorded_and_not_made_again)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim a = { 0 }, b = { 0 };
    IVX_AUTO(ivx_memory_free) char *stages = NULL;
    IVX_AUTO(ivx_memory_free) struct ivx_delivery_item *items = NULL;
    struct ivx_err err = { 0 }, stale = { 0 };
    char code[32], path[4096];
    make_series(NULL);
    struct ivx_lease lease_a = claim("convert.0:1", &a);
    a.epoch--; /* whatever it says now is too late; its files are in the outbox */
    ck_assert(!ivx_worker_run(&worker, &a, &lease_a, code, &stale));
    ck_assert_int_eq(stale.code, IVX_STALE);
    ivx_outbox_path(worker.outbox, "job-1", path);
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert(ivx_catalogue_release_owner(worker.catalogue, "convert.0:", &err));
    struct ivx_lease lease_b = claim("convert.0:2", &b);

    run(&b, &lease_b);

    ck_assert_int_eq(job_state(), IVX_JOB_DONE);
    ck_assert_uint_eq(pending(&items), 12);
    ck_assert(ivx_catalogue_job_stages(worker.catalogue, 1, &stages, &err));
    ck_assert_str_eq(stages, "{}"); /* nothing was converted in this attempt */
}
END_TEST

START_TEST(a_published_result_that_the_disk_has_spoilt_is_made_again)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim a = { 0 }, b = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_delivery_item *items = NULL;
    struct ivx_err err = { 0 }, stale = { 0 };
    char code[32], path[4096], first[4200];
    make_series(NULL);
    struct ivx_lease lease_a = claim("convert.0:1", &a);
    a.epoch--;
    ck_assert(!ivx_worker_run(&worker, &a, &lease_a, code, &stale));
    ivx_outbox_path(worker.outbox, "job-1", path);
    snprintf(first, sizeof first, "%s/000003.dcm", path);
    ck_assert_int_eq(truncate(first, 200), 0);
    ck_assert(ivx_catalogue_release_owner(worker.catalogue, "convert.0:", &err));
    struct ivx_lease lease_b = claim("convert.0:2", &b);

    run(&b, &lease_b);

    ck_assert_int_eq(job_state(), IVX_JOB_DONE);
    ck_assert_uint_eq(pending(&items), 12);
}
END_TEST

START_TEST(a_series_that_is_no_volume_fails_with_its_reason)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim claimed = { 0 };
    struct ivx_err err = { 0 };
    char code[32];
    make_series("ORIGINAL\\PRIMARY\\LOCALIZER");
    struct ivx_lease lease = claim(worker.owner, &claimed);

    ck_assert(!ivx_worker_run(&worker, &claimed, &lease, code, &err));

    ck_assert_int_eq(err.code, IVX_REFUSED);
    ck_assert_str_eq(code, "LOCALIZER");
}
END_TEST

START_TEST(a_lease_that_another_took_stops_the_work)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim a = { 0 }, b = { 0 };
    struct ivx_err err = { 0 }, lost = { 0 };
    char code[32];
    make_series(NULL);
    struct ivx_lease lease_a = claim("convert.0:1", &a); /* beats at once */
    ck_assert(ivx_lease_hold(&lease_a, &err));
    ck_assert(ivx_catalogue_release_owner(worker.catalogue, "convert.0:", &err));
    claim("convert.0:2", &b);
    lease_a.next_beat_us = 0;

    ck_assert(!ivx_worker_run(&worker, &a, &lease_a, code, &lost));

    ck_assert_int_eq(lost.code, IVX_STALE);
    ck_assert(lease_a.lost);
    char path[4096];
    ivx_outbox_path(worker.outbox, "job-1", path);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_stop_ends_the_work_after_its_grace)
{
    struct ivx_err err = { 0 }, stopped = { 0 };
    IVX_AUTO(ivx_claim_free) struct ivx_claim claimed = { 0 };
    make_series(NULL);
    struct ivx_lease lease = claim(worker.owner, &claimed);
    lease.grace_us = INT64_C(3600000000);
    raise(SIGTERM);
    ivx_clock_sleep_ms(1100); /* a stage that does not look */
    ck_assert(ivx_lease_hold(&lease, &err));
    lease.grace_us = 1000000; /* from the signal on */

    ck_assert(!ivx_lease_hold(&lease, &stopped));

    ck_assert(lease.stopped);
    ck_assert(ivx_catalogue_job_release(worker.catalogue, 1, claimed.epoch, &err));
    ck_assert_int_eq(job_state(), IVX_JOB_QUEUED);
    IVX_AUTO(ivx_claim_free) struct ivx_claim again = { 0 };
    claim("convert.0:2", &again);
    ck_assert_int_eq(again.attempt, 1); /* an orderly stop costs no attempt */
}
END_TEST

int main(void)
{
    ivx_log_start("test", IVX_ERROR);
    ivx_dicom_start();
    ivx_stop_start();
    Suite *suite = suite_create("convert: role");
    TCase *tcase = tcase_create("role");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_job_becomes_a_published_result_and_a_delivery);
    tcase_add_test(tcase, who_was_thought_dead_finishes_nothing);
    tcase_add_test(tcase, a_result_that_lies_there_is_recorded_and_not_made_again);
    tcase_add_test(tcase, a_published_result_that_the_disk_has_spoilt_is_made_again);
    tcase_add_test(tcase, a_series_that_is_no_volume_fails_with_its_reason);
    tcase_add_test(tcase, a_lease_that_another_took_stops_the_work);
    tcase_add_test(tcase, a_stop_ends_the_work_after_its_grace);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
