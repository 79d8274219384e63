#include <stdio.h>
#include <stdlib.h>

#include "isovox/dicom/dicom.h"
#include "phantom.h"

int main(int argc, char **argv)
{
    ivx_dicom_start();
    struct phantom_options options;
    phantom_options_parse(argc, argv, &options);

    struct ivx_err err = { 0 };
    const bool done = phantom_series_write(&options, &err);
    if (!done)
        fprintf(stderr, "isovox-phantom: %s\n", err.text);
    free(options.positions);
    return done ? 0 : 1;
}
