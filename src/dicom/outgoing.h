/* outgoing.h - one of our files on its way to a peer: through which presentation context, in
 * which transfer syntax. */
#ifndef IVX_DICOM_OUTGOING_H
#define IVX_DICOM_OUTGOING_H

#include <memory>
#include <string>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcfilefo.h>

#include "isovox/dicom/dicom.h"
#include "isovox/dicom/transcode.h"

#include "wire.h"

extern const char ivx_explicit_little[], ivx_implicit_little[];
/* Uncompressed, so that DCMTK converts it. */
bool ivx_syntax_is_native(const char *syntax);

/* Opened, and its header read. The path is borrowed. */
struct ivx_outgoing {
    const char *path;
    int fd = -1;
    uint64_t length = 0;
    struct ivx_meta meta = {};

    explicit ivx_outgoing(const char *of) : path(of) {}
    ~ivx_outgoing();
    ivx_outgoing(const ivx_outgoing &) = delete;
    ivx_outgoing &operator=(const ivx_outgoing &) = delete;
    bool open(struct ivx_err *err);
};

/* Neither of the two: as it is. */
struct ivx_way {
    T_ASC_PresentationContextID context = 0;
    struct ivx_transcode *transcode = nullptr; /* to the preferred syntax */
    std::unique_ptr<DcmFileFormat> loaded;     /* to be written in another native one */
    const char *syntax = nullptr;              /* which that is */

    ivx_way() = default;
    ~ivx_way() { ivx_transcode_free(&transcode); }
    ivx_way(const ivx_way &) = delete;
    ivx_way &operator=(const ivx_way &) = delete;
};

/* The preferred syntax (empty: none), else the file's own, else explicit, else implicit little
 * endian. IVX_REFUSED: the peer has accepted none of them. */
bool ivx_way_find(const ivx_wire &wire, const std::string &preferred, const ivx_outgoing &file,
                  ivx_way &out, struct ivx_err *err);
/* The data set as a message. When that fails the message cannot be finished. */
bool ivx_way_send(ivx_wire &wire, const ivx_outgoing &file, const ivx_way &way,
                  struct ivx_err *err);

#endif
