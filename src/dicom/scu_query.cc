/* C-FIND and C-MOVE on an association that we have requested: PS3.4 C.4.1 and C.4.2. */
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "isovox/base/text.h"
#include "isovox/dicom/query.h"
#include "isovox/sys/clock.h"

#include "barrier.h"
#include "identifier.h"
#include "requested.h"

namespace
{

/* An answer lists a few attributes of one entity. */
constexpr size_t answer_most = 1 << 20;
/* However slowly a source moves: the rest is asked for again. */
constexpr int64_t move_most_us = 600 * ivx_second_us;

/* The data set after a response. */
bool take_data(struct ivx_scu &scu, std::vector<uint8_t> &out, struct ivx_err *err)
{
    struct ivx_fragment pdv = {};
    out.clear();
    while (!pdv.is_last) {
        const ivx_step got = ivx_wire_pdv(&scu.wire, &pdv, err);
        if (got == ivx_step::over)
            return ivx_fail(err, IVX_RETRY, "the peer released the association");
        if (got != ivx_step::next)
            return false;
        if (pdv.is_command || out.size() + pdv.length > answer_most)
            return ivx_fail(err, IVX_DAMAGED, "protocol: an answer without end");
        out.insert(out.end(), pdv.bytes, pdv.bytes + pdv.length);
    }
    return true;
}

bool is_pending(const struct ivx_command &answer)
{
    return answer.status == 0xFF00 || answer.status == 0xFF01;
}

struct asking {
    struct ivx_scu &scu;
    struct ivx_command request = {};
    ivx_requested_context on = {};
    struct ivx_command answer = {};
    std::vector<uint8_t> data = {};

    bool ask(const struct ivx_query_series *series, bool images, const char *const *uids,
             size_t count, struct ivx_err *err);
    bool next(struct ivx_err *err);
};

bool asking::ask(const struct ivx_query_series *series, bool images, const char *const *uids,
                 size_t count, struct ivx_err *err)
{
    if (scu.useless)
        return ivx_fail(err, IVX_RETRY, "the association is lost");
    on = ivx_requested_find(scu, request.sop_class.text);
    if (on.id == 0)
        return ivx_fail(err, IVX_REFUSED, "the peer does not accept %s",
                        request.field == IVX_COMMAND_FIND ? "C-FIND" : "C-MOVE");
    uint8_t *bytes = nullptr;
    size_t length = 0;
    if (!ivx_identifier_write(series, images, uids, count, on.syntax, &bytes, &length, err))
        return false;
    const std::unique_ptr<uint8_t, decltype(&free)> owned(bytes, &free);
    request.message_id = ++scu.message_id;
    return ivx_wire_message(&scu.wire, on.id, request, bytes, length, err) ||
           ivx_requested_lost(scu);
}

/* The next response, with its data set. */
bool asking::next(struct ivx_err *err)
{
    if (!ivx_requested_await(scu, request, answer, err))
        return false;
    data.clear();
    if (answer.data_set_type == IVX_COMMAND_NO_DATA || take_data(scu, data, err))
        return true;
    return ivx_requested_lost(scu);
}

/* Calls take(identifier) for each match; the last response must be a success. */
template <class Take>
bool find(struct ivx_scu &scu, const struct ivx_query_series *series, bool images, Take take,
          struct ivx_err *err)
{
    asking it{ scu };
    it.request.field = IVX_COMMAND_FIND;
    ivx_text_copy(it.request.sop_class.text, sizeof it.request.sop_class.text, IVX_QUERY_FIND);
    if (!it.ask(series, images, nullptr, 0, err) || !it.next(err))
        return false;
    for (int n = 0; is_pending(it.answer); n++) {
        struct ivx_identifier found;
        if (n == IVX_QUERY_MOST)
            ivx_fail(err, IVX_FULL, "more than %d matches", IVX_QUERY_MOST);
        /* What is left of the answer would have to be read: the association goes instead. */
        if (n == IVX_QUERY_MOST ||
            !ivx_identifier_read(it.data.data(), it.data.size(), it.on.syntax, &found, err) ||
            !take(found))
            return ivx_requested_lost(scu);
        if (!it.next(err))
            return false;
    }
    if (it.answer.status != 0)
        return ivx_fail(err, IVX_REFUSED, "C-FIND was answered with %04x %s", it.answer.status,
                        it.answer.comment);
    return true;
}

bool find_count(struct ivx_scu &scu, const struct ivx_query_series *series, int64_t *out,
                struct ivx_err *err)
{
    int64_t count = 0;
    const auto take = [&](const struct ivx_identifier &found) {
        if (strcmp(found.series_uid, series->series_uid) == 0)
            count = found.related;
        return true;
    };
    if (!find(scu, series, false, take, err))
        return false;
    *out = count;
    return true;
}

bool find_instances(struct ivx_scu &scu, const struct ivx_query_series *series,
                    ivx_query_found *tell, void *to, struct ivx_err *err)
{
    /* Some sources match less than they are asked for, and answer with the whole study; an
     * answer that does not say its series is taken for one of it. */
    const auto take = [&](const struct ivx_identifier &found) {
        const bool foreign = found.series_uid[0] != '\0' &&
                             strcmp(found.series_uid, series->series_uid) != 0;
        return foreign || found.sop_uid[0] == '\0' ||
               tell(to, found.sop_class, found.sop_uid, err);
    };
    return find(scu, series, true, take, err);
}

bool move(struct ivx_scu &scu, const struct ivx_query_series *series,
          const char *const *sop_uids, size_t count, const char *to,
          struct ivx_query_moved *out, struct ivx_err *err)
{
    asking it{ scu };
    const int64_t until = ivx_clock_steady_us() + move_most_us;
    it.request.field = IVX_COMMAND_MOVE;
    ivx_text_copy(it.request.sop_class.text, sizeof it.request.sop_class.text, IVX_QUERY_MOVE);
    ivx_text_copy(it.request.move_to, sizeof it.request.move_to, to);
    if (!it.ask(series, true, sop_uids, count, err) || !it.next(err))
        return false;
    while (is_pending(it.answer)) {
        if (ivx_clock_steady_us() > until) {
            ivx_fail(err, IVX_RETRY, "C-MOVE is without end");
            return ivx_requested_lost(scu);
        }
        if (!it.next(err))
            return false;
    }
    out->completed = it.answer.completed;
    out->failed = it.answer.failed;
    out->answer.status = it.answer.status;
    ivx_text_copy(out->answer.comment, sizeof out->answer.comment, it.answer.comment);
    return true;
}

} // namespace

bool ivx_scu_find_count(struct ivx_scu *scu, const struct ivx_query_series *series,
                        int64_t *out, struct ivx_err *err)
{
    return ivx_barrier(err, [&] { return find_count(*scu, series, out, err); });
}

bool ivx_scu_find_instances(struct ivx_scu *scu, const struct ivx_query_series *series,
                            ivx_query_found *found, void *context, struct ivx_err *err)
{
    return ivx_barrier(err, [&] { return find_instances(*scu, series, found, context, err); });
}

bool ivx_scu_move(struct ivx_scu *scu, const struct ivx_query_series *series,
                  const char *const *sop_uids, size_t count, const char *to,
                  struct ivx_query_moved *out, struct ivx_err *err)
{
    return ivx_barrier(err,
                       [&] { return move(*scu, series, sop_uids, count, to, out, err); });
}
