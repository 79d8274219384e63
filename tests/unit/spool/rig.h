/* rig.h - a spool in a fresh directory, and records with payloads that can be told apart.
 */
#ifndef IVX_TEST_SPOOL_RIG_H
#define IVX_TEST_SPOOL_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "segment.h"

extern char state_dir[64];
extern struct ivx_spool *spool;

void rig_start(void); /* checked fixture */
void rig_end(void);

/* Record n: UID "1.2.n", a payload of `length` bytes that depends on n. */
void rig_record(int n, struct ivx_record *out);
uint8_t *rig_payload(int n, size_t length); /* owned by the caller */
bool rig_write(struct ivx_spool_writer *writer, int n, size_t length,
               struct ivx_err *err);
void rig_must_write(struct ivx_spool_writer *writer, int n, size_t length);
struct ivx_spool_writer *rig_writer(void);

/* What a scan from `marks` has seen. */
struct seen {
    int n[4096];
    struct ivx_record record[4096];
    struct ivx_spool_mark after[4096];
    size_t count;
    size_t stop_at; /* > 0: the visitor fails at this one */
};
bool rig_scan(const struct ivx_spool_mark *marks, size_t count, struct seen *out,
              struct ivx_err *err);
/* Scans all, asserts that exactly records first..last are there in order. */
void rig_expect(int first, int last);

#endif
