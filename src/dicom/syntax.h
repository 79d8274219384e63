/* syntax.h - what a transfer syntax says about the encoding of the data set. PS3.5 annex A. */
#ifndef IVX_DICOM_SYNTAX_H
#define IVX_DICOM_SYNTAX_H

#include <stdbool.h>

#define IVX_SYNTAX_IMPLICIT "1.2.840.10008.1.2"
#define IVX_SYNTAX_EXPLICIT "1.2.840.10008.1.2.1"
#define IVX_SYNTAX_EXPLICIT_BIG "1.2.840.10008.1.2.2"

/* False for syntaxes that the scanner cannot walk: deflated, private, unknown. */
bool ivx_syntax_encoding(const char *uid, bool *explicit_vr_out, bool *big_endian_out);

#endif
