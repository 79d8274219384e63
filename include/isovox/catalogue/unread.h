/* unread.h - what a read error of the disk keeps from us for now, as rows: it is tried again, and
 * holds up nothing else. */
#ifndef IVX_CATALOGUE_UNREAD_H
#define IVX_CATALOGUE_UNREAD_H

#include "isovox/catalogue/catalogue.h"

/* A record that cannot be read now: its place, and why. It is due again in 1, 2, 4 ... 300 s,
 * and the segment stays. Offset 0: its segment cannot be read on from the mark. */
struct ivx_unread {
    uint64_t segment, offset;
    int64_t attempts;
};
/* How long it is left alone after so many attempts. */
int64_t ivx_unread_seconds(int64_t attempts);
/* Part of the index transaction, or one of its own. */
bool ivx_catalogue_index_unread(struct ivx_catalogue *catalogue, const struct ivx_unread *row,
                                const char *note, struct ivx_err *err);
/* Part of the index transaction. It could be read now, or there is nothing to read any more: a
 * series that waits for it is marked. */
bool ivx_catalogue_index_read(struct ivx_catalogue *catalogue, const struct ivx_unread *row,
                              struct ivx_err *err);

/* Records that are due; the caller frees *rows_out. */
bool ivx_catalogue_unread_due(struct ivx_catalogue *catalogue, int limit,
                              struct ivx_unread **rows_out, size_t *count_out,
                              struct ivx_err *err);
/* Segments that cannot be read on; the caller frees *rows_out. */
struct ivx_unread_segment {
    struct ivx_unread place;
    bool due;
};
bool ivx_catalogue_unread_segments(struct ivx_catalogue *catalogue,
                                   struct ivx_unread_segment **rows_out, size_t *count_out,
                                   struct ivx_err *err);

/* An instance of the series cannot be read now: how long it is left alone still, and why it could
 * not be. *left_us_out is 0 when there is none, else at least 1. */
bool ivx_catalogue_series_unread(struct ivx_catalogue *catalogue, int64_t series_id,
                                 int64_t *left_us_out, char note_out[IVX_NOTE_ROOM],
                                 struct ivx_err *err);

#endif
