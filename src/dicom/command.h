/* command.h - DIMSE command sets as bytes: PS3.7 6.3 and annex E, always Implicit VR Little
 * Endian and flat. Ours instead of DCMTK's: a peer's command set is read without recursion
 * and without a dictionary, and every command can be answered. */
#ifndef IVX_DICOM_COMMAND_H
#define IVX_DICOM_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    IVX_COMMAND_STORE = 0x0001,
    IVX_COMMAND_FIND = 0x0020,
    IVX_COMMAND_MOVE = 0x0021,
    IVX_COMMAND_ECHO = 0x0030,
    IVX_COMMAND_EVENT_REPORT = 0x0100,
    IVX_COMMAND_SET = 0x0120,
    IVX_COMMAND_ACTION = 0x0130,
    IVX_COMMAND_CREATE = 0x0140,
    IVX_COMMAND_CANCEL = 0x0fff,
    IVX_COMMAND_RESPONSE = 0x8000, /* set in every response */
    IVX_COMMAND_NO_DATA = 0x0101,  /* Command Data Set Type: none follows */
    IVX_COMMAND_MOST = 16384,      /* bytes of a command set: real ones have some 200 */
    IVX_COMMAND_ROOM = 512,        /* for ivx_command_answer() */
    IVX_META_ROOM = 640,           /* for ivx_meta_write() */
};

/* A UID as it came, without padding. Too long or with foreign characters: `legal` is false and
 * the text is empty. Absent: legal and empty. */
struct ivx_command_uid {
    char text[65];
    bool legal;
};
struct ivx_command {
    uint16_t field, message_id, data_set_type;
    struct ivx_command_uid sop_class, sop_uid; /* affected or requested */
    uint16_t kind;                /* Event Type ID or Action Type ID */
    uint16_t priority;            /* of a C-STORE-RQ: 0 medium, 1 high, 2 low */
    uint16_t answered_id, status; /* of a response */
    uint16_t completed, failed;   /* of a C-MOVE-RSP: sub-operations so far */
    char move_to[17];             /* of a C-MOVE-RQ: Move Destination */
    char comment[65];             /* (0000,0902), printable; "": none */
};
/* IVX_DAMAGED when it is no command set. */
bool ivx_command_read(const uint8_t *bytes, size_t length, struct ivx_command *out,
                      struct ivx_err *err);

/* The response to a command, without a data set; returns its length. comment (NULL: none) is
 * made fit for (0000,0902) LO. */
size_t ivx_command_answer(const struct ivx_command *to, uint16_t status, const char *comment,
                          uint8_t out[IVX_COMMAND_ROOM]);

/* A request: C-STORE-RQ, C-FIND-RQ, C-MOVE-RQ, N-ACTION-RQ or N-EVENT-REPORT-RQ (a data set
 * follows), or C-ECHO-RQ. */
size_t ivx_command_request(const struct ivx_command *request, uint8_t out[IVX_COMMAND_ROOM]);

/* Preamble (zeros: never the peer's), "DICM" and File Meta Information, PS3.10 7.1; returns the
 * length. The texts are UIDs that ivx_command_read() found legal. Nothing else is in it, neither
 * who sent the instance nor our version: what is sent again by anybody, at any time, has the
 * same bytes. */
size_t ivx_meta_write(const char *sop_class, const char *sop_uid, const char *syntax,
                      uint8_t out[IVX_META_ROOM]);

/* What the meta header of a Part 10 file says, and where its data set starts. bytes: the start
 * of the file, at least the whole header. */
struct ivx_meta {
    struct ivx_command_uid sop_class, sop_uid, syntax;
    size_t data_set_at;
};
bool ivx_meta_read(const uint8_t *bytes, size_t length, struct ivx_meta *out,
                   struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
