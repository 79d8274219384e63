/* rig.h - the receive role as a process, a client before it and its journal behind it. */
#ifndef IVX_RECEIVE_RIG_H
#define IVX_RECEIVE_RIG_H

#include <sys/types.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/dataset.h"
#include "isovox/dicom/dicom.h"
#include "isovox/dicom/scu.h"
#include "isovox/receive/receive.h"
#include "isovox/spool/spool.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"
#include "isovox/sys/wake.h"

extern const char ct_class[], explicit_little[];

struct journal {
    struct ivx_record records[64];
    size_t count;
};

extern char folder[64]; /* state_dir */
extern pid_t role;

void good(bool done, const struct ivx_err *err);
/* -1: nobody listens. */
int connect_raw(void);
/* more: settings in the section receive. */
void write_config(const char *more);
void run_role(void);
void start_role(const char *more);
int stop_role(void);
void set_up(void);
void tear_down(void);
struct journal read_journal(void);
/* The data set is as it was in the file. */
void check_payload(const struct ivx_record *record, const char *file);
bool open_as(const char *calling, const char *called, struct ivx_scu **out,
             struct ivx_err *err);
struct ivx_scu *open_well(void);
const char *make_file(const char *sop_uid, size_t pixels);
uint16_t store(struct ivx_scu *scu, const char *path);

#endif
