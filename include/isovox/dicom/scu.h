/* scu.h - an association that we request: C-ECHO and C-STORE. TCP_NODELAY is set. */
#ifndef IVX_DICOM_SCU_H
#define IVX_DICOM_SCU_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"
#include "isovox/dicom/commitment.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ivx_scu; /* opaque: one association */

struct ivx_scu_peer {
    const char *calling_ae, *called_ae, *address;
    int port;
    int connect_seconds, dimse_seconds;
    /* How our results are to be sent, if the peer agrees and they can be (transcode.h): a
     * transfer syntax; NULL: as they are. UIDs and pixel values stay what they are. */
    const char *preferred_syntax;
    /* We are SCP of storage commitment there, by role selection: for ivx_scu_report(). */
    bool reports;
};
/* What will be sent: proposed presentation contexts. Explicit and implicit little endian are
 * always proposed too for a native (uncompressed) syntax, so that every PACS can take it. */
struct ivx_scu_context {
    const char *sop_class, *syntax;
};

/* IVX_RETRY when the peer cannot be reached or rejects as transient, IVX_REFUSED when it
 * rejects for good, IVX_MISMATCH when it accepts none of the contexts; the text says what it
 * answered. */
bool ivx_scu_open(const struct ivx_scu_peer *peer, const struct ivx_scu_context *contexts,
                  size_t count, struct ivx_scu **out, struct ivx_err *err);
/* A-RELEASE when the association is in order, else A-ABORT; then NULL. */
void ivx_scu_free(struct ivx_scu **scu);

bool ivx_scu_echo(struct ivx_scu *scu, struct ivx_err *err);

struct ivx_scu_answer {
    uint16_t status;   /* DIMSE status (0000, Bxxx: stored) */
    char comment[65];  /* Error Comment (0000,0902) */
};
/* Of the C-STORE requests from now on: Priority (0000,0700) HIGH, or MEDIUM as at first. */
void ivx_scu_set_urgent(struct ivx_scu *scu, bool urgent);

/* Sends the Part 10 file at path: in the preferred syntax, else as it is, else (uncompressed)
 * in explicit, else in implicit little endian, as the peer has agreed. True when the peer
 * answered, whatever it answered. False: no answer (IVX_RETRY; the association is useless
 * now), no matching presentation context was accepted (IVX_REFUSED), or our file is
 * unreadable (IVX_DAMAGED). */
bool ivx_scu_store(struct ivx_scu *scu, const char *path, struct ivx_scu_answer *out,
                   struct ivx_err *err);

/* ---- storage commitment, PS3.4 annex J; IVX_COMMITMENT_CLASS was among the contexts ----- */

/* Has the peer accepted it? */
bool ivx_scu_has_commitment(const struct ivx_scu *scu);
/* N-ACTION: asks the peer to commit. True when it answered, whatever it answered. */
bool ivx_scu_commit(struct ivx_scu *scu, const struct ivx_commitment *request,
                    struct ivx_scu_answer *out, struct ivx_err *err);
/* N-EVENT-REPORT: tells a sender what is committed. The same. */
bool ivx_scu_report(struct ivx_scu *scu, const struct ivx_commitment *report,
                    struct ivx_scu_answer *out, struct ivx_err *err);
/* Has one arrived that ivx_scu_await_report() returns without waiting? */
bool ivx_scu_holds_report(const struct ivx_scu *scu);
/* The next report of the peer, waiting that long for it: IVX_ABSENT when there is none.
 * When it is recorded, ivx_scu_answer_report(); a report that makes no sense has been
 * answered already (IVX_DAMAGED). IVX_RETRY: the association is lost. */
bool ivx_scu_await_report(struct ivx_scu *scu, int milliseconds, struct ivx_commitment *out,
                          struct ivx_err *err);
bool ivx_scu_answer_report(struct ivx_scu *scu, uint16_t status, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
