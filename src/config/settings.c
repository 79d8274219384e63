#include "settings.h"

#include <string.h>

#include "isovox/base/auto.h"

#define AE "1 to 16 characters without backslash and control characters"
#define ADDRESS "an IPv4 or IPv6 address"
#define NAME "1 to 64 printable characters"
#define GLOB "1 to 64 characters; * and ? are wild cards"

#define TEXT(field, name, fallback, good, must, help) \
    { name, IVX_SETTING_TEXT, field, fallback, 0, 0, must, help, good, false }
#define NEEDED(field, name, kind, good, must, help) \
    { name, kind, field, NULL, 0, 0, must, help, good, true }
#define NUMBER(field, name, value, least, most, unit, help) \
    { #name, IVX_SETTING_LONG, field, #value, least, most, unit, help, NULL, false },

#define AT(member) offsetof(struct ivx_config, member)

static const struct ivx_setting general[] = {
    TEXT(AT(state_dir), "state_dir", "/var/lib/isovox", ivx_check_path, "an absolute path",
         "Journal, catalogue and results; back this up."),
#define X(name, ...) NUMBER(AT(general.name), name, __VA_ARGS__)
    IVX_GENERAL_OPTIONS(X)
#undef X
};

static const struct ivx_setting receive[] = {
    TEXT(AT(receive.ae_title), "ae_title", "ISOVOX", ivx_check_ae, AE,
         "Called AE title; another one is refused."),
    TEXT(AT(receive.address), "address", "0.0.0.0", ivx_check_address, ADDRESS,
         "Where it listens; 0.0.0.0 or :: is everywhere."),
#define X(name, ...) NUMBER(AT(receive.name), name, __VA_ARGS__)
    IVX_RECEIVE_OPTIONS(X)
#undef X
};

static const struct ivx_setting allow[] = {
    NEEDED(offsetof(struct ivx_allow, address), "address", IVX_SETTING_LIST, ivx_check_network,
           "an address or a network like 10.1.0.0/16",
           "From where this calling AE title may come."),
};

static const struct ivx_setting plan[] = {
#define X(name, ...) NUMBER(AT(plan.name), name, __VA_ARGS__)
    IVX_PLAN_OPTIONS(X)
#undef X
};

static const struct ivx_setting convert[] = {
#define X(name, ...) NUMBER(AT(convert.name), name, __VA_ARGS__)
    IVX_CONVERT_OPTIONS(X)
#undef X
};

static const struct ivx_setting deliver[] = {
#define X(name, ...) NUMBER(AT(deliver.name), name, __VA_ARGS__)
    IVX_DELIVER_OPTIONS(X)
#undef X
};

static const struct ivx_setting http[] = {
    TEXT(AT(http.address), "address", "127.0.0.1", ivx_check_address, ADDRESS,
         "Where it listens. Beyond loopback it is read-only."),
#define X(name, ...) NUMBER(AT(http.name), name, __VA_ARGS__)
    IVX_HTTP_OPTIONS(X)
#undef X
};

#define IN(member) offsetof(struct ivx_config_recipe, member)
static const struct ivx_setting recipe[] = {
    { "spacing", IVX_SETTING_SPACING, IN(spacing_mm), "1.0", 0, 0, "0.01 to 100 mm, min or native",
      "Voxel edge of the result; min: the smallest acquired; native: the acquired grid.",
      ivx_check_spacing, false },
    TEXT(IN(kernel), "kernel", "bspline3", ivx_check_word,
         "bspline3, linear, catmull-rom, lanczos3 or nearest", "How voxels are interpolated."),
    TEXT(IN(align), "align", "center", ivx_check_word, "center, origin or corner",
         "What source and result have in common: see isovox(1)."),
    TEXT(IN(antialias), "antialias", "auto", ivx_check_antialias,
         "auto, off, gauss-cardoso, gauss-mirp or gauss-mirp:BETA",
         "auto: along axes where the result is coarser; gauss-*: as other systems do it."),
    TEXT(IN(boundary), "boundary", "nearest", ivx_check_word, "nearest, background or mirror",
         "What stands beyond the outermost sample."),
    TEXT(IN(orientation), "orientation", "acquired", ivx_check_word, "acquired or patient",
         "Axes of the result: the slices', or the patient's."),
    TEXT(IN(format), "format", "dicom", ivx_check_word, "dicom or enhanced",
         "An instance per slice, or multi-frame (Enhanced CT, MR, PET)."),
    TEXT(IN(clamp), "clamp", "off", ivx_check_word, "off or input-range",
         "input-range: nothing below or above what was acquired."),
};
#undef IN

#define IN(member) offsetof(struct ivx_sender, member)
static const struct ivx_setting sender[] = {
    NEEDED(IN(address), "address", IVX_SETTING_TEXT, ivx_check_host,
           "an address or a host name", "Where it listens for reports."),
#define X(name, ...) NUMBER(IN(name), name, __VA_ARGS__)
    IVX_SENDER_OPTIONS(X)
#undef X
};
#undef IN

#define IN(member) offsetof(struct ivx_destination, member)
static const struct ivx_setting destination[] = {
    NEEDED(IN(ae_title), "ae_title", IVX_SETTING_TEXT, ivx_check_ae, AE,
           "Called AE title of the peer."),
    NEEDED(IN(address), "address", IVX_SETTING_TEXT, ivx_check_host,
           "an address or a host name", "Where the peer listens."),
    TEXT(IN(calling_ae), "calling_ae", NULL, ivx_check_ae, AE,
         "What we call ourselves; default: receive's ae_title."),
    TEXT(IN(transfer_syntax), "transfer_syntax", "uncompressed", ivx_check_word,
         "uncompressed, jpeg-ls, jpeg-lossless, jpeg-2000, rle or deflated",
         "Lossless, where the peer takes it; else uncompressed."),
    { "commitment", IVX_SETTING_BOOL, IN(commitment), "false", 0, 0, "true or false",
      "Ask the peer for storage commitment.", ivx_check_bool, false },
#define X(name, ...) NUMBER(IN(name), name, __VA_ARGS__)
    IVX_DESTINATION_OPTIONS(X)
#undef X
};
#undef IN

#define IN(member) offsetof(struct ivx_source, member)
static const struct ivx_setting source[] = {
    NEEDED(IN(ae_title), "ae_title", IVX_SETTING_TEXT, ivx_check_ae, AE,
           "Called AE title of the archive."),
    NEEDED(IN(address), "address", IVX_SETTING_TEXT, ivx_check_host,
           "an address or a host name", "Where the archive listens."),
    TEXT(IN(calling_ae), "calling_ae", NULL, ivx_check_ae, AE,
         "What we call ourselves; default: receive's ae_title."),
    NEEDED(IN(senders), "senders", IVX_SETTING_LIST, ivx_check_glob, GLOB,
           "Calling AE titles whose series it knows."),
    { "fetch", IVX_SETTING_BOOL, IN(fetch), "true", 0, 0, "true or false",
      "Have it send what is missing (C-MOVE to receive's ae_title).", ivx_check_bool, false },
#define X(name, ...) NUMBER(IN(name), name, __VA_ARGS__)
    IVX_SOURCE_OPTIONS(X)
#undef X
};
#undef IN

#define IN(member) offsetof(struct ivx_route, member)
static const struct ivx_setting route[] = {
#define X(condition) \
    { #condition, IVX_SETTING_LIST, IN(condition), "{}", 0, 0, GLOB, \
      "Condition; not given: anything.", ivx_check_glob, false },
    IVX_ROUTE_CONDITIONS(X)
#undef X
    NEEDED(IN(recipes), "recipes", IVX_SETTING_LIST, ivx_check_name, NAME,
           "What is made of each volume."),
    { "destinations", IVX_SETTING_LIST, IN(destinations), "{}", 0, 0, NAME,
      "Where results go; none: they stay in the outbox.", ivx_check_name, false },
    TEXT(IN(on_gap), "on_gap", "refuse", ivx_check_word, "refuse, interpolate or split",
         "What is done with a series that misses slices."),
    TEXT(IN(priority), "priority", "routine", ivx_check_word, "routine or stat",
         "stat: converted and delivered before anything else."),
};
#undef IN

#define ONE(table) table, IVX_COUNT(table)
#define MANY(array, type, title) AT(array##s), AT(array##_count), sizeof(type), \
    offsetof(type, title)

const struct ivx_section ivx_sections[] = {
    { "", NULL, NULL, NULL, 0, 0, 0, 0, ONE(general), "" },
    { "receive", NULL, NULL, NULL, 0, 0, 0, 0, ONE(receive),
      "The Storage SCP." },
    { "allow", "AE title", "receive", ivx_check_ae, AT(receive.allow), AT(receive.allow_count),
      sizeof(struct ivx_allow), offsetof(struct ivx_allow, ae_title), ONE(allow),
      "A calling AE title (glob) that may send; with none at all: loopback peers only." },
    { "plan", NULL, NULL, NULL, 0, 0, 0, 0, ONE(plan),
      "When a series is complete." },
    { "convert", NULL, NULL, NULL, 0, 0, 0, 0, ONE(convert),
      "The worker processes." },
    { "deliver", NULL, NULL, NULL, 0, 0, 0, 0, ONE(deliver),
      "Repeats of failed deliveries." },
    { "http", NULL, NULL, NULL, 0, 0, 0, 0, ONE(http),
      "Status page, interface for programs, metrics." },
    { "recipe", "name", NULL, ivx_check_name, MANY(recipe, struct ivx_config_recipe, name),
      ONE(recipe), "What is made of a volume. With none at all: \"iso-1mm\", the defaults." },
    { "sender", "AE title", NULL, ivx_check_ae, MANY(sender, struct ivx_sender, ae_title),
      ONE(sender), "A calling AE title that may ask for storage commitment." },
    { "destination", "name", NULL, ivx_check_name,
      MANY(destination, struct ivx_destination, name), ONE(destination),
      "A peer that takes results." },
    { "route", "name", NULL, ivx_check_name, MANY(route, struct ivx_route, name), ONE(route),
      "Which volumes get which recipes and go where. Every condition given must hold; lists "
      "are alternatives." },
    { "source", "name", NULL, ivx_check_name, MANY(source, struct ivx_source, name),
      ONE(source), "An archive that is asked how many instances a series has (C-FIND)." },
};
const size_t ivx_section_count = IVX_COUNT(ivx_sections);

const struct ivx_order ivx_orders[] = {
    { "receive", "high_water", "low_water" }, /* room on the disk shrinks: low comes first */
    { "plan", "quiet_full", "quiet" },
    { "plan", "quiet_released", "quiet" },
    { "plan", "quiet", "deadline" },
    { "deliver", "first_retry", "longest_retry" },
};
const size_t ivx_order_count = IVX_COUNT(ivx_orders);

size_t ivx_section_elements(const struct ivx_section *section, const struct ivx_config *config)
{
    size_t count = 1;
    if (section->title != NULL)
        memcpy(&count, (const char *)config + section->count, sizeof count);
    return count;
}

void *ivx_section_element(const struct ivx_section *section, const struct ivx_config *config,
                          size_t n)
{
    char *first = (char *)(uintptr_t)config;
    if (section->title != NULL)
        memcpy(&first, (const char *)config + section->array, sizeof first);
    return first + n * section->size;
}
