#include <charls/charls.h>
#include <charls/version.h>
#include <openjpeg.h>
#include <zlib.h>

#include "isovox/dicom/dataset.h"
#include "isovox/dicom/decode.h"

void ivx_decode_versions(struct ivx_versions *out)
{
    *out = (struct ivx_versions){
        .dcmtk = ivx_dataset_library(),
        .charls = charls_get_version_string(),
        .openjpeg = opj_version(),
        .zlib = zlibVersion(),
    };
}
