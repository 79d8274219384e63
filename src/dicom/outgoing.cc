#include "outgoing.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dcwcache.h>
#include <dcmtk/dcmdata/dcxfer.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"

const char ivx_explicit_little[] = "1.2.840.10008.1.2.1";
const char ivx_implicit_little[] = "1.2.840.10008.1.2";

bool ivx_syntax_is_native(const char *syntax)
{
    return strcmp(syntax, ivx_explicit_little) == 0 || strcmp(syntax, ivx_implicit_little) == 0 ||
           strcmp(syntax, "1.2.840.10008.1.2.2") == 0;
}

/* ---- the file ---------------------------------------------------------------------- */

ivx_outgoing::~ivx_outgoing()
{
    ivx_fd_close(&fd);
}

bool ivx_outgoing::open(struct ivx_err *err)
{
    fd = ::open(path, O_RDONLY | O_CLOEXEC);
    struct stat about = {};
    if (fd == -1 || fstat(fd, &about) == -1)
        return ivx_fail(err, IVX_DAMAGED, "cannot read %s: %s", path, strerror(errno));

    length = static_cast<uint64_t>(about.st_size);
    uint8_t head[4096];
    const size_t wanted = std::min<uint64_t>(length, sizeof head);
    if (!ivx_fd_pread(fd, head, wanted, 0, path, err) ||
        !ivx_meta_read(head, wanted, &meta, err))
        return false;
    if (length <= meta.data_set_at || (length - meta.data_set_at) % 2 != 0)
        return ivx_fail(err, IVX_DAMAGED, "%s: data set of %llu bytes", path,
                        static_cast<unsigned long long>(length - meta.data_set_at));
    return true;
}

namespace
{

/* ---- sending ----------------------------------------------------------------------- */

/* Even, and no larger than what the peer takes. */
size_t piece_size(const ivx_wire &wire)
{
    return wire.association->sendPDVLength & ~1UL;
}

/* A file that shrinks meanwhile leaves a message that cannot be finished. */
bool send_as_is(ivx_wire &wire, uint8_t context, const ivx_outgoing &file, struct ivx_err *err)
{
    uint8_t *piece = wire.association->sendPDVBuffer;
    uint64_t at = file.meta.data_set_at;
    while (at < file.length) {
        const size_t length = std::min<uint64_t>(file.length - at, piece_size(wire));
        if (!ivx_fd_pread(file.fd, piece, length, at, file.path, err))
            return false;
        at += length;
        if (!ivx_wire_send(&wire, context, DUL_DATASETPDV, piece, length, at == file.length,
                           err))
            return false;
    }
    return true;
}

/* The same data set in another uncompressed syntax, for peers that take no other. */
bool send_converted(ivx_wire &wire, uint8_t context, DcmDataset &data_set, const char *syntax,
                    struct ivx_err *err)
{
    const E_TransferSyntax to = DcmXfer(syntax).getXfer();
    DcmOutputBufferStream stream(wire.association->sendPDVBuffer, piece_size(wire));
    DcmWriteCache cache;
    data_set.transferInit();
    for (bool last = false; !last;) {
        const OFCondition written = data_set.write(stream, to, EET_ExplicitLength, &cache,
                                                   EGL_withoutGL, EPD_withoutPadding);
        last = written == EC_Normal;
        if (!last && written != EC_StreamNotifyClient)
            return ivx_fail(err, IVX_DAMAGED, "conversion to %s: %s", syntax, written.text());
        void *bytes = nullptr;
        offile_off_t length = 0;
        stream.flushBuffer(bytes, length);
        if (!ivx_wire_send(&wire, context, DUL_DATASETPDV, bytes, static_cast<size_t>(length),
                           last, err))
            return false;
    }
    data_set.transferEnd();
    return true;
}

/* What comes in pieces of any size leaves as PDVs; the last one is marked as such. */
struct packer {
    ivx_wire &wire;
    uint8_t context;
    size_t used = 0;

    static bool sink(void *self, const uint8_t *bytes, size_t length, struct ivx_err *err)
    {
        return static_cast<packer *>(self)->add(bytes, length, err);
    }
    bool add(const uint8_t *bytes, size_t length, struct ivx_err *err);
    bool flush(bool last, struct ivx_err *err);
};

bool packer::flush(bool last, struct ivx_err *err)
{
    const size_t length = used;
    used = 0;
    return ivx_wire_send(&wire, context, DUL_DATASETPDV, wire.association->sendPDVBuffer,
                         length, last, err);
}

bool packer::add(const uint8_t *bytes, size_t length, struct ivx_err *err)
{
    const size_t room = piece_size(wire);
    while (length > 0) {
        if (used == room && !flush(false, err))
            return false;
        const size_t some = std::min(length, room - used);
        memcpy(wire.association->sendPDVBuffer + used, bytes, some);
        used += some;
        bytes += some;
        length -= some;
    }
    return true;
}

/* ---- negotiated -------------------------------------------------------------------- */

/* The context that was accepted for exactly this; 0: none. */
T_ASC_PresentationContextID accepted(const ivx_wire &wire, const char *sop_class,
                                     const char *syntax)
{
    const T_ASC_PresentationContextID id =
        ASC_findAcceptedPresentationContextID(wire.association, sop_class, syntax);
    T_ASC_PresentationContext agreed = {};
    const bool exact =
        id != 0 &&
        ASC_findAcceptedPresentationContext(wire.association->params, id, &agreed).good() &&
        strcmp(agreed.acceptedTransferSyntax, syntax) == 0;
    return exact ? id : 0;
}

/* False only for a failure; an object that cannot be had in that syntax has another way. */
bool find_preferred(const ivx_wire &wire, const std::string &preferred,
                    const ivx_outgoing &file, ivx_way &out, struct ivx_err *err)
{
    if (preferred.empty() || preferred == file.meta.syntax.text)
        return true;
    const auto context = accepted(wire, file.meta.sop_class.text, preferred.c_str());
    struct ivx_err why = {};
    if (context == 0)
        return true;
    if (!ivx_transcode_open(file.path, preferred.c_str(), &out.transcode, &why))
        return why.code == IVX_REFUSED || ivx_fail(err, why.code, "%s", why.text);
    out.context = context;
    return true;
}

bool find_native(const ivx_wire &wire, const ivx_outgoing &file, ivx_way &out,
                 struct ivx_err *err)
{
    const struct ivx_meta &meta = file.meta;
    const char *choices[] = { meta.syntax.text, ivx_explicit_little, ivx_implicit_little };
    const size_t count = ivx_syntax_is_native(meta.syntax.text) ? IVX_COUNT(choices) : 1;
    for (size_t i = 0; i < count && out.context == 0; i++) {
        out.context = accepted(wire, meta.sop_class.text, choices[i]);
        out.syntax = choices[i];
    }
    if (out.context == 0)
        return ivx_fail(err, IVX_REFUSED, "the peer accepted no context for class %s, %s",
                        meta.sop_class.text, meta.syntax.text);
    if (strcmp(out.syntax, meta.syntax.text) == 0)
        return true;
    out.loaded = std::make_unique<DcmFileFormat>();
    return out.loaded->loadFile(file.path).good() ||
           ivx_fail(err, IVX_DAMAGED, "cannot parse %s", file.path);
}

} // namespace

bool ivx_way_find(const ivx_wire &wire, const std::string &preferred, const ivx_outgoing &file,
                  ivx_way &out, struct ivx_err *err)
{
    if (!find_preferred(wire, preferred, file, out, err))
        return false;
    return out.context != 0 || find_native(wire, file, out, err);
}

bool ivx_way_send(ivx_wire &wire, const ivx_outgoing &file, const ivx_way &way,
                  struct ivx_err *err)
{
    if (way.transcode != nullptr) {
        packer to{ wire, way.context };
        return ivx_transcode_run(way.transcode, packer::sink, &to, err) && to.flush(true, err);
    }
    if (way.loaded != nullptr)
        return send_converted(wire, way.context, *way.loaded->getDataset(), way.syntax, err);
    return send_as_is(wire, way.context, file, err);
}
