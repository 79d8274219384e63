/* openjpeg_auto.h - what OpenJPEG lends, given back by IVX_AUTO. */
#ifndef IVX_DICOM_OPENJPEG_AUTO_H
#define IVX_DICOM_OPENJPEG_AUTO_H

#include <openjpeg.h>

static inline void ivx_opj_codec_free(opj_codec_t **codec)
{
    if (*codec != NULL)
        opj_destroy_codec(*codec);
    *codec = NULL;
}

static inline void ivx_opj_stream_free(opj_stream_t **stream)
{
    if (*stream != NULL)
        opj_stream_destroy(*stream);
    *stream = NULL;
}

static inline void ivx_opj_image_free(opj_image_t **image)
{
    if (*image != NULL)
        opj_image_destroy(*image);
    *image = NULL;
}

#endif
