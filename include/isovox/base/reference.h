/* reference.h - an instance that storage commitment is asked or told of, PS3.4 annex J. */
#ifndef IVX_BASE_REFERENCE_H
#define IVX_BASE_REFERENCE_H

#ifdef __cplusplus
extern "C" {
#endif

/* PS3.3 C.14.1.1, Failure Reason (0008,1197). */
enum {
    IVX_UNJUDGED = -1,
    IVX_COMMITTED = 0,
    IVX_FAILURE_PROCESSING = 0x0110,
    IVX_FAILURE_NO_INSTANCE = 0x0112,
    IVX_FAILURE_CLASS_CONFLICT = 0x0119,
    IVX_FAILURE_CLASS_UNSUPPORTED = 0x0122,
    IVX_FAILURE_DUPLICATE_TRANSACTION = 0x0131,
    IVX_FAILURE_RESOURCES = 0x0213,
};
struct ivx_reference {
    char sop_class[65], sop_uid[65];
    int reason; /* IVX_COMMITTED, IVX_UNJUDGED, or why it is not committed */
};

#ifdef __cplusplus
}
#endif
#endif
