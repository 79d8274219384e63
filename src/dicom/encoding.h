/* encoding.h - how elements are encoded, and what a transfer syntax says about it. PS3.5. */
#ifndef IVX_DICOM_ENCODING_H
#define IVX_DICOM_ENCODING_H

#include <stdbool.h>
#include <stdint.h>

#define IVX_SYNTAX_IMPLICIT "1.2.840.10008.1.2"
#define IVX_SYNTAX_EXPLICIT "1.2.840.10008.1.2.1"
#define IVX_SYNTAX_EXPLICIT_BIG "1.2.840.10008.1.2.2"

uint16_t ivx_get16(const uint8_t *bytes, bool big_endian);
uint32_t ivx_get32(const uint8_t *bytes, bool big_endian);
uint32_t ivx_get_tag(const uint8_t *bytes, bool big_endian);
/* PS3.5 7.1.2: these have a 16 bit length; all others, also future ones, 32 bits. */
bool ivx_vr_is_short(const char *vr);
bool ivx_vr_is_letters(const uint8_t *vr);

/* False for syntaxes that the scanner cannot walk: private, unknown. */
bool ivx_syntax_encoding(const char *uid, bool *explicit_vr_out, bool *big_endian_out);

#endif
