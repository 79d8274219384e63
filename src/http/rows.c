#include <stdio.h>

#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "server.h"

/* No names, no descriptions: this is shown to anybody who reaches the port. */

/* "42 of 60 by Images in Acquisition; released; quiet 3 s of 15 s"; "" when it waits no more.
 * plan writes the rest; the time passes without it. */
static void put_waiting(struct ivx_reply *reply, cJSON *json, const struct ivx_series_row *row)
{
    const bool open = row->state == IVX_SERIES_RECEIVING || row->state == IVX_SERIES_WAITING;
    char text[IVX_NOTE_ROOM + 64] = "";
    const int64_t age_us = ivx_clock_wall_us() - row->last_us;
    const bool limited = open && row->limit_us > 0;
    if (open)
        ivx_text_copy(text, sizeof text, row->why);
    if (limited)
        snprintf(text, sizeof text, "%s%squiet %.0f s of %.0f s", row->why,
                 row->why[0] == '\0' ? "" : "; ", (double)(age_us > 0 ? age_us : 0) / 1e6,
                 (double)row->limit_us / 1e6);
    ivx_put_text(reply, json, "waiting_for", text);
    ivx_put_time(reply, json, "decides_at",
                 limited ? row->last_us + row->limit_us : 0);
    /* An open series that was decided before will be decided again. */
    ivx_put_number(reply, json, "revises", open ? row->generation : 0);
}

cJSON *ivx_json_series(struct ivx_reply *reply, const struct ivx_series_row *row)
{
    cJSON *json = cJSON_CreateObject();
    ivx_put_number(reply, json, "id", row->id);
    ivx_put_text(reply, json, "series_uid", row->series_uid);
    ivx_put_text(reply, json, "study_uid", row->study_uid);
    ivx_put_text(reply, json, "modality", row->modality);
    ivx_put_text(reply, json, "calling_ae", row->calling_ae);
    ivx_put_text(reply, json, "state", ivx_series_state_name(row->state));
    ivx_put_text(reply, json, "code", row->code);
    ivx_put_text(reply, json, "text", row->note);
    ivx_put_number(reply, json, "generation", row->generation);
    ivx_put_number(reply, json, "instances", row->instances);
    ivx_put_number(reply, json, "removed", row->gone);
    ivx_put_bool(reply, json, "all_released", row->all_released);
    ivx_put_time(reply, json, "first_at", row->first_us);
    ivx_put_time(reply, json, "last_at", row->last_us);
    ivx_put_time(reply, json, "decided_at", row->decided_us);
    put_waiting(reply, json, row);
    return json;
}

cJSON *ivx_json_job(struct ivx_reply *reply, const struct ivx_job_row *row)
{
    const bool will_repeat = row->state == IVX_JOB_FAILED || row->state == IVX_JOB_QUEUED;
    cJSON *json = cJSON_CreateObject();
    ivx_put_number(reply, json, "id", row->id);
    ivx_put_number(reply, json, "series_id", row->series_id);
    ivx_put_text(reply, json, "state", ivx_job_state_name(row->state));
    ivx_put_text(reply, json, "recipe", row->recipe);
    ivx_put_text(reply, json, "route", row->route);
    ivx_put_text(reply, json, "volume", row->volume);
    ivx_put_number(reply, json, "attempts", row->attempts);
    ivx_put_number(reply, json, "generation", row->generation);
    ivx_put_bool(reply, json, "superseded", row->superseded);
    ivx_put_text(reply, json, "code", row->code);
    ivx_put_text(reply, json, "text", row->note);
    ivx_put_text(reply, json, "owner", row->owner);
    ivx_put_text(reply, json, "derived_series_uid", row->derived_series_uid);
    ivx_put_number(reply, json, "outputs", row->outputs);
    ivx_put_time(reply, json, "created_at", row->created_us);
    ivx_put_time(reply, json, "started_at", row->started_us);
    ivx_put_time(reply, json, "finished_at", row->finished_us);
    ivx_put_time(reply, json, "next_at", will_repeat ? row->next_us : 0);
    return json;
}

/* "A700", as DICOM documents write it; null before the first answer. */
static void put_status(struct ivx_reply *reply, cJSON *to, int64_t status)
{
    char text[8];
    if (status < 0 || status > 0xFFFF) {
        cJSON *null = cJSON_CreateNull();
        ivx_put_json(reply, to, "last_status", &null);
        return;
    }
    snprintf(text, sizeof text, "%04X", (unsigned int)status);
    ivx_put_text(reply, to, "last_status", text);
}

static const char *commitment_name(enum ivx_commitment_wanted commitment)
{
    switch (commitment) {
    case IVX_COMMITMENT_AWAITED:
        return "awaited";
    case IVX_COMMITMENT_NOT_OFFERED:
        return "not offered";
    case IVX_COMMITMENT_UNASKED:
        break;
    }
    return "not asked";
}

/* Nothing is tried at a destination that does not answer: what is due waits for its next
 * question, and for its answer. */
static void put_next(struct ivx_reply *reply, cJSON *json, const struct ivx_delivery_row *row)
{
    const bool will_repeat = row->state == IVX_DELIVERY_FAILED
                             || row->state == IVX_DELIVERY_QUEUED
                             || (row->state == IVX_DELIVERY_SENT
                                 && row->commitment == IVX_COMMITMENT_AWAITED);
    const bool waits = will_repeat && row->probe_us >= 0;
    const int64_t next_us = waits && row->probe_us > row->next_us ? row->probe_us : row->next_us;
    ivx_put_bool(reply, json, "waits_for_destination", waits);
    ivx_put_time(reply, json, "next_at", will_repeat ? next_us : 0);
}

cJSON *ivx_json_delivery(struct ivx_reply *reply, const struct ivx_delivery_row *row)
{
    cJSON *json = cJSON_CreateObject();
    ivx_put_number(reply, json, "id", row->id);
    ivx_put_number(reply, json, "job_id", row->job_id);
    ivx_put_text(reply, json, "destination", row->destination);
    ivx_put_text(reply, json, "state", ivx_delivery_state_name(row->state));
    ivx_put_number(reply, json, "instances", row->instances);
    ivx_put_number(reply, json, "accepted", row->accepted);
    ivx_put_number(reply, json, "attempts", row->attempts);
    put_status(reply, json, row->last_status);
    ivx_put_text(reply, json, "last_comment", row->last_comment);
    ivx_put_text(reply, json, "priority",
                 row->priority >= IVX_PRIORITY_STAT ? "stat" : "routine");
    ivx_put_bool(reply, json, "committed", row->committed);
    ivx_put_text(reply, json, "commitment", commitment_name(row->commitment));
    ivx_put_text(reply, json, "derived_series_uid", row->derived_series_uid);
    ivx_put_text(reply, json, "sop_class", row->sop_class);
    ivx_put_text(reply, json, "syntax", row->syntax);
    ivx_put_time(reply, json, "created_at", row->created_us);
    ivx_put_time(reply, json, "finished_at", row->finished_us);
    put_next(reply, json, row);
    return json;
}

cJSON *ivx_json_commitment(struct ivx_reply *reply, const struct ivx_commitment_row *row)
{
    cJSON *json = cJSON_CreateObject();
    ivx_put_number(reply, json, "id", row->id);
    ivx_put_text(reply, json, "state", ivx_commitment_state_name(row->state));
    ivx_put_text(reply, json, "calling_ae", row->calling_ae);
    ivx_put_text(reply, json, "transaction_uid", row->transaction_uid);
    ivx_put_number(reply, json, "instances", row->instances);
    ivx_put_number(reply, json, "refused", row->refused);
    ivx_put_number(reply, json, "attempts", row->attempts);
    ivx_put_text(reply, json, "text", row->note);
    ivx_put_time(reply, json, "requested_at", row->requested_us);
    ivx_put_time(reply, json, "judged_at", row->judged_us);
    ivx_put_time(reply, json, "reported_at", row->reported_us);
    ivx_put_time(reply, json, "next_at",
                 row->state == IVX_COMMITMENT_JUDGED ? row->next_us : 0);
    return json;
}

cJSON *ivx_json_role(struct ivx_reply *reply, const struct ivx_role_row *row)
{
    cJSON *json = cJSON_CreateObject();
    ivx_put_text(reply, json, "name", row->name);
    ivx_put_text(reply, json, "state", row->state);
    ivx_put_number(reply, json, "pid", row->pid);
    ivx_put_number(reply, json, "restarts", row->restarts);
    ivx_put_time(reply, json, "since", row->since_us);
    ivx_put_text(reply, json, "note", row->note);
    return json;
}
