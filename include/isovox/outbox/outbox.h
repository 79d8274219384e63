/* outbox.h - results as files until they are delivered: all of a result, or nothing.
 *
 *   state_dir/outbox/staging/<key>.e<epoch>/   being written by one attempt; swept when stale
 *   state_dir/outbox/ready/<key>/             complete and durable: 000001.dcm ... manifest.json */
#ifndef IVX_OUTBOX_OUTBOX_H
#define IVX_OUTBOX_OUTBOX_H

#include <stdint.h>

#include "isovox/base/err.h"

struct ivx_outbox; /* opaque */

bool ivx_outbox_open(const char *state_dir, struct ivx_outbox **out, struct ivx_err *err);
void ivx_outbox_free(struct ivx_outbox **outbox);

/* An empty staging directory for this attempt, which is swept by nobody until the process
 * ends or stages the next one; path_out has room for 4096. Keys are made by
 * us: letters, digits, '-' and '.'; anything else is IVX_BUG. */
bool ivx_outbox_stage(struct ivx_outbox *outbox, const char *key, int64_t epoch,
                      char *path_out, struct ivx_err *err);
/* The order is the guarantee: contents of every file, staging directory, name, parent.
 * A result that is already published under this key is left as it is (same input, same
 * bytes) and the staging directory is removed. */
bool ivx_outbox_publish(struct ivx_outbox *outbox, const char *key, int64_t epoch,
                        struct ivx_err *err);
void ivx_outbox_drop_stage(struct ivx_outbox *outbox, const char *key, int64_t epoch);
/* Where a published result is (room 4096); it need not exist. */
void ivx_outbox_path(const struct ivx_outbox *outbox, const char *key, char *path_out);
bool ivx_outbox_remove(struct ivx_outbox *outbox, const char *key, struct ivx_err *err);
/* Removes staging directories whose process has ended, and that are older than `seconds`. */
void ivx_outbox_sweep(struct ivx_outbox *outbox, int seconds);

#endif
