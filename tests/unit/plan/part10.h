/* part10.h - a CT slice as Part 10 bytes, made here and not by the code under test. */
#ifndef TEST_PART10_H
#define TEST_PART10_H

#include <stdbool.h>
#include <stddef.h>

enum { PART10_ROOM = 8192 };

struct slice {
    const char *sop_uid, *series_uid;
    const char *image_type;  /* NULL: ORIGINAL\PRIMARY\AXIAL */
    const char *description; /* NULL: "Test" */
    double z;                /* mm; slices of 4 x 4 pixels, thickness 2 mm */
    int number;              /* Instance Number */
    short value;             /* of every pixel */
    const char *acquisition; /* Acquisition Number; NULL: none */
    const char *announced;   /* Images in Acquisition; NULL: none */
    const char *station;     /* Station Name; NULL: none */
    bool ours;               /* carries the private creator "ISOVOX 1.0" */
};

/* Explicit VR Little Endian; returns the length. out has room for PART10_ROOM. */
size_t part10_make(const struct slice *slice, unsigned char *out);

#endif
