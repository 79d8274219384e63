#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/sys/wake.h"
#include "server.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MOST = 1000, RELATED_MOST = 200 };

struct page {
    int64_t after, of; /* of: the series or job that is asked for; 0: all */
    int limit;
    int64_t last; /* of what was put: its last id, and how many rows */
    size_t count;
};

static bool read_number(struct ivx_reply *reply, const char *name, const char *text,
                        int64_t least, int64_t most, int64_t *out)
{
    long long value;
    if (text == NULL)
        return true;
    if (!ivx_text_to_int64(text, &value) || value < least || value > most) {
        ivx_reply_problem(reply, 400, "%s must be a number from %lld to %lld", name,
                          (long long)least, (long long)most);
        return false;
    }
    *out = value;
    return true;
}

/* ?limit=&after= pages upwards by id; ?order=newest is the last page, newest first. */
static bool read_page(const struct ivx_request *request, const char *of_name,
                      const char *of_text, struct ivx_reply *reply, struct page *out)
{
    int64_t limit = LIMIT_DEFAULT;
    *out = (struct page){ 0 };
    if (!read_number(reply, "limit", request->limit, 1, LIMIT_MOST, &limit)
        || !read_number(reply, "after", request->after, 0, INT64_MAX, &out->after)
        || !read_number(reply, of_name, of_text, 1, INT64_MAX, &out->of))
        return false;
    out->limit = (int)limit;
    if (request->order == NULL || strcmp(request->order, "oldest") == 0)
        return true;
    if (strcmp(request->order, "newest") != 0 || request->after != NULL) {
        ivx_reply_problem(reply, 400, "order must be oldest or newest; newest has no after");
        return false;
    }
    out->after = -1;
    return true;
}

static struct ivx_catalogue *open_for(struct ivx_site *site, struct ivx_reply *reply)
{
    struct ivx_err err = { 0 };
    struct ivx_catalogue *catalogue = ivx_site_catalogue(site, &err);
    if (catalogue == NULL)
        ivx_reply_problem(reply, 503, "catalogue: %s", err.text);
    return catalogue;
}

/* "after" is what to ask for next; null at the end. */
static void finish_list(struct ivx_reply *reply, cJSON *json, const struct page *page)
{
    if (page->after >= 0 && page->count == (size_t)page->limit)
        ivx_put_number(reply, json, "after", page->last);
    else if (cJSON_AddNullToObject(json, "after") == NULL)
        reply->failed = true;
    ivx_reply_json(reply, 200, &json);
}

/* A page of rows, appended to the array `list`. */
typedef bool ivx_put_rows(struct ivx_reply *reply, struct ivx_catalogue *catalogue,
                          struct page *page, cJSON *list, struct ivx_err *err);

/* The last argument is the call that gets `rows` and `count`. */
#define PUT_ROWS(name, type, json_of, call) \
    static bool name(struct ivx_reply *reply, struct ivx_catalogue *catalogue, \
                     struct page *page, cJSON *list, struct ivx_err *err) \
    { \
        IVX_AUTO(ivx_memory_free) type *rows = NULL; \
        size_t count = 0; \
        if (!(call)) \
            return false; \
        for (size_t n = 0; n < count; n++) { \
            cJSON *row = json_of(reply, &rows[n]); \
            ivx_put_json(reply, list, NULL, &row); \
        } \
        page->last = count == 0 ? 0 : rows[count - 1].id; \
        page->count = count; \
        return true; \
    }

PUT_ROWS(put_series, struct ivx_series_row, ivx_json_series,
         ivx_catalogue_list_series(catalogue, page->after, page->limit, &rows, &count, err))
PUT_ROWS(put_jobs, struct ivx_job_row, ivx_json_job,
         ivx_catalogue_list_jobs(catalogue, page->of, page->after, page->limit, &rows, &count,
                                 err))
PUT_ROWS(put_deliveries, struct ivx_delivery_row, ivx_json_delivery,
         ivx_catalogue_list_deliveries(catalogue, page->of, page->after, page->limit, &rows,
                                       &count, err))
PUT_ROWS(put_commitments, struct ivx_commitment_row, ivx_json_commitment,
         ivx_catalogue_list_commitments(catalogue, page->after, page->limit, &rows, &count,
                                        err))

static void answer_list(struct ivx_site *site, const char *name, struct page *page,
                        ivx_put_rows *put, struct ivx_reply *reply)
{
    struct ivx_err err = { 0 };
    struct ivx_catalogue *catalogue = open_for(site, reply);
    if (catalogue == NULL)
        return;
    IVX_AUTO(ivx_json_free) cJSON *json = cJSON_CreateObject();
    if (put(reply, catalogue, page, ivx_put_array(reply, json, name), &err))
        finish_list(reply, IVX_STEAL(json), page);
    else
        ivx_reply_error(reply, &err);
}

/* of: the query's field that says whose rows are asked for. */
#define LIST(name, plural, put, of_name, of) \
    void name(struct ivx_site *site, const struct ivx_request *request, int64_t id, \
              struct ivx_reply *reply) \
    { \
        (void)id; \
        struct page page; \
        if (read_page(request, of_name, of, reply, &page)) \
            answer_list(site, plural, &page, put, reply); \
    }

LIST(ivx_answer_series_list, "series", put_series, "", NULL)
LIST(ivx_answer_job_list, "jobs", put_jobs, "series", request->series)
LIST(ivx_answer_delivery_list, "deliveries", put_deliveries, "job", request->job)
LIST(ivx_answer_commitment_list, "commitments", put_commitments, "", NULL)

/* ---- one of them ------------------------------------------------------------------------ */

typedef bool ivx_json_of(struct ivx_catalogue *catalogue, int64_t id, char **json_out,
                         struct ivx_err *err);

static bool put_text_of(struct ivx_reply *reply, struct ivx_catalogue *catalogue, int64_t id,
                        ivx_json_of *ask, cJSON *to, const char *key, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) char *text = NULL;
    if (!ask(catalogue, id, &text, err))
        return false;
    ivx_put_parsed(reply, to, key, &text);
    return true;
}

/* Catalogue times are microseconds; the interface speaks ISO 8601. */
static void fix_times(struct ivx_reply *reply, cJSON *list)
{
    cJSON *each;
    cJSON_ArrayForEach(each, list)
    {
        const cJSON *at = cJSON_GetObjectItemCaseSensitive(each, "at");
        if (!cJSON_IsNumber(at))
            continue;
        const int64_t us = (int64_t)at->valuedouble;
        cJSON_DeleteItemFromObjectCaseSensitive(each, "at");
        ivx_put_time(reply, each, "at", us);
    }
}

/* The series' jobs, and the deliveries of each of them, in one list. */
static bool put_related(struct ivx_reply *reply, struct ivx_catalogue *catalogue, int64_t id,
                        cJSON *json, struct ivx_err *err)
{
    struct page jobs = { .of = id, .limit = RELATED_MOST };
    if (!put_jobs(reply, catalogue, &jobs, ivx_put_array(reply, json, "jobs"), err))
        return false;

    cJSON *list = ivx_put_array(reply, json, "deliveries");
    const cJSON *job;
    cJSON_ArrayForEach(job, cJSON_GetObjectItemCaseSensitive(json, "jobs"))
    {
        const cJSON *number = cJSON_GetObjectItemCaseSensitive(job, "id");
        if (!cJSON_IsNumber(number))
            continue;
        struct page of_job = { .of = (int64_t)number->valuedouble, .limit = RELATED_MOST };
        if (!put_deliveries(reply, catalogue, &of_job, list, err))
            return false;
    }
    return true;
}

static bool make_series(struct ivx_catalogue *catalogue, int64_t id, struct ivx_reply *reply,
                        cJSON **json_out, struct ivx_err *err)
{
    struct ivx_series_row row;
    if (!ivx_catalogue_get_series(catalogue, id, &row, err))
        return false;
    cJSON *json = *json_out = ivx_json_series(reply, &row);
    if (!put_text_of(reply, catalogue, id, ivx_catalogue_series_evidence, json, "evidence", err)
        || !put_text_of(reply, catalogue, id, ivx_catalogue_series_warnings, json, "warnings",
                        err)
        || !put_text_of(reply, catalogue, id, ivx_catalogue_series_aside, json, "aside", err))
        return false;
    fix_times(reply, cJSON_GetObjectItemCaseSensitive(json, "evidence"));
    fix_times(reply, cJSON_GetObjectItemCaseSensitive(json, "aside"));
    return put_related(reply, catalogue, id, json, err);
}

static bool make_job(struct ivx_catalogue *catalogue, int64_t id, struct ivx_reply *reply,
                     cJSON **json_out, struct ivx_err *err)
{
    struct ivx_job_row row;
    struct ivx_series_row series;
    if (!ivx_catalogue_get_job(catalogue, id, &row, err)
        || !ivx_catalogue_get_series(catalogue, row.series_id, &series, err))
        return false;
    cJSON *json = *json_out = ivx_json_job(reply, &row);
    ivx_put_text(reply, json, "series_uid", series.series_uid);
    if (!put_text_of(reply, catalogue, id, ivx_catalogue_job_stages, json, "stages", err))
        return false;
    struct page page = { .of = id, .limit = RELATED_MOST };
    cJSON *list = ivx_put_array(reply, json, "deliveries");
    return put_deliveries(reply, catalogue, &page, list, err);
}

static bool make_delivery(struct ivx_catalogue *catalogue, int64_t id, struct ivx_reply *reply,
                          cJSON **json_out, struct ivx_err *err)
{
    struct ivx_delivery_row row;
    if (!ivx_catalogue_get_delivery(catalogue, id, &row, err))
        return false;
    *json_out = ivx_json_delivery(reply, &row);
    return true;
}

static bool make_commitment(struct ivx_catalogue *catalogue, int64_t id,
                            struct ivx_reply *reply, cJSON **json_out, struct ivx_err *err)
{
    struct ivx_commitment_row row;
    if (!ivx_catalogue_get_commitment(catalogue, id, &row, err))
        return false;
    *json_out = ivx_json_commitment(reply, &row);
    return true;
}

typedef bool ivx_make(struct ivx_catalogue *catalogue, int64_t id, struct ivx_reply *reply,
                      cJSON **json_out, struct ivx_err *err);

static void answer_one(struct ivx_site *site, int64_t id, ivx_make *make,
                       struct ivx_reply *reply)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_json_free) cJSON *json = NULL;
    struct ivx_catalogue *catalogue = open_for(site, reply);
    if (catalogue == NULL)
        return;
    if (make(catalogue, id, reply, &json, &err))
        ivx_reply_json(reply, 200, &json);
    else
        ivx_reply_error(reply, &err);
}

#define ONE(name, make) \
    void name(struct ivx_site *site, const struct ivx_request *request, int64_t id, \
              struct ivx_reply *reply) \
    { \
        (void)request; \
        answer_one(site, id, make, reply); \
    }

ONE(ivx_answer_series, make_series)
ONE(ivx_answer_job, make_job)
ONE(ivx_answer_delivery, make_delivery)
ONE(ivx_answer_commitment, make_commitment)

void ivx_answer_manifest(struct ivx_site *site, const struct ivx_request *request, int64_t id,
                         struct ivx_reply *reply)
{
    (void)request;
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) char *text = NULL;
    struct ivx_catalogue *catalogue = open_for(site, reply);
    if (catalogue == NULL)
        return;
    if (!ivx_catalogue_job_manifest(catalogue, id, &text, &err))
        ivx_reply_error(reply, &err);
    else if (strcmp(text, "null") == 0)
        ivx_reply_problem(reply, 404, "job %lld has no manifest yet", (long long)id);
    else
        ivx_reply_text(reply, 200, "application/json", text);
}

/* ---- operators -------------------------------------------------------------------------- */

typedef bool ivx_operation(struct ivx_catalogue *catalogue, int64_t id, struct ivx_err *err);

/* Writes through a handle of its own, open no longer than that. */
static bool operate(const struct ivx_site *site, ivx_operation *operation, int64_t id,
                    const char *role, struct ivx_err *err)
{
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    if (!ivx_catalogue_open(site->config->state_dir, &catalogue, err)
        || !operation(catalogue, id, err))
        return false;
    ivx_wake_send(site->config->state_dir, role);
    return true;
}

static void answer_operation(struct ivx_site *site, const struct ivx_request *request,
                             int64_t id, ivx_operation *operation, const char *role,
                             ivx_answer *then, struct ivx_reply *reply)
{
    struct ivx_err err = { 0 };
    if (operate(site, operation, id, role, &err))
        then(site, request, id, reply); /* what it is now */
    else
        ivx_reply_error(reply, &err);
}

#define OPERATION(name, operation, role, then) \
    void name(struct ivx_site *site, const struct ivx_request *request, int64_t id, \
              struct ivx_reply *reply) \
    { \
        answer_operation(site, request, id, operation, role, then, reply); \
    }

OPERATION(ivx_answer_complete, ivx_catalogue_series_complete, "plan", ivx_answer_series)
OPERATION(ivx_answer_job_retry, ivx_catalogue_job_retry, "convert", ivx_answer_job)
OPERATION(ivx_answer_job_cancel, ivx_catalogue_job_cancel, "convert", ivx_answer_job)
OPERATION(ivx_answer_delivery_retry, ivx_catalogue_delivery_retry, "deliver",
          ivx_answer_delivery)
OPERATION(ivx_answer_delivery_cancel, ivx_catalogue_delivery_cancel, "deliver",
          ivx_answer_delivery)
OPERATION(ivx_answer_commitment_retry, ivx_catalogue_commitment_retry, "plan",
          ivx_answer_commitment)
