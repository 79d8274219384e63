#include "weigh.h"

#include <stdio.h>
#include <string.h>

#include "counts.h"
#include "pauses.h"
#include "series.h"

#include "isovox/base/auto.h"
#include "isovox/catalogue/inquiry.h"
#include "isovox/catalogue/manifest.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"

enum { SECOND_US = 1000000 };

/* ---- counts and pauses ------------------------------------------------------------------ */

/* What is short says more than what is met. */
static void take_count(struct ivx_plan_memory *memory, const struct ivx_plan_count *count,
                       bool believed)
{
    const bool heavier =
        believed && (count->say == IVX_PLAN_SHORT || memory->count == IVX_PLAN_SILENT);
    if (heavier)
        memory->count = count->say;
    if (heavier || memory->count_text[0] == '\0')
        snprintf(memory->count_text, sizeof memory->count_text, "%lld of %lld by %s%s",
                 (long long)count->held, (long long)count->expected, count->label,
                 believed ? "" : " (not believed)");
}

static bool gather_counts(struct ivx_planner *planner, struct ivx_plan_memory *memory,
                          struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct ivx_tally *tallies = NULL;
    size_t count = 0;
    memory->count = IVX_PLAN_SILENT;
    memory->count_text[0] = '\0';
    memory->proven_count = 0;
    if (!ivx_catalogue_tallies(planner->catalogue, memory->series_id, &tallies, &count, err))
        return false;
    for (size_t n = 0; n < count && n < IVX_COUNT(memory->proven); n++) {
        int64_t kept, broken;
        const struct ivx_plan_count one = ivx_plan_count(&tallies[n]);
        if (one.say == IVX_PLAN_SILENT && !one.wrong)
            continue;
        struct ivx_plan_proof *proof = &memory->proven[memory->proven_count++];
        ivx_text_copy(proof->kind, sizeof proof->kind, tallies[n].kind);
        proof->kept = one.say == IVX_PLAN_MET;
        if (one.wrong)
            continue;
        if (!ivx_catalogue_trust(planner->catalogue, memory->series_id, tallies[n].kind, &kept,
                                 &broken, err))
            return false;
        take_count(memory, &one, ivx_plan_believes(kept, broken));
    }
    return true;
}

/* A list of one may be one of many: some senders ask for every image on its own. A list that
 * has less than came is not the list of the series. */
static enum ivx_plan_say manifest_says(const struct ivx_manifest *manifest, int64_t instances)
{
    if (manifest->by == IVX_MANIFEST_NONE)
        return IVX_PLAN_SILENT;
    if (manifest->missing > 0)
        return IVX_PLAN_SHORT;
    return manifest->here == instances && instances > 1 ? IVX_PLAN_MET : IVX_PLAN_SILENT;
}

/* What is short says more than what is met, and that more than silence. */
static void take_manifest(struct ivx_plan_memory *memory, enum ivx_plan_say say, int64_t here,
                          int64_t all, const char *by)
{
    const bool heavier = memory->manifest_text[0] == '\0' || say == IVX_PLAN_SHORT
                         || (say == IVX_PLAN_MET && memory->manifest == IVX_PLAN_SILENT);
    if (!heavier)
        return;
    memory->manifest = memory->manifest == IVX_PLAN_SHORT ? IVX_PLAN_SHORT : say;
    snprintf(memory->manifest_text, sizeof memory->manifest_text, "%lld of %lld %s",
             (long long)here, (long long)all, by);
}

/* While a step is in progress its list may grow: it can be short, and never met. */
static bool gather_steps(struct ivx_planner *planner, struct ivx_plan_memory *memory,
                         struct ivx_err *err)
{
    static const char *const words[] = { "in progress", "completed", "discontinued" };
    static const enum ivx_plan_step steps[] = { IVX_PLAN_STEP_OPEN, IVX_PLAN_COMPLETED,
                                                IVX_PLAN_DISCONTINUED };
    struct ivx_manifest manifest;
    memory->step = IVX_PLAN_STEP_OPEN;
    if (!ivx_catalogue_manifest_of_steps(planner->catalogue, memory->series_id, &manifest, err))
        return false;
    if (manifest.by == IVX_MANIFEST_NONE)
        return true;
    char by[96];
    memory->step = steps[manifest.step];
    snprintf(by, sizeof by, "named by the procedure step (%s)", words[manifest.step]);
    enum ivx_plan_say say = IVX_PLAN_SILENT;
    if (manifest.missing > 0)
        say = IVX_PLAN_SHORT;
    else if (manifest.step != IVX_STEP_OPEN && manifest.here == memory->instances)
        say = IVX_PLAN_MET;
    take_manifest(memory, say, manifest.here, manifest.here + manifest.missing, by);
    return true;
}

static bool gather_manifest(struct ivx_planner *planner, struct ivx_plan_memory *memory,
                            struct ivx_err *err)
{
    struct ivx_manifest manifest;
    memory->manifest = IVX_PLAN_SILENT;
    memory->manifest_text[0] = '\0';
    if (!gather_steps(planner, memory, err)
        || !ivx_catalogue_manifest(planner->catalogue, memory->series_id, &manifest, err))
        return false;
    if (manifest.by != IVX_MANIFEST_NONE)
        take_manifest(memory, manifest_says(&manifest, memory->instances), manifest.here,
                      manifest.here + manifest.missing, "named by storage commitment");
    return true;
}

/* A source that has fewer than came is behind, and says nothing. */
static bool gather_source(struct ivx_planner *planner, struct ivx_plan_memory *memory,
                          struct ivx_err *err)
{
    const int64_t here = memory->instances;
    struct ivx_inquiry inquiry;
    memory->asked = false;
    if (ivx_config_source_for(planner->config, memory->sender) == NULL)
        return true;
    if (!ivx_catalogue_inquiry(planner->catalogue, memory->series_id, &inquiry, err))
        return false;
    const bool useful = inquiry.expected >= here;
    memory->wanted = inquiry.state != IVX_INQUIRY_NONE && inquiry.instances == here;
    memory->asked = !useful && (!memory->wanted || inquiry.state == IVX_INQUIRY_WANTED);
    if (useful) {
        char by[96];
        snprintf(by, sizeof by, "at source %s", inquiry.source);
        take_manifest(memory, inquiry.expected == here ? IVX_PLAN_MET : IVX_PLAN_SHORT, here,
                      inquiry.expected, by);
    }
    return true;
}

bool ivx_plan_gather(struct ivx_planner *planner, struct ivx_plan_memory *memory,
                     struct ivx_err *err)
{
    const struct ivx_config *config = planner->config;
    int64_t pauses[IVX_PAUSE_CLASSES];
    if (!ivx_catalogue_pauses(planner->catalogue, memory->series_id, pauses, err)
        || !gather_counts(planner, memory, err) || !gather_manifest(planner, memory, err)
        || !gather_source(planner, memory, err))
        return false;
    memory->limits = (struct ivx_plan_limits){
        .full_us = config->plan.quiet_full * SECOND_US,
        .released_us = config->plan.quiet_released * SECOND_US,
        .quiet_us = config->plan.quiet * SECOND_US,
        .deadline_us = config->plan.deadline * SECOND_US,
    };
    ivx_plan_learn(&memory->limits, ivx_plan_pause_us(pauses));
    return true;
}

/* ---- geometry --------------------------------------------------------------------------- */

static bool has_hole(const struct ivx_assembly *assembly, char *text, size_t room)
{
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++) {
        const struct ivx_refusal *refusal = ivx_assembly_refusal(assembly, n);
        if (refusal->reason == IVX_REASON_GAP) {
            ivx_text_copy(text, room, refusal->text);
            return true;
        }
    }
    return false;
}

bool ivx_plan_look(struct ivx_planner *planner, struct ivx_plan_memory *memory,
                   struct ivx_err *err)
{
    IVX_AUTO(ivx_plan_content_free) struct ivx_plan_content content = { 0 };
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = NULL;
    const struct ivx_assemble_options options = { IVX_GAP_REFUSE, false, false };
    if (memory->instances > IVX_PLAN_MOST_INSTANCES) {
        memory->geometry = IVX_PLAN_NOTHING;
        return true;
    }
    if (!ivx_plan_content_read(planner, memory->series_id, &content, err)
        || !ivx_assemble(content.instances, content.count, &options, &assembly, err))
        return false;

    const int volumes = ivx_assembly_volumes(assembly);
    memory->geometry = volumes > 0 ? IVX_PLAN_WHOLE : IVX_PLAN_NOTHING;
    snprintf(memory->text, sizeof memory->text, "%d volume%s without a hole", volumes,
             volumes == 1 ? "" : "s");
    if (has_hole(assembly, memory->text, sizeof memory->text))
        memory->geometry = IVX_PLAN_HOLE;
    return true;
}

/* ---- together --------------------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t ivx_plan_age(const struct ivx_plan_memory *memory)
{
    return ivx_clock_steady_us() - memory->since_us;
}

/* Senders that could not reach us get the quiet time once more, whatever the deadline says;
 * but a role that dies over and over does not suspend it for longer than itself. */
static int64_t idle_of(const struct ivx_planner *planner, const struct ivx_plan_memory *memory)
{
    const int64_t idle = ivx_clock_steady_us() - memory->since_new_us;
    const int64_t missed = memory->limits.quiet_us - planner->ear.heard_us;
    const int64_t begun = ivx_clock_steady_us() - planner->begun_us;
    if (missed <= 0)
        return idle;
    const int64_t held = least(idle, memory->limits.deadline_us - missed);
    return begun >= memory->limits.deadline_us ? idle : held;
}

/* Silence is no older than that. Where all that was named or counted is here, nobody need be
 * listening. */
static int64_t most_silence(const struct ivx_planner *planner,
                            const struct ivx_plan_memory *memory)
{
    const int64_t heard = planner->ear.heard_us, full = memory->limits.full_us;
    return heard > full ? heard : full;
}

struct ivx_plan_evidence ivx_plan_evidence_of(const struct ivx_planner *planner,
                                              const struct ivx_series_row *row,
                                              const struct ivx_plan_memory *memory)
{
    const int64_t age = ivx_plan_age(memory), most = most_silence(planner, memory);
    return (struct ivx_plan_evidence){
        .age_us = least(age, most),
        .away = most < age && most < memory->limits.quiet_us ? planner->ear.away : NULL,
        .idle_us = idle_of(planner, memory),
        .forced = row->forced,
        .step = memory->step,
        .manifest = memory->manifest,
        .count = memory->count,
        .asked = memory->asked,
        .ends = row->all_released ? IVX_PLAN_RELEASED
                : row->broken     ? IVX_PLAN_BROKEN
                                  : IVX_PLAN_OPEN,
        .geometry = memory->geometry,
    };
}

void ivx_plan_why(const struct ivx_plan_evidence *evidence,
                  const struct ivx_plan_memory *memory, char *out, size_t room)
{
    static const char *const ends[] = { "association open", "released",
                                        "association broken" };
    const char *const part[] = { memory->manifest_text, memory->count_text,
                                 ends[evidence->ends],
                                 evidence->away != NULL ? evidence->away : "",
                                 memory->asked ? "a source is asked" : "",
                                 memory->geometry == IVX_PLAN_UNKNOWN ? "" : memory->text };
    size_t used = 0;
    out[0] = '\0';
    for (size_t n = 0; n < IVX_COUNT(part) && used < room; n++)
        if (part[n][0] != '\0')
            used += (size_t)snprintf(out + used, room - used, "%s%s", used == 0 ? "" : "; ",
                                     part[n]);
}
