/* rig.h - plan over a real spool and a real catalogue, in a folder of its own. Times are given
 * to the records: a series that came 3 seconds ago is one whose records say so. */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include "part10.h"
#include "series.h"

enum { SECOND = 1000000, SLICES = 8 };

extern struct ivx_planner planner;
extern struct ivx_config config;
extern struct ivx_route routes[2]; /* the first is in use: CT, iso-1mm, pacs */
extern char *names[3][2];          /* modality, recipes, destinations */

/* A new process: what it knows is on disk. */
void start_plan(void);
void stop_plan(void);
/* As if catalogue.db had been lost while plan was not running. */
void forget_catalogue(void);
void setup(void);
void teardown(void);
/* The association's process ends: nobody owns its segment. Then another one begins. */
void stop_receiving(void);
void receive_again(void);
/* record is completed with its place. */
void journal(const struct ivx_record *record, const void *bytes, size_t length);
struct ivx_record record_of(const char *sop_uid, double seconds_ago);
void receive(const struct slice *slice, double seconds_ago);
/* Slice k of the series: 2 mm apart. */
void receive_slice(int k, double seconds_ago);
/* Slices [first, last) of a series, in one acquisition that announces so many images (NULL:
 * none), of station CT01. */
void announce(const char *series, int first, int last, const char *announced,
              double seconds_ago);
/* Is this text in the evidence of the first series, as JSON? */
bool has_evidence(const char *text);
void receive_all(double seconds_ago);
void receive_with_hole(double seconds_ago);
void end_association(enum ivx_record_kind kind, double seconds_ago);
int turn(void);
struct ivx_series_row the_series(void);
size_t list_jobs(struct ivx_job_row out[10]);
void claim_job(struct ivx_claim *out);

#define CHECK_SERIES(wanted, wanted_code) do { \
        const struct ivx_series_row found_ = the_series(); \
        ck_assert_str_eq(ivx_series_state_name(found_.state), wanted); \
        ck_assert_str_eq(found_.code, wanted_code); \
    } while (0)

#endif
