/* policy.h - what an answer means, and when to try again. */
#ifndef IVX_DELIVER_POLICY_H
#define IVX_DELIVER_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum ivx_outcome {
    IVX_ACCEPTED, /* the peer has it: success, a warning, or it had it already */
    IVX_LATER,    /* out of resources (A7xx), or no answer: the same again later */
    IVX_PARK,     /* refused as it is (A9xx, Cxxx, 01xx, 02xx): rarely cured by waiting */
};

/* status: DIMSE status of a C-STORE-RSP (PS3.4 B.2.3, PS3.7 annex C); -1: no answer. */
enum ivx_outcome ivx_outcome_of(int status);

/* What is refused as it is, is tried this often: peers answer so in passing trouble too. */
enum { IVX_PARK_ATTEMPTS = 3 };

/* Seconds first * 2^(attempt - 1), at most `longest`, as microseconds, spread by +-20 %
 * (random: any 32 bits), so that deliveries that failed together do not return together.
 * attempt counts from 1. */
int64_t ivx_backoff_us(long first, long longest, int64_t attempt, uint32_t random);
uint32_t ivx_random_bits(void);

#endif
