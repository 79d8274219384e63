#include "ask.h"

#include <stdio.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/catalogue/clock.h"
#include "isovox/catalogue/inquiry.h"
#include "isovox/dicom/query.h"
#include "isovox/dicom/scp.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"
#include "isovox/sys/wake.h"

enum { FIRST_WAIT_US = 5 * 1000000, LONGEST_WAIT_US = 300 * 1000000 };

struct asker {
    const struct ivx_config *config;
    const struct ivx_source *source;
    struct ivx_catalogue *catalogue;
    struct ivx_scu *scu;
    struct ivx_inquiry_work work;
    int64_t expected;       /* of the classes that we take */
    char (*missing)[65];    /* owned */
    size_t missing_count;
};

static void asker_clear(struct asker *asker)
{
    ivx_scu_free(&asker->scu);
    ivx_catalogue_free(&asker->catalogue);
    free(asker->missing);
    *asker = (struct asker){ 0 };
}

static int64_t again_us(const struct asker *asker)
{
    int64_t wait = FIRST_WAIT_US;
    for (int64_t n = 0; n < asker->work.attempts && wait < LONGEST_WAIT_US; n++)
        wait *= 2;
    return ivx_catalogue_now_us(asker->catalogue)
           + (wait < LONGEST_WAIT_US ? wait : LONGEST_WAIT_US);
}

static bool open_association(struct asker *asker, struct ivx_err *err)
{
    static const struct ivx_scu_context contexts[] = {
        { IVX_QUERY_FIND, "1.2.840.10008.1.2.1" },
        { IVX_QUERY_MOVE, "1.2.840.10008.1.2.1" },
    };
    const struct ivx_source *source = asker->source;
    const struct ivx_scu_peer peer = {
        .calling_ae = source->calling_ae, .called_ae = source->ae_title,
        .address = source->address, .port = (int)source->port,
        .connect_seconds = (int)source->connect_timeout,
        .dimse_seconds = (int)source->dimse_timeout,
    };
    return ivx_scu_open(&peer, contexts, IVX_COUNT(contexts), &asker->scu, err);
}

/* ---- what is missing --------------------------------------------------------------------- */

static bool on_found(void *context, const char *sop_class, const char *sop_uid,
                     struct ivx_err *err)
{
    struct asker *asker = context;
    bool here = false;
    /* A source that does not say the class is taken at its word. */
    if (sop_class[0] != '\0' && !ivx_scp_stores(sop_class))
        return true;
    asker->expected++;
    if (!ivx_catalogue_has(asker->catalogue, sop_uid, &here, err))
        return false;
    if (here || asker->missing_count == IVX_QUERY_MOST)
        return true;
    ivx_text_copy(asker->missing[asker->missing_count++], sizeof *asker->missing, sop_uid);
    return true;
}

static bool list(struct asker *asker, const struct ivx_query_series *series,
                 struct ivx_err *err)
{
    if (asker->missing == NULL)
        asker->missing = calloc(IVX_QUERY_MOST, sizeof *asker->missing);
    if (asker->missing == NULL)
        return ivx_fail(err, IVX_FULL, "query: no memory");
    asker->expected = 0;
    asker->missing_count = 0;
    return ivx_scu_find_instances(asker->scu, series, on_found, asker, err);
}

/* *moved_out instances are on their way, or here. False: the association is lost. */
static bool fetch(struct asker *asker, const struct ivx_query_series *series,
                  int64_t *moved_out, char *note, size_t room, struct ivx_err *err)
{
    const char *uids[IVX_QUERY_MOVED];
    for (size_t at = 0; at < asker->missing_count && !ivx_stop_wanted();) {
        struct ivx_query_moved moved = { 0 };
        size_t count = 0;
        while (count < IVX_QUERY_MOVED && at < asker->missing_count)
            uids[count++] = asker->missing[at++];
        if (!ivx_scu_move(asker->scu, series, uids, count, asker->config->receive.ae_title,
                          &moved, err))
            return false;
        *moved_out += moved.completed;
        if (moved.answer.status == 0)
            continue;
        snprintf(note, room, "; C-MOVE was answered with %04X %s", moved.answer.status,
                 moved.answer.comment);
        break;
    }
    return true;
}

/* ---- one series -------------------------------------------------------------------------- */

static bool end(struct asker *asker, enum ivx_inquiry_state state, const char *note,
                int64_t next_us, struct ivx_err *err)
{
    struct ivx_inquiry end = { .state = state, .expected = asker->expected };
    ivx_text_copy(end.source, sizeof end.source, asker->source->name);
    ivx_text_copy(end.note, sizeof end.note, note);
    if (!ivx_catalogue_inquiry_end(asker->catalogue, asker->work.series_id, &end, next_us, err))
        return false;
    char uid[13];
    ivx_log_uid(asker->work.series_uid, uid);
    ivx_log(state == IVX_INQUIRY_FAILED ? IVX_WARNING : IVX_INFO, "source.answer",
            "source=\"%s\" series=%s text=\"%s\"", asker->source->name, uid, note);
    ivx_wake_send(asker->config->state_dir, "plan");
    return true;
}

/* False: the association or the catalogue is of no use any more. */
static bool answer(struct asker *asker, struct ivx_err *err)
{
    const struct ivx_query_series series = { asker->work.study_uid, asker->work.series_uid };
    char note[IVX_NOTE_ROOM], trouble[160] = "";
    int64_t moved = 0;
    if (!ivx_scu_find_count(asker->scu, &series, &asker->expected, err))
        return false;
    if (asker->expected != asker->work.instances && asker->expected != 0
        && !list(asker, &series, err))
        return false;
    const bool is_short = asker->expected > asker->work.instances;
    if (is_short && asker->source->fetch
        && !fetch(asker, &series, &moved, trouble, sizeof trouble, err))
        return false;

    snprintf(note, sizeof note, "%lld of %lld instances are here%s",
             (long long)asker->work.instances, (long long)asker->expected, trouble);
    if (moved > 0)
        snprintf(note, sizeof note, "%lld of %lld instances were here, %lld more were sent%s",
                 (long long)asker->work.instances, (long long)asker->expected,
                 (long long)moved, trouble);
    return end(asker, IVX_INQUIRY_ANSWERED, note, is_short ? again_us(asker) : 0, err);
}

/* What the source has not answered is asked again later, and holds up nothing until then. */
static bool put_off(struct asker *asker, const struct ivx_err *why, struct ivx_err *err)
{
    asker->expected = -1;
    return end(asker, IVX_INQUIRY_FAILED, why->text, again_us(asker), err);
}

/* A source that cannot be reached, or is silent, has answered for all of its series. What it
 * says of one that makes no sense is no reason not to ask about the next. */
static bool ask_all(struct asker *asker, struct ivx_err *err)
{
    struct ivx_err why = { 0 };
    bool there = true;
    while (!ivx_stop_wanted()
           && ivx_catalogue_inquiry_next(asker->catalogue, asker->source->name, &asker->work,
                                         err)) {
        if (there) {
            why = (struct ivx_err){ 0 };
            there = asker->scu != NULL || open_association(asker, &why);
            if (there && answer(asker, &why))
                continue;
            there = there && why.code != IVX_RETRY;
            if (why.code != IVX_REFUSED)
                ivx_scu_free(&asker->scu);
        }
        if (!put_off(asker, &why, err))
            return false;
    }
    return err->code == IVX_OK || err->code == IVX_ABSENT;
}

bool ivx_query_ask(const struct ivx_config *config, const struct ivx_source *source)
{
    IVX_AUTO(asker_clear) struct asker asker = { .config = config, .source = source };
    struct ivx_err err = { 0 };
    if (ivx_catalogue_open(config->state_dir, &asker.catalogue, &err) && ask_all(&asker, &err))
        return true;
    ivx_log(IVX_WARNING, "query.catalogue", "text=\"%s\"", err.text);
    return false;
}
