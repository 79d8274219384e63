/* decide.c - a series that is complete: which volumes, which routes, which jobs. */
#include "series.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs.h"
#include "route.h"

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/log.h"
#include "isovox/sys/wake.h"

struct decision {
    struct ivx_planner *planner;
    const struct ivx_series_row *series;
    const struct ivx_plan_memory *memory; /* NULL: it was not looked at */
    const struct ivx_plan_answer *answer;
    const struct ivx_evidence *evidence;
    struct ivx_plan_content content;
    struct ivx_plan_jobs jobs;
    cJSON *warnings; /* array of {code,text} */
    int volumes;
    bool others; /* refusals for another reason than that Isovox made it */
    char code[32], note[IVX_NOTE_ROOM]; /* the first refusal */
};

static void decision_clear(struct decision *decision)
{
    ivx_plan_content_free(&decision->content);
    ivx_plan_jobs_free(&decision->jobs);
    cJSON_Delete(decision->warnings);
    decision->warnings = NULL;
}

/* Does a route with this policy want any instance of the series? */
static bool policy_is_used(const struct decision *decision, enum ivx_gap gap)
{
    const struct ivx_config *config = decision->planner->config;
    const struct ivx_plan_content *content = &decision->content;
    for (size_t r = 0; r < config->route_count; r++)
        for (size_t n = 0; n < content->count; n++) {
            struct ivx_plan_subject subject;
            ivx_plan_subject_of(content->instances[n], content->rows[n].calling_ae,
                                &subject);
            if (ivx_plan_route_gap(&config->routes[r]) == gap
                && ivx_plan_route_wants(&config->routes[r], &subject))
                return true;
        }
    return false;
}

static bool is_noted(const cJSON *warnings, const char *code, const char *text)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, warnings)
        if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(item, "code")), code) == 0
            && strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(item, "text")), text) == 0)
            return true;
    return false;
}

static bool note_warning(struct decision *decision, enum ivx_reason reason, const char *text,
                         struct ivx_err *err)
{
    const char *code = ivx_reason_name(reason);
    if (is_noted(decision->warnings, code, text))
        return true;
    cJSON *item = cJSON_CreateObject();
    if (cJSON_AddStringToObject(item, "code", code) != NULL
        && cJSON_AddStringToObject(item, "text", text) != NULL
        && cJSON_AddItemToArray(decision->warnings, item))
        return true;
    cJSON_Delete(item);
    return ivx_fail(err, IVX_FULL, "plan: no memory for a warning");
}

static bool add_refusals(struct decision *decision, const struct ivx_assembly *assembly,
                         struct ivx_err *err)
{
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++) {
        const struct ivx_refusal *refusal = ivx_assembly_refusal(assembly, n);
        char text[IVX_NOTE_ROOM];
        decision->others = decision->others || refusal->reason != IVX_REASON_OWN_RESULT;
        snprintf(text, sizeof text, "%s (%d instance%s)", refusal->text, refusal->instances,
                 refusal->instances == 1 ? "" : "s");
        if (!note_warning(decision, refusal->reason, text, err))
            return false;
        /* A refusal says more than what was passed over. */
        if (decision->code[0] != '\0' && refusal->passed_over)
            continue;
        ivx_text_copy(decision->code, sizeof decision->code,
                      ivx_reason_name(refusal->reason));
        ivx_text_copy(decision->note, sizeof decision->note, text);
    }
    return true;
}

static bool add_volume(struct decision *decision, const struct ivx_source_volume *volume,
                       enum ivx_gap gap, struct ivx_err *err)
{
    const struct ivx_config *config = decision->planner->config;
    const struct ivx_instance_row *first = ivx_plan_content_row(&decision->content,
                                                                volume->slices[0]);
    struct ivx_plan_subject subject;
    ivx_plan_subject_of(volume->slices[0], first == NULL ? "" : first->calling_ae, &subject);
    for (int n = 0; n < volume->warning_count; n++)
        if (!note_warning(decision, volume->warnings[n].reason, volume->warnings[n].text,
                          err))
            return false;

    for (size_t r = 0; r < config->route_count; r++)
        if (ivx_plan_route_gap(&config->routes[r]) == gap
            && ivx_plan_route_wants(&config->routes[r], &subject)
            && !ivx_plan_jobs_add(&decision->jobs, config, &config->routes[r], volume,
                                  &decision->content, err))
            return false;
    return true;
}

/* What was named and never came is a hole that nobody can see. */
static bool refuse_short(struct decision *decision, struct ivx_err *err)
{
    decision->others = true;
    ivx_text_copy(decision->code, sizeof decision->code,
                  ivx_reason_name(IVX_REASON_INCOMPLETE));
    ivx_text_copy(decision->note, sizeof decision->note, decision->memory->manifest_text);
    return note_warning(decision, IVX_REASON_INCOMPLETE, decision->note, err);
}

static bool add_policy(struct decision *decision, enum ivx_gap gap, struct ivx_err *err)
{
    if (gap == IVX_GAP_REFUSE && decision->answer->verdict == IVX_PLAN_POLICY
        && decision->memory->manifest == IVX_PLAN_SHORT)
        return refuse_short(decision, err);
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = NULL;
    const struct ivx_assemble_options options = { gap, true, false };
    if (!ivx_assemble(decision->content.instances, decision->content.count, &options,
                      &assembly, err))
        return false;
    const int volumes = ivx_assembly_volumes(assembly);
    if (volumes > decision->volumes)
        decision->volumes = volumes; /* not the sum: policies see the same volumes */
    for (int n = 0; n < volumes; n++)
        if (!add_volume(decision, ivx_assembly_volume(assembly, n), gap, err))
            return false;
    return add_refusals(decision, assembly, err);
}

static bool add_policies(struct decision *decision, struct ivx_err *err)
{
    bool any = false;
    for (int gap = 0; gap < IVX_GAP_COUNT; gap++) {
        if (!policy_is_used(decision, (enum ivx_gap)gap))
            continue;
        any = true;
        if (!add_policy(decision, (enum ivx_gap)gap, err))
            return false;
    }
    /* Nobody wants it: still, people see whether it would have been a volume. */
    return any || add_policy(decision, IVX_GAP_REFUSE, err);
}

/* No count is reason enough to refuse, but people are told. */
static bool note_shortage(struct decision *decision, struct ivx_err *err)
{
    const struct ivx_plan_memory *memory = decision->memory;
    if (memory->manifest == IVX_PLAN_SHORT
        && !note_warning(decision, IVX_REASON_INCOMPLETE, memory->manifest_text, err))
        return false;
    return memory->count != IVX_PLAN_SHORT
           || note_warning(decision, IVX_REASON_INCOMPLETE, memory->count_text, err);
}

static void as_new_jobs(const struct ivx_plan_jobs *jobs, struct ivx_new_job *out)
{
    for (size_t n = 0; n < jobs->count; n++) {
        const struct ivx_plan_job *job = &jobs->job[n];
        out[n] = (struct ivx_new_job){
            .key = job->key,
            .recipe_name = job->recipe_name,
            .recipe_json = job->recipe_json,
            .route = job->route,
            .volume_text = job->volume_text,
            .instance_ids = job->instance_ids,
            .instance_count = job->instance_count,
            .destinations = job->destinations,
            .destination_count = job->destination_count,
            .priority = job->priority,
        };
    }
}

/* An operator in a hurry and a step that was given up prove nothing. */
static size_t proven_by(const struct decision *decision, struct ivx_announced *out)
{
    const struct ivx_plan_memory *memory = decision->memory;
    if (memory == NULL || strcmp(decision->answer->kind, "operator") == 0
        || strcmp(decision->answer->kind, "discontinued") == 0)
        return 0;
    for (size_t n = 0; n < memory->proven_count; n++)
        out[n] = (struct ivx_announced){ memory->proven[n].kind, "", memory->proven[n].kept };
    return memory->proven_count;
}

static void report(const struct decision *decision, enum ivx_series_state state,
                   const char *code, const char *note)
{
    const struct ivx_series_row *series = decision->series;
    char uid[13];
    ivx_log_uid(series->series_uid, uid);
    ivx_log(IVX_INFO, "series.decided",
            "series=%s state=%s revision=%lld instances=%lld volumes=%d jobs=%zu code=%s"
            " text=\"%s\"",
            uid, ivx_series_state_name(state), (long long)series->generation + 1,
            (long long)series->instances, decision->volumes, decision->jobs.count, code, note);
}

static bool write_down(struct decision *decision, enum ivx_series_state state,
                       const char *code, const char *note, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free)
    struct ivx_new_job *jobs = calloc(decision->jobs.count + 1, sizeof *jobs);
    IVX_AUTO(ivx_memory_free) char *warnings = cJSON_PrintUnformatted(decision->warnings);
    if (jobs == NULL || warnings == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for a decision");
    as_new_jobs(&decision->jobs, jobs);

    struct ivx_announced proven[IVX_COUNT(decision->memory->proven)];
    const struct ivx_series_row *series = decision->series;
    const struct ivx_decision row = {
        .series_id = series->id,
        .seen_instances = series->instances,
        .state = state,
        .code = code,
        .note = note,
        .warnings_json = warnings,
        .jobs = jobs,
        .job_count = decision->jobs.count,
        .proven = proven,
        .proven_count = proven_by(decision, proven),
        .evidence = decision->evidence,
    };
    if (!ivx_catalogue_decide(decision->planner->catalogue, &row, err))
        return false;

    report(decision, state, code, note);
    if (decision->jobs.count > 0)
        ivx_wake_send(decision->planner->config->state_dir, "convert");
    return true;
}

static bool write_outcome(struct decision *decision, struct ivx_err *err)
{
    if (decision->jobs.count > 0) {
        char note[IVX_NOTE_ROOM];
        snprintf(note, sizeof note, "%d volume%s, decided by: %s", decision->volumes,
                 decision->volumes == 1 ? "" : "s", decision->answer->kind);
        return write_down(decision, IVX_SERIES_PLANNED, "", note, err);
    }
    if (decision->volumes > 0)
        return write_down(decision, IVX_SERIES_DONE, "NO_ROUTE", "no route matches", err);
    /* What comes back from an archive is in order: nothing has failed. */
    if (decision->code[0] != '\0' && !decision->others)
        return write_down(decision, IVX_SERIES_DONE, decision->code, decision->note, err);
    return write_down(decision, IVX_SERIES_REFUSED,
                      decision->code[0] == '\0' ? "NOT_A_VOLUME" : decision->code,
                      decision->note, err);
}

bool ivx_plan_decide(struct ivx_planner *planner, const struct ivx_series_row *series,
                     const struct ivx_plan_memory *memory,
                     const struct ivx_plan_answer *answer, const struct ivx_evidence *evidence,
                     struct ivx_err *err)
{
    IVX_AUTO(decision_clear)
    struct decision decision = { .planner = planner, .series = series, .memory = memory,
                                 .answer = answer, .evidence = evidence };
    if (series->instances > IVX_PLAN_MOST_INSTANCES)
        return ivx_plan_refuse(planner, series, ivx_reason_name(IVX_REASON_TOO_LARGE),
                               "more instances than one series may have", err);
    if (series->gone > 0)
        return ivx_plan_refuse(planner, series, ivx_reason_name(IVX_REASON_GAP),
                               "others of its instances were removed after plan.keep: send"
                               " all of it again", err);
    decision.warnings = cJSON_CreateArray();
    if (decision.warnings == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for a decision");
    if (!ivx_plan_content_read(planner, series->id, &decision.content, err))
        return false;
    if ((int64_t)decision.content.count != series->instances)
        return ivx_fail(err, IVX_STALE, "plan: more has arrived");

    if (!add_policies(&decision, err) || !note_shortage(&decision, err)
        || !write_outcome(&decision, err))
        return false;
    ivx_plan_content_forget(planner, &decision.content);
    return true;
}

bool ivx_plan_refuse(struct ivx_planner *planner, const struct ivx_series_row *series,
                     const char *code, const char *note, struct ivx_err *err)
{
    IVX_AUTO(decision_clear)
    struct decision decision = { .planner = planner, .series = series };
    decision.warnings = cJSON_CreateArray();
    if (decision.warnings == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for a decision");
    return write_down(&decision, IVX_SERIES_REFUSED, code, note, err);
}
