/* counters.h - what the processes of a role count, and another process shows. Counted in memory
 * that the role shares with those it forks; the role writes it to state_dir/run/<role>.counters
 * now and then, where it is read. No more durable than the role: the numbers begin at 0 with
 * it, which is what Prometheus expects of a counter. */
#ifndef IVX_SYS_COUNTERS_H
#define IVX_SYS_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"

/* id, metric without "isovox_", further labels, help. Rows of one metric stand together. */
#define IVX_RECEIVE_COUNTERS(X) \
  X(ACCEPTED, "receive_associations_accepted_total", "", "Associations accepted.") \
  X(UNKNOWN_CALLING, "receive_associations_rejected_total", "reason=\"calling-ae\"", "Associations rejected.") \
  X(UNKNOWN_CALLED, "receive_associations_rejected_total", "reason=\"called-ae\"", "") \
  X(BUSY, "receive_associations_rejected_total", "reason=\"limit\"", "") \
  X(NO_ROOM, "receive_associations_rejected_total", "reason=\"disk\"", "") \
  X(BROKEN, "receive_associations_broken_total", "", "Accepted associations that were aborted or lost.") \
  X(STORED, "receive_instances_total", "", "Instances acknowledged with Success.") \
  X(BYTES, "receive_bytes_total", "", "Bytes of them, as Part 10 objects.") \
  X(REFUSED_RETRY, "receive_refused_instances_total", "reason=\"io\"", "C-STORE answered with a failure.") \
  X(REFUSED_FULL, "receive_refused_instances_total", "reason=\"disk\"", "") \
  X(REFUSED_DAMAGED, "receive_refused_instances_total", "reason=\"malformed\"", "") \
  X(REFUSED_MISMATCH, "receive_refused_instances_total", "reason=\"mismatch\"", "") \
  X(REFUSED_OTHER, "receive_refused_instances_total", "reason=\"unsupported\"", "")
#define IVX_DELIVER_COUNTERS(X) \
  X(SENT, "deliver_instances_total", "", "Instances that the destination has accepted.") \
  X(NO_ANSWER, "deliver_refused_instances_total", "reason=\"no-answer\"", "Instances that it has not accepted.") \
  X(RESOURCES, "deliver_refused_instances_total", "reason=\"resources\"", "") \
  X(REFUSED, "deliver_refused_instances_total", "reason=\"refused\"", "") \
  X(AWAY, "deliver_failed_associations_total", "", "Associations that could not be opened.")

enum ivx_receive_counter {
#define X(id, metric, labels, help) IVX_RECEIVE_##id,
    IVX_RECEIVE_COUNTERS(X)
#undef X
    IVX_RECEIVE_COUNTER_COUNT
};
enum ivx_deliver_counter {
#define X(id, metric, labels, help) IVX_DELIVER_##id,
    IVX_DELIVER_COUNTERS(X)
#undef X
    IVX_DELIVER_COUNTER_COUNT
};

enum { IVX_COUNTER_MOST = 16, IVX_COUNTER_OWNERS = 256, IVX_COUNTER_ROOM = 65 };

struct ivx_counters; /* opaque */

/* For numbers 0 to count - 1 of each owner, at most IVX_COUNTER_MOST. */
bool ivx_counters_new(size_t count, struct ivx_counters **out, struct ivx_err *err);
void ivx_counters_free(struct ivx_counters **counters);

/* By the role: this owner (a configured name) is counted apart from now on, also by those it
 * has forked before. More than IVX_COUNTER_OWNERS - 1 are not. */
void ivx_counters_declare(struct ivx_counters *counters, const char *owner);
/* Owner 0 is "other": whoever was not declared, and NULL. */
size_t ivx_counters_find(const struct ivx_counters *counters, const char *owner);
void ivx_counters_add(struct ivx_counters *counters, size_t owner, size_t number, uint64_t n);

/* By the role, as often as it likes: nothing is written while nothing has changed. */
bool ivx_counters_write(struct ivx_counters *counters, const char *state_dir, const char *role,
                        struct ivx_err *err);

/* The same at most once a second; a full disk leaves them as they are. */
void ivx_counters_show(struct ivx_counters *counters, const char *state_dir, const char *role);

struct ivx_counter_row {
    char owner[IVX_COUNTER_ROOM];
    uint64_t value[IVX_COUNTER_MOST];
};
/* What the role has written, if it counts the same numbers: else IVX_ABSENT, as when there is
 * nothing. The caller frees *rows_out. */
bool ivx_counters_read(const char *state_dir, const char *role, size_t count,
                       struct ivx_counter_row **rows_out, size_t *row_count_out,
                       struct ivx_err *err);

#endif
