#include "rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"

char state_dir[64];
struct ivx_spool *spool;

void rig_start(void)
{
    struct ivx_err err = { 0 };
    snprintf(state_dir, sizeof state_dir, "/tmp/isovox-spool-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(state_dir));
    ck_assert_msg(ivx_spool_open(state_dir, &spool, &err), "%s", err.text);
    ivx_spool_tune(spool, 1 << 20);
}

void rig_end(void)
{
    ivx_spool_free(&spool);
    ivx_tree_remove(state_dir, NULL);
}

void rig_record(int n, struct ivx_record *out)
{
    *out = (struct ivx_record){ .kind = IVX_RECORD_INSTANCE,
                                .sop_class = "1.2.840.10008.5.1.4.1.1.2",
                                .syntax = "1.2.840.10008.1.2.1",
                                .calling_ae = "CT1",
                                .called_ae = "ISOVOX",
                                .peer = "127.0.0.1",
                                .association = "a-1",
                                .received_us = 1000 + n };
    snprintf(out->sop_uid, sizeof out->sop_uid, "1.2.%d", n);
}

uint8_t *rig_payload(int n, size_t length)
{
    uint8_t *bytes = malloc(length + 1);
    ck_assert_ptr_nonnull(bytes);
    uint32_t state = (uint32_t)n * 2654435761u + 1;
    for (size_t k = 0; k < length; k++) {
        state = state * 1664525u + 1013904223u;
        bytes[k] = (uint8_t)(state >> 24);
    }
    return bytes;
}

bool rig_write(struct ivx_spool_writer *writer, int n, size_t length, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = rig_payload(n, length);
    struct ivx_record record;
    rig_record(n, &record);
    if (!ivx_spool_begin(writer, &record, err))
        return false;
    /* As a network does: in pieces that fit nothing. */
    const size_t piece = 16372;
    for (size_t at = 0; at < length; at += piece) {
        const size_t left = length - at;
        if (!ivx_spool_append(writer, bytes + at, left < piece ? left : piece, err))
            return false;
    }
    return ivx_spool_commit(writer, NULL, err);
}

void rig_must_write(struct ivx_spool_writer *writer, int n, size_t length)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(rig_write(writer, n, length, &err), "%s", err.text);
}

struct ivx_spool_writer *rig_writer(void)
{
    struct ivx_err err = { 0 };
    struct ivx_spool_writer *writer = NULL;
    ck_assert_msg(ivx_spool_writer_new(spool, &writer, &err), "%s", err.text);
    return writer;
}

static bool note(void *context, const struct ivx_record *record,
                 const struct ivx_spool_mark *after, struct ivx_err *err)
{
    struct seen *seen = context;
    if (seen->stop_at > 0 && seen->count + 1 == seen->stop_at)
        return ivx_fail(err, IVX_BUG, "the visitor had enough");
    ck_assert_uint_lt(seen->count, 4096);
    seen->n[seen->count] = (int)strtol(record->sop_uid + 4, NULL, 10);
    seen->record[seen->count] = *record;
    seen->after[seen->count++] = *after;
    return true;
}

bool rig_scan(const struct ivx_spool_mark *marks, size_t count, struct seen *out,
              struct ivx_err *err)
{
    out->count = 0;
    return ivx_spool_scan(spool, marks, count, note, out, NULL, err);
}

void rig_expect(int first, int last)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    ck_assert_msg(rig_scan(NULL, 0, seen, &err), "%s", err.text);
    ck_assert_int_eq((int)seen->count, last - first + 1);
    for (size_t k = 0; k < seen->count; k++)
        ck_assert_int_eq(seen->n[k], first + (int)k);
}
