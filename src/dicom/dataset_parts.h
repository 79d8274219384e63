/* dataset_parts.h - what a data set is. For the files that implement it. */
#ifndef IVX_DICOM_DATASET_PARTS_H
#define IVX_DICOM_DATASET_PARTS_H

#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

struct ivx_dataset {
    DcmDataset items;
    std::vector<char> bytes; /* the encoding of the last write; kept for its room */
};

#endif
