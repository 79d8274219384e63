/* replay_compare.h - is a repeated conversion the one that its manifest describes? */
#ifndef IVX_TOOL_REPLAY_COMPARE_H
#define IVX_TOOL_REPLAY_COMPARE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Every member counts, in both directions and to the last digit, but for what it ran on
 * ("software") and the engine's version: another engine that gives the same bits is no
 * difference. Says on standard error what differs, and why where that can be told. */
bool ivx_replay_same(const cJSON *then, const cJSON *now);

#endif
