#include "room.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNED = 64 };

/* Stands before every piece of memory. */
struct block {
    struct block *next;
    char *room; /* aligned */
    size_t bytes;
    bool used; /* in this call */
};

struct ivx_workspace {
    struct ivx_allocator allocator;
    struct block *first;
    size_t bytes, limit; /* limit 0: none */
    int depth;           /* entries that use it, one inside another */
    bool lasting;        /* outlives the call */
};

static void *take_default(void *context, size_t bytes)
{
    (void)context;
    return malloc(bytes);
}

static void give_default(void *context, void *memory)
{
    (void)context;
    free(memory);
}

bool ivx_workspace_new(const struct ivx_allocator *allocator, struct ivx_workspace **out,
                       struct ivx_err *err)
{
    const struct ivx_allocator own = { take_default, give_default, NULL };
    const struct ivx_allocator *from = allocator == NULL ? &own : allocator;
    struct ivx_workspace *made = from->take(from->context, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "workspace: no memory");
    *made = (struct ivx_workspace){ .allocator = *from, .lasting = true };
    *out = made;
    return true;
}

/* Give back what no entry uses. */
static void trim(struct ivx_workspace *workspace)
{
    struct block **at = &workspace->first;
    while (*at != NULL) {
        struct block *block = *at;
        if (block->used) {
            at = &block->next;
            continue;
        }
        *at = block->next;
        workspace->bytes -= block->bytes;
        workspace->allocator.give(workspace->allocator.context, block);
    }
}

static void release(struct ivx_workspace *workspace)
{
    for (struct block *block = workspace->first; block != NULL; block = block->next)
        block->used = false;
}

void ivx_workspace_free(struct ivx_workspace **workspace)
{
    struct ivx_workspace *gone = *workspace;
    if (gone == NULL)
        return;
    const struct ivx_allocator allocator = gone->allocator;
    release(gone);
    trim(gone);
    allocator.give(allocator.context, gone);
    *workspace = NULL;
}

size_t ivx_workspace_bytes(const struct ivx_workspace *workspace)
{
    return workspace->bytes;
}

bool ivx_workspace_enter(const struct ivx_resample_options *options,
                         struct ivx_workspace **out, struct ivx_err *err)
{
    struct ivx_workspace *entered = options->workspace;
    if (entered == NULL) {
        if (!ivx_workspace_new(NULL, &entered, err))
            return false;
        entered->lasting = false;
    }
    if (entered->depth++ == 0)
        entered->limit = options->memory_limit;
    *out = entered;
    return true;
}

void ivx_workspace_leave(struct ivx_workspace **workspace)
{
    struct ivx_workspace *left = *workspace;
    *workspace = NULL;
    if (left == NULL || --left->depth > 0)
        return;
    if (!left->lasting) {
        ivx_workspace_free(&left);
        return;
    }
    trim(left);
    release(left);
}

/* The smallest that is large enough: the same calls get the same blocks. */
static struct block *find(const struct ivx_workspace *workspace, size_t bytes)
{
    struct block *best = NULL;
    for (struct block *block = workspace->first; block != NULL; block = block->next)
        if (!block->used && block->bytes >= bytes
            && (best == NULL || block->bytes < best->bytes))
            best = block;
    return best;
}

/* `before`: memory before the room. */
static struct block *make(struct ivx_workspace *workspace, size_t bytes, size_t before)
{
    const struct ivx_allocator *allocator = &workspace->allocator;
    if (workspace->limit > 0 && workspace->bytes + bytes > workspace->limit)
        trim(workspace);
    struct block *block = allocator->take(allocator->context, before + bytes);
    if (block == NULL) {
        trim(workspace);
        block = allocator->take(allocator->context, before + bytes);
    }
    if (block == NULL)
        return NULL;
    const uintptr_t first = (uintptr_t)block + sizeof *block;
    char *room = (char *)block + sizeof *block + (ALIGNED - first % ALIGNED) % ALIGNED;
    *block = (struct block){ workspace->first, room, bytes, false };
    workspace->first = block;
    workspace->bytes += bytes;
    return block;
}

void *ivx_room(struct ivx_workspace *workspace, size_t count, size_t size)
{
    const size_t before = sizeof(struct block) + ALIGNED - 1;
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - 2 * ALIGNED - before)
        return NULL;
    bytes = (bytes + 2 * ALIGNED - 1) / ALIGNED * ALIGNED; /* loops may read a vector further */
    struct block *block = find(workspace, bytes);
    if (block == NULL)
        block = make(workspace, bytes, before);
    if (block == NULL)
        return NULL;
    block->used = true;
    return block->room;
}

void *ivx_clear_room(struct ivx_workspace *workspace, size_t count, size_t size)
{
    void *made = ivx_room(workspace, count, size);
    if (made != NULL)
        memset(made, 0, count * size);
    return made;
}
