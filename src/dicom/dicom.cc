#include "isovox/dicom/dicom.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcobject.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dul.h>
#include <dcmtk/oflog/oflog.h>

void ivx_dicom_start(void)
{
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);

    /* Elements whose VR a gateway has lost (UN) are read by the dictionary: PS3.5 6.2.2. */
    dcmEnableUnknownVRConversion.set(OFTrue);

    /* A peer is known by its address: a reverse look-up can block for minutes. */
    dcmDisableGethostbyaddr.set(OFTrue);
    /* 128 contexts with 38 syntaxes each stay under this; the default is 1 MB. */
    dcmAssociatePDUSizeLimit.set(256 * 1024);
}
