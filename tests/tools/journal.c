/* isovox-journal STATE_DIR - what is in the journal of received instances, a line each:
 * kind, SOP Instance UID, SOP Class UID, transfer syntax, calling AE, address, association,
 * bytes. For tests. */
#include <inttypes.h>
#include <stdio.h>

#include "isovox/base/auto.h"
#include "isovox/spool/spool.h"

static bool print(void *context, const struct ivx_record *record,
                  const struct ivx_spool_mark *after, struct ivx_err *err)
{
    static const char *const kinds[] = { "?", "instance", "released", "broken" };
    (void)context, (void)after, (void)err;
    const bool known = record->kind >= 1 && record->kind <= 3;
    printf("%s %s %s %s %s %s %s %" PRIu64 "\n", kinds[known ? record->kind : 0],
           record->sop_uid[0] == '\0' ? "-" : record->sop_uid,
           record->sop_class[0] == '\0' ? "-" : record->sop_class,
           record->syntax[0] == '\0' ? "-" : record->syntax, record->calling_ae,
           record->peer, record->association, record->length);
    return true;
}

int main(int argc, char **argv)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_free) struct ivx_spool *spool = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: isovox-journal STATE_DIR\n");
        return 2;
    }
    if (!ivx_spool_open(argv[1], &spool, &err)
        || !ivx_spool_scan(spool, NULL, 0, print, NULL, NULL, &err)) {
        fprintf(stderr, "isovox-journal: %s\n", err.text);
        return 1;
    }
    return 0;
}
