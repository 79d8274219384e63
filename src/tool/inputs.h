/* inputs.h - the files and folders of a command line, read as instances. */
#ifndef IVX_TOOL_INPUTS_H
#define IVX_TOOL_INPUTS_H

#include "isovox/assemble/instance.h"

/* A DICOM object that could not be used. */
struct ivx_unusable {
    char *path; /* owned */
    enum ivx_reason reason;
    char text[240];
};

/* All owned. In the order of the paths, which does not matter to ivx_assemble(). */
struct ivx_inputs {
    struct ivx_instance **instances;
    size_t count;
    struct ivx_unusable *unusable;
    size_t unusable_count;
    size_t skipped; /* files that are not DICOM, and DICOMDIRs */
    size_t room, unusable_room;
};

/* Folders are searched recursively. A DICOMDIR that is named stands for the files it lists; one
 * that cannot be read for its folder, and is said to be damaged. Fails when a path
 * that was named does not exist or something cannot be read; damaged objects are no failure
 * but entries of unusable[]. Headers are read by that many threads. Starts as { 0 }; free it in
 * any case. */
bool ivx_inputs_read(char *const *paths, int count, int threads, struct ivx_inputs *out,
                     struct ivx_err *err);
void ivx_inputs_free(struct ivx_inputs *inputs);

#endif
