#include "slots.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"

enum state { FREE, CONNECTED, ASSOCIATED };

/* The accept loop alone writes pid and address, while the slot is its own. */
struct slot {
    atomic_int state;
    pid_t pid;
    char address[64];
};

struct ivx_slots {
    struct slot *table; /* shared with the children */
    size_t room;
};

bool ivx_slots_new(size_t room, struct ivx_slots **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_slots_free) struct ivx_slots *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for %zu connections", room);
    made->table = mmap(NULL, room * sizeof *made->table, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made->table == MAP_FAILED) {
        made->table = NULL;
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
    if ((*slots)->table != NULL)
        munmap((*slots)->table, (*slots)->room * sizeof *(*slots)->table);
    free(*slots);
    *slots = NULL;
}

bool ivx_slots_take(struct ivx_slots *slots, const char *address, size_t *slot_out)
{
    for (size_t i = 0; i < slots->room; i++) {
        struct slot *slot = &slots->table[i];
        if (atomic_load(&slot->state) != FREE)
            continue;
        slot->pid = 0;
        ivx_text_copy(slot->address, sizeof slot->address, address);
        atomic_store(&slot->state, CONNECTED);
        *slot_out = i;
        return true;
    }
    return false;
}

void ivx_slots_set_pid(struct ivx_slots *slots, size_t slot, pid_t pid)
{
    slots->table[slot].pid = pid;
}

void ivx_slots_give_back(struct ivx_slots *slots, size_t slot)
{
    slots->table[slot].pid = 0;
    atomic_store(&slots->table[slot].state, FREE);
}

bool ivx_slots_find(const struct ivx_slots *slots, pid_t pid, size_t *slot_out)
{
    for (size_t i = 0; i < slots->room; i++) {
        if (atomic_load(&slots->table[i].state) != FREE && slots->table[i].pid == pid) {
            *slot_out = i;
            return true;
        }
    }
    return false;
}

const char *ivx_slots_address(const struct ivx_slots *slots, size_t slot)
{
    return slots->table[slot].address;
}

static size_t count(const struct ivx_slots *slots, enum state least, const char *address)
{
    size_t found = 0;
    for (size_t i = 0; i < slots->room; i++) {
        const struct slot *slot = &slots->table[i];
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
    for (size_t i = 0; i < slots->room; i++)
        if (atomic_load(&slots->table[i].state) != FREE && slots->table[i].pid > 0)
            kill(slots->table[i].pid, number);
}

/* First taken, then counted: of two at the same time both may be told to come back, but
 * never are both let in. */
bool ivx_slots_associate(struct ivx_slots *slots, size_t slot, size_t most,
                         size_t most_per_peer)
{
    struct slot *mine = &slots->table[slot];
    atomic_store(&mine->state, ASSOCIATED);
    if (count(slots, ASSOCIATED, NULL) <= most
        && count(slots, ASSOCIATED, mine->address) <= most_per_peer)
        return true;
    atomic_store(&mine->state, CONNECTED);
    return false;
}
