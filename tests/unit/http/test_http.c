#include <check.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "rig.h"

/* ---- guards ------------------------------------------------------------------------------- */

static const struct caller {
    const char *address; /* http.address */
    const char *method, *host, *origin, *site, *type;
    bool is_loopback;
    int status; /* 0: let in */
} callers[] = {
    { "127.0.0.1", "GET", "127.0.0.1:8080", NULL, NULL, NULL, true, 0 },
    { "127.0.0.1", "GET", "localhost", NULL, NULL, NULL, true, 0 },
    { "127.0.0.1", "GET", "LOCALHOST:9", NULL, NULL, NULL, true, 0 },
    { "127.0.0.1", "GET", "[::1]:8080", NULL, NULL, NULL, true, 0 },
    /* DNS rebinding: the attacker's name, or none */
    { "127.0.0.1", "GET", "evil.example.org:8080", NULL, NULL, NULL, true, 403 },
    { "127.0.0.1", "GET", "127.0.0.1.example.org", NULL, NULL, NULL, true, 403 },
    { "127.0.0.1", "GET", "localhost.example.org", NULL, NULL, NULL, true, 403 },
    { "127.0.0.1", "GET", "", NULL, NULL, NULL, true, 403 },
    { "127.0.0.1", "GET", "[::1", NULL, NULL, NULL, true, 403 },
    { "127.0.0.1", "GET", NULL, NULL, NULL, NULL, true, 403 },
    { "127.0.0.1", "GET", "10.0.0.5", NULL, NULL, NULL, true, 403 },
    /* an address of ours, when we listen there or everywhere */
    { "10.0.0.5", "GET", "10.0.0.5:8080", NULL, NULL, NULL, false, 0 },
    { "0.0.0.0", "GET", "10.0.0.5:8080", NULL, NULL, NULL, false, 0 },
    { "::", "GET", "[2001:db8::5]:8080", NULL, NULL, NULL, false, 0 },
    { "0.0.0.0", "GET", "evil.example.org", NULL, NULL, NULL, false, 403 },
    /* POST: from here, from our own page, as JSON */
    { "127.0.0.1", "POST", "localhost:8080", NULL, NULL, "application/json", true, 0 },
    { "127.0.0.1", "POST", "localhost:8080", "http://localhost:8080", "same-origin",
      "application/json; charset=utf-8", true, 0 },
    { "127.0.0.1", "POST", "localhost:8080", NULL, "none", "application/json", true, 0 },
    { "127.0.0.1", "POST", "localhost:8080", "http://evil.example.org", NULL,
      "application/json", true, 403 },
    { "127.0.0.1", "POST", "localhost:8080", "http://localhost:9090", NULL, "application/json",
      true, 403 },
    { "127.0.0.1", "POST", "localhost:8080", "null", NULL, "application/json", true, 403 },
    { "127.0.0.1", "POST", "localhost:8080", NULL, "cross-site", "application/json", true, 403 },
    { "127.0.0.1", "POST", "localhost:8080", NULL, "same-site", "application/json", true, 403 },
    { "127.0.0.1", "POST", "localhost:8080", NULL, NULL, NULL, true, 415 },
    { "127.0.0.1", "POST", "localhost:8080", NULL, NULL, "text/plain", true, 415 },
    { "127.0.0.1", "POST", "localhost:8080", NULL, NULL, "application/jsonp", true, 415 },
    { "0.0.0.0", "POST", "10.0.0.5:8080", NULL, NULL, "application/json", false, 403 },
};

START_TEST(strangers_are_kept_out)
{
    const struct caller *caller = &callers[_i];
    char address[32];
    ivx_text_copy(address, sizeof address, caller->address);
    const struct ivx_config config = { .http = { .address = address } };
    const struct ivx_request request = { .method = caller->method, .path = "/",
                                         .host = caller->host, .origin = caller->origin,
                                         .fetch_site = caller->site,
                                         .content_type = caller->type,
                                         .is_loopback = caller->is_loopback };
    struct ivx_reply got = { 0 };

    const bool is_welcome = ivx_guard(&config, &request, &got);

    ck_assert_int_eq(is_welcome, caller->status == 0);
    ck_assert_int_eq(got.status, caller->status);
    if (!is_welcome)
        ck_assert_str_eq(got.type, "application/problem+json");
    ivx_reply_free(&got);
}
END_TEST

/* ---- paths -------------------------------------------------------------------------------- */

static const struct wrong {
    const char *path;
    int status;
} wrong[] = {
    { "/nowhere", 404 },
    { "/api/v1/series/", 404 },
    { "/api/v1/series/0", 404 },
    { "/api/v1/series/-1", 404 },
    { "/api/v1/series/1x", 404 },
    { "/api/v1/series/1234567890123456789", 404 },
    { "/api/v1/series/999", 404 },
    { "/api/v1/jobs/999", 404 },
    { "/api/v1/jobs/999/manifest", 404 },
    { "/api/v1/deliveries/999", 404 },
    { "/api/v1/series/../status", 404 },
    { "/api/v1/series?limit=0", 400 },
    { "/api/v1/series?limit=1001", 400 },
    { "/api/v1/series?limit=ten", 400 },
    { "/api/v1/series?after=-1", 400 },
    { "/api/v1/series?order=random", 400 },
    { "/api/v1/series?order=newest&after=3", 400 },
    { "/api/v1/jobs?series=x", 400 },
    { "/api/v1/deliveries?job=0", 400 },
    { "/api/v1/jobs/1/retry", 405 },
};

START_TEST(what_is_not_there_is_a_problem_with_its_status)
{
    rig_get(wrong[_i].path);

    const cJSON *json = rig_json(wrong[_i].status);
    ck_assert_str_eq(reply.type, "application/problem+json");
    ck_assert_int_eq((int)rig_number(json, "status"), wrong[_i].status);
    ck_assert_str_ne(rig_text(json, "detail"), "");
}
END_TEST

START_TEST(a_wrong_method_names_the_right_one)
{
    rig_get("/api/v1/jobs/1/retry");
    ck_assert_str_eq(reply.allow, "POST");

    rig_post("/api/v1/status");
    ck_assert_int_eq(reply.status, 405);
    ck_assert_str_eq(reply.allow, "GET, HEAD");
}
END_TEST

/* ---- contents ----------------------------------------------------------------------------- */

START_TEST(status_counts_everything)
{
    rig_fill();

    rig_get("/api/v1/status");

    const cJSON *json = rig_json(200);
    ck_assert_int_eq((int)rig_number(json, "series/planned"), 1);
    ck_assert_int_eq((int)rig_number(json, "series/refused"), 1);
    ck_assert_int_eq((int)rig_number(json, "series/receiving"), 0);
    ck_assert_int_eq((int)rig_number(json, "jobs/done"), 1);
    ck_assert_int_eq((int)rig_number(json, "deliveries/failed"), 1);
    ck_assert_int_eq((int)rig_number(json, "commitments/dead"), 1);
    ck_assert_int_eq((int)rig_number(json, "commitments/reported"), 0);
    ck_assert_int_eq((int)rig_number(json, "totals/instances"), 4);
    ck_assert_int_eq((int)rig_number(json, "totals/bytes"), 2000);
    ck_assert_int_eq((int)rig_number(json, "totals/derived_instances"), 2);
    ck_assert_int_eq((int)rig_number(json, "queue/deliveries"), 1);
    ck_assert_str_eq(rig_text(json, "roles/0/name"), "convert.0");
    ck_assert_str_eq(rig_text(json, "roles/0/state"), "restarting");
    ck_assert_int_eq((int)rig_number(json, "roles/0/restarts"), 2);
    ck_assert_str_eq(rig_text(json, "roles/0/note"), "killed by signal 9");
    ck_assert_str_eq(rig_text(json, "roles/2/since"), "2026-11-22T12:00:00.000Z");
    ck_assert_str_eq(rig_text(json, "destinations/0/name"), "pacs");
    ck_assert_int_eq((int)rig_number(json, "destinations/0/recent/failed"), 1);
    ck_assert_str_eq(rig_text(json, "destinations/0/last/last_status"), "A700");
    ck_assert(cJSON_IsNull(rig_at(json, "destinations/1/last")));
    ck_assert_double_gt(rig_number(json, "disk/total_bytes"), 0);
}
END_TEST

START_TEST(a_series_tells_its_whole_story)
{
    rig_fill();

    rig_get("/api/v1/series/1");

    const cJSON *json = rig_json(200);
    ck_assert_str_eq(rig_text(json, "series_uid"), "1.2.3.4");
    ck_assert_str_eq(rig_text(json, "state"), "planned");
    ck_assert_int_eq((int)rig_number(json, "instances"), 3);
    ck_assert_str_eq(rig_text(json, "evidence/0/kind"), "released");
    ck_assert_str_eq(rig_text(json, "evidence/0/text"), "1 volume without a hole");
    ck_assert_str_eq(rig_text(json, "evidence/0/at"), "2026-11-22T12:00:00.000Z");
    ck_assert_str_eq(rig_text(json, "warnings/0/code"), "TILTED");
    ck_assert_str_eq(rig_text(json, "jobs/0/state"), "done");
    ck_assert_str_eq(rig_text(json, "jobs/0/volume"), "4x4x3");
    ck_assert_int_eq((int)rig_number(json, "jobs/0/outputs"), 2);
    ck_assert_str_eq(rig_text(json, "deliveries/0/destination"), "pacs");
    ck_assert_int_eq((int)rig_number(json, "deliveries/0/accepted"), 1);
    ck_assert_int_eq((int)rig_number(json, "deliveries/0/instances"), 2);
    ck_assert_str_eq(rig_text(json, "deliveries/0/last_comment"), "disk full");
}
END_TEST

/* Series 1 is decided; a fourth instance opens it again, and plan says what it waits for. */
START_TEST(an_open_series_says_what_it_waits_for)
{
    rig_fill();
    rig_open_again("3 of 60 by Images in Acquisition; released", INT64_C(15000000));

    rig_get("/api/v1/series/1");

    const cJSON *json = rig_json(200);
    ck_assert_str_eq(rig_text(json, "state"), "receiving");
    ck_assert_int_eq((int)rig_number(json, "revises"), 1);
    ck_assert_str_eq(rig_text(json, "waiting_for"),
                     "3 of 60 by Images in Acquisition; released; quiet 0 s of 15 s");
    ck_assert_ptr_nonnull(rig_text(json, "decides_at"));
    ck_assert_str_eq(rig_text(json, "evidence/1/kind"), "late");
}
END_TEST

START_TEST(a_series_that_is_put_off_says_why_and_names_no_time)
{
    rig_fill();
    rig_open_again("an instance cannot be read now", 0);

    rig_get("/api/v1/series/1");

    const cJSON *json = rig_json(200);
    ck_assert_str_eq(rig_text(json, "waiting_for"), "an instance cannot be read now");
    ck_assert(cJSON_IsNull(rig_at(json, "decides_at")));
}
END_TEST

START_TEST(a_refused_series_says_why)
{
    rig_fill();

    rig_get("/api/v1/series/2");

    const cJSON *json = rig_json(200);
    ck_assert_str_eq(rig_text(json, "state"), "refused");
    ck_assert_str_eq(rig_text(json, "code"), "LOCALIZER");
    ck_assert_str_eq(rig_text(json, "text"), "a localizer is no volume");
    ck_assert_int_eq(cJSON_GetArraySize(rig_at(json, "jobs")), 0);
}
END_TEST

START_TEST(a_job_has_stages_and_a_manifest)
{
    rig_fill();

    rig_get("/api/v1/jobs/1");
    const cJSON *json = rig_json(200);
    ck_assert_int_eq((int)rig_number(json, "stages/resample_ms"), 250);
    ck_assert_str_eq(rig_text(json, "series_uid"), "1.2.3.4");
    ck_assert_str_eq(rig_text(json, "derived_series_uid"), "2.25.1");

    rig_get("/api/v1/jobs/1/manifest");
    ck_assert_str_eq(rig_text(rig_json(200), "recipe"), "iso-1mm");
}
END_TEST

START_TEST(lists_come_in_pages)
{
    rig_fill();

    rig_get("/api/v1/series?limit=1");
    const cJSON *json = rig_json(200);
    ck_assert_int_eq((int)rig_number(json, "series/0/id"), 1);
    ck_assert_int_eq((int)rig_number(json, "after"), 1);

    rig_get("/api/v1/series?limit=1&after=1");
    ck_assert_int_eq((int)rig_number(rig_json(200), "series/0/id"), 2);

    rig_get("/api/v1/series?limit=1&after=2");
    json = rig_json(200);
    ck_assert_int_eq(cJSON_GetArraySize(rig_at(json, "series")), 0);
    ck_assert(cJSON_IsNull(rig_at(json, "after")));

    rig_get("/api/v1/series?order=newest");
    json = rig_json(200);
    ck_assert_int_eq((int)rig_number(json, "series/0/id"), 2);
    ck_assert_int_eq((int)rig_number(json, "series/1/id"), 1);
    ck_assert(cJSON_IsNull(rig_at(json, "after")));
}
END_TEST

START_TEST(jobs_and_deliveries_can_be_asked_for_by_what_they_belong_to)
{
    rig_fill();

    rig_get("/api/v1/jobs?series=1");
    ck_assert_int_eq(cJSON_GetArraySize(rig_at(rig_json(200), "jobs")), 1);
    rig_get("/api/v1/jobs?series=2");
    ck_assert_int_eq(cJSON_GetArraySize(rig_at(rig_json(200), "jobs")), 0);
    rig_get("/api/v1/deliveries?job=1");
    ck_assert_int_eq(cJSON_GetArraySize(rig_at(rig_json(200), "deliveries")), 1);
    rig_get("/api/v1/deliveries?job=2");
    ck_assert_int_eq(cJSON_GetArraySize(rig_at(rig_json(200), "deliveries")), 0);
}
END_TEST

/* ---- operators ---------------------------------------------------------------------------- */

START_TEST(a_failed_delivery_can_be_cancelled_and_tried_again)
{
    rig_fill();

    rig_post("/api/v1/deliveries/1/cancel");
    ck_assert_str_eq(rig_text(rig_json(200), "state"), "cancelled");

    rig_post("/api/v1/deliveries/1/retry");
    ck_assert_str_eq(rig_text(rig_json(200), "state"), "queued");
}
END_TEST

/* 2100: later than anything here. A past "next try" would be one that nobody makes. */
START_TEST(a_delivery_says_when_it_waits_for_its_destination)
{
    rig_fill();
    rig_get("/api/v1/deliveries/1");
    ck_assert(cJSON_IsFalse(rig_at(rig_json(200), "waits_for_destination")));
    rig_trip(INT64_C(4102444800000000));

    rig_get("/api/v1/deliveries/1");

    const cJSON *json = rig_json(200);
    ck_assert(cJSON_IsTrue(rig_at(json, "waits_for_destination")));
    ck_assert_str_eq(rig_text(json, "next_at"), "2100-01-01T00:00:00.000Z");
    rig_post("/api/v1/deliveries/1/cancel");
    json = rig_json(200);
    ck_assert(cJSON_IsFalse(rig_at(json, "waits_for_destination")));
    ck_assert(cJSON_IsNull(rig_at(json, "next_at")));
}
END_TEST

START_TEST(a_report_that_was_given_up_can_be_tried_again)
{
    rig_fill();

    rig_get("/api/v1/commitments/1");
    const cJSON *json = rig_json(200);
    ck_assert_str_eq(rig_text(json, "state"), "dead");
    ck_assert_str_eq(rig_text(json, "calling_ae"), "CT1");
    ck_assert_str_eq(rig_text(json, "text"), "connect: refused");
    ck_assert_int_eq((int)rig_number(json, "refused"), 1);

    rig_post("/api/v1/commitments/1/retry");
    ck_assert_str_eq(rig_text(rig_json(200), "state"), "requested");
    rig_post("/api/v1/commitments/1/retry");
    ck_assert_str_eq(rig_text(rig_json(409), "detail"), "commitment 1 is requested");
    rig_get("/api/v1/commitments");
    ck_assert_str_eq(rig_text(rig_json(200), "commitments/0/state"), "requested");
}
END_TEST

START_TEST(what_the_state_does_not_allow_is_a_conflict)
{
    rig_fill();

    rig_post("/api/v1/jobs/1/cancel"); /* it is done */

    const cJSON *json = rig_json(409);
    ck_assert_str_eq(reply.type, "application/problem+json");
    ck_assert_str_ne(rig_text(json, "detail"), "");
}
END_TEST

START_TEST(an_operation_on_nothing_is_not_found)
{
    static const char *const paths[] = {
        "/api/v1/series/99/complete", "/api/v1/jobs/99/retry",        "/api/v1/jobs/99/cancel",
        "/api/v1/deliveries/99/retry", "/api/v1/deliveries/99/cancel",
        "/api/v1/commitments/99/retry",
    };
    for (size_t n = 0; n < IVX_COUNT(paths); n++) {
        rig_post(paths[n]);
        ck_assert_msg(reply.status == 404, "%s: %d", paths[n], reply.status);
    }
}
END_TEST

/* ---- health ------------------------------------------------------------------------------- */

START_TEST(ready_is_what_can_work)
{
    rig_fill();

    rig_get("/readyz");

    const cJSON *json = rig_json(200);
    ck_assert_str_eq(rig_text(json, "status"), "ready");
}
END_TEST

START_TEST(it_is_not_ready_before_the_roles_are_reported)
{
    rig_get("/readyz");

    ck_assert_str_eq(rig_text(rig_json(503), "status"), "not ready");
}
END_TEST

START_TEST(without_a_catalogue_it_is_alive_but_not_ready)
{
    char absent[] = "/nonexistent/isovox";
    struct ivx_config *config = (struct ivx_config *)(uintptr_t)site.config;
    char *kept = config->state_dir;
    config->state_dir = absent;

    rig_get("/healthz");
    ck_assert_int_eq(reply.status, 200);
    rig_get("/readyz");
    const cJSON *json = rig_json(503);
    ck_assert_str_eq(rig_text(json, "status"), "not ready");
    ck_assert(cJSON_IsFalse(rig_at(json, "checks/0/good")));
    rig_get("/api/v1/series");
    ck_assert_int_eq(reply.status, 503);
    rig_get("/metrics");
    ck_assert_int_eq(reply.status, 503);

    config->state_dir = kept;
}
END_TEST

/* ---- the page ----------------------------------------------------------------------------- */

/* The policy's digest, computed by OpenSSL from the text between the tags. */
static void allows(const char *open, const char *close, const char *directive)
{
    const char *from = strstr(reply.body.data, open);
    ck_assert_ptr_nonnull(from);
    from += strlen(open);
    const char *to = strstr(from, close);
    ck_assert_ptr_nonnull(to);
    unsigned char digest[32], base64[64];
    char expected[128];
    SHA256((const unsigned char *)from, (size_t)(to - from), digest);
    EVP_EncodeBlock(base64, digest, sizeof digest);
    snprintf(expected, sizeof expected, "%s 'sha256-%s'", directive, (char *)base64);
    ck_assert_msg(strstr(reply.policy, expected) != NULL, "%s is not in %s", expected,
                  reply.policy);
}

START_TEST(the_page_may_run_its_own_style_and_script_and_nothing_else)
{
    rig_get("/");

    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(reply.type, "text/html; charset=utf-8");
    allows("<style>", "</style>", "style-src");
    allows("<script>", "</script>", "script-src");
    ck_assert_ptr_nonnull(strstr(reply.policy, "default-src 'none'"));
    ck_assert_ptr_null(strstr(reply.policy, "unsafe"));
}
END_TEST

START_TEST(the_page_fetches_nothing_from_elsewhere)
{
    static const char *const ways[] = { "src=\"", "url(", "@import", "//cdn", "https://",
                                        "innerHTML", "eval(" };
    rig_get("/");

    for (size_t n = 0; n < IVX_COUNT(ways); n++)
        ck_assert_msg(strstr(reply.body.data, ways[n]) == NULL, "%s", ways[n]);
}
END_TEST

START_TEST(a_status_event_is_one_line_without_clocks)
{
    rig_fill();
    IVX_AUTO(ivx_text_free) struct ivx_text first = { 0 };
    IVX_AUTO(ivx_text_free) struct ivx_text second = { 0 };

    ck_assert(ivx_status_text(&site, &first));
    ck_assert(ivx_status_text(&site, &second));

    ck_assert_ptr_null(strchr(first.data, '\n'));
    ck_assert_str_eq(first.data, second.data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *guards = tcase_create("guards");
    tcase_add_loop_test(guards, strangers_are_kept_out, 0, (int)IVX_COUNT(callers));
    suite_add_tcase(suite, guards);
    TCase *answers = tcase_create("answers");
    tcase_add_checked_fixture(answers, rig_start, rig_stop);
    tcase_add_loop_test(answers, what_is_not_there_is_a_problem_with_its_status, 0,
                        (int)IVX_COUNT(wrong));
    tcase_add_test(answers, a_wrong_method_names_the_right_one);
    tcase_add_test(answers, status_counts_everything);
    tcase_add_test(answers, a_series_tells_its_whole_story);
    tcase_add_test(answers, an_open_series_says_what_it_waits_for);
    tcase_add_test(answers, a_series_that_is_put_off_says_why_and_names_no_time);
    tcase_add_test(answers, a_refused_series_says_why);
    tcase_add_test(answers, a_job_has_stages_and_a_manifest);
    tcase_add_test(answers, lists_come_in_pages);
    tcase_add_test(answers, jobs_and_deliveries_can_be_asked_for_by_what_they_belong_to);
    tcase_add_test(answers, a_failed_delivery_can_be_cancelled_and_tried_again);
    tcase_add_test(answers, a_delivery_says_when_it_waits_for_its_destination);
    tcase_add_test(answers, a_report_that_was_given_up_can_be_tried_again);
    tcase_add_test(answers, what_the_state_does_not_allow_is_a_conflict);
    tcase_add_test(answers, an_operation_on_nothing_is_not_found);
    tcase_add_test(answers, ready_is_what_can_work);
    tcase_add_test(answers, it_is_not_ready_before_the_roles_are_reported);
    tcase_add_test(answers, without_a_catalogue_it_is_alive_but_not_ready);
    tcase_add_test(answers, the_page_may_run_its_own_style_and_script_and_nothing_else);
    tcase_add_test(answers, the_page_fetches_nothing_from_elsewhere);
    tcase_add_test(answers, a_status_event_is_one_line_without_clocks);
    suite_add_tcase(suite, answers);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
