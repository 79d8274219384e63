#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "phantom.h"

/*  name            argument          help */
#define OPTIONS(X) \
  X(output,          "DIR",            "where the .dcm files go (made when missing)") \
  X(shape,           "NAME",           "head (default), sphere, ramp, sines, noise, constant") \
  X(value,           "HU",             "of --shape constant") \
  X(from,            "FILE",           "int16 HU, little endian, columns fastest, instead of a shape") \
  X(dims,            "C,R,S",          "columns, rows, slices (64,64,32)") \
  X(spacing,         "C,R,S",          "mm between columns, rows and slices (0.8,0.8,2.5)") \
  X(origin,          "X,Y,Z",          "first voxel centre, LPS mm (default: the volume is centred on 0)") \
  X(oblique,         "RX,RY,RZ,CX,CY,CZ", "row and column directions (1,0,0,0,1,0); made orthonormal") \
  X(positions,       "FILE",           "slice positions along the normal, mm, one a line") \
  X(irregular,       "T0,T1,...",      "the same, here") \
  X(tilt,            "DEG",            "gantry tilt: slices shift along the column direction by tan(DEG)") \
  X(no_tilt_tag,     NULL,             "do not write Gantry/Detector Tilt") \
  X(jitter,          "MM",             "each slice lies up to MM beside the line") \
  X(flip_rows,       NULL,             "the rows of --from run from posterior to anterior") \
  X(flip_normal,     NULL,             "negate the column direction: the normal points the other way") \
  X(bits,            "N",              "Bits Stored, 8 to 16 (16)") \
  X(unsigned,        NULL,             "Pixel Representation 0") \
  X(signed,          NULL,             "Pixel Representation 1 (default)") \
  X(slope,           "N",              "Rescale Slope (1)") \
  X(intercept,       "N",              "Rescale Intercept (-1024)") \
  X(no_rescale,      NULL,             "leave Rescale Slope and Intercept out") \
  X(no_position,     NULL,             "leave Image Position (Patient) out") \
  X(padding,         "N",              "stored value outside the reconstruction circle, and its tag") \
  X(thickness,       "MM",             "Slice Thickness (default: the slice spacing)") \
  X(implicit,        NULL,             "Implicit VR Little Endian") \
  X(shuffle,         NULL,             "Instance Numbers and file names in another order") \
  X(scout,           NULL,             "add a localizer to the series") \
  X(announce,        NULL,             "say how many there are: Images in Acquisition") \
  X(gap,             "K",              "drop slice K") \
  X(duplicate,       "K",              "write slice K twice, with two UIDs") \
  X(seed,            "TEXT",           "all UIDs and chances come from it (phantom)") \
  X(study,           "TEXT",           "seed of the study's UIDs (default: --seed)") \
  X(series,          "N",              "Series Number, and part of its UIDs (1)") \
  X(patient,         "NAME",           "PHANTOM^ISOVOX") \
  X(description,     "TEXT",           "Series Description") \
  X(help,            NULL,             "this")

enum id {
    ID_NONE = 256,
#define X(name, argument, help) ID_##name,
    OPTIONS(X)
#undef X
};

static const struct option table[] = {
#define X(name, argument, help) { #name, (argument) != NULL, NULL, ID_##name },
    OPTIONS(X)
#undef X
        { 0 },
};
static const char *const arguments[] = {
#define X(name, argument, help) argument,
    OPTIONS(X)
#undef X
};
static const char *const helps[] = {
#define X(name, argument, help) help,
    OPTIONS(X)
#undef X
};

/* Option names are written with dashes. */
static void dashed(const char *name, char out[32])
{
    snprintf(out, 32, "%s", name);
    for (char *c = out; *c != '\0'; c++)
        if (*c == '_')
            *c = '-';
}

static void print_help(void)
{
    puts("usage: isovox-phantom [OPTIONS] --output DIR\n\n"
         "Writes a CT series of which the truth is known as DICOM files.\n");
    for (size_t n = 0; n < IVX_COUNT(helps); n++) {
        char name[32], both[64];
        dashed(table[n].name, name);
        snprintf(both, sizeof both, "--%s %s", name, arguments[n] ? arguments[n] : "");
        printf("  %-22s %s\n", both, helps[n]);
    }
}

static void __attribute__((noreturn, format(printf, 1, 2))) usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("isovox-phantom: ", stderr);
    vfprintf(stderr, format, args);
    fputs(" (see --help)\n", stderr);
    va_end(args);
    exit(2);
}

static int numbers(const char *text, double *out, int most)
{
    int count = 0;
    for (char *rest = NULL; *text != '\0'; text = *rest == '\0' ? rest : rest + 1) {
        const double value = strtod(text, &rest);
        if (rest == text || !isfinite(value) || count == most
            || (*rest != ',' && *rest != '\n' && *rest != '\0'))
            return -1;
        out[count++] = value;
    }
    return count;
}

static void exactly(const char *name, const char *text, double *out, int count)
{
    if (numbers(text, out, count) != count)
        usage("--%s wants %d numbers, not '%s'", name, count, text);
}

static double number(const char *name, const char *text)
{
    double value = 0;
    exactly(name, text, &value, 1);
    return value;
}

static long whole(const char *name, const char *text, long least, long most)
{
    long long value = 0;
    if (!ivx_text_to_int64(text, &value) || value < least || value > most)
        usage("--%s must be %ld to %ld, not '%s'", name, least, most, text);
    return (long)value;
}

enum { MOST_SLICES = 10000 };

static void positions(const char *text, struct phantom_options *out)
{
    free(out->positions);
    out->positions = calloc(MOST_SLICES, sizeof *out->positions);
    if (out->positions == NULL)
        usage("no memory");
    out->position_count = numbers(text, out->positions, MOST_SLICES);
    for (int k = 1; k < out->position_count; k++)
        if (out->positions[k] <= out->positions[k - 1])
            usage("slice positions must ascend");
    if (out->position_count < 1)
        usage("no slice positions in '%.60s'", text);
}

static void positions_file(const char *path, struct phantom_options *out)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        usage("cannot open %s", path);
    char *text = calloc(1, 1 << 20);
    if (text == NULL)
        usage("no memory");
    const size_t used = fread(text, 1, (1 << 20) - 1, file);
    text[used] = '\0';
    fclose(file);
    positions(text, out);
    free(text);
}

static void take_dims(const char *text, struct phantom_options *out)
{
    double dims[3];
    exactly("dims", text, dims, 3);
    for (int n = 0; n < 3; n++) {
        if (dims[n] < 1 || dims[n] > MOST_SLICES || dims[n] != floor(dims[n]))
            usage("--dims must be whole numbers, 1 to %d", MOST_SLICES);
        out->dims[n] = (int32_t)dims[n];
    }
}

static void take_geometry(int id, const char *value, struct phantom_options *out)
{
    switch (id) {
    case ID_dims: take_dims(value, out); break;
    case ID_spacing: exactly("spacing", value, out->spacing, 3); break;
    case ID_origin:
        exactly("origin", value, out->origin, 3);
        out->origin_given = true;
        break;
    case ID_oblique: exactly("oblique", value, out->orientation, 6); break;
    case ID_positions: positions_file(value, out); break;
    case ID_irregular: positions(value, out); break;
    case ID_tilt: out->tilt_deg = number("tilt", value); break;
    case ID_no_tilt_tag: out->drop_tilt_tag = true; break;
    case ID_jitter: out->jitter_mm = number("jitter", value); break;
    case ID_flip_rows: out->flip_rows = true; break;
    case ID_flip_normal: out->flip_normal = true; break;
    case ID_gap: out->gap = (int)whole("gap", value, 0, MOST_SLICES); break;
    case ID_duplicate:
        out->duplicate = (int)whole("duplicate", value, 0, MOST_SLICES);
        break;
    case ID_thickness: out->thickness = number("thickness", value); break;
    default: break;
    }
}

static void take_pixels(int id, const char *value, struct phantom_options *out)
{
    switch (id) {
    case ID_shape:
        if (!phantom_shape_find(value, &out->shape))
            usage("no shape '%s'", value);
        break;
    case ID_value: out->value = number("value", value); break;
    case ID_from: out->from = value; break;
    case ID_bits: out->bits = (int)whole("bits", value, 8, 16); break;
    case ID_unsigned: out->is_unsigned = true; break;
    case ID_signed: out->is_unsigned = false; break;
    case ID_slope: out->slope = number("slope", value); break;
    case ID_intercept: out->intercept = number("intercept", value); break;
    case ID_padding:
        out->padded = true;
        out->padding = (int)whole("padding", value, -32768, 65535);
        break;
    default: break;
    }
}

static void take_header(int id, const char *value, struct phantom_options *out)
{
    switch (id) {
    case ID_output: out->output = value; break;
    case ID_no_rescale: out->no_rescale = true; break;
    case ID_no_position: out->no_position = true; break;
    case ID_implicit: out->implicit = true; break;
    case ID_shuffle: out->shuffle = true; break;
    case ID_scout: out->scout = true; break;
    case ID_announce: out->announce = true; break;
    case ID_seed: out->seed = value; break;
    case ID_study: out->study = value; break;
    case ID_series: out->series = (int)whole("series", value, 1, 1000000); break;
    case ID_patient: out->patient = value; break;
    case ID_description: out->description = value; break;
    case ID_help: print_help(); exit(0);
    default: break;
    }
}

static void normalise(double v[3])
{
    const double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    if (!(length > 1e-6))
        usage("--oblique: not a pair of directions");
    for (int n = 0; n < 3; n++)
        v[n] /= length;
}

static void finish(struct phantom_options *out)
{
    double *row = out->orientation, *column = out->orientation + 3;
    normalise(row);
    const double along = row[0] * column[0] + row[1] * column[1] + row[2] * column[2];
    for (int n = 0; n < 3; n++)
        column[n] -= along * row[n];
    normalise(column);
    for (int n = 0; n < 3 && out->flip_normal; n++)
        column[n] = -column[n];

    if (out->positions != NULL)
        out->dims[2] = out->position_count;
    if (out->study == NULL)
        out->study = out->seed;
    if (out->thickness <= 0)
        out->thickness = out->spacing[2];
    if (out->output == NULL)
        usage("--output is missing");
    if (!(out->spacing[0] > 0 && out->spacing[1] > 0 && out->spacing[2] > 0
          && out->slope > 0))
        usage("spacing and slope must be above 0");
}

static const struct phantom_options defaults = {
    .dims = { 64, 64, 32 },
    .spacing = { 0.8, 0.8, 2.5 },
    .orientation = { 1, 0, 0, 0, 1, 0 },
    .bits = 16,
    .slope = 1,
    .intercept = -1024,
    .gap = -1,
    .duplicate = -1,
    .series = 1,
    .seed = "phantom",
    .patient = "PHANTOM^ISOVOX",
    .description = "Phantom",
};

void phantom_options_parse(int argc, char **argv, struct phantom_options *out)
{
    struct option longs[IVX_COUNT(table)] = { { 0 } };
    char names[IVX_COUNT(table)][32];
    for (size_t n = 0; table[n].name != NULL; n++) {
        dashed(table[n].name, names[n]);
        longs[n] = table[n];
        longs[n].name = names[n];
    }
    *out = defaults;
    for (int id; (id = getopt_long(argc, argv, "o:h", longs, NULL)) != -1;) {
        if (id == '?')
            exit(2);
        id = id == 'o' ? ID_output : id == 'h' ? ID_help : id;
        take_geometry(id, optarg, out);
        take_pixels(id, optarg, out);
        take_header(id, optarg, out);
    }
    if (optind != argc)
        usage("what is '%s'?", argv[optind]);
    finish(out);
}
