/* network_rig.h - a server that does as it is told, and a client. */
#ifndef IVX_DICOM_NETWORK_RIG_H
#define IVX_DICOM_NETWORK_RIG_H

#include "command.h"
#include "isovox/base/auto.h"
#include "isovox/dicom/dataset.h"
#include "isovox/dicom/dicom.h"
#include "isovox/dicom/scp.h"
#include "isovox/dicom/scu.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"

extern const char ct_class[], explicit_little[];

/* Where the server fails: the first instance, and none after it. */
enum trouble { NONE, AT_BEGIN, AT_DATA, AT_END, DIES, STOPS };

struct plan {
    enum ivx_scp_verdict verdict;
    enum trouble trouble;
    struct ivx_scp_limits limits;
    int stored;
};

extern int port;
extern char folder[64];
extern struct plan plan;

void start_server(void);
int listen_somewhere(void);
void set_up(void);
void tear_down(void);
/* Everything that happened, a line each, once the server has ended by itself. */
const char *events(void);
struct ivx_scu *open_well(void);
enum ivx_code open_badly(struct ivx_err *err);
/* A Part 10 file whose data set is `length` arbitrary bytes: nobody on the way reads them. */
const char *make_file(const char *sop_class, const char *sop_uid, size_t length);
uint16_t store(struct ivx_scu *scu, const char *path, struct ivx_scu_answer *answer);
void check_arrived(int n, const char *sent);

#endif
