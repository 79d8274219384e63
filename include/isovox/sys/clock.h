/* clock.h - time. Arithmetic never sees a clock; roles and the journal do. */
#ifndef IVX_SYS_CLOCK_H
#define IVX_SYS_CLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Microseconds since 1970-01-01 UTC: for records and people. May jump. */
int64_t ivx_clock_wall_us(void);
/* Microseconds since boot: for intervals and timeouts within one process. */
int64_t ivx_clock_steady_us(void);
void ivx_clock_sleep_ms(int milliseconds); /* returns early on a signal */

/* "2026-11-22T12:00:00.000Z" into out[32]. */
void ivx_clock_iso(int64_t wall_us, char out[32]);

#ifdef __cplusplus
}
#endif
#endif
