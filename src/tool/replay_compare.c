#include "replay_compare.h"

#include <stdio.h>
#include <string.h>

#include "isovox/base/auto.h"

enum { MOST_LINES = 12 };

struct comparison {
    const char *heading;
    char path[256];
    int differences;
};

static const cJSON *part(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(part(object, name));
    return text == NULL ? "" : text;
}

static void print_value(const char *when, const cJSON *value)
{
    char *text = value == NULL ? NULL : cJSON_PrintUnformatted(value);
    fprintf(stderr, "%s %.70s", when, value == NULL ? "has none" : text == NULL ? "?" : text);
    cJSON_free(text);
}

static void differ(struct comparison *comparison, const cJSON *then, const cJSON *now)
{
    if (comparison->differences == 0)
        fprintf(stderr, "isovox replay: %s\n", comparison->heading);
    if (comparison->differences++ >= MOST_LINES)
        return;
    fprintf(stderr, "  %s:", comparison->path);
    print_value(" manifest", then);
    print_value(", now", now);
    fputc('\n', stderr);
}

/* Numbers are written with all their digits. */
static bool same_value(const cJSON *a, const cJSON *b)
{
    if (cJSON_IsNumber(a))
        return a->valuedouble == b->valuedouble;
    if (cJSON_IsString(a))
        return strcmp(a->valuestring, b->valuestring) == 0;
    return true; /* true, false, null: the type says it */
}

static void compare(struct comparison *comparison, const cJSON *then, const cJSON *now);

static void compare_at(struct comparison *comparison, const char *step, const cJSON *then,
                       const cJSON *now)
{
    const size_t used = strlen(comparison->path);
    snprintf(comparison->path + used, sizeof comparison->path - used, "%s%.60s",
             used > 0 && step[0] != '[' ? "." : "", step);
    compare(comparison, then, now);
    comparison->path[used] = '\0';
}

static void compare_objects(struct comparison *comparison, const cJSON *then, const cJSON *now)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, then)
        compare_at(comparison, one->string, one, part(now, one->string));
    cJSON_ArrayForEach(one, now)
        if (part(then, one->string) == NULL)
            compare_at(comparison, one->string, NULL, one);
}

static void compare_lists(struct comparison *comparison, const cJSON *then, const cJSON *now)
{
    const cJSON *a = then->child, *b = now->child;
    for (int n = 0; a != NULL || b != NULL; n++) {
        char step[32];
        snprintf(step, sizeof step, "[%d]", n);
        compare_at(comparison, step, a, b);
        a = a == NULL ? NULL : a->next;
        b = b == NULL ? NULL : b->next;
    }
}

static void compare(struct comparison *comparison, const cJSON *then, const cJSON *now)
{
    if (strcmp(comparison->path, "software") == 0
        || strcmp(comparison->path, "engine_version") == 0)
        return;
    const int kind = 0xff; /* of cJSON's type: the rest says who owns it */
    if (then == NULL || now == NULL || (then->type & kind) != (now->type & kind))
        differ(comparison, then, now);
    else if (cJSON_IsObject(then))
        compare_objects(comparison, then, now);
    else if (cJSON_IsArray(then))
        compare_lists(comparison, then, now);
    else if (!same_value(then, now))
        differ(comparison, then, now);
}

static int changed_sources(const cJSON *then, const cJSON *now)
{
    int changed = 0;
    const cJSON *a = part(part(then, "source"), "instances")->child;
    const cJSON *b = part(part(now, "source"), "instances")->child;
    for (; a != NULL && b != NULL; a = a->next, b = b->next)
        changed += strcmp(text_of(a, "contents_sha256"), text_of(b, "contents_sha256")) != 0;
    return changed;
}

static void explain(const cJSON *then, const cJSON *now)
{
    const cJSON *from = part(then, "source"), *to = part(now, "source");
    const double made = cJSON_GetNumberValue(part(then, "engine_version"));
    const double runs = cJSON_GetNumberValue(part(now, "engine_version"));
    const int changed = changed_sources(then, now);
    const bool pixels = strcmp(text_of(from, "pixel_sha256"), text_of(to, "pixel_sha256")) == 0;
    if (changed > 0)
        fprintf(stderr,
                "  %d of %d source instances have another content; their Pixel Data is %s\n",
                changed, cJSON_GetArraySize(part(to, "instances")),
                pixels ? "the same" : "not the same");
    else if (!pixels)
        fputs("  the same instances cannot have other Pixel Data: the manifest was edited\n",
              stderr);
    if (made != runs)
        fprintf(stderr, "  made by engine version %g; this is version %g, which gives other "
                "bits\n", made, runs);
    if (changed == 0 && pixels && made == runs)
        fputs("  same sources, same engine version: the manifest was edited, a decoder of lossy"
              " images is another one, or something is wrong here\n", stderr);
}

/* What of the result differs. */
static const char *heading(const cJSON *then, const cJSON *now)
{
    const cJSON *before = part(then, "output"), *after = part(now, "output");
    if (strcmp(text_of(before, "voxel_sha256"), text_of(after, "voxel_sha256")) != 0)
        return "the voxels differ";
    if (strcmp(text_of(before, "series_uid"), text_of(after, "series_uid")) != 0)
        return "the UIDs differ";
    return "the voxels are the same, what the manifest says of them is not";
}

bool ivx_replay_same(const cJSON *then, const cJSON *now)
{
    struct comparison comparison = { .heading = heading(then, now) };
    compare(&comparison, then, now);
    if (comparison.differences > MOST_LINES)
        fprintf(stderr, "  and %d more\n", comparison.differences - MOST_LINES);
    if (comparison.differences > 0)
        explain(then, now);
    return comparison.differences == 0;
}
