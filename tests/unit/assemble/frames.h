/* frames.h - multi-frame objects made byte by byte, right ones and wrong ones. */
#ifndef IVX_TEST_FRAMES_H
#define IVX_TEST_FRAMES_H

#include "../dicom/bytes.h"

enum { ITEM = 0xFFFEE000, ITEM_END = 0xFFFEE00D, SEQUENCE_END = 0xFFFEE0DD };
enum { ROWS = 2, COLUMNS = 4, PIXELS = ROWS * COLUMNS, MOST_FRAMES = 40 };

#define EXPLICIT "1.2.840.10008.1.2.1"
#define JPEG_LS "1.2.840.10008.1.2.4.80"
#define ENHANCED_CT "1.2.840.10008.5.1.4.1.1.2.1"
#define ENHANCED_MR "1.2.840.10008.5.1.4.1.1.4.1"
#define LEGACY_CT "1.2.840.10008.5.1.4.1.1.2.2"

/* Frame n of a file lies at z[n]; its pixels are 100 * n + index. */
struct object {
    const char *syntax, *sop_class, *sop_uid;
    int frames, claimed, items; /* Number of Frames, and items of per-frame groups */
    double z[MOST_FRAMES];
    int slope[MOST_FRAMES];     /* 0: none of its own */
    int phase[MOST_FRAMES];     /* Temporal Position Index */
    const char *type[MOST_FRAMES];
    const char *image_type;     /* NULL: of a volume */
    bool shared, shared_slope, tag_after;
    const char *concatenation;
    int part, parts;
};

struct object object_of(int frames);
/* Everything before Pixel Data; then that, not compressed. */
void write_object(struct bytes *bytes, const struct object *object);
void write_native(struct bytes *bytes, const struct object *object);

#endif
