#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "isovox/base/auto.h"
#include "isovox/sys/clock.h"
#include "metrics.h"

/* Prometheus text format 0.0.4. Labels are states, roles and configured names only. */

/* ---- histograms of how long things took ------------------------------------------------- */

static const double bounds[] = { 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000 };
enum { BOUNDS = sizeof bounds / sizeof *bounds, BACKLOG = 10000, BATCH = 500, OPEN_MOST = 4096 };

struct histogram {
    uint64_t in[BOUNDS + 1]; /* not cumulative */
    double sum;
};

static void observe(struct histogram *histogram, double seconds)
{
    size_t n = 0;
    if (seconds < 0.0)
        return;
    while (n < BOUNDS && seconds > bounds[n])
        n++;
    histogram->in[n]++;
    histogram->sum += seconds;
}

enum { WAIT, READ, RESAMPLE, WRITE, TOTAL, STAGES };
static const char *const stage_names[STAGES] = { "wait", "read", "resample", "write", "total" };
/* As a conversion names them; wait comes from the row. */
static const char *const stage_keys[STAGES] = { NULL, "read_ms", "resample_ms", "write_ms",
                                                "total_ms" };

/* A cursor over a list that grows at its end: ids that were not finished when we came by are
 * looked at again. */
struct cursor {
    int64_t after;
    bool is_started;
    int64_t open[OPEN_MOST];
    size_t open_count;
};
struct ivx_histograms {
    struct histogram stages[STAGES], delivery;
    struct cursor jobs, deliveries;
};

void ivx_histograms_free(struct ivx_histograms **histograms)
{
    free(*histograms);
    *histograms = NULL;
}

static void observe_job(struct ivx_histograms *h, struct ivx_catalogue *catalogue,
                        const struct ivx_job_row *row)
{
    struct ivx_err ignored = { 0 };
    IVX_AUTO(ivx_memory_free) char *text = NULL;
    if (row->started_us > 0)
        observe(&h->stages[WAIT], (double)(row->started_us - row->created_us) / 1e6);
    if (!ivx_catalogue_job_stages(catalogue, row->id, &text, &ignored))
        return;
    IVX_AUTO(ivx_json_free) cJSON *stages = cJSON_Parse(text);
    for (int n = READ; n < STAGES; n++) {
        const cJSON *ms = cJSON_GetObjectItemCaseSensitive(stages, stage_keys[n]);
        if (cJSON_IsNumber(ms))
            observe(&h->stages[n], ms->valuedouble / 1e3);
    }
}

/* True when nothing more will happen to it. */
static bool look_at_job(struct ivx_histograms *h, struct ivx_catalogue *catalogue,
                        const struct ivx_job_row *row)
{
    if (row->state == IVX_JOB_DONE)
        observe_job(h, catalogue, row);
    return row->state == IVX_JOB_DONE || row->state == IVX_JOB_DEAD
           || row->state == IVX_JOB_CANCELLED;
}

static bool look_at_delivery(struct ivx_histograms *h, const struct ivx_delivery_row *row)
{
    const bool sent = row->state == IVX_DELIVERY_SENT || row->state == IVX_DELIVERY_COMMITTED;
    if (sent && row->finished_us > 0)
        observe(&h->delivery, (double)(row->finished_us - row->created_us) / 1e6);
    return row->finished_us > 0;
}

static void keep_open(struct cursor *cursor, int64_t id)
{
    if (cursor->open_count < OPEN_MOST)
        cursor->open[cursor->open_count++] = id;
}

/* Not the whole history at the first scrape: a counter may start anywhere. */
static void start_cursor(struct cursor *cursor, int64_t newest)
{
    cursor->is_started = true;
    cursor->after = newest > BACKLOG ? newest - BACKLOG : 0;
}

static bool update_jobs(struct ivx_histograms *h, struct ivx_catalogue *catalogue,
                        struct ivx_err *err)
{
    size_t count = 0;
    if (!h->jobs.is_started) {
        IVX_AUTO(ivx_memory_free) struct ivx_job_row *newest = NULL;
        if (!ivx_catalogue_list_jobs(catalogue, 0, -1, 1, &newest, &count, err))
            return false;
        start_cursor(&h->jobs, count == 0 ? 0 : newest[0].id);
    }
    size_t kept = 0;
    for (size_t n = 0; n < h->jobs.open_count; n++) {
        struct ivx_job_row row;
        struct ivx_err gone = { 0 };
        if (ivx_catalogue_get_job(catalogue, h->jobs.open[n], &row, &gone)
            && !look_at_job(h, catalogue, &row))
            h->jobs.open[kept++] = row.id;
    }
    h->jobs.open_count = kept;
    do {
        IVX_AUTO(ivx_memory_free) struct ivx_job_row *rows = NULL;
        if (!ivx_catalogue_list_jobs(catalogue, 0, h->jobs.after, BATCH, &rows, &count, err))
            return false;
        for (size_t n = 0; n < count; n++) {
            if (!look_at_job(h, catalogue, &rows[n]))
                keep_open(&h->jobs, rows[n].id);
            h->jobs.after = rows[n].id;
        }
    } while (count == BATCH);
    return true;
}

static bool update_deliveries(struct ivx_histograms *h, struct ivx_catalogue *catalogue,
                              struct ivx_err *err)
{
    size_t count = 0;
    if (!h->deliveries.is_started) {
        IVX_AUTO(ivx_memory_free) struct ivx_delivery_row *newest = NULL;
        if (!ivx_catalogue_list_deliveries(catalogue, 0, -1, 1, &newest, &count, err))
            return false;
        start_cursor(&h->deliveries, count == 0 ? 0 : newest[0].id);
    }
    size_t kept = 0;
    for (size_t n = 0; n < h->deliveries.open_count; n++) {
        struct ivx_delivery_row row;
        struct ivx_err gone = { 0 };
        if (ivx_catalogue_get_delivery(catalogue, h->deliveries.open[n], &row, &gone)
            && !look_at_delivery(h, &row))
            h->deliveries.open[kept++] = row.id;
    }
    h->deliveries.open_count = kept;
    do {
        IVX_AUTO(ivx_memory_free) struct ivx_delivery_row *rows = NULL;
        if (!ivx_catalogue_list_deliveries(catalogue, 0, h->deliveries.after, BATCH, &rows,
                                           &count, err))
            return false;
        for (size_t n = 0; n < count; n++) {
            if (!look_at_delivery(h, &rows[n]))
                keep_open(&h->deliveries, rows[n].id);
            h->deliveries.after = rows[n].id;
        }
    } while (count == BATCH);
    return true;
}

/* ---- the text --------------------------------------------------------------------------- */

void ivx_metrics_head(struct ivx_text *to, const char *name, const char *type, const char *help)
{
    ivx_text_add(to, "# HELP isovox_%s %s\n# TYPE isovox_%s %s\n", name, help, name, type);
}

static void single(struct ivx_text *to, const char *name, const char *type, const char *help,
                   double value)
{
    ivx_metrics_head(to, name, type, help);
    ivx_text_add(to, "isovox_%s %.17g\n", name, value);
}

static void put_histogram(struct ivx_text *to, const char *name, const char *label,
                          const struct histogram *histogram)
{
    const char *comma = label[0] == '\0' ? "" : ",";
    uint64_t below = 0;
    for (size_t n = 0; n < BOUNDS; n++) {
        below += histogram->in[n];
        ivx_text_add(to, "isovox_%s_bucket{%s%sle=\"%g\"} %llu\n", name, label, comma,
                     bounds[n], (unsigned long long)below);
    }
    below += histogram->in[BOUNDS];
    ivx_text_add(to, "isovox_%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, label, comma,
                 (unsigned long long)below);
    const char *open = label[0] == '\0' ? "" : "{", *close = label[0] == '\0' ? "" : "}";
    ivx_text_add(to, "isovox_%s_sum%s%s%s %.9g\n", name, open, label, close, histogram->sum);
    ivx_text_add(to, "isovox_%s_count%s%s%s %llu\n", name, open, label, close,
                 (unsigned long long)below);
}

static void put_states(struct ivx_text *to, const struct ivx_counts *counts)
{
    ivx_metrics_head(to, "series", "gauge", "Received series by state.");
    for (int n = 0; n < IVX_SERIES_STATE_COUNT; n++)
        ivx_text_add(to, "isovox_series{state=\"%s\"} %lld\n",
                     ivx_series_state_name((enum ivx_series_state)n),
                     (long long)counts->series[n]);
    ivx_metrics_head(to, "jobs", "gauge", "Conversions by state.");
    for (int n = 0; n < IVX_JOB_STATE_COUNT; n++)
        ivx_text_add(to, "isovox_jobs{state=\"%s\"} %lld\n",
                     ivx_job_state_name((enum ivx_job_state)n), (long long)counts->jobs[n]);
    ivx_metrics_head(to, "deliveries", "gauge", "Deliveries by state.");
    for (int n = 0; n < IVX_DELIVERY_STATE_COUNT; n++)
        ivx_text_add(to, "isovox_deliveries{state=\"%s\"} %lld\n",
                     ivx_delivery_state_name((enum ivx_delivery_state)n),
                     (long long)counts->deliveries[n]);
    ivx_metrics_head(to, "commitments", "gauge", "Requests for storage commitment by state.");
    for (int n = 0; n < IVX_COMMITMENT_STATE_COUNT; n++)
        ivx_text_add(to, "isovox_commitments{state=\"%s\"} %lld\n",
                     ivx_commitment_state_name((enum ivx_commitment_state)n),
                     (long long)counts->commitments[n]);
}

static void put_totals(struct ivx_text *to, const struct ivx_counts *counts)
{
    const int64_t now = ivx_clock_wall_us(), since = counts->oldest_waiting_us;
    single(to, "instances_indexed_total", "counter", "Instances indexed and kept.",
           (double)counts->instances);
    single(to, "indexed_bytes_total", "counter", "Bytes of them.", (double)counts->bytes);
    ivx_metrics_head(to, "duplicate_instances_total", "counter",
         "Instances received again: same content, or a conflict with what is kept.");
    ivx_text_add(to, "isovox_duplicate_instances_total{kind=\"same\"} %lld\n"
                     "isovox_duplicate_instances_total{kind=\"conflict\"} %lld\n",
                 (long long)counts->duplicates, (long long)counts->conflicts);
    single(to, "aside_instances_total", "counter", "Instances that cannot be read.",
           (double)counts->aside);
    single(to, "unread_records", "gauge", "Records and segments that a read error hides.",
           (double)counts->unread);
    single(to, "derived_instances_total", "counter", "Instances made.",
           (double)counts->derived_instances);
    single(to, "oldest_waiting_seconds", "gauge", "Age of the oldest thing that waits.",
           since > 0 && now > since ? (double)(now - since) / 1e6 : 0.0);
}

static void put_roles(struct ivx_text *to, struct ivx_catalogue *catalogue)
{
    struct ivx_err ignored = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_role_row *rows = NULL;
    size_t count = 0;
    if (!ivx_catalogue_list_roles(catalogue, &rows, &count, &ignored))
        return;
    ivx_metrics_head(to, "role_up", "gauge", "1 when the role's process runs.");
    for (size_t n = 0; n < count; n++)
        ivx_text_add(to, "isovox_role_up{role=\"%s\"} %d\n", rows[n].name,
                     strcmp(rows[n].state, "running") == 0);
    ivx_metrics_head(to, "role_restarts_total", "counter",
                     "Restarts since the daemon was started.");
    for (size_t n = 0; n < count; n++)
        ivx_text_add(to, "isovox_role_restarts_total{role=\"%s\"} %lld\n", rows[n].name,
                     (long long)rows[n].restarts);
}

static void put_histograms(struct ivx_text *to, const struct ivx_histograms *h)
{
    ivx_metrics_head(to, "job_stage_seconds", "histogram",
                     "Seconds of each stage of a conversion.");
    for (int n = 0; n < STAGES; n++) {
        char label[32];
        snprintf(label, sizeof label, "stage=\"%s\"", stage_names[n]);
        put_histogram(to, "job_stage_seconds", label, &h->stages[n]);
    }
    ivx_metrics_head(to, "delivery_seconds", "histogram", "From queued to sent.");
    put_histogram(to, "delivery_seconds", "", &h->delivery);
}

void ivx_answer_metrics(struct ivx_site *site, const struct ivx_request *request, int64_t id,
                        struct ivx_reply *reply)
{
    (void)request, (void)id;
    struct ivx_err err = { 0 };
    struct ivx_counts counts;
    const struct ivx_disk disk = ivx_site_disk(site);
    IVX_AUTO(ivx_text_free) struct ivx_text text = { 0 };
    if (site->histograms == NULL)
        site->histograms = calloc(1, sizeof *site->histograms);
    struct ivx_catalogue *catalogue = ivx_site_catalogue(site, &err);
    if (site->histograms == NULL || catalogue == NULL
        || !ivx_catalogue_counts(catalogue, &counts, &err)
        || !update_jobs(site->histograms, catalogue, &err)
        || !update_deliveries(site->histograms, catalogue, &err)) {
        ivx_reply_problem(reply, 503, "catalogue: %s", err.text);
        return;
    }
    ivx_metrics_head(&text, "build_info", "gauge", "Always 1; the version is a label.");
    ivx_text_add(&text, "isovox_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
    put_states(&text, &counts);
    put_totals(&text, &counts);
    if (disk.total_bytes > 0) {
        single(&text, "spool_free_bytes", "gauge", "Room left in state_dir.",
               (double)disk.free_bytes);
        single(&text, "spool_total_bytes", "gauge", "Size of its file system.",
               (double)disk.total_bytes);
    }
    put_roles(&text, catalogue);
    ivx_metrics_peers(&text, site, catalogue);
    put_histograms(&text, site->histograms);
    reply->failed = text.failed;
    ivx_reply_text(reply, text.failed ? 507 : 200, "text/plain; version=0.0.4; charset=utf-8",
                   text.data);
}
