/* group.h - instances that may be one volume, on their way through the rules. Private to
 * assemble. Each rule is one function in one rules_*.c and says yes, or no with a reason. */
#ifndef IVX_ASSEMBLE_GROUP_H
#define IVX_ASSEMBLE_GROUP_H

#include "isovox/assemble/assembly.h"

/* Why not. */
struct ivx_verdict {
    enum ivx_reason reason;
    char text[160];
};
/* Always returns false. */
bool ivx_verdict_no(struct ivx_verdict *verdict, enum ivx_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum { IVX_MOST_WARNINGS = 16 };

/* The arrays are owned and have `count` entries; t and shifts are NULL until R3 and R6. */
struct ivx_group {
    const struct ivx_instance **slice;
    int count;
    int copies;    /* instances dropped because they are there twice (R4a, R4b) */
    int conflicts; /* images whose SOP Instance UID has two contents (R4a), copies too */
    double row[3], column[3], normal[3];
    double *t, *shift_row, *shift_column;
    double tilt_deg, tilt_max_mm;
    bool uniform;
    double spacing_mm;
    struct ivx_warning warnings[IVX_MOST_WARNINGS];
    int warning_count;
};

bool ivx_group_new(int room, struct ivx_group **out, struct ivx_err *err);
void ivx_group_free(struct ivx_group **group);
/* A group of its own with the chosen slices and all warnings; chosen[] holds indices. */
bool ivx_group_pick(const struct ivx_group *from, const int *chosen, int count,
                    struct ivx_group **out, struct ivx_err *err);
/* Forgets the slices for which keep[] is false. */
void ivx_group_keep(struct ivx_group *group, const bool *keep);
void ivx_group_warn(struct ivx_group *group, enum ivx_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

double ivx_dot(const double a[3], const double b[3]);

/* R1. Is this instance meant to be a slice of a volume that is converted? */
bool ivx_rule_class(const struct ivx_instance *instance, bool *passed_over_out,
                    struct ivx_verdict *why);
/* R16. The functional groups are one for each frame; `object` is of a multi-frame class. */
bool ivx_rule_groups(const struct ivx_instance *object, struct ivx_verdict *why);

/* R16. The parts of concatenations, sorted. */
struct ivx_parts {
    const struct ivx_instance **part; /* owned */
    size_t count;
};
bool ivx_parts_new(const struct ivx_instance *const *instances, size_t count,
                   struct ivx_parts *out, struct ivx_err *err);
void ivx_parts_free(struct ivx_parts *parts);
/* Every part of the concatenation that this instance is in has come. */
bool ivx_rule_parts(const struct ivx_parts *parts, const struct ivx_instance *instance,
                    struct ivx_verdict *why);

/* R1. Order in which members of one group stand together; does not depend on UIDs unless
 * all else is equal. For qsort() over instance pointers. */
int ivx_rule_order(const struct ivx_instance *a, const struct ivx_instance *b);
/* The same by key and Image Type alone: what images without geometry can be told by. */
int ivx_rule_order_without_geometry(const struct ivx_instance *a,
                                    const struct ivx_instance *b);
/* R1. Everything that must be equal, to the letter... */
bool ivx_rule_same_key(const struct ivx_instance *a, const struct ivx_instance *b);
/* ... and what must agree within rounding: Pixel Spacing and orientation. */
struct ivx_plane {
    double spacing[2], orientation[6];
};
struct ivx_plane ivx_plane_of(const struct ivx_instance *instance);
bool ivx_rule_same_plane(const struct ivx_plane *a, const struct ivx_plane *b);
/* R0. Position, orientation and spacing are there and are usable numbers. */
bool ivx_rule_has_geometry(const struct ivx_instance *instance, struct ivx_verdict *why);

/* R2. Fills row, column and normal. */
bool ivx_rule_orientation(struct ivx_group *group, struct ivx_verdict *why);

/* R3. Sorts by position along the normal, fills t. IVX_FULL is the only failure. */
bool ivx_rule_sort(struct ivx_group *group, struct ivx_err *err);
/* R1. At least three distinct positions, at least 1 mm deep. Needs R3. */
bool ivx_rule_deep(const struct ivx_group *group, struct ivx_verdict *why);

/* R4a. Two instances with one SOP Instance UID: the same content? Unknown when the pixels
 * of one cannot be read: then they are refused for that. */
enum ivx_likeness { IVX_ALIKE, IVX_UNLIKE, IVX_UNKNOWN };
bool ivx_rule_compare(const struct ivx_instance *a, const struct ivx_instance *b,
                      enum ivx_likeness *out, struct ivx_err *err);
/* R4. Nothing stands beside another slice at the same height. */
bool ivx_rule_no_shift(const struct ivx_group *group, struct ivx_verdict *why);
/* Index after the last slice that is at the same position as slice `first`. */
int ivx_same_position_end(const struct ivx_group *group, int first);
bool ivx_positions_unique(const struct ivx_group *group);
/* R4b. Drops images that are identical to one at the same position, if that makes the
 * positions unique or `all` is set; *unique_out says whether they are now. */
bool ivx_rule_drop_copies(struct ivx_group *group, bool all, bool *unique_out,
                          struct ivx_err *err);

/* R5. What tells images at one position apart; which[] gets the part of each slice, parts
 * numbered from 0 in ascending order of the telling value. 0 parts: nothing does. */
bool ivx_rule_split(const struct ivx_group *group, int *which, int *parts_out,
                    const char **by_out, struct ivx_err *err);

/* R6. Fills the shifts and the tilt. */
bool ivx_rule_line(struct ivx_group *group, struct ivx_verdict *why, struct ivx_err *err);

/* R5. Not several stacks that lie a little beside one another: images in packs of equal size
 * all along, each pack well within one slice's thickness. Positions are unique. */
bool ivx_rule_one_stack(const struct ivx_group *group, struct ivx_verdict *why);

/* R7. */
bool ivx_rule_spacing(struct ivx_group *group, struct ivx_err *err);
struct ivx_hole {
    int after;     /* between slices after and after + 1 */
    int missing;   /* how many seem to be missing */
    double gap, local;
    bool numbers_jump; /* Instance Number corroborates */
};
/* holes has room for group->count. The number of holes. */
int ivx_rule_holes(const struct ivx_group *group, struct ivx_hole *holes);
/* May these holes be bridged when the route says `interpolate`? */
bool ivx_rule_bridgeable(const struct ivx_group *group, const struct ivx_hole *holes,
                         int count);

/* R10, R17: can the pixels of this slice be read? */
bool ivx_rule_readable(const struct ivx_instance *slice, struct ivx_verdict *why);
/* R9 to R13, R17: can the values of every slice be read, and what do they mean? */
bool ivx_rule_values(const struct ivx_group *group, struct ivx_verdict *why);
/* Warnings of R10, R11, R17. */
void ivx_rule_value_warnings(struct ivx_group *group);

/* One of the enhanced and legacy converted classes. */
bool ivx_is_multi_frame(const struct ivx_instance *instance);
bool ivx_is_ct(const struct ivx_instance *instance);

#endif
