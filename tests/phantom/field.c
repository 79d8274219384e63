#include <math.h>
#include <stdio.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/sys/hash.h"
#include "phantom.h"

static const char *const names[SHAPE_COUNT] = { "head",  "sphere", "ramp",
                                                "sines", "noise",  "constant" };

const char *phantom_shape_name(enum phantom_shape shape)
{
    return names[shape];
}

bool phantom_shape_find(const char *name, enum phantom_shape *out)
{
    for (size_t n = 0; n < IVX_COUNT(names); n++)
        if (strcmp(names[n], name) == 0) {
            *out = (enum phantom_shape)n;
            return true;
        }
    return false;
}

static uint64_t mix(uint64_t x) /* splitmix64, Vigna 2015, public domain */
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

double phantom_chance(const char *seed, uint64_t index)
{
    uint64_t state = 0;
    for (const char *c = seed; *c != '\0'; c++)
        state = mix(state ^ (unsigned char)*c);
    return (double)(mix(state ^ mix(index)) >> 11) * 0x1p-53;
}

/* 1 inside, 0 outside, a ramp of `blur` mm across the surface: never a step, so that the
 * samples describe it. `distance` is positive outside. */
static double inside(double distance, double blur)
{
    return 0.5 * erfc(distance / (blur * M_SQRT1_2));
}

static double sphere(const double p[3], const double centre[3], double radius)
{
    const double d = sqrt((p[0] - centre[0]) * (p[0] - centre[0])
                          + (p[1] - centre[1]) * (p[1] - centre[1])
                          + (p[2] - centre[2]) * (p[2] - centre[2]));
    return inside(d - radius, 2.0);
}

/* First-order distance to an ellipsoid: good to a fraction of a mm near its surface. */
static double ellipsoid(const double p[3], const double centre[3], const double axes[3])
{
    double f = 0, gradient = 0;
    for (int n = 0; n < 3; n++) {
        const double q = (p[n] - centre[n]) / axes[n];
        f += q * q;
        gradient += q * q / (axes[n] * axes[n]);
    }
    if (gradient <= 0)
        return 1;
    const double root = sqrt(f);
    return inside(root * (root - 1) / sqrt(gradient), 1.0);
}

static double head(const double p[3])
{
    static const struct {
        double centre[3], axes[3], hu;
    } parts[] = {
        { { 0, 0, 0 }, { 80, 100, 90 }, 1000 }, /* skin: air becomes water */
        { { 0, 0, 0 }, { 74, 94, 84 }, 1100 },  /* skull */
        { { 0, 0, 0 }, { 67, 87, 77 }, -1065 }, /* brain, 35 HU */
        { { -12, -8, 6 }, { 8, 26, 10 }, -30 }, /* ventricles */
        { { 12, -8, 6 }, { 8, 26, 10 }, -30 },
        { { 25, 30, -15 }, { 9, 9, 9 }, 40 }, /* something to find, on the left */
    };
    double hu = -1000;
    for (size_t n = 0; n < IVX_COUNT(parts); n++)
        hu += parts[n].hu * ellipsoid(p, parts[n].centre, parts[n].axes);
    return hu;
}

static double sines(const double p[3])
{
    return 300 * sin(2 * M_PI * (0.031 * p[0] + 0.017 * p[1] + 0.011 * p[2]))
           + 200 * sin(2 * M_PI * (-0.013 * p[0] + 0.037 * p[1] + 0.019 * p[2]) + 1)
           + 150 * sin(2 * M_PI * (0.009 * p[0] - 0.021 * p[1] + 0.041 * p[2]) + 2);
}

static double noise(const struct phantom_options *options, const double p[3])
{
    uint64_t index = 0;
    for (int n = 0; n < 3; n++)
        index = mix(index ^ (uint64_t)llround(p[n] * 1000));
    return -1000 + 2000 * phantom_chance(options->seed, index);
}

double phantom_field(const struct phantom_options *options, const double mm[3])
{
    static const double origin[3] = { 0, 0, 0 };
    switch (options->shape) {
    case SHAPE_HEAD: return head(mm);
    case SHAPE_SPHERE: return -1000 + 1500 * sphere(mm, origin, 20);
    case SHAPE_RAMP: return 2 * mm[0] + 3 * mm[1] + 5 * mm[2];
    case SHAPE_SINES: return sines(mm);
    case SHAPE_NOISE: return noise(options, mm);
    default: return options->value;
    }
}

/* 128 bits as decimal. */
static void decimal(const uint8_t bytes[16], char out[65])
{
    unsigned __int128 value = 0;
    for (int n = 0; n < 16; n++)
        value = value << 8 | bytes[n];
    char digits[40];
    size_t used = sizeof digits;
    digits[--used] = '\0';
    do {
        digits[--used] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value != 0);
    snprintf(out, 65, "2.25.%s", digits + used);
}

void phantom_uid(const char *seed, const char *what, long n, char out[65])
{
    char text[256];
    const int length =
        snprintf(text, sizeof text, "isovox phantom|%s|%s|%ld", seed, what, n);
    uint8_t digest[IVX_SHA256_SIZE];
    ivx_hash_once(text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1,
                  digest);
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x80); /* a custom UUID: RFC 9562 5.8 */
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    decimal(digest, out);
}
