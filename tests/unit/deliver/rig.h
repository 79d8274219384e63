/* rig.h - the deliver role between a real catalogue and a PACS with orders to misbehave. */
#ifndef IVX_DELIVER_RIG_H
#define IVX_DELIVER_RIG_H

#include <sys/types.h>

#include "isovox/base/auto.h"
#include "isovox/catalogue/catalogue.h"
#include "isovox/deliver/deliver.h"
#include "isovox/dicom/dataset.h"
#include "isovox/dicom/dicom.h"
#include "isovox/dicom/scp.h"
#include "isovox/outbox/outbox.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"

extern const char ct_class[], explicit_little[];
enum { PER_RESULT = 40 };

/* What the PACS does wrong; set before start_pacs(). */
struct orders {
    const char *sop_uid;  /* about this one */
    enum ivx_code answer; /* this, if not IVX_OK */
    bool once;            /* only the first time */
    bool die;             /* in the middle of it, the first time */
    int slow_ms;          /* for each */
};

extern char folder[64]; /* state_dir */
extern pid_t role;
extern struct orders orders;

/* Of a file in the folder. "events": a line with the SOP Instance UID per stored instance. */
const char *content(const char *name);
/* Until then its port is taken and nobody answers. */
void start_pacs(void);
void good(bool done, const struct ivx_err *err);
/* The id of a delivery of PER_RESULT instances 2.25.<n>01, 2.25.<n>02, ... to "pacs". */
int64_t make_delivery(int n);
void write_config(void);
void start_role(void);
int stop_role(int number);
void set_up(void);
void tear_down(void);
struct ivx_delivery_row look(int64_t id);
struct ivx_delivery_row wait_for(int64_t id, enum ivx_delivery_state state);
size_t lines_of(const char *text);
/* How often the PACS has stored instance i of result n. */
int times(int n, int i);
void all_arrived_once(int n);

#endif
