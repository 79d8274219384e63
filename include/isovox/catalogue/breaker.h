/* breaker.h - destinations in trouble, as rows: one circuit breaker each, so that a peer that
 * is away costs its deliveries no attempt and the other destinations nothing, and people and
 * a restarted program know. Part of the catalogue; see catalogue.h. */
#ifndef IVX_CATALOGUE_BREAKER_H
#define IVX_CATALOGUE_BREAKER_H

#include "isovox/catalogue/catalogue.h"

/* closed: all is well. open: it answered, and refused for now or broke off. away: it cannot be
 * reached. half-open: it answers C-ECHO again; one sender tries. */
#define IVX_BREAKER_STATES(X) \
  X(CLOSED, "closed") X(OPEN, "open") X(AWAY, "away") X(HALF_OPEN, "half-open")
enum ivx_breaker_state {
#define X(id, name) IVX_BREAKER_##id,
    IVX_BREAKER_STATES(X)
#undef X
    IVX_BREAKER_STATE_COUNT
};
const char *ivx_breaker_state_name(enum ivx_breaker_state state);

struct ivx_breaker_row {
    char destination[65];
    enum ivx_breaker_state state;
    int64_t failures;         /* since it was closed: the wait grows with them */
    int64_t since_us;         /* in this state */
    int64_t next_us;          /* of the next C-ECHO */
    char note[IVX_NOTE_ROOM]; /* what went wrong last */
    bool wanted;              /* something waits for this destination */
};
/* Of destinations that were in trouble once; the caller frees. */
bool ivx_catalogue_list_breakers(struct ivx_catalogue *catalogue,
                                 struct ivx_breaker_row **rows_out, size_t *count_out,
                                 struct ivx_err *err);
/* AWAY or OPEN, and asked again at next_us. */
bool ivx_catalogue_breaker_trip(struct ivx_catalogue *catalogue, const char *destination,
                                enum ivx_breaker_state state, const char *note,
                                int64_t next_us, struct ivx_err *err);
/* How often it has failed since it was closed; 0: not at all. */
bool ivx_catalogue_breaker_failures(struct ivx_catalogue *catalogue, const char *destination,
                                    int64_t *out, struct ivx_err *err);
/* It answered C-ECHO: HALF_OPEN; was it AWAY, what could not be sent for want of an answer is
 * due now. */
bool ivx_catalogue_breaker_try(struct ivx_catalogue *catalogue, const char *destination,
                               struct ivx_err *err);
/* It has accepted something. */
bool ivx_catalogue_breaker_close(struct ivx_catalogue *catalogue, const char *destination,
                                 struct ivx_err *err);
/* The next C-ECHO of this destination (NULL: of all) is due now. */
bool ivx_catalogue_breaker_hurry(struct ivx_catalogue *catalogue, const char *destination,
                                 struct ivx_err *err);
/* Deliveries older than budget_us to destinations that are OPEN or AWAY are DEAD, with what
 * went wrong there. The others are ended by whoever tries them. */
bool ivx_catalogue_delivery_expire(struct ivx_catalogue *catalogue, int64_t budget_us,
                                   int64_t *count_out, struct ivx_err *err);

#endif
