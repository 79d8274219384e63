#include "slots.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"

enum state { FREE, CONNECTED, ASSOCIATED };

/* The accept loop alone writes the address, while the slot is its own. */
struct slot {
    atomic_int state;
    char address[64];
};

/* Shared with the children. Slots from `high` on were never taken, and are not looked at. */
struct shared {
    atomic_size_t high;
    struct slot slot[];
};

struct ivx_slots {
    struct shared *shared;
    pid_t *pids; /* the loop's own: who talks to the network does not say whom to signal */
    size_t room, bytes;
};

bool ivx_slots_new(size_t room, struct ivx_slots **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_slots_free) struct ivx_slots *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for %zu connections", room);
    made->pids = calloc(room, sizeof *made->pids);
    if (made->pids == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for %zu connections", room);
    made->bytes = sizeof *made->shared + room * sizeof *made->shared->slot;
    made->shared = mmap(NULL, made->bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made->shared == MAP_FAILED) {
        made->shared = NULL;
        return ivx_fail(err, IVX_FULL, "no memory for %zu connections", room);
    }
    made->room = room;
    *out = IVX_STEAL(made);
    return true;
}

void ivx_slots_free(struct ivx_slots **slots)
{
    if (*slots == NULL)
        return;
    if ((*slots)->shared != NULL)
        munmap((*slots)->shared, (*slots)->bytes);
    free((*slots)->pids);
    free(*slots);
    *slots = NULL;
}

static size_t high(const struct ivx_slots *slots)
{
    const size_t stored = atomic_load(&slots->shared->high);
    return stored < slots->room ? stored : slots->room;
}

bool ivx_slots_take(struct ivx_slots *slots, const char *address, size_t *slot_out)
{
    for (size_t i = 0; i < slots->room; i++) {
        struct slot *slot = &slots->shared->slot[i];
        if (atomic_load(&slot->state) != FREE)
            continue;
        slots->pids[i] = 0;
        ivx_text_copy(slot->address, sizeof slot->address, address);
        atomic_store(&slot->state, CONNECTED);
        if (i >= high(slots))
            atomic_store(&slots->shared->high, i + 1);
        *slot_out = i;
        return true;
    }
    return false;
}

void ivx_slots_set_pid(struct ivx_slots *slots, size_t slot, pid_t pid)
{
    slots->pids[slot] = pid;
}

void ivx_slots_give_back(struct ivx_slots *slots, size_t slot)
{
    slots->pids[slot] = 0;
    atomic_store(&slots->shared->slot[slot].state, FREE);
}

bool ivx_slots_find(const struct ivx_slots *slots, pid_t pid, size_t *slot_out)
{
    for (size_t i = 0; i < high(slots); i++) {
        if (slots->pids[i] == pid) {
            *slot_out = i;
            return true;
        }
    }
    return false;
}

const char *ivx_slots_address(const struct ivx_slots *slots, size_t slot)
{
    return slots->shared->slot[slot].address;
}

static size_t count(const struct ivx_slots *slots, enum state least, const char *address)
{
    size_t found = 0;
    for (size_t i = 0; i < high(slots); i++) {
        const struct slot *slot = &slots->shared->slot[i];
        if (atomic_load(&slot->state) >= (int)least
            && (address == NULL || strcmp(slot->address, address) == 0))
            found++;
    }
    return found;
}

size_t ivx_slots_connected(const struct ivx_slots *slots, const char *address)
{
    return count(slots, CONNECTED, address);
}

void ivx_slots_signal(const struct ivx_slots *slots, int number)
{
    for (size_t i = 0; i < high(slots); i++)
        if (slots->pids[i] > 0)
            kill(slots->pids[i], number);
}

/* First taken, then counted: of two at the same time both may be told to come back, but
 * never are both let in. */
bool ivx_slots_associate(struct ivx_slots *slots, size_t slot, size_t most,
                         size_t most_per_peer)
{
    struct slot *mine = &slots->shared->slot[slot];
    atomic_store(&mine->state, ASSOCIATED);
    if (count(slots, ASSOCIATED, NULL) <= most
        && count(slots, ASSOCIATED, mine->address) <= most_per_peer)
        return true;
    atomic_store(&mine->state, CONNECTED);
    return false;
}
