/* slots.h - who is connected, in memory that the accept loop shares with its associations'
 * processes: a connection counts against the limits only once it has become an association,
 * and only its own process knows when. */
#ifndef IVX_RECEIVE_SLOTS_H
#define IVX_RECEIVE_SLOTS_H

#include <stddef.h>
#include <sys/types.h>

#include "isovox/base/err.h"

struct ivx_slots; /* opaque */

bool ivx_slots_new(size_t room, struct ivx_slots **out, struct ivx_err *err);
void ivx_slots_free(struct ivx_slots **slots);

/* By the accept loop. A slot that was taken is given its process, or given back. */
bool ivx_slots_take(struct ivx_slots *slots, const char *address, size_t *slot_out);
void ivx_slots_set_pid(struct ivx_slots *slots, size_t slot, pid_t pid);
void ivx_slots_give_back(struct ivx_slots *slots, size_t slot);
/* False when no slot has this process. */
bool ivx_slots_find(const struct ivx_slots *slots, pid_t pid, size_t *slot_out);
const char *ivx_slots_address(const struct ivx_slots *slots, size_t slot);
/* How many are connected; address NULL: from anywhere. */
size_t ivx_slots_connected(const struct ivx_slots *slots, const char *address);
void ivx_slots_signal(const struct ivx_slots *slots, int number);

/* By the process of a slot: it has become an association. False when that would be more than
 * `most`, or more than most_per_peer from its address. */
bool ivx_slots_associate(struct ivx_slots *slots, size_t slot, size_t most,
                         size_t most_per_peer);

#endif
