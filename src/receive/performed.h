/* performed.h - procedure steps that a modality tells us of: rows before they are answered. */
#ifndef IVX_RECEIVE_PERFORMED_H
#define IVX_RECEIVE_PERFORMED_H

#include "isovox/config/config.h"
#include "isovox/dicom/scp.h"

/* The status of the response; see scp.h. */
uint16_t ivx_performed_take(const struct ivx_config *config, const struct ivx_scp_peer *peer,
                            bool creates, const char *sop_uid,
                            const struct ivx_performed *said, struct ivx_err *why);

#endif
