/* requested.h - an association that we have requested, as scu.cc and scu_commitment.cc share
 * it. */
#ifndef IVX_DICOM_REQUESTED_H
#define IVX_DICOM_REQUESTED_H

#include <deque>
#include <string>
#include <vector>

#include "isovox/dicom/scu.h"

#include "wire.h"

/* An N-EVENT-REPORT-RQ: peers send it when they please, also between our request and its
 * answer. */
struct ivx_held_report {
    uint8_t context;
    struct ivx_command command;
    std::vector<uint8_t> data;
};

struct ivx_scu {
    struct ivx_wire wire;
    int dimse_seconds;
    std::string preferred; /* empty: results are sent as they are */
    uint16_t message_id = 0;
    bool urgent = false;
    std::deque<ivx_held_report> reports; /* arrived, and not answered yet */
    int turned_away = 0;                 /* reports for which there was no room */
    bool useless = false; /* nothing more can be sent: abort instead of release */

    explicit ivx_scu(const struct ivx_scu_peer &peer)
        : wire(peer.dimse_seconds), dimse_seconds(peer.dimse_seconds),
          preferred(peer.preferred_syntax == nullptr ? "" : peer.preferred_syntax)
    {
    }
};

/* Where a class was agreed on, and the syntax of its data sets; id 0: nowhere. */
struct ivx_requested_context {
    uint8_t id = 0;
    const char *syntax = nullptr;
};
ivx_requested_context ivx_requested_find(const struct ivx_scu &scu, const char *sop_class);

/* Nothing more can be exchanged; always false. */
bool ivx_requested_lost(struct ivx_scu &scu);
/* The answer to our request; reports that come before it are held. */
bool ivx_requested_await(struct ivx_scu &scu, const struct ivx_command &request,
                         struct ivx_command &out, struct ivx_err *err);
/* scu_commitment.cc: takes the data set of a report that has begun to arrive, and keeps it
 * for ivx_scu_await_report(), or has the peer repeat it later when too many wait (0213H). */
bool ivx_requested_hold(struct ivx_scu &scu, uint8_t context, const struct ivx_command &command,
                        struct ivx_err *err);

#endif
