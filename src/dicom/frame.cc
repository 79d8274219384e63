/* One frame of a multi-frame object, as a data set of its own. */
#include "isovox/dicom/dataset.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <fcntl.h>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmdata/dcistrmb.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/inflate.h"

#include "barrier.h"
#include "dataset_parts.h"

/* More before the functional groups has not passed the scanner. */
static const uint64_t most_before = UINT64_C(64) << 20;

struct Source {
    int fd;
    const struct ivx_blob *blob;
    const struct ivx_frame_place *place;
    struct ivx_inflate *inflate; /* nullptr: the blob as it is */
};

static bool append(const Source &source, uint64_t at, uint64_t length,
                   std::vector<uint8_t> &to, struct ivx_err *err)
{
    const size_t used = to.size();
    to.resize(used + static_cast<size_t>(length));
    if (source.inflate != nullptr)
        return ivx_inflate_read(source.inflate, at - source.place->deflated_at,
                                to.data() + used, static_cast<size_t>(length), err);
    return ivx_fd_pread(source.fd, to.data() + used, static_cast<size_t>(length),
                        source.blob->offset + at, "instance", err);
}

static void add_number(std::vector<uint8_t> &to, uint32_t value, int bytes, bool big)
{
    for (int n = 0; n < bytes; n++)
        to.push_back(static_cast<uint8_t>(value >> 8 * (big ? bytes - 1 - n : n)));
}

static void add_tag(std::vector<uint8_t> &to, uint32_t tag, bool big)
{
    add_number(to, tag >> 16, 2, big);
    add_number(to, tag & 0xffff, 2, big);
}

/* PS3.5 A.4 and A.5: whatever is encapsulated or deflated is Explicit VR Little Endian. */
static E_TransferSyntax encoding(const char *syntax)
{
    const DcmXfer known(syntax);
    const bool plain = known.getXfer() == EXS_LittleEndianImplicit
                       || known.getXfer() == EXS_LittleEndianExplicit
                       || known.getXfer() == EXS_BigEndianExplicit;
    return plain ? known.getXfer() : EXS_LittleEndianExplicit;
}

static bool read_bytes(const Source &source, E_TransferSyntax syntax,
                       std::vector<uint8_t> &to, struct ivx_err *err)
{
    const struct ivx_frame_place *place = source.place;
    const bool big = syntax == EXS_BigEndianExplicit;
    if (!append(source, place->data_set, place->groups_offset - place->data_set, to, err))
        return false;
    add_tag(to, 0x52009230, big);
    if (syntax != EXS_LittleEndianImplicit) {
        to.insert(to.end(), { 'S', 'Q', 0, 0 });
    }
    add_number(to, 0xffffffff, 4, big);
    add_tag(to, 0xfffee000, big);
    add_number(to, 0xffffffff, 4, big);
    if (!append(source, place->group_offset, place->group_length, to, err))
        return false;
    for (const uint32_t delimiter : { 0xfffee00du, 0xfffee0ddu }) {
        add_tag(to, delimiter, big);
        add_number(to, 0, 4, big);
    }
    return true;
}

static bool parse(const std::vector<uint8_t> &bytes, E_TransferSyntax syntax,
                  DcmDataset &items, struct ivx_err *err)
{
    DcmInputBufferStream stream;
    stream.setBuffer(bytes.data(), static_cast<offile_off_t>(bytes.size()));
    stream.setEos();
    items.transferInit();
    const OFCondition read = items.read(stream, syntax, EGL_withoutGL, DCM_MaxReadLength);
    items.transferEnd();
    return read.good()
           || ivx_fail(err, read == EC_MemoryExhausted ? IVX_FULL : IVX_DAMAGED,
                       "dicom: functional groups: %s", read.text());
}

static bool load(const struct ivx_blob *blob, const struct ivx_frame_place *place,
                 DcmDataset &items, struct ivx_err *err)
{
    if (place->groups_offset < place->data_set
        || place->groups_offset - place->data_set > most_before)
        return ivx_fail(err, IVX_REFUSED, "dicom: no place of functional groups");
    if (place->group_length > IVX_FRAME_GROUP_MOST)
        return ivx_fail(err, IVX_REFUSED, "dicom: one frame has %llu bytes of attributes",
                        static_cast<unsigned long long>(place->group_length));
    int fd IVX_AUTO(ivx_fd_close) = open(blob->path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return ivx_fail_errno(err, "open", "instance");
    struct ivx_inflate *inflate IVX_AUTO(ivx_inflate_free) = nullptr;
    if (place->deflated_at != 0
        && !ivx_inflate_new(fd, blob, place->deflated_at, &inflate, err))
        return false;
    const Source source = { fd, blob, place, inflate };
    const E_TransferSyntax syntax = encoding(place->syntax);
    std::vector<uint8_t> bytes;
    return read_bytes(source, syntax, bytes, err) && parse(bytes, syntax, items, err);
}

bool ivx_dataset_load_frame(const struct ivx_blob *blob, const struct ivx_frame_place *place,
                            struct ivx_dataset **out, struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        auto made = std::make_unique<ivx_dataset>();
        if (!load(blob, place, made->items, err))
            return false;
        *out = made.release();
        return true;
    });
}

bool ivx_item_lift(struct ivx_item *to, struct ivx_item *from, struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        auto *source = reinterpret_cast<DcmItem *>(from);
        for (unsigned long n = 0; n < source->card(); n++) {
            std::unique_ptr<DcmElement> copy(
                dynamic_cast<DcmElement *>(source->getElement(n)->clone()));
            if (copy == nullptr
                || reinterpret_cast<DcmItem *>(to)->insert(copy.get(), OFTrue).bad())
                return ivx_fail(err, IVX_BUG, "dicom: an element cannot be copied");
            copy.release();
        }
        return true;
    });
}

bool ivx_item_f64(struct ivx_item *item, uint32_t tag, double *out)
{
    return ivx_barrier(nullptr, [&] {
        DcmElement *element = nullptr;
        Float64 wide = 0;
        Float32 narrow = 0;
        const DcmTagKey key(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xffff));
        if (reinterpret_cast<DcmItem *>(item)->findAndGetElement(key, element).bad())
            return false;
        if (element->getFloat64(wide).good())
            *out = wide;
        else if (element->getFloat32(narrow).good())
            *out = static_cast<double>(narrow);
        else
            return false;
        return true;
    });
}
