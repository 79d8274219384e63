/* attempt.h - one delivery in hand: what it was answered, and how it ended. */
#ifndef IVX_DELIVER_ATTEMPT_H
#define IVX_DELIVER_ATTEMPT_H

#include "isovox/catalogue/catalogue.h"
#include "isovox/config/config.h"

#include "policy.h"

enum { IVX_ATTEMPT_BATCH = 16 }; /* answers per transaction */

struct ivx_attempt {
    struct ivx_delivery_row row;
    struct ivx_delivery_item *items;
    size_t item_count;
    struct ivx_delivery_answer answers[IVX_ATTEMPT_BATCH];
    size_t answer_count;
    int64_t recorded_us, beaten_us, looked_us; /* steady clock */
    int64_t accepted;    /* in this attempt */
    /* The worst of what was answered, and what was said about it. */
    enum ivx_outcome worst;
    int status;
    char comment[IVX_NOTE_ROOM];
    bool lost; /* the lease: somebody else has it, or will */
    bool asked; /* for storage commitment */
    bool yields; /* to something more urgent */
};
void ivx_attempt_clear(struct ivx_attempt *attempt); /* what it owns */

void ivx_attempt_note(struct ivx_attempt *attempt, enum ivx_outcome outcome, int status,
                      const char *comment);
/* The lease is; `err` said so. Always false. */
bool ivx_attempt_lost(struct ivx_attempt *attempt, const struct ivx_err *err);

/* It is recorded what it came to, and when there is to be another. */
void ivx_attempt_finish(const struct ivx_attempt *attempt, struct ivx_catalogue *catalogue,
                        const struct ivx_config *config,
                        const struct ivx_destination *destination);
/* Neither done nor failed: what is left is due at once, and this was no attempt. */
void ivx_attempt_give_back(struct ivx_attempt *attempt, struct ivx_catalogue *catalogue,
                           const char *event);

#endif
