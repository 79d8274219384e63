/* A data set as a Part 10 file: PS3.10 7.1. */
#include "isovox/dicom/dataset.h"

#include <algorithm>
#include <string>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcostrma.h>
#include <dcmtk/dcmdata/dcwcache.h>

#include "isovox/dicom/dicom.h"

#include "barrier.h"
#include "dataset_parts.h"

/* The end of an output stream: appends to a vector. */
class Gather : public DcmConsumer
{
  public:
    explicit Gather(std::vector<char> &to) : bytes(to) {}
    OFBool good() const override { return OFTrue; }
    OFCondition status() const override { return EC_Normal; }
    OFBool isFlushed() const override { return OFTrue; }
    offile_off_t avail() const override { return 1 << 30; }
    offile_off_t write(const void *from, offile_off_t length) override
    {
        const char *first = static_cast<const char *>(from);
        bytes.insert(bytes.end(), first, first + length);
        return length;
    }
    void flush() override {}

  private:
    std::vector<char> &bytes;
};

class GatherStream : public DcmOutputStream
{
  public:
    explicit GatherStream(std::vector<char> &to) : DcmOutputStream(&end), end(to) {}

  private:
    Gather end;
};

static void add_u16(std::vector<char> &to, uint32_t value)
{
    to.push_back(static_cast<char>(value & 0xff));
    to.push_back(static_cast<char>(value >> 8 & 0xff));
}

static void add_u32(std::vector<char> &to, uint32_t value)
{
    add_u16(to, value & 0xffff);
    add_u16(to, value >> 16);
}

/* A text element of group 2, PS3.5 7.1.2; UIDs are padded with NUL, the rest with a space. */
static void add_meta(std::vector<char> &to, uint32_t element, const char *vr,
                     std::string value)
{
    if (value.size() % 2 == 1)
        value.push_back(vr[0] == 'U' ? '\0' : ' ');
    add_u16(to, 0x0002);
    add_u16(to, element);
    to.insert(to.end(), vr, vr + 2);
    add_u16(to, static_cast<uint32_t>(value.size()));
    to.insert(to.end(), value.begin(), value.end());
}

static bool add_header(DcmDataset &items, E_TransferSyntax syntax, std::vector<char> &to,
                       struct ivx_err *err)
{
    OFString sop_class, sop_uid;
    items.findAndGetOFString(DCM_SOPClassUID, sop_class);
    items.findAndGetOFString(DCM_SOPInstanceUID, sop_uid);
    if (sop_class.empty() || sop_uid.empty())
        return ivx_fail(err, IVX_BUG, "dicom: write: no SOP Class or Instance UID");

    std::vector<char> meta = { 0x02, 0x00, 0x01, 0x00, 'O', 'B', 0, 0, 2, 0, 0, 0, 0, 1 };
    add_meta(meta, 0x0002, "UI", sop_class.c_str());
    add_meta(meta, 0x0003, "UI", sop_uid.c_str());
    add_meta(meta, 0x0010, "UI", DcmXfer(syntax).getXferID());
    add_meta(meta, 0x0012, "UI", IVX_IMPLEMENTATION_UID);
    add_meta(meta, 0x0013, "SH", IVX_IMPLEMENTATION_NAME);

    to.assign(128, '\0');
    to.insert(to.end(), { 'D', 'I', 'C', 'M', 0x02, 0x00, 0x00, 0x00, 'U', 'L', 4, 0 });
    add_u32(to, static_cast<uint32_t>(meta.size()));
    to.insert(to.end(), meta.begin(), meta.end());
    return true;
}

static bool encoded(const OFCondition &done, struct ivx_err *err)
{
    return done.good() || ivx_fail(err, done == EC_MemoryExhausted ? IVX_FULL : IVX_DAMAGED,
                                   "dicom: write: %s", done.text());
}

static bool add_all_items(DcmDataset &items, E_TransferSyntax syntax, std::vector<char> &to,
                          struct ivx_err *err)
{
    OFCondition done = items.computeGroupLengthAndPadding(
        EGL_withoutGL, EPD_withoutPadding, syntax, EET_ExplicitLength);
    if (done.good()) {
        GatherStream stream(to);
        DcmWriteCache cache;
        items.transferInit();
        done = items.write(stream, syntax, EET_ExplicitLength, &cache, EGL_withoutGL,
                           EPD_withoutPadding);
        items.transferEnd();
    }
    return encoded(done, err);
}

static bool add_element(DcmObject &element, std::vector<char> &to, struct ivx_err *err)
{
    GatherStream stream(to);
    DcmWriteCache cache;
    element.transferInit();
    const OFCondition done =
        element.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, &cache);
    element.transferEnd();
    return encoded(done, err);
}

static uint32_t tag_of(const DcmObject &element)
{
    return static_cast<uint32_t>(element.getGTag()) << 16 | element.getETag();
}

static bool settle(struct ivx_dataset *dataset, struct settled &settled, struct ivx_err *err)
{
    const std::vector<uint32_t> &changing = settled.changing;
    const OFCondition done = dataset->items.computeGroupLengthAndPadding(
        EGL_withoutGL, EPD_withoutPadding, EXS_LittleEndianExplicit, EET_ExplicitLength);
    if (!encoded(done, err))
        return false;
    DcmObject *element = nullptr;
    while ((element = dataset->items.nextInContainer(element)) != nullptr) {
        const uint32_t tag = tag_of(*element);
        if (std::binary_search(changing.begin(), changing.end(), tag))
            continue;
        settled.elements.push_back({ tag, settled.bytes.size() });
        if (!add_element(*element, settled.bytes, err))
            return false;
    }
    dataset->settled = std::move(settled);
    return true;
}

/* What is settled, with what changes at its places: ascending tags, PS3.5 7.1. */
static bool add_settled(struct ivx_dataset *dataset, std::vector<char> &to, struct ivx_err *err)
{
    const struct settled &settled = dataset->settled;
    size_t from = 0, next = 0;
    for (const uint32_t tag : settled.changing) {
        DcmElement *element = nullptr;
        const DcmTagKey key(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xffff));
        if (dataset->items.findAndGetElement(key, element).bad())
            continue;
        while (next < settled.elements.size() && settled.elements[next].tag < tag)
            next++;
        const size_t until = next < settled.elements.size() ? settled.elements[next].start
                                                            : settled.bytes.size();
        to.insert(to.end(), settled.bytes.begin() + static_cast<std::ptrdiff_t>(from),
                  settled.bytes.begin() + static_cast<std::ptrdiff_t>(until));
        from = until;
        if (!add_element(*element, to, err))
            return false;
    }
    to.insert(to.end(), settled.bytes.begin() + static_cast<std::ptrdiff_t>(from),
              settled.bytes.end());
    return true;
}

static bool add_items(struct ivx_dataset *dataset, E_TransferSyntax syntax,
                      std::vector<char> &to, struct ivx_err *err)
{
    return dataset->settled.elements.empty() || syntax != EXS_LittleEndianExplicit
               ? add_all_items(dataset->items, syntax, to, err)
               : add_settled(dataset, to, err);
}

static bool add_pixel_header(uint64_t count, E_TransferSyntax syntax, std::vector<char> &to,
                             struct ivx_err *err)
{
    if (count > 0x7ffffffe)
        return ivx_fail(err, IVX_REFUSED, "dicom: write: %llu pixels are too many",
                        static_cast<unsigned long long>(count));
    add_u16(to, 0x7fe0);
    add_u16(to, 0x0010);
    if (syntax == EXS_LittleEndianExplicit)
        to.insert(to.end(), { 'O', 'W', 0, 0 });
    add_u32(to, static_cast<uint32_t>(count * 2));
    return true;
}

static bool write(struct ivx_dataset *dataset, E_TransferSyntax syntax,
                  const uint16_t *pixels, size_t count, int fd, struct ivx_err *err)
{
    std::vector<char> &bytes = dataset->bytes;
    if (!add_header(dataset->items, syntax, bytes, err))
        return false;
    if (!add_items(dataset, syntax, bytes, err))
        return false;
    if (pixels != nullptr && !add_pixel_header(count, syntax, bytes, err))
        return false;
    if (!ivx_fd_write(fd, bytes.data(), bytes.size(), "instance", err))
        return false;
    return pixels == nullptr || ivx_fd_write(fd, pixels, count * 2, "instance", err);
}

bool ivx_dataset_settle(struct ivx_dataset *dataset, const uint32_t *changing, size_t count,
                        struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        struct settled settled;
        settled.changing.assign(changing, changing + count);
        std::sort(settled.changing.begin(), settled.changing.end());
        return settle(dataset, settled, err);
    });
}

bool ivx_dataset_write(struct ivx_dataset *dataset, const uint16_t *pixels, size_t count,
                       int fd, struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        return write(dataset, EXS_LittleEndianExplicit, pixels, count, fd, err);
    });
}

bool ivx_dataset_write_implicit(struct ivx_dataset *dataset, const uint16_t *pixels,
                                size_t count, int fd, struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        return write(dataset, EXS_LittleEndianImplicit, pixels, count, fd, err);
    });
}

bool ivx_dataset_write_header(struct ivx_dataset *dataset, uint64_t count, int fd,
                              struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        std::vector<char> &bytes = dataset->bytes;
        return add_header(dataset->items, EXS_LittleEndianExplicit, bytes, err) &&
               add_items(dataset, EXS_LittleEndianExplicit, bytes, err) &&
               add_pixel_header(count, EXS_LittleEndianExplicit, bytes, err) &&
               ivx_fd_write(fd, bytes.data(), bytes.size(), "instance", err);
    });
}
