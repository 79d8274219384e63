#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

static const struct ivx_role_kind *find(const char *name, size_t length)
{
    for (const struct ivx_role_kind *kind = ivx_role_kinds; kind->name != NULL; kind++)
        if (strlen(kind->name) == length && strncmp(kind->name, name, length) == 0)
            return kind;
    return NULL;
}

static bool is_chosen(const struct ivx_role_kind *kind, const char *chosen)
{
    for (const char *at = chosen; at != NULL;) {
        const size_t length = strcspn(at, ",");
        if (find(at, length) == kind)
            return true;
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return chosen == NULL;
}

static bool check_chosen(const char *chosen, struct ivx_err *err)
{
    for (const char *at = chosen; at != NULL;) {
        const size_t length = strcspn(at, ",");
        if (find(at, length) == NULL)
            return ivx_fail(err, IVX_REFUSED, "there is no role '%.*s'", (int)length, at);
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return true;
}

static size_t processes_of(const struct ivx_role_kind *kind, const struct ivx_config *config)
{
    if (!kind->is_worker)
        return 1;
    if (config->convert.workers > 0)
        return (size_t)config->convert.workers;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > 256 ? 256 : (size_t)cores;
}

bool ivx_roles_make(const struct ivx_config *config, const char *chosen,
                    struct ivx_role **roles_out, size_t *count_out, struct ivx_err *err)
{
    if (!check_chosen(chosen, err))
        return false;
    size_t count = 0;
    for (const struct ivx_role_kind *kind = ivx_role_kinds; kind->name != NULL; kind++)
        if (is_chosen(kind, chosen))
            count += processes_of(kind, config);

    struct ivx_role *roles = calloc(count + 1, sizeof *roles);
    if (roles == NULL)
        return ivx_fail(err, IVX_FULL, "roles: no memory");
    struct ivx_role *next = roles;
    for (const struct ivx_role_kind *kind = ivx_role_kinds; kind->name != NULL; kind++) {
        if (!is_chosen(kind, chosen))
            continue;
        const size_t processes = processes_of(kind, config);
        for (size_t n = 0; n < processes; n++, next++) {
            next->kind = kind;
            if (kind->is_worker)
                snprintf(next->row.name, sizeof next->row.name, "%s.%zu", kind->name, n);
            else
                ivx_text_copy(next->row.name, sizeof next->row.name, kind->name);
        }
    }
    *roles_out = roles;
    *count_out = count;
    return true;
}
