/* faults.h - system calls of the journal, counted, recorded and made to fail (--wrap). */
#ifndef IVX_TEST_SPOOL_FAULTS_H
#define IVX_TEST_SPOOL_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was called since faults_start(): w pwrite, d fdatasync, s fsync of a file, S fsync
 * of a directory, a fallocate, l linkat. */
extern char trace[8192];
extern uint64_t written_at[8192]; /* offset of each 'w' in trace */

void faults_start(void); /* empty trace, no fault */
/* From now on call number n (1 is the next; of those in the trace) fails, once. */
void faults_fail(int n, int with_errno);
bool faults_hit(void); /* has it happened? */
void faults_fail_reads(bool on);
void faults_sweep(void); /* the next file that is linked has just lost its first name */
void faults_short_writes(bool on); /* pwrite takes 1000 bytes at a time */
void faults_skip_syncs(bool on);   /* for tests that repeat thousands of times */

/* The disk says that it has `bytes` left of 100 GB; 0: it says the truth again. */
void faults_disk(uint64_t bytes);

/* Keeps every pwrite and fdatasync that succeeds, to be replayed. */
struct call {
    char letter; /* w, d, or what faults_note() was given */
    uint64_t offset;
    size_t length;
    uint8_t *bytes;
    int n;
};
extern struct call kept[256];
extern int kept_count;
void faults_keep(bool on); /* on: forgets what was kept before */
void faults_note(char letter, int n);

#endif
