#include "isovox/dicom/dataset.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmdata/dcistrmb.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/dicom.h"

#include "barrier.h"
#include "dataset_parts.h"
#include "outline.h"

/* An ivx_item is a DcmItem under a name that C may know. */
static DcmItem *behind(struct ivx_item *item)
{
    return reinterpret_cast<DcmItem *>(item);
}

static struct ivx_item *face(DcmItem *item)
{
    return reinterpret_cast<struct ivx_item *>(item);
}

static DcmTagKey key(uint32_t tag)
{
    return DcmTagKey(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xffff));
}

static bool failed(struct ivx_err *err, const char *what, uint32_t tag, OFCondition why)
{
    return ivx_fail(err, why == EC_MemoryExhausted ? IVX_FULL : IVX_BUG,
                    "dicom: %s (%04X,%04X): %s", what, tag >> 16, tag & 0xffff,
                    why.text());
}

bool ivx_dataset_new(struct ivx_dataset **out, struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        *out = new ivx_dataset();
        return true;
    });
}

void ivx_dataset_free(struct ivx_dataset **dataset)
{
    delete *dataset;
    *dataset = nullptr;
}

/* Float Pixel Data, Double Float Pixel Data, Pixel Data: PS3.3 C.7.6.24, C.7.6.25, C.7.6.3. */
static const DcmTagKey first_pixels(0x7fe0, 0x0008);

/* EC_StreamNotifyClient: the header is longer than these bytes. */
static OFCondition parse(const std::vector<uint8_t> &bytes, uint64_t start, bool all,
                         DcmDataset &items)
{
    if (start > bytes.size())
        return EC_StreamNotifyClient;
    DcmFileFormat file;
    DcmInputBufferStream stream;
    stream.setBuffer(bytes.data() + start, static_cast<offile_off_t>(bytes.size() - start));
    if (all)
        stream.setEos();
    file.transferInit();
    const OFCondition read = file.readUntilTag(stream, EXS_Unknown, EGL_withoutGL,
                                               DCM_MaxReadLength, first_pixels);
    file.transferEnd();
    if (read.good())
        items = *file.getDataset();
    return read;
}

/* A syntax of which DCMTK has not heard, such as HTJ2K: PS3.5 A.4 has all that encapsulate
 * write their data sets in Explicit VR Little Endian. */
static OFCondition parse_items(const std::vector<uint8_t> &bytes, uint64_t start, bool all,
                               DcmDataset &items)
{
    items.clear();
    if (start > bytes.size())
        return EC_StreamNotifyClient;
    DcmInputBufferStream stream;
    stream.setBuffer(bytes.data() + start, static_cast<offile_off_t>(bytes.size() - start));
    if (all)
        stream.setEos();
    items.transferInit();
    const OFCondition read =
        items.readUntilTag(stream, EXS_LittleEndianExplicit, EGL_withoutGL,
                           DCM_MaxReadLength, first_pixels);
    items.transferEnd();
    return read;
}

static bool parse_blob(const struct ivx_blob *blob, DcmDataset &items,
                       struct ivx_err *err)
{
    int fd IVX_AUTO(ivx_fd_close) = open(blob->path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return ivx_fail_errno(err, "open", "instance");

    struct ivx_outline outline = {};
    if (!ivx_outline_read(blob, &outline, err))
        return false;
    const bool known = DcmXfer(outline.syntax).getXfer() != EXS_Unknown;

    std::vector<uint8_t> bytes;
    for (uint64_t room = 1u << 14;; room *= 16) {
        const bool all = room >= blob->length;
        bytes.resize(static_cast<size_t>(all ? blob->length : room));
        if (!ivx_fd_pread(fd, bytes.data(), bytes.size(), blob->offset, "instance", err))
            return false;
        const OFCondition read =
            known ? parse(bytes, outline.start, all, items)
                  : parse_items(bytes, outline.data_set, all, items);
        if (read.good())
            return true;
        if (all)
            return ivx_fail(err, read == EC_MemoryExhausted ? IVX_FULL : IVX_DAMAGED,
                            "dicom: header: %s", read.text());
    }
}

bool ivx_dataset_load_header(const struct ivx_blob *blob, struct ivx_dataset **out,
                             struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        auto made = std::make_unique<ivx_dataset>();
        if (!parse_blob(blob, made->items, err))
            return false;
        *out = made.release();
        return true;
    });
}

struct ivx_item *ivx_dataset_root(struct ivx_dataset *dataset)
{
    return face(&dataset->items);
}

static DcmElement *find(struct ivx_item *item, uint32_t tag)
{
    DcmElement *found = nullptr;
    return behind(item)->findAndGetElement(key(tag), found).good() ? found : nullptr;
}

bool ivx_item_text(struct ivx_item *item, uint32_t tag, const char **out)
{
    return ivx_barrier(nullptr, [&] {
        DcmElement *element = find(item, tag);
        char *text = nullptr;
        if (element == nullptr || element->getString(text).bad() || text == nullptr)
            return false;
        if (*text == '\0')
            return false;
        *out = text;
        return true;
    });
}

bool ivx_item_has(struct ivx_item *item, uint32_t tag)
{
    return ivx_barrier(nullptr, [&] { return find(item, tag) != nullptr; });
}

bool ivx_item_u16(struct ivx_item *item, uint32_t tag, uint16_t *out)
{
    return ivx_barrier(nullptr, [&] {
        DcmElement *element = find(item, tag);
        Uint16 plain = 0;
        Sint16 with_sign = 0;
        if (element == nullptr)
            return false;
        if (element->getUint16(plain).good())
            *out = plain;
        else if (element->getSint16(with_sign).good())
            *out = static_cast<uint16_t>(with_sign);
        else
            return false;
        return true;
    });
}

bool ivx_item_u32(struct ivx_item *item, uint32_t tag, uint32_t *out)
{
    return ivx_barrier(nullptr, [&] {
        DcmElement *element = find(item, tag);
        Uint32 value = 0;
        if (element == nullptr || element->getUint32(value).bad())
            return false;
        *out = value;
        return true;
    });
}

static DcmSequenceOfItems *sequence(struct ivx_item *item, uint32_t tag)
{
    return dynamic_cast<DcmSequenceOfItems *>(find(item, tag));
}

size_t ivx_item_count(struct ivx_item *item, uint32_t sequence_tag)
{
    size_t count = 0;
    ivx_barrier(nullptr, [&] {
        DcmSequenceOfItems *found = sequence(item, sequence_tag);
        count = found == nullptr ? 0 : found->card();
        return true;
    });
    return count;
}

struct ivx_item *ivx_item_at(struct ivx_item *item, uint32_t sequence_tag, size_t n)
{
    struct ivx_item *out = nullptr;
    ivx_barrier(nullptr, [&] {
        DcmSequenceOfItems *found = sequence(item, sequence_tag);
        if (found != nullptr && n < found->card())
            out = face(found->getItem(n));
        return true;
    });
    return out;
}

bool ivx_item_same(struct ivx_item *item, struct ivx_item *other, uint32_t tag)
{
    return ivx_barrier(nullptr, [&] {
        DcmElement *one = find(item, tag);
        DcmElement *two = find(other, tag);
        if (one == nullptr || two == nullptr)
            return one == two;
        return one->compare(*two) == 0;
    });
}

/* Replaces; owns the element from here on. */
static bool insert(struct ivx_item *item, uint32_t tag,
                   std::unique_ptr<DcmElement> element, struct ivx_err *err)
{
    const OFCondition done = behind(item)->insert(element.get(), OFTrue);
    if (done.bad())
        return failed(err, "insert", tag, done);
    element.release();
    return true;
}

static bool put_text(struct ivx_item *item, const DcmTag &tag, uint32_t number,
                     const char *text, struct ivx_err *err)
{
    DcmElement *fresh = nullptr;
    OFCondition done = DcmItem::newDicomElementWithVR(fresh, tag);
    std::unique_ptr<DcmElement> element(fresh);
    if (done.good() && *text != '\0')
        done = element->putString(text);
    if (done.bad())
        return failed(err, "set", number, done);
    return insert(item, number, std::move(element), err);
}

bool ivx_item_put_text(struct ivx_item *item, uint32_t tag, const char *text,
                       struct ivx_err *err)
{
    return ivx_barrier(err,
                       [&] { return put_text(item, DcmTag(key(tag)), tag, text, err); });
}

bool ivx_item_put_text_as(struct ivx_item *item, uint32_t tag, const char *vr,
                          const char *text, struct ivx_err *err)
{
    return ivx_barrier(
        err, [&] { return put_text(item, DcmTag(key(tag), DcmVR(vr)), tag, text, err); });
}

bool ivx_item_put_u16(struct ivx_item *item, uint32_t tag, uint16_t value,
                      struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        auto element = std::make_unique<DcmUnsignedShort>(DcmTag(key(tag), EVR_US));
        const OFCondition done = element->putUint16(value);
        if (done.bad())
            return failed(err, "set", tag, done);
        return insert(item, tag, std::move(element), err);
    });
}

bool ivx_item_put_s16(struct ivx_item *item, uint32_t tag, int16_t value,
                      struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        auto element = std::make_unique<DcmSignedShort>(DcmTag(key(tag), EVR_SS));
        const OFCondition done = element->putSint16(value);
        if (done.bad())
            return failed(err, "set", tag, done);
        return insert(item, tag, std::move(element), err);
    });
}

bool ivx_item_put_double(struct ivx_item *item, uint32_t tag, double value,
                         struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        DcmElement *fresh = nullptr;
        OFCondition done = DcmItem::newDicomElementWithVR(fresh, DcmTag(key(tag)));
        std::unique_ptr<DcmElement> element(fresh);
        if (done.good())
            done = element->putFloat64(value);
        if (done.bad())
            return failed(err, "set", tag, done);
        return insert(item, tag, std::move(element), err);
    });
}

bool ivx_item_append(struct ivx_item *item, uint32_t sequence_tag, struct ivx_item **out,
                     struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        DcmItem *made = nullptr;
        const OFCondition done = behind(item)->findOrCreateSequenceItem(
            DcmTag(key(sequence_tag)), made, -2 /* append */);
        if (done.bad())
            return failed(err, "append to", sequence_tag, done);
        *out = face(made);
        return true;
    });
}

void ivx_item_remove(struct ivx_item *item, uint32_t tag)
{
    ivx_barrier(nullptr, [&] {
        delete behind(item)->remove(key(tag));
        return true;
    });
}

bool ivx_item_move(struct ivx_item *from, uint32_t tag, struct ivx_item *to,
                   struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        std::unique_ptr<DcmElement> element(behind(from)->remove(key(tag)));
        return element == nullptr || insert(to, tag, std::move(element), err);
    });
}

void ivx_item_remove_if(struct ivx_item *item, ivx_item_filter *filter, void *context)
{
    ivx_barrier(nullptr, [&] {
        DcmItem *items = behind(item);
        for (unsigned long n = items->card(); n > 0; n--) {
            const DcmTag &tag = items->getElement(n - 1)->getTag();
            if (filter(context, IVX_TAG(tag.getGTag(), tag.getETag())))
                delete items->remove(n - 1);
        }
        return true;
    });
}

const char *ivx_dataset_library(void)
{
    return OFFIS_DCMTK_VERSION_STRING;
}
