/* shield.h - what decodes runs in a process of its own: the decoders are other people's, and
 * an object that ends one of them (a crash, an assertion, no memory) is then an error with a
 * text, and the next volume has its turn. */
#ifndef IVX_TOOL_SHIELD_H
#define IVX_TOOL_SHIELD_H

#include "isovox/base/text.h"
#include "isovox/convert/conversion.h"

/* Runs in the child: true, or an error. What it adds to the reply reaches the caller in both
 * cases; nothing else that it changes in memory does. */
typedef bool ivx_shielded_fn(const void *context, struct ivx_text *reply, struct ivx_err *err);

/* Returns what the task returned, with its error, or IVX_DAMAGED when the child ended before
 * that. reply_out: starts as { 0 }, owned; may be incomplete when the child did so. Ctrl-C and
 * SIGTERM reach the task; it ends when this process does. No threads may run at the call. */
bool ivx_shield(ivx_shielded_fn *task, const void *context, struct ivx_text *reply_out,
                struct ivx_err *err);

/* ivx_conversion_run() and ivx_describe_measure(), shielded. */
bool ivx_shield_convert(const struct ivx_conversion *conversion,
                        struct ivx_conversion_result *out, struct ivx_err *err);
bool ivx_shield_measure(const struct ivx_source_volume *volume, struct ivx_reader_report *out,
                        struct ivx_err *err);

#endif
