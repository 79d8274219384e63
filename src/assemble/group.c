#include "group.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"

bool ivx_verdict_no(struct ivx_verdict *verdict, enum ivx_reason reason, const char *format, ...)
{
    verdict->reason = reason;
    va_list args;
    va_start(args, format);
    vsnprintf(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
    return false;
}

bool ivx_group_new(int room, struct ivx_group **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_group_free) struct ivx_group *made = calloc(1, sizeof *made);
    if (made == NULL || (made->slice = calloc((size_t)room, sizeof *made->slice)) == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory for %d slices", room);
    *out = IVX_STEAL(made);
    return true;
}

void ivx_group_free(struct ivx_group **group)
{
    if (*group == NULL)
        return;
    free((*group)->slice);
    free((*group)->t);
    free((*group)->shift_row);
    free((*group)->shift_column);
    free(*group);
    *group = NULL;
}

bool ivx_group_pick(const struct ivx_group *from, const int *chosen, int count,
                    struct ivx_group **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_group_free) struct ivx_group *made = NULL;
    if (!ivx_group_new(count, &made, err))
        return false;
    for (int n = 0; n < count; n++)
        made->slice[n] = from->slice[chosen[n]];
    made->count = count;
    memcpy(made->warnings, from->warnings, sizeof made->warnings);
    made->warning_count = from->warning_count;
    memcpy(made->row, from->row, sizeof made->row);
    memcpy(made->column, from->column, sizeof made->column);
    memcpy(made->normal, from->normal, sizeof made->normal);
    *out = IVX_STEAL(made);
    return true;
}

void ivx_group_keep(struct ivx_group *group, const bool *keep)
{
    int kept = 0;
    for (int n = 0; n < group->count; n++) {
        if (!keep[n])
            continue;
        group->slice[kept] = group->slice[n];
        if (group->t != NULL)
            group->t[kept] = group->t[n];
        kept++;
    }
    group->count = kept;
}

void ivx_group_warn(struct ivx_group *group, enum ivx_reason reason, const char *format, ...)
{
    if (group->warning_count == IVX_MOST_WARNINGS)
        return;
    struct ivx_warning *warning = &group->warnings[group->warning_count++];
    warning->reason = reason;
    va_list args;
    va_start(args, format);
    vsnprintf(warning->text, sizeof warning->text, format, args);
    va_end(args);
}

double ivx_dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
