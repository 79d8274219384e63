/* pauses.h - how long a sender is silent within a series, learned from what it did. */
#ifndef IVX_PLAN_PAUSES_H
#define IVX_PLAN_PAUSES_H

#include "complete.h"

#include "isovox/catalogue/catalogue.h"

/* 995 of 1000 pauses are shorter; 0: too few have been seen to say. */
int64_t ivx_plan_pause_us(const int64_t pauses[IVX_PAUSE_CLASSES]);

/* The configured limits, lengthened or completed by what was learned. */
void ivx_plan_learn(struct ivx_plan_limits *limits, int64_t pause_us);

#endif
