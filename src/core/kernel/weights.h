/* weights.h - how much the four samples around a place count, f after the second. */
#ifndef IVX_CORE_WEIGHTS_H
#define IVX_CORE_WEIGHTS_H

/* Of coefficients of the cubic B-spline. */
static inline void ivx_spline_weights(float f, float w[4])
{
    const float g = 1 - f;
    w[0] = g * g * g * (1.0F / 6);
    w[1] = (4 - 3 * f * f * (2 - f)) * (1.0F / 6);
    w[2] = (4 - 3 * g * g * (2 - g)) * (1.0F / 6);
    w[3] = f * f * f * (1.0F / 6);
}

/* Of values, for Keys's cubic, a = -1/2. */
static inline void ivx_keys_weights(float f, float w[4])
{
    const float g = 1 - f;
    w[0] = -0.5F * f * g * g;
    w[1] = 1 - f * f * (2.5F - 1.5F * f);
    w[2] = 1 - g * g * (2.5F - 1.5F * g);
    w[3] = -0.5F * g * f * f;
}

#endif
