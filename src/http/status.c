#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "isovox/base/auto.h"
#include "isovox/sys/clock.h"
#include "server.h"

/* Deliveries looked at for the summary per destination. */
enum { RECENT = 200 };

struct ivx_disk ivx_site_disk(struct ivx_site *site)
{
    const struct ivx_config *config = site->config;
    const struct ivx_disk disk = ivx_disk_look(config->state_dir, config->receive.low_water,
                                               config->receive.high_water);
    if (disk.level != site->disk_level || site->disk_since_us == 0)
        site->disk_since_us = ivx_clock_wall_us();
    site->disk_level = disk.level;
    return disk;
}

void ivx_answer_alive(struct ivx_site *site, const struct ivx_request *request, int64_t id,
                      struct ivx_reply *reply)
{
    (void)site, (void)request, (void)id;
    ivx_reply_text(reply, 200, "application/json", "{\"status\":\"alive\"}\n");
}

/* ---- readiness ---------------------------------------------------------------------------- */

static bool check(struct ivx_reply *reply, cJSON *list, const char *name, bool is_good,
                  const char *text)
{
    cJSON *json = cJSON_CreateObject();
    ivx_put_text(reply, json, "name", name);
    ivx_put_bool(reply, json, "good", is_good);
    ivx_put_text(reply, json, "text", text);
    ivx_put_json(reply, list, NULL, &json);
    return is_good;
}

static bool check_catalogue(struct ivx_site *site, struct ivx_reply *reply, cJSON *list)
{
    struct ivx_err err = { 0 };
    struct ivx_counts counts;
    struct ivx_catalogue *catalogue = ivx_site_catalogue(site, &err);
    const bool good = catalogue != NULL && ivx_catalogue_counts(catalogue, &counts, &err);
    return check(reply, list, "catalogue", good, err.text);
}

static bool check_state_dir(struct ivx_site *site, struct ivx_reply *reply, cJSON *list)
{
    const struct ivx_disk disk = ivx_site_disk(site);
    char text[320];
    const char *path = site->config->state_dir;
    const bool writable = access(path, W_OK | X_OK) == 0;
    bool good = check(reply, list, "spool", writable, writable ? "" : "cannot be written");
    ivx_disk_text(&disk, text, sizeof text);
    return check(reply, list, "disk", disk.total_bytes > 0 && disk.level == IVX_DISK_OK, text)
           && good;
}

/* The supervisor reports all roles at once, so that our own row says that all are there. */
static bool check_roles(struct ivx_site *site, struct ivx_reply *reply, cJSON *list)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_role_row *rows = NULL;
    size_t count = 0;
    struct ivx_catalogue *catalogue = ivx_site_catalogue(site, &err);
    if (catalogue == NULL || !ivx_catalogue_list_roles(catalogue, &rows, &count, &err))
        return check(reply, list, "roles", false, err.text);
    bool good = true, are_reported = false;
    for (size_t n = 0; n < count; n++) {
        if (strcmp(rows[n].name, "receive") == 0)
            good = check(reply, list, "receive", strcmp(rows[n].state, "restarting") != 0,
                         rows[n].state);
        if (strcmp(rows[n].name, "http") == 0)
            are_reported = rows[n].pid == getpid();
    }
    return check(reply, list, "roles", are_reported, are_reported ? "" : "are being started")
           && good;
}

void ivx_answer_ready(struct ivx_site *site, const struct ivx_request *request, int64_t id,
                      struct ivx_reply *reply)
{
    (void)request, (void)id;
    cJSON *json = cJSON_CreateObject();
    ivx_put_text(reply, json, "status", "ready");
    cJSON *list = ivx_put_array(reply, json, "checks");
    bool good = check_catalogue(site, reply, list);
    good = check_state_dir(site, reply, list) && good;
    good = check_roles(site, reply, list) && good;
    if (!good) {
        cJSON_DeleteItemFromObjectCaseSensitive(json, "status");
        ivx_put_text(reply, json, "status", "not ready");
    }
    ivx_reply_json(reply, good ? 200 : 503, &json);
}

/* ---- status ------------------------------------------------------------------------------- */

static void put_counts(struct ivx_reply *reply, cJSON *json, const struct ivx_counts *counts)
{
    cJSON *series = ivx_put_object(reply, json, "series");
    for (int n = 0; n < IVX_SERIES_STATE_COUNT; n++)
        ivx_put_number(reply, series, ivx_series_state_name((enum ivx_series_state)n),
                       counts->series[n]);
    cJSON *jobs = ivx_put_object(reply, json, "jobs");
    for (int n = 0; n < IVX_JOB_STATE_COUNT; n++)
        ivx_put_number(reply, jobs, ivx_job_state_name((enum ivx_job_state)n), counts->jobs[n]);
    cJSON *deliveries = ivx_put_object(reply, json, "deliveries");
    for (int n = 0; n < IVX_DELIVERY_STATE_COUNT; n++)
        ivx_put_number(reply, deliveries, ivx_delivery_state_name((enum ivx_delivery_state)n),
                       counts->deliveries[n]);
    cJSON *commitments = ivx_put_object(reply, json, "commitments");
    for (int n = 0; n < IVX_COMMITMENT_STATE_COUNT; n++)
        ivx_put_number(reply, commitments,
                       ivx_commitment_state_name((enum ivx_commitment_state)n),
                       counts->commitments[n]);

    cJSON *totals = ivx_put_object(reply, json, "totals");
    ivx_put_number(reply, totals, "instances", counts->instances);
    ivx_put_number(reply, totals, "bytes", counts->bytes);
    ivx_put_number(reply, totals, "duplicates", counts->duplicates);
    ivx_put_number(reply, totals, "conflicts", counts->conflicts);
    ivx_put_number(reply, totals, "aside", counts->aside);
    ivx_put_number(reply, totals, "unread", counts->unread);
    ivx_put_number(reply, totals, "derived_instances", counts->derived_instances);
}

static void put_queues(struct ivx_reply *reply, cJSON *json, const struct ivx_counts *counts)
{
    const int64_t now = ivx_clock_wall_us();
    const int64_t since = counts->oldest_waiting_us;
    cJSON *queue = ivx_put_object(reply, json, "queue");
    ivx_put_number(reply, queue, "series",
                   counts->series[IVX_SERIES_RECEIVING] + counts->series[IVX_SERIES_WAITING]);
    ivx_put_number(reply, queue, "jobs",
                   counts->jobs[IVX_JOB_QUEUED] + counts->jobs[IVX_JOB_FAILED]);
    ivx_put_number(reply, queue, "deliveries",
                   counts->deliveries[IVX_DELIVERY_QUEUED]
                       + counts->deliveries[IVX_DELIVERY_FAILED]);
    ivx_put_time(reply, queue, "oldest_waiting_at", since);
    ivx_put_number(reply, queue, "oldest_waiting_seconds",
                   since > 0 && now > since ? (now - since) / 1000000 : 0);
}

struct breakers {
    struct ivx_breaker_row *rows;
    size_t count;
};

static void breakers_end(struct breakers *breakers)
{
    ivx_memory_free(&breakers->rows);
}

static void put_breaker(struct ivx_reply *reply, cJSON *to, const char *destination,
                        const struct breakers *breakers)
{
    struct ivx_breaker_row row = { .state = IVX_BREAKER_CLOSED };
    for (size_t n = 0; n < breakers->count; n++)
        if (strcmp(breakers->rows[n].destination, destination) == 0)
            row = breakers->rows[n];
    const bool troubled = row.state == IVX_BREAKER_OPEN || row.state == IVX_BREAKER_AWAY;
    cJSON *json = ivx_put_object(reply, to, "breaker");
    ivx_put_text(reply, json, "state", ivx_breaker_state_name(row.state));
    ivx_put_number(reply, json, "failures", row.failures);
    ivx_put_text(reply, json, "text", row.note);
    ivx_put_time(reply, json, "since", row.since_us);
    ivx_put_time(reply, json, "next_at", troubled && row.wanted ? row.next_us : 0);
}

/* The newest delivery to this destination, and how many of the recent ones are in which
 * state. Rows come newest first. */
static void put_destination(struct ivx_reply *reply, cJSON *list,
                            const struct ivx_destination *destination,
                            const struct breakers *breakers,
                            const struct ivx_delivery_row *rows, size_t count)
{
    int64_t in_state[IVX_DELIVERY_STATE_COUNT] = { 0 };
    const struct ivx_delivery_row *last = NULL;
    for (size_t n = 0; n < count; n++)
        if (strcmp(rows[n].destination, destination->name) == 0) {
            in_state[rows[n].state]++;
            last = last == NULL ? &rows[n] : last;
        }

    cJSON *json = cJSON_CreateObject();
    ivx_put_text(reply, json, "name", destination->name);
    ivx_put_text(reply, json, "ae_title", destination->ae_title);
    ivx_put_text(reply, json, "address", destination->address);
    ivx_put_number(reply, json, "port", destination->port);
    cJSON *recent = ivx_put_object(reply, json, "recent");
    for (int n = 0; n < IVX_DELIVERY_STATE_COUNT; n++)
        ivx_put_number(reply, recent, ivx_delivery_state_name((enum ivx_delivery_state)n),
                       in_state[n]);
    cJSON *newest = last == NULL ? cJSON_CreateNull() : ivx_json_delivery(reply, last);
    ivx_put_json(reply, json, "last", &newest);
    put_breaker(reply, json, destination->name, breakers);
    ivx_put_json(reply, list, NULL, &json);
}

static bool put_destinations(struct ivx_reply *reply, cJSON *json, const struct ivx_site *site,
                             struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct ivx_delivery_row *rows = NULL;
    IVX_AUTO(breakers_end) struct breakers breakers = { 0 };
    size_t count = 0;
    if (!ivx_catalogue_list_deliveries(catalogue, 0, -1, RECENT, &rows, &count, err)
        || !ivx_catalogue_list_breakers(catalogue, &breakers.rows, &breakers.count, err))
        return false;
    cJSON *list = ivx_put_array(reply, json, "destinations");
    for (size_t n = 0; n < site->config->destination_count; n++)
        put_destination(reply, list, &site->config->destinations[n], &breakers, rows, count);
    return true;
}

static bool put_roles(struct ivx_reply *reply, cJSON *json, struct ivx_catalogue *catalogue,
                      struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct ivx_role_row *rows = NULL;
    size_t count = 0;
    if (!ivx_catalogue_list_roles(catalogue, &rows, &count, err))
        return false;
    cJSON *list = ivx_put_array(reply, json, "roles");
    for (size_t n = 0; n < count; n++) {
        cJSON *row = ivx_json_role(reply, &rows[n]);
        ivx_put_json(reply, list, NULL, &row);
    }
    return true;
}

static void put_disk(struct ivx_reply *reply, cJSON *json, const struct ivx_site *site,
                     const struct ivx_disk *disk)
{
    char text[320];
    ivx_disk_text(disk, text, sizeof text);
    cJSON *room = ivx_put_object(reply, json, "disk");
    ivx_put_number(reply, room, "free_bytes", (int64_t)disk->free_bytes);
    ivx_put_number(reply, room, "total_bytes", (int64_t)disk->total_bytes);
    ivx_put_text(reply, room, "level", ivx_disk_level_name(disk->level));
    ivx_put_text(reply, room, "text", text);
    ivx_put_time(reply, room, "since", site->disk_since_us);
}

static bool make_status(struct ivx_site *site, struct ivx_reply *reply, cJSON **json_out,
                        struct ivx_err *err)
{
    struct ivx_counts counts;
    const struct ivx_disk disk = ivx_site_disk(site);
    struct ivx_catalogue *catalogue = ivx_site_catalogue(site, err);
    if (catalogue == NULL || !ivx_catalogue_counts(catalogue, &counts, err))
        return false;
    cJSON *json = *json_out = cJSON_CreateObject();
    ivx_put_text(reply, json, "version", PACKAGE_VERSION);
    ivx_put_time(reply, json, "time", ivx_clock_wall_us());
    ivx_put_time(reply, json, "http_started_at", site->started_us);
    ivx_put_text(reply, json, "ae_title", site->config->receive.ae_title);
    ivx_put_number(reply, json, "receive_port", site->config->receive.port);
    put_counts(reply, json, &counts);
    put_queues(reply, json, &counts);
    put_disk(reply, json, site, &disk);
    return put_roles(reply, json, catalogue, err)
           && put_destinations(reply, json, site, catalogue, err);
}

void ivx_answer_status(struct ivx_site *site, const struct ivx_request *request, int64_t id,
                       struct ivx_reply *reply)
{
    (void)request, (void)id;
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_json_free) cJSON *json = NULL;
    if (make_status(site, reply, &json, &err))
        ivx_reply_json(reply, 200, &json);
    else
        ivx_reply_error(reply, &err);
}

/* Without what changes by itself: an event means that something has happened. */
bool ivx_status_text(struct ivx_site *site, struct ivx_text *out)
{
    struct ivx_err err = { 0 };
    struct ivx_reply reply = { 0 };
    IVX_AUTO(ivx_json_free) cJSON *json = NULL;
    if (!make_status(site, &reply, &json, &err) || reply.failed)
        return false;
    cJSON_DeleteItemFromObjectCaseSensitive(json, "time");
    cJSON *disk = cJSON_GetObjectItemCaseSensitive(json, "disk");
    cJSON_DeleteItemFromObjectCaseSensitive(disk, "free_bytes");
    cJSON_DeleteItemFromObjectCaseSensitive(disk, "text");
    cJSON *queue = cJSON_GetObjectItemCaseSensitive(json, "queue");
    cJSON_DeleteItemFromObjectCaseSensitive(queue, "oldest_waiting_seconds");
    char *text = cJSON_PrintUnformatted(json);
    if (text == NULL)
        return false;
    ivx_text_add(out, "%s", text);
    cJSON_free(text);
    return !out->failed;
}
