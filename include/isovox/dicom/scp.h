/* scp.h - one accepted association, from A-ASSOCIATE-RQ to its end. DIMSE for the receive
 * role: no decision about durability, no file. Handed a connected socket (DCMTK's external
 * socket mode), so that the accept loop never reads. PS3.4 annex B, PS3.7, PS3.8. */
#ifndef IVX_DICOM_SCP_H
#define IVX_DICOM_SCP_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"
#include "isovox/dicom/commitment.h"
#include "isovox/dicom/performed.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether a peer may associate. PS3.8 9.3.4: who rejects, and why. */
enum ivx_scp_verdict {
    IVX_SCP_WELCOME,
    IVX_SCP_CALLING_AE_UNKNOWN, /* permanent, calling AE title not recognised */
    IVX_SCP_CALLED_AE_UNKNOWN,  /* permanent, called AE title not recognised */
    IVX_SCP_BUSY,               /* transient, local limit exceeded */
};

struct ivx_scp_peer {
    char calling_ae[17], called_ae[17];
    char address[64]; /* numeric */
};

/* What an instance's C-STORE-RQ announced. */
struct ivx_scp_store {
    char sop_class[65], sop_uid[65], syntax[65];
    const struct ivx_scp_peer *peer;
};

/* Storage commitment as a peer is served it (PS3.4 annex J): it asks us to keep what it has
 * sent, or it reports on what we have asked of it. */
enum { IVX_SCP_COMMITS = 1, IVX_SCP_HEARS = 2 };

/* begin; when that returned true: data..., then end(keep) exactly once. keep is false when the
 * transfer broke off or was refused (err is NULL then, and the result of end is not sent to
 * anybody). The stream is a whole Part 10 object
 * (preamble, meta header, then the data set bit for bit as it came). A false from any of
 * them makes the C-STORE-RSP carry ivx_code_dimse(err->code) and err->text as Error
 * Comment; the rest of that data set is read and dropped, the association goes on. */
struct ivx_scp_handler {
    void *context;
    enum ivx_scp_verdict (*associate)(void *context, const struct ivx_scp_peer *peer);
    bool (*store_begin)(void *context, const struct ivx_scp_store *store, struct ivx_err *err);
    bool (*store_data)(void *context, const void *bytes, size_t length, struct ivx_err *err);
    bool (*store_end)(void *context, bool keep, struct ivx_err *err);
    /* A C-STORE was answered with this failure, ours or the handler's. */
    void (*refused)(void *context, const struct ivx_err *why);
    /* An accepted association is over: released by the peer (true), or aborted, lost, timed out. */
    void (*ended)(void *context, bool released);
    bool (*stop_wanted)(void *context); /* asked between commands: end in an orderly way */

    /* What is offered to the peer, which was welcome; NULL: nothing, and what follows is
     * not called. */
    int (*commitment)(void *context);
    /* The status of the N-ACTION-RSP; the request is durable before it is 0000. */
    uint16_t (*commitment_asked)(void *context, const struct ivx_commitment *asked,
                                 struct ivx_err *why);
    /* Asked between commands, a few times a second: is there a report for this association?
     * The caller clears it. While one is not answered there is no other. */
    bool (*report_due)(void *context, struct ivx_commitment *out);
    void (*report_answered)(void *context, uint16_t status);
    /* The peer reports: the status of the N-EVENT-REPORT-RSP. */
    uint16_t (*report_came)(void *context, const struct ivx_commitment *report,
                            struct ivx_err *why);
    /* A procedure step is created, or else changed: the status of the response, which is 0000
     * when what was said is durable. NULL: Modality Performed Procedure Step is not offered. */
    uint16_t (*performed)(void *context, bool creates, const char *sop_uid,
                          const struct ivx_performed *said, struct ivx_err *why);
};

struct ivx_scp_limits {
    int acse_seconds;  /* the A-ASSOCIATE-RQ must be there by then (ARTIM) */
    int dimse_seconds; /* longest silence inside or between commands */
    uint32_t max_pdu;  /* offered, bytes */
    uint64_t max_instance; /* bytes of one data set; more is IVX_DAMAGED */
};

/* Serves the socket until the association ends; owns and closes fd. TCP_NODELAY is set and
 * TCP_QUICKACK re-armed after every read. True when it ended in an
 * orderly way (released, or rejected as the handler asked); the error says what happened
 * otherwise. Call at most once per process (DCMTK keeps global state). */
bool ivx_scp_serve(int fd, const struct ivx_scp_limits *limits,
                   const struct ivx_scp_handler *handler, struct ivx_err *err);

/* The storage classes that are accepted, and the syntaxes: NULL-terminated. For `doctor`,
 * the conformance statement and tests. */
const char *const *ivx_scp_classes(void);
bool ivx_scp_stores(const char *sop_class); /* is it one of them? */
const char *const *ivx_scp_syntaxes(void);

#ifdef __cplusplus
}
#endif
#endif
