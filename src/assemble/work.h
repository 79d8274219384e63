/* work.h - an assembly while it is made. Private to assemble. */
#ifndef IVX_ASSEMBLE_WORK_H
#define IVX_ASSEMBLE_WORK_H

#include "group.h"

struct ivx_assembly {
    struct ivx_source_volume *volumes;
    struct ivx_group **groups; /* own what the volumes point to; same count */
    int volume_count, volume_room, group_room;
    struct ivx_refusal *refusals;
    int refusal_count, refusal_room;
    bool has_hole;
};

/* One accepted instance on its way into a group. */
struct ivx_entry {
    const struct ivx_instance *instance;
    int copies;    /* further ones with the same UID and content */
    bool conflict; /* another one has the same UID and other content */
};

struct ivx_work {
    struct ivx_assembly *assembly;
    const struct ivx_assemble_options *options;
    struct ivx_entry *entries;
    int count;
    const struct ivx_instance **shapeless; /* of an image class, but without geometry */
    int shapeless_count;
};

/* Refusals of one series for one reason, in the same words, are one line with a count. */
bool ivx_assembly_refuse(struct ivx_assembly *assembly, const char *series_uid,
                         const struct ivx_verdict *why, int instances, bool passed_over,
                         struct ivx_err *err);
/* The volume takes over the group. */
bool ivx_assembly_add(struct ivx_assembly *assembly, struct ivx_group **group,
                      struct ivx_err *err);

/* R0, R1, R4a: sorts the instances out into work->entries and work->shapeless. */
bool ivx_work_collect(struct ivx_work *work, const struct ivx_instance *const *instances,
                      size_t count, struct ivx_err *err);
/* R1: entries that belong together, group by group, through ivx_work_decide(). */
bool ivx_work_group(struct ivx_work *work, struct ivx_err *err);
/* R2 to R11 for one group: it becomes volumes or refusals. May take the group over. */
bool ivx_work_decide(struct ivx_work *work, struct ivx_group **group, struct ivx_err *err);

#endif
