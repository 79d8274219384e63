/* blur.h - how far a point spreads, before and after, as standard deviations along the
 * source's axes. Second moments add (docs/MANIFEST.md has the table and its sources):
 *
 *   result^2 = native^2 + v * (stretch * spacing)^2 + (sigma * spacing)^2
 *
 * v is the kernel's second moment in samples, stretch that of its anti-aliasing, sigma the
 * Gaussian's in samples. What is lost close to the Nyquist frequency is not in a second
 * moment. */
#ifndef IVX_DERIVE_BLUR_H
#define IVX_DERIVE_BLUR_H

#include "isovox/assemble/assembly.h"

#define IVX_FWHM 2.3548200450309493 /* of a Gaussian: 2 sqrt(2 ln 2) standard deviations */

/* Along row, column and normal of the source. */
struct ivx_sampling {
    bool interpolated;  /* false: the acquired grid */
    enum ivx_kernel kernel;
    double stretch[3];  /* 1: none */
    double sigma[3];    /* samples; 0: none */
};

struct ivx_blur {
    bool known;         /* false: the source says nothing (PET), all else is 0 */
    double native_mm[3], result_mm[3];
    const char *basis[3]; /* what native_mm was taken from */
};

void ivx_blur_find(const struct ivx_source_volume *source, const struct ivx_sampling *sampling,
                   struct ivx_blur *out);

/* v above. */
double ivx_kernel_moment(enum ivx_kernel kernel);

/* By the largest over the smallest spacing, and native blur where it is known: how much less
 * one axis carries than another. "iso", "mild", "moderate", "severe", "extreme". */
const char *ivx_anisotropy(const struct ivx_source_volume *source);
bool ivx_anisotropy_severe(const struct ivx_source_volume *source);

#endif
