/* What Prometheus is told: text format 0.0.4. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "rig.h"

static void has_line(const char *line)
{
    char whole[160];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    ck_assert_msg(strstr(reply.body.data, whole) != NULL, "no line %s in\n%.300s", line,
                  reply.body.data);
}

START_TEST(metrics_are_the_same_numbers)
{
    rig_fill();

    rig_get("/metrics");

    ck_assert_int_eq(reply.status, 200);
    has_line("isovox_series{state=\"planned\"} 1");
    has_line("isovox_series{state=\"refused\"} 1");
    has_line("isovox_jobs{state=\"done\"} 1");
    has_line("isovox_deliveries{state=\"failed\"} 1");
    has_line("isovox_commitments{state=\"dead\"} 1");
    has_line("isovox_destination_open_deliveries{destination=\"pacs\"} 1");
    has_line("isovox_destination_open_deliveries{destination=\"idle\"} 0");
    has_line("isovox_destination_breaker{destination=\"idle\",state=\"closed\"} 1");
    has_line("isovox_instances_indexed_total 4");
    has_line("isovox_indexed_bytes_total 2000");
    has_line("isovox_derived_instances_total 2");
    has_line("isovox_role_up{role=\"receive\"} 1");
    has_line("isovox_role_up{role=\"convert.0\"} 0");
    has_line("isovox_role_restarts_total{role=\"convert.0\"} 2");
}
END_TEST

/* 250 ms lies in (0.1, 0.3], 2000 ms in (1, 3]; buckets are cumulative. */
START_TEST(a_finished_job_is_counted_once_in_the_histograms)
{
    rig_fill();

    for (int scrape = 0; scrape < 2; scrape++) {
        rig_get("/metrics");
        has_line("isovox_job_stage_seconds_bucket{stage=\"resample\",le=\"0.1\"} 0");
        has_line("isovox_job_stage_seconds_bucket{stage=\"resample\",le=\"0.3\"} 1");
        has_line("isovox_job_stage_seconds_bucket{stage=\"resample\",le=\"+Inf\"} 1");
        has_line("isovox_job_stage_seconds_sum{stage=\"resample\"} 0.25");
        has_line("isovox_job_stage_seconds_bucket{stage=\"total\",le=\"1\"} 0");
        has_line("isovox_job_stage_seconds_bucket{stage=\"total\",le=\"3\"} 1");
        has_line("isovox_job_stage_seconds_count{stage=\"total\"} 1");
        has_line("isovox_delivery_seconds_count 0"); /* it failed */
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http metrics");
    TCase *metrics = tcase_create("metrics");
    tcase_add_checked_fixture(metrics, rig_start, rig_stop);
    tcase_add_test(metrics, metrics_are_the_same_numbers);
    tcase_add_test(metrics, a_finished_job_is_counted_once_in_the_histograms);
    suite_add_tcase(suite, metrics);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
