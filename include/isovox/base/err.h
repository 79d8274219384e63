/* err.h - why a call failed, and what the caller should do about it. */
#ifndef IVX_BASE_ERR_H
#define IVX_BASE_ERR_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The C-STORE column is PS3.4 Table B.2-1 and PS3.7 annex C.
 *  code           meaning, for logs                        C-STORE  HTTP */
#define IVX_CODES(X) \
  X(IVX_RETRY,    "busy, try again later",                   0xA700,  503) \
  X(IVX_FULL,     "out of space or memory",                  0xA700,  507) \
  X(IVX_REFUSED,  "valid, but unsupported or not allowed",   0x0122,  415) \
  X(IVX_DAMAGED,  "input is malformed",                      0xC000,  422) \
  X(IVX_MISMATCH, "the data set is not what was announced",  0xA900,  409) \
  X(IVX_ABSENT,   "there is no such thing",                  0x0112,  404) \
  X(IVX_STALE,    "somebody else has it now",                0x0110,  409) \
  X(IVX_BUG,      "our own mistake",                         0x0110,  500)

enum ivx_code {
    IVX_OK,
#define X(code, text, dimse, http) code,
    IVX_CODES(X)
#undef X
};

/* Owned by the caller, never allocated: it works when memory is exhausted.
 * The text names UIDs and sizes, never a patient. */
struct ivx_err {
    enum ivx_code code;
    char text[240];
};

/* Record a failure where it is detected. Always returns false, so that
 *     return ivx_fail(err, IVX_DAMAGED, "slice %d: no position", k);
 * is a whole error path. err may be NULL. Setting an error twice is a bug. */
bool ivx_fail(struct ivx_err *err, enum ivx_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *ivx_code_text(enum ivx_code code);
int ivx_code_dimse(enum ivx_code code);
int ivx_code_http(enum ivx_code code);

#ifdef __cplusplus
}
#endif
#endif
