#include "rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/catalogue/breaker.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"

struct ivx_site site;
struct ivx_reply reply;
static struct ivx_config *config;
static char folder[64];
static cJSON *parsed;
static struct ivx_err err;

#define OK(call) ck_assert_msg((call), "%s", err.text)

static void write_config(const char *path)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "state_dir = \"%s\"\nhttp { address = \"127.0.0.1\" port = 8080 }\n"
            "destination \"pacs\" { ae_title = \"ORTHANC\" address = \"192.0.2.7\" port = 4242 }\n"
            "destination \"idle\" { ae_title = \"IDLE\" address = \"pacs.example.org\" }\n",
            folder);
    ck_assert_int_eq(fclose(file), 0);
}

void rig_start(void)
{
    char path[128];
    memset(&err, 0, sizeof err);
    snprintf(folder, sizeof folder, "/tmp/isovox-http-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/isovoxd.conf", folder);
    write_config(path);
    OK(ivx_config_load(path, &config, &err));
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *made = NULL;
    OK(ivx_catalogue_open(folder, &made, &err));
    site = (struct ivx_site){ .config = config, .started_us = 1 };
    OK(ivx_page_make(&site.page, site.policy, &err));
}

void rig_stop(void)
{
    ivx_reply_free(&reply);
    ivx_json_free(&parsed);
    ivx_site_end(&site);
    ivx_config_free(&config);
    ivx_tree_remove(folder, &err);
}

/* ---- the catalogue ---------------------------------------------------------------------- */

static enum ivx_arrival_fate add_instance(struct ivx_catalogue *catalogue, const char *series,
                                          int number)
{
    char uid[32], digest[65];
    enum ivx_arrival_fate fate;
    snprintf(uid, sizeof uid, "%s.%d", series, number);
    snprintf(digest, sizeof digest, "%064d", number);
    const struct ivx_arrival arrival = {
        .sop_uid = uid, .sop_class = "1.2.840.10008.5.1.4.1.1.2", .syntax = "1.2.840.10008.1.2.1",
        .series_uid = series, .study_uid = "1.2.3", .modality = "CT", .calling_ae = "CT1",
        .peer = "127.0.0.1", .association = "a-1", .sha256_hex = digest,
        .received_us = ivx_clock_wall_us(), .segment = 1, .offset = (uint64_t)number * 1000,
        .length = 500
    };
    OK(ivx_catalogue_index_arrival(catalogue, &arrival, &fate, &err));
    return fate;
}

static void fill_series(struct ivx_catalogue *catalogue)
{
    OK(ivx_catalogue_index_begin(catalogue, &err));
    for (int n = 1; n <= 3; n++)
        add_instance(catalogue, "1.2.3.4", n);
    add_instance(catalogue, "1.2.3.5", 9);
    OK(ivx_catalogue_index_ended(catalogue, "a-1", true, ivx_clock_wall_us(), &err));
    OK(ivx_catalogue_index_end(catalogue, &err));
    /* 2026-11-22T12:00:00Z */
    const struct ivx_evidence evidence = { "released", "", "1 volume without a hole", 3 };
    OK(ivx_catalogue_evidence(catalogue, 1, &evidence, INT64_C(1795348800000000), &err));
    const struct ivx_decision refused = { .series_id = 2, .seen_instances = 1,
                                          .state = IVX_SERIES_REFUSED, .code = "LOCALIZER",
                                          .note = "a localizer is no volume",
                                          .warnings_json = "[]" };
    OK(ivx_catalogue_decide(catalogue, &refused, &err));
}

static void fill_job(struct ivx_catalogue *catalogue)
{
    IVX_AUTO(ivx_memory_free) struct ivx_instance_row *rows = NULL;
    size_t count = 0;
    int64_t ids[3];
    OK(ivx_catalogue_series_instances(catalogue, 1, &rows, &count, &err));
    ck_assert_uint_eq(count, 3);
    for (size_t n = 0; n < 3; n++)
        ids[n] = rows[n].id;
    const char *const to[] = { "pacs" };
    const struct ivx_new_job job = { .key = "k1", .recipe_name = "iso-1mm", .recipe_json = "{}",
                                     .route = "ct", .volume_text = "4x4x3", .instance_ids = ids,
                                     .instance_count = 3, .destinations = to,
                                     .destination_count = 1 };
    const struct ivx_decision planned = {
        .series_id = 1, .seen_instances = 3, .state = IVX_SERIES_PLANNED, .code = "",
        .note = "", .warnings_json = "[{\"code\":\"TILTED\",\"text\":\"3 degrees\"}]",
        .jobs = &job, .job_count = 1
    };
    OK(ivx_catalogue_decide(catalogue, &planned, &err));

    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    OK(ivx_catalogue_claim(catalogue, "convert.0:1", 60, 3, &claim, &err));
    const struct ivx_job_instance made[] = { { "2.25.1.1", "000001.dcm" },
                                             { "2.25.1.2", "000002.dcm" } };
    const struct ivx_job_result result = {
        .outbox_key = "k1", .derived_series_uid = "2.25.1",
        .sop_class = "1.2.840.10008.5.1.4.1.1.2", .syntax = "1.2.840.10008.1.2.1",
        .manifest_json = "{\"recipe\":\"iso-1mm\"}",
        .stages_json = "{\"read_ms\":20,\"resample_ms\":250,\"write_ms\":5,\"total_ms\":2000}",
        .instances = made, .instance_count = 2
    };
    OK(ivx_catalogue_job_done(catalogue, claim.job_id, claim.epoch, &result, &err));
}

static void fill_delivery(struct ivx_catalogue *catalogue)
{
    struct ivx_delivery_row row;
    enum ivx_delivery_state state;
    OK(ivx_catalogue_delivery_claim(catalogue, "pacs", "deliver:1", 60, &row, &err));
    const struct ivx_delivery_answer answers[] = { { 1, 0x0000, true }, { 2, 0xA700, false } };
    OK(ivx_catalogue_delivery_answers(catalogue, row.id, row.epoch, answers, 2, "disk full",
                                      &err));
    OK(ivx_catalogue_delivery_end(catalogue, row.id, row.epoch, 0xA700, "disk full", false,
                                  ivx_clock_wall_us() + INT64_C(3600000000), &state, &err));
    ck_assert_int_eq(state, IVX_DELIVERY_FAILED);
}

/* Judged (its instance is not here), and given up. */
static void fill_commitment(struct ivx_catalogue *catalogue)
{
    const struct ivx_reference item = { .sop_class = "1.2.840.10008.5.1.4.1.1.2",
                                        .sop_uid = "1.2.404" };
    const struct ivx_commitment_request request = {
        .transaction_uid = "2.25.7", .calling_ae = "CT1", .called_ae = "ISOVOX",
        .peer = "127.0.0.1", .association = "a-1", .items = &item, .count = 1
    };
    IVX_AUTO(ivx_memory_free) struct ivx_commitment_check *rows = NULL;
    size_t count = 0;
    int64_t id = 0;
    OK(ivx_catalogue_commitment_ask(catalogue, &request, 0, &id, &err));
    OK(ivx_catalogue_commitment_unjudged(catalogue, id, 10, &rows, &count, &err));
    OK(ivx_catalogue_commitment_judge(catalogue, rows, count, 0, &err));
    OK(ivx_catalogue_commitment_unreported(catalogue, id, "connect: refused", true, true, 0,
                                           &err));
}

static void fill_roles(struct ivx_catalogue *catalogue)
{
    const struct ivx_role_row receive = { .name = "receive", .state = "running", .pid = 11,
                                          .since_us = INT64_C(1795348800000000) };
    const struct ivx_role_row convert = { .name = "convert.0", .state = "restarting",
                                          .restarts = 2, .since_us = INT64_C(1795348800000000),
                                          .note = "killed by signal 9" };
    const struct ivx_role_row http = { .name = "http", .state = "running", .pid = getpid() };
    OK(ivx_catalogue_role_report(catalogue, &http, &err));
    OK(ivx_catalogue_role_report(catalogue, &receive, &err));
    OK(ivx_catalogue_role_report(catalogue, &convert, &err));
}

void rig_fill(void)
{
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    OK(ivx_catalogue_open(folder, &catalogue, &err));
    fill_series(catalogue);
    fill_job(catalogue);
    fill_delivery(catalogue);
    fill_commitment(catalogue);
    fill_roles(catalogue);
}

void rig_trip(int64_t next_us)
{
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    OK(ivx_catalogue_open(folder, &catalogue, &err));
    OK(ivx_catalogue_breaker_trip(catalogue, "pacs", IVX_BREAKER_AWAY, "connect: refused",
                                  next_us, &err));
}

void rig_open_again(const char *why, int64_t limit_us)
{
    struct ivx_waiting waiting = { .series_id = 1, .limit_us = limit_us };
    snprintf(waiting.why, sizeof waiting.why, "%s", why);
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    OK(ivx_catalogue_open(folder, &catalogue, &err));
    OK(ivx_catalogue_index_begin(catalogue, &err));
    ck_assert_int_eq(add_instance(catalogue, "1.2.3.4", 4), IVX_ARRIVAL_LATE);
    OK(ivx_catalogue_index_end(catalogue, &err));
    OK(ivx_catalogue_series_why(catalogue, &waiting, 1, &err));
}

/* ---- requests --------------------------------------------------------------------------- */

/* Terminates the value of `name` within query, in place. */
static const char *argument(char *query, const char *name)
{
    const size_t length = strlen(name);
    for (char *at = query; at != NULL; at = strchr(at, '&'), at = at == NULL ? NULL : at + 1)
        if (strncmp(at, name, length) == 0 && at[length] == '=')
            return strndup(at + length + 1, strcspn(at + length + 1, "&"));
    return NULL;
}

static void answer(const char *method, const char *target)
{
    char path[256];
    ck_assert(ivx_text_copy(path, sizeof path, target));
    char *query = strchr(path, '?');
    if (query != NULL)
        *query++ = '\0';
    const struct ivx_request request = {
        .method = method, .path = path, .host = "127.0.0.1:8080", .is_loopback = true,
        .content_type = "application/json",
        .limit = argument(query, "limit"), .after = argument(query, "after"),
        .order = argument(query, "order"), .series = argument(query, "series"),
        .job = argument(query, "job"),
    };
    ivx_reply_free(&reply);
    reply = (struct ivx_reply){ 0 };
    ivx_json_free(&parsed);
    ivx_site_answer(&site, &request, &reply);
    const char *const owned[] = { request.limit, request.after, request.order, request.series,
                                  request.job };
    for (size_t n = 0; n < IVX_COUNT(owned); n++)
        free((char *)(uintptr_t)owned[n]);
}

void rig_get(const char *path)
{
    answer("GET", path);
}

void rig_post(const char *path)
{
    answer("POST", path);
}

const cJSON *rig_json(int status)
{
    ck_assert_msg(reply.status == status, "%d: %s", reply.status, reply.body.data);
    ivx_json_free(&parsed);
    parsed = cJSON_Parse(reply.body.data);
    ck_assert_msg(parsed != NULL, "no JSON: %s", reply.body.data);
    return parsed;
}

const cJSON *rig_at(const cJSON *json, const char *path)
{
    char step[64];
    while (*path != '\0' && json != NULL) {
        const size_t length = strcspn(path, "/");
        ck_assert_uint_lt(length, sizeof step);
        memcpy(step, path, length);
        step[length] = '\0';
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, (int)strtol(step, NULL, 10))
                                   : cJSON_GetObjectItemCaseSensitive(json, step);
        path += length + (path[length] == '/');
    }
    ck_assert_msg(json != NULL, "no member %s in %s", step, reply.body.data);
    return json;
}

const char *rig_text(const cJSON *json, const char *path)
{
    const cJSON *found = rig_at(json, path);
    ck_assert_msg(cJSON_IsString(found), "%s is no text", path);
    return found->valuestring;
}

double rig_number(const cJSON *json, const char *path)
{
    const cJSON *found = rig_at(json, path);
    ck_assert_msg(cJSON_IsNumber(found), "%s is no number", path);
    return found->valuedouble;
}
