/* clock.h - the time of the catalogue; see catalogue.h.
 *
 * The wall clock may be set, by an hour or by years, forward, back, and back again; nothing is
 * decided, ended or held up by that. Leases and holds are of the steady clock and end with the
 * boot. All other times are of the steady clock plus what it lacked to the wall clock when
 * somebody looked last: what waits for a moment, or counts from one, is moved in the
 * transaction in which that is put right, so that it has as long to go as before.
 *
 * What the wall clock says after a boot is believed. What waited then is tried at once. */
#ifndef IVX_CATALOGUE_CLOCK_H
#define IVX_CATALOGUE_CLOCK_H

#include "isovox/catalogue/catalogue.h"

/* Done by opening for writing, too. Cheap while there is nothing to put right. */
bool ivx_catalogue_look_at_clock(struct ivx_catalogue *catalogue, struct ivx_err *err);
/* The time that rows are written with: the wall clock, give or take 0.2 s, as it was looked at
 * last. */
int64_t ivx_catalogue_now_us(struct ivx_catalogue *catalogue);
/* When, by the steady clock, the wall clock was seen to be set last, by a second or more;
 * INT64_MIN: never. */
bool ivx_catalogue_clock_set_us(struct ivx_catalogue *catalogue, int64_t *steady_us_out,
                                struct ivx_err *err);
/* What was over before *out has been so for keep_us. For keep_us after the wall clock was set
 * forward, that is as much earlier: rows of what is over are not moved. */
bool ivx_catalogue_over_us(struct ivx_catalogue *catalogue, int64_t keep_us, int64_t *out,
                           struct ivx_err *err);

#endif
