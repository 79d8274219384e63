/* hashes - SHA-256 of what the engine makes of volumes that any machine makes alike: one line
 * per case, for every kernel, geometry and shape. Each case runs with every instruction
 * set of this machine, by one, two and seven threads: a difference ends with status 1.
 *
 *   hashes              prints the listing
 *   hashes FILE         compares it with FILE; prints what differs
 *   hashes --once FILE  the same with the best set and one thread only, for an emulator
 *
 * No libm and nothing random in the input, so that listings of other compilers and
 * processors are comparable. Not contracted: see local.mk. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/core/gather.h"
#include "sha256.h"

enum geometry { ALIGNED, TILTED, IRREGULAR, BOTH, PADDED, OBLIQUE, OBLIQUE_TILTED, AFFINE };
static const char *const geometries[] = { "aligned", "tilted",  "irregular",
                                          "both",    "padded",  "oblique",
                                          "oblique-tilted", "affine" };

/* Primes, single voxels, three slices; finer, mixed and coarser than the source. */
static const struct shape {
    int32_t columns, rows, slices;
    double target;
} shapes[] = {
    { 31, 37, 29, 0.9 }, { 31, 37, 29, 3.1 }, { 41, 23, 3, 0.6 }, { 1, 17, 13, 0.7 },
    { 19, 1, 11, 1.3 },  { 13, 7, 1, 0.5 },   { 1, 1, 1, 1.0 },   { 67, 5, 2, 2.0 },
};

/* What a recipe may ask for besides kernel and spacing: the listing has these at its end,
 * for the geometries of `varied`. */
enum variant { USUAL, MIRRORED, CARDOSO, MIRP_MIRRORED, CLAMPED, VARIANTS };
static const char *const variants[] = { "", " mirror", " gauss-cardoso",
                                        " gauss-mirp:0.9 mirror", " clamp" };
static const struct shape odd_shapes[] = {
    { 31, 37, 29, 3.1 }, { 41, 23, 3, 0.6 }, { 19, 1, 11, 1.3 }
};
static const enum geometry varied[] = { ALIGNED, TILTED, IRREGULAR, OBLIQUE };

enum { MOST_SLICES = 64, MOST_THREADS = 8 };

struct volume {
    struct ivx_stack stack;
    double t[MOST_SLICES], shift_row[MOST_SLICES], shift_column[MOST_SLICES];
    int16_t *whole;
    float *real;
    uint8_t *missing; /* NULL unless padded */
    size_t plane;
    enum ivx_sample sample;
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("hashes: no memory\n", stderr);
        exit(1);
    }
    return memory;
}

static void place(struct volume *made, const struct shape *shape, enum geometry geometry)
{
    const bool tilted = geometry == TILTED || geometry == BOTH || geometry == OBLIQUE_TILTED;
    const bool irregular = geometry == IRREGULAR || geometry == BOTH;
    for (int32_t k = 0; k < shape->slices; k++) {
        made->t[k] = k * 2.5 + (irregular ? (k * 7 % 11) * 0.0625 : 0);
        made->shift_row[k] = 0;
        made->shift_column[k] = tilted ? made->t[k] * 0.140625 : 0;
    }
    made->stack = (struct ivx_stack){ .columns = shape->columns,
                                      .rows = shape->rows,
                                      .slices = shape->slices,
                                      .column_spacing = 0.7,
                                      .row_spacing = 0.8,
                                      .origin = { -31, 17.5, 100 },
                                      .row = { 1, 0, 0 },
                                      .column = { 0, 1, 0 },
                                      .normal = { 0, 0, 1 },
                                      .t = made->t,
                                      .shift_row = made->shift_row,
                                      .shift_column = made->shift_column };
    if (geometry == OBLIQUE || geometry == OBLIQUE_TILTED) {
        /* Turned by the angles of the 3-4-5 and the 5-12-13 triangle. */
        const double row[3] = { 0.6, 0.8, 0 };
        const double column[3] = { -48.0 / 65, 36.0 / 65, 25.0 / 65 };
        const double normal[3] = { 20.0 / 65, -15.0 / 65, 60.0 / 65 };
        memcpy(made->stack.row, row, sizeof row);
        memcpy(made->stack.column, column, sizeof column);
        memcpy(made->stack.normal, normal, sizeof normal);
    }
}

static void fill(struct volume *made, bool padded)
{
    const size_t count = made->plane * (size_t)made->stack.slices;
    const size_t columns = (size_t)made->stack.columns;
    uint32_t seed = 20;
    made->whole = must(calloc(count, sizeof *made->whole));
    made->real = must(calloc(count, sizeof *made->real));
    made->missing = padded ? must(calloc(count, 1)) : NULL;
    for (size_t p = 0; p < count; p++) {
        seed = seed * 1664525u + 1013904223u;
        made->whole[p] = (int16_t)((int32_t)(seed >> 16) % 4096 - 1024);
        made->real[p] = (float)made->whole[p] + (float)(seed >> 8 & 255) / 256;
        if (padded)
            made->missing[p] = p % columns + p / columns % 7 < 4 || p % 101 == 5;
    }
}

static void empty(struct volume *volume)
{
    free(volume->whole);
    free(volume->real);
    free(volume->missing);
}

static bool source(void *context, int32_t k, struct ivx_slice *out, struct ivx_err *err)
{
    const struct volume *from = context;
    const size_t at = from->plane * (size_t)k;
    (void)err;
    out->sample = from->sample;
    out->voxel = from->sample == IVX_INT16 ? (const void *)(from->whole + at)
                                           : (const void *)(from->real + at);
    out->missing = from->missing == NULL ? NULL : from->missing + at;
    return true;
}

struct result {
    struct sha256 hash;
    size_t bytes; /* of a slice */
};

static bool sink(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct result *result = context;
    (void)m, (void)err;
    sha256_add(&result->hash, voxel, result->bytes);
    return true;
}

/* A crew of threads of its own for every call: slow, and the order of tasks is chance. */
struct share {
    void (*task)(void *, int);
    void *argument;
    int count;
    atomic_int next;
};

static void *work(void *context)
{
    struct share *share = context;
    for (int n; (n = atomic_fetch_add(&share->next, 1)) < share->count;)
        share->task(share->argument, n);
    return NULL;
}

static void run_crew(void *crew, void (*task)(void *, int), void *argument, int count)
{
    const int size = *(const int *)crew;
    pthread_t thread[MOST_THREADS];
    struct share share = { .task = task, .argument = argument, .count = count };
    for (int n = 0; n < size; n++)
        if (pthread_create(&thread[n], NULL, work, &share) != 0) {
            fputs("hashes: no thread\n", stderr);
            exit(1);
        }
    for (int n = 0; n < size; n++)
        pthread_join(thread[n], NULL);
}

struct job {
    struct volume *volume;
    enum geometry geometry;
    struct ivx_grid grid;
    enum ivx_kernel kernel;
    enum ivx_sample sample; /* of source and result */
    enum variant variant;
};

static void vary(enum variant variant, struct ivx_resample_options *options)
{
    if (variant == MIRRORED || variant == MIRP_MIRRORED)
        options->boundary = IVX_BOUNDARY_MIRROR;
    if (variant == CARDOSO)
        options->antialias = IVX_ANTIALIAS_GAUSS_CARDOSO;
    if (variant == MIRP_MIRRORED)
        options->antialias = IVX_ANTIALIAS_GAUSS_MIRP;
    options->mirp_beta = 0.9;
    options->clamp = variant == CLAMPED;
    options->least = -1000;
    options->most = 3000;
}

/* The hash covers voxels, counts and the digest of the tables. */
static bool run(const struct job *job, const char *set, int threads, char hex_out[65],
                struct ivx_err *err)
{
    static const struct ivx_affine sheared = {
        { { 0.96, -0.25, 0.0625 }, { 0.28125, 0.9375, 0.125 }, { 0, -0.125, 1.03125 } },
        { 1.75, -0.5, 3.25 }
    };
    struct ivx_resample_options options = {
        .kernel = job->kernel,
        .result = job->sample,
        .background = -1024,
        .simd = set,
        .crew = { threads > 1 ? run_crew : NULL, &threads, threads },
    };
    struct result result = { .bytes = (size_t)job->grid.count[0]
                                      * (size_t)job->grid.count[1]
                                      * (job->sample == IVX_INT16 ? 2 : 4) };
    struct ivx_resample_report report = { .voxels = 0 };
    vary(job->variant, &options);
    sha256_start(&result.hash);
    job->volume->sample = job->sample;
    const bool done =
        job->geometry == AFFINE
            ? ivx_gather(&job->volume->stack, &job->grid, &sheared, &options, source,
                         job->volume, sink, &result, &report, err)
            : ivx_resample_any(&job->volume->stack, &job->grid, &options, source,
                               job->volume, sink, &result, &report, err);
    const uint64_t counts[] = { report.voxels, report.background, report.edge,
                                report.saturated, report.table_digest };
    sha256_add(&result.hash, counts, sizeof counts);
    if (job->variant != USUAL) {
        const uint64_t more[] = { report.padded, report.clamped };
        sha256_add(&result.hash, more, sizeof more);
        sha256_add(&result.hash, report.sigma, sizeof report.sigma);
    }
    sha256_finish(&result.hash, hex_out);
    return done;
}

static bool has(const char *set)
{
#ifdef __x86_64__
    return strcmp(set, "base") == 0
           || (strcmp(set, "avx2") == 0 && __builtin_cpu_supports("avx2"))
           || (strcmp(set, "avx512") == 0 && __builtin_cpu_supports("avx512f")
               && __builtin_cpu_supports("avx512bw")
               && __builtin_cpu_supports("avx512vl")
               && __builtin_cpu_supports("avx512dq"));
#elif defined __aarch64__
    return strcmp(set, "base") == 0 || strcmp(set, "neon") == 0;
#else
    return strcmp(set, "base") == 0;
#endif
}

/* Every set and crew; false when two differ. */
static bool agree(const struct job *job, const char *name, bool once, char hex_out[65])
{
    static const char *const sets[] = { "base", "avx2", "avx512", "neon" };
    static const int crews[] = { 1, 2, 7 };
    char other[65];
    struct ivx_err err = { 0 };
    hex_out[0] = '\0';
    if (once)
        return run(job, "auto", 1, hex_out, &err);
    for (int n = 0; n < 12; n++) {
        if (!has(sets[n / 3]))
            continue;
        char *hex = n == 0 ? hex_out : other;
        if (!run(job, sets[n / 3], crews[n % 3], hex, &err)) {
            fprintf(stderr, "%s, %s: %s\n", name, sets[n / 3], err.text);
            return false;
        }
        if (strcmp(hex, hex_out) != 0) {
            fprintf(stderr, "%s: %s by %d threads gives other bits\n", name, sets[n / 3],
                    crews[n % 3]);
            return false;
        }
    }
    return true;
}

/* The listing that was read, line by line, or NULL: print. */
static bool tell(FILE *golden, const char *line)
{
    char expected[256] = "";
    if (golden == NULL) {
        puts(line);
        return true;
    }
    do {
        if (fgets(expected, sizeof expected, golden) == NULL)
            expected[0] = '\0';
    } while (expected[0] == '#');
    expected[strcspn(expected, "\n")] = '\0';
    if (strcmp(expected, line) == 0)
        return true;
    printf("- %s\n+ %s\n", expected, line);
    return false;
}

static bool make_grid(struct job *job, double target)
{
    struct ivx_err err = { 0 };
    const bool patient = job->geometry == OBLIQUE || job->geometry == OBLIQUE_TILTED;
    const struct ivx_stack *stack = &job->volume->stack;
    const bool made =
        patient ? ivx_target_grid_patient(stack, target, IVX_ALIGN_CENTER, &job->grid, &err)
                : ivx_target_grid(stack, target, IVX_ALIGN_CENTER, &job->grid, &err);
    if (!made)
        fprintf(stderr, "hashes: %s\n", err.text);
    return made;
}

static bool one_volume(const struct shape *shape, enum geometry geometry,
                       enum variant variant, bool once, FILE *golden)
{
    struct volume volume = { .plane = (size_t)shape->columns * (size_t)shape->rows };
    struct job job = { .volume = &volume, .geometry = geometry, .variant = variant };
    bool right = true;
    place(&volume, shape, geometry);
    fill(&volume, geometry == PADDED);
    if (!make_grid(&job, shape->target)) {
        empty(&volume);
        return false;
    }
    for (int n = 0; n < 2 * IVX_KERNEL_COUNT; n++) {
        char name[96], hex[65], line[192];
        job.kernel = (enum ivx_kernel)(n / 2);
        job.sample = n % 2 ? IVX_FLOAT32 : IVX_INT16;
        if (variant != USUAL && n % 2 != (variant == MIRRORED))
            continue;
        snprintf(name, sizeof name, "%s %dx%dx%d %g mm %s %s%s", geometries[geometry],
                 (int)shape->columns, (int)shape->rows, (int)shape->slices, shape->target,
                 ivx_kernel_name(job.kernel), n % 2 ? "float32" : "int16",
                 variants[variant]);
        right &= agree(&job, name, once, hex);
        snprintf(line, sizeof line, "%s %s", hex, name);
        right &= tell(golden, line);
    }
    empty(&volume);
    return right;
}

static bool sha256_is_right(void)
{
    struct sha256 hash; /* FIPS 180-2, example B.1 */
    char hex[65];
    sha256_start(&hash);
    sha256_add(&hash, "abc", 3);
    sha256_finish(&hash, hex);
    return strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
           == 0;
}

static bool every_volume(bool once, FILE *golden)
{
    bool right = true;
    for (size_t n = 0; n < sizeof shapes / sizeof *shapes; n++)
        for (int g = ALIGNED; g <= AFFINE; g++)
            right &= one_volume(&shapes[n], (enum geometry)g, USUAL, once, golden);
    for (int v = USUAL + 1; v < VARIANTS; v++)
        for (size_t n = 0; n < sizeof odd_shapes / sizeof *odd_shapes; n++)
            for (size_t g = 0; g < sizeof varied / sizeof *varied; g++)
                right &= one_volume(&odd_shapes[n], varied[g], (enum variant)v, once, golden);
    char rest[256];
    return (golden == NULL || fgets(rest, sizeof rest, golden) == NULL) && right;
}

int main(int argc, char **argv)
{
    const bool once = argc > 2 && strcmp(argv[1], "--once") == 0;
    FILE *golden = argc > 1 ? fopen(argv[argc - 1], "r") : NULL;
    if (argc > 1 && golden == NULL) {
        perror(argv[argc - 1]);
        return 1;
    }
    const bool right = sha256_is_right() && every_volume(once, golden);
    if (golden != NULL)
        fclose(golden);
    if (!right)
        fprintf(stderr, "hashes: not the bits of engine %d\n", IVX_ENGINE_VERSION);
    return right ? 0 : 1;
}
