/* What is known at the end, into every instance: by the crew. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/hash.h"
#include "parts.h"

enum { BATCH = 256 };

struct one {
    uint8_t *header;
    size_t length;
    bool done;
    struct ivx_err err;
};
struct sealing {
    const struct ivx_plan *plan;
    const struct ivx_derive *derive;
    const struct ivx_outcome *outcome;
    int32_t first; /* of the batch */
    struct one one[BATCH];
};

static void sealing_clear(struct sealing *sealing)
{
    for (int n = 0; n < BATCH; n++)
        ivx_memory_free(&sealing->one[n].header);
}

static void seal_one(void *argument, int n)
{
    struct sealing *sealing = argument;
    struct one *one = &sealing->one[n];
    const int32_t m = sealing->first + n;
    char path[PATH_MAX];
    const int needed = snprintf(path, sizeof path, "%s/%06d.dcm",
                                sealing->plan->conversion->directory, m + 1);
    one->done = ((size_t)needed < sizeof path
                 || ivx_fail(&one->err, IVX_REFUSED, "convert: the output path is too long"))
                && ivx_derive_seal(sealing->derive, m, sealing->outcome, path, &one->header,
                                   &one->length, &one->err);
}

/* Headers are hashed in the order of files, whoever filled them. */
static bool seal_batch(struct sealing *sealing, int count, struct ivx_hash *headers,
                       struct ivx_err *err)
{
    const struct ivx_crew *crew = &sealing->plan->options.crew;
    crew->run(crew->crew, seal_one, sealing, count);
    for (int n = 0; n < count; n++) {
        struct one *one = &sealing->one[n];
        if (!one->done)
            return ivx_fail(err, one->err.code, "%s", one->err.text);
        ivx_hash_add(headers, one->header, one->length);
        ivx_memory_free(&one->header);
    }
    return true;
}

bool ivx_parts_seal(const struct ivx_plan *plan, struct ivx_derive *derive, int32_t files,
                    const struct ivx_outcome *outcome, struct ivx_conversion_result *result,
                    struct ivx_err *err)
{
    IVX_AUTO(ivx_hash_free) struct ivx_hash *headers = NULL;
    IVX_AUTO(sealing_clear)
    struct sealing sealing = { .plan = plan, .derive = derive, .outcome = outcome };
    if (!ivx_derive_identify(derive, plan->source_sha256, plan->pixel_sha256, err)
        || !ivx_hash_new(&headers, err))
        return false;
    for (; sealing.first < files; sealing.first += BATCH) {
        const int32_t rest = files - sealing.first;
        if (!seal_batch(&sealing, rest < BATCH ? rest : BATCH, headers, err))
            return false;
    }
    ivx_hash_finish_hex(headers, result->header_sha256);
    ivx_text_copy(result->series_uid, sizeof result->series_uid, ivx_derive_series_uid(derive));
    return true;
}
