/* reason.h - why instances do not become a volume, or become one with a warning.
 * The names are a contract (docs/INTERFACE): scripts match on them. */
#ifndef IVX_BASE_REASON_H
#define IVX_BASE_REASON_H

/*  name                    what a person reads */
#define IVX_REASONS(X) \
  X(NOT_A_VOLUME,         "fewer than three positions, or less than 1 mm deep") \
  X(LOCALIZER,            "a localizer is no volume") \
  X(NO_GEOMETRY,          "position, orientation or spacing is missing") \
  X(BAD_ORIENTATION,      "row and column directions are not orthonormal") \
  X(AMBIGUOUS_POSITIONS,  "several images at one position, and nothing tells them apart") \
  X(UID_CONFLICT,         "one SOP Instance UID with two contents") \
  X(IN_PLANE_SHIFT,       "images at one height that are shifted in their plane") \
  X(OFF_LINE,             "a slice lies beside the line of the others") \
  X(GAP,                  "slices are missing") \
  X(NO_RESCALE,           "a CT or PET without Rescale Slope and Intercept, or a useless one") \
  X(UNSUPPORTED_SYNTAX,   "transfer syntax not supported") \
  X(UNSUPPORTED_PIXELS,   "pixel format not supported") \
  X(UNSUPPORTED_MODALITY, "not an image class that is converted") \
  X(DAMAGED,              "malformed") \
  X(TOO_LARGE,            "larger than the limits allow") \
  X(OWN_RESULT,           "made by Isovox: it is not converted again") \
  X(OTHER_FRAME,          "another frame of reference than that of the reference series") \
  X(OUTSIDE_REFERENCE,    "nothing of it lies within the grid of the reference series") \
  X(MISSING_VALUE,        "the source lacks a value that the result must have") \
  /* Warnings: the volume is made, and says so. */ \
  X(TILTED,               "gantry tilt, taken from the positions") \
  X(IRREGULAR_SPACING,    "slice positions are not equidistant; the true ones are used") \
  X(DUPLICATES_DROPPED,   "identical images at one position: one was kept") \
  X(SLICES_PASSED_OVER,   "some images of the series do not belong to the volume") \
  X(SPLIT,                "several volumes in one series") \
  X(TILT_DISAGREES,       "Gantry/Detector Tilt disagrees with the positions by over 1 degree") \
  X(JITTER,               "slices lie up to half a pixel beside their line") \
  X(PADDING,              "padding pixels take no part in interpolation") \
  X(HU_FLOOR,             "values under -1024 HU were raised to -1024") \
  X(GAP_INTERPOLATED,     "a missing slice was bridged by interpolation, as the route allows") \
  X(BITS_DIFFER,          "Bits Stored differs between slices; each was read with its own") \
  X(LOSSY_SOURCE,         "the source was lossily compressed") \
  X(DECAY_DIFFERS,        "PET slices of several times without decay correction") \
  X(INCOMPLETE,           "fewer instances have come than were announced")

enum ivx_reason {
    IVX_REASON_NONE,
#define X(name, text) IVX_REASON_##name,
    IVX_REASONS(X)
#undef X
    IVX_REASON_COUNT
};

/* "GAP"; "" for IVX_REASON_NONE. */
const char *ivx_reason_name(enum ivx_reason reason);
const char *ivx_reason_text(enum ivx_reason reason);

#endif
