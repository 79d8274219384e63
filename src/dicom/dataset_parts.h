/* dataset_parts.h - what a data set is. For the files that implement it. */
#ifndef IVX_DICOM_DATASET_PARTS_H
#define IVX_DICOM_DATASET_PARTS_H

#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

/* What ivx_dataset_settle() encoded; element n reaches to the start of the next. */
struct settled {
    struct element {
        uint32_t tag;
        size_t start;
    };
    std::vector<uint32_t> changing; /* ascending; these are not in it */
    std::vector<element> elements;  /* empty: nothing is settled */
    std::vector<char> bytes;
};

struct ivx_dataset {
    DcmDataset items;
    std::vector<char> bytes; /* the encoding of the last write; kept for its room */
    struct settled settled;
};

#endif
