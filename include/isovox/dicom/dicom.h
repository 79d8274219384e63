/* dicom.h - start-up of the DICOM floor. */
#ifndef IVX_DICOM_DICOM_H
#define IVX_DICOM_DICOM_H

#ifdef __cplusplus
extern "C" {
#endif

/* Call once from main(), before anything else of this floor. Silences DCMTK's own log: it
 * can print attribute values, and every failure already arrives as a struct ivx_err. */
void ivx_dicom_start(void);

#define IVX_IMPLEMENTATION_UID "2.25.228406370530925468838349029166013741083"
#define IVX_IMPLEMENTATION_NAME "ISOVOX_0_1"

/* Tags as one number: 0xGGGGEEEE. */
#define IVX_TAG(group, element) (((uint32_t)(group) << 16) | (uint32_t)(element))

#ifdef __cplusplus
}
#endif
#endif
