#include "isovox/recipes/recipe.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "reference.h"

static const char *const kernels[] = {
#define X(id, name) name,
    IVX_KERNELS(X)
#undef X
        NULL
};
static const char *const gaps[] = {
#define X(id, name) name,
    IVX_GAPS(X)
#undef X
        NULL
};
static const char *const aligns[] = { "center", "origin", "corner", "reference", NULL };
static const char *const antialiases[] = { "auto", "off", "gauss-cardoso", "gauss-mirp",
                                           NULL };
static const char *const boundaries[] = { "nearest", "background", "mirror", NULL };
static const char *const orientations[] = { "acquired", "patient", NULL };
static const char *const formats[] = { "dicom", "enhanced", NULL };
static const char *const clamps[] = { "off", "input-range", NULL };

/* Settings that are words, in the order of the canonical text. The words are in the order of
 * the enumeration; the first is the default.
 *
 * A recipe's text must not change when Isovox learns a new setting: the UIDs of all results
 * would. So a new row goes to the end and is ADDED: written only where it is not the default,
 * and the default where it is missing. */
enum { ALWAYS, ADDED };
#define WORDS(X) \
  X(kernel,      ALWAYS, kernels) \
  X(align,       ALWAYS, aligns) \
  X(antialias,   ALWAYS, antialiases) \
  X(boundary,    ALWAYS, boundaries) \
  X(orientation, ALWAYS, orientations) \
  X(gap,         ALWAYS, gaps) \
  X(format,      ADDED,  formats) \
  X(clamp,       ADDED,  clamps)

static const struct word {
    const char *key;
    size_t at;
    int written;
    const char *const *names;
} words[] = {
#define X(field, written, names) \
    { #field, offsetof(struct ivx_recipe_settings, field), written, names },
    WORDS(X)
#undef X
};
#define X(field, written, names) \
    _Static_assert(sizeof ((struct ivx_recipe_settings *)0)->field == sizeof(int), "an int");
WORDS(X)
#undef X

static int get(const struct ivx_recipe_settings *settings, const struct word *word)
{
    int value;
    memcpy(&value, (const char *)settings + word->at, sizeof value);
    return value;
}

static void put(struct ivx_recipe_settings *settings, const struct word *word, int value)
{
    memcpy((char *)settings + word->at, &value, sizeof value);
}

/* "gauss-mirp" and "gauss-mirp:0.9": the one word that has a parameter. */
static bool put_mirp(struct ivx_recipe_settings *settings, const char *name)
{
    static const char word[] = "gauss-mirp";
    const size_t length = sizeof word - 1;
    double beta = IVX_MIRP_BETA;
    if (strncmp(name, word, length) != 0 || (name[length] != '\0' && name[length] != ':'))
        return false;
    if (name[length] == ':'
        && (!ivx_text_to_double(name + length + 1, &beta) || !(beta >= 0.01 && beta <= 1)))
        return false;
    settings->antialias = IVX_ANTIALIAS_GAUSS_MIRP;
    settings->mirp_beta = beta;
    return true;
}

static bool put_name(struct ivx_recipe_settings *settings, const struct word *word,
                     const char *name)
{
    if (word->names == antialiases) {
        if (put_mirp(settings, name))
            return true;
        settings->mirp_beta = 0;
    }
    for (int n = 0; word->names[n] != NULL; n++)
        if (strcmp(word->names[n], name) == 0) {
            put(settings, word, n);
            return true;
        }
    return false;
}

void ivx_recipe_default(struct ivx_recipe_settings *settings)
{
    *settings = (struct ivx_recipe_settings){ .name = "iso-1mm", .spacing_mm = 1.0 };
}

static bool set_spacing(struct ivx_recipe_settings *settings, const char *value,
                        struct ivx_err *err)
{
    double mm = 0;
    if (strcmp(value, "native") == 0)
        settings->spacing_mm = IVX_SPACING_NATIVE;
    else if (strcmp(value, "min") == 0)
        settings->spacing_mm = IVX_SPACING_MIN;
    else if (ivx_text_to_double(value, &mm) && mm >= 0.01 && mm <= 100)
        settings->spacing_mm = mm;
    else
        return ivx_fail(err, IVX_REFUSED,
                        "must be 0.01 to 100 millimetres, 'min' or 'native'");
    return true;
}

static bool wanted(const struct word *word, struct ivx_err *err)
{
    char text[sizeof err->text] = "must be ";
    for (int n = 0; word->names[n] != NULL; n++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", n > 0 ? ", " : "", word->names[n]);
    }
    return ivx_fail(err, IVX_REFUSED, "%s", text);
}

bool ivx_recipe_set(struct ivx_recipe_settings *settings, const char *key, const char *value,
                    struct ivx_err *err)
{
    if (strcmp(key, "spacing") == 0)
        return set_spacing(settings, value, err);
    for (size_t n = 0; n < IVX_COUNT(words); n++)
        if (strcmp(words[n].key, key) == 0)
            return put_name(settings, &words[n], value) || wanted(&words[n], err);
    return ivx_fail(err, IVX_REFUSED, "is no setting of a recipe");
}

const char *ivx_recipe_word(const struct ivx_recipe_settings *settings, const char *key)
{
    for (size_t n = 0; n < IVX_COUNT(words); n++)
        if (strcmp(words[n].key, key) == 0)
            return words[n].names[get(settings, &words[n])];
    return "";
}

bool ivx_recipe_same(const struct ivx_recipe_settings *a, const struct ivx_recipe_settings *b)
{
    for (size_t n = 0; n < IVX_COUNT(words); n++)
        if (get(a, &words[n]) != get(b, &words[n]))
            return false;
    return a->spacing_mm == b->spacing_mm && a->mirp_beta == b->mirp_beta
           && ivx_reference_same(&a->reference, &b->reference);
}

void ivx_recipe_add_number(struct ivx_text *text, double value)
{
    char number[40] = "0";
    double back = 0;
    for (int digits = 1; digits <= 17 && back != value; digits++) {
        snprintf(number, sizeof number, "%.*g", digits, value);
        (void)ivx_text_to_double(number, &back);
    }
    ivx_text_add(text, "%s", number);
}

static void add_spacing(struct ivx_text *text, double mm)
{
    if (mm < 0)
        ivx_text_add(text, "\"%s\"",
                     mm == IVX_SPACING_MIN      ? "min"
                     : mm == IVX_SPACING_NATIVE ? "native"
                                                : "reference");
    else
        ivx_recipe_add_number(text, mm);
}

static void add_word(struct ivx_text *text, const struct ivx_recipe_settings *settings,
                     const struct word *word)
{
    const int value = get(settings, word);
    if (word->written == ADDED && value == 0)
        return;
    ivx_text_add(text, ",\"%s\":\"%s", word->key, word->names[value]);
    if (word->names == antialiases && settings->antialias == IVX_ANTIALIAS_GAUSS_MIRP) {
        ivx_text_add(text, ":");
        ivx_recipe_add_number(text, settings->mirp_beta);
    }
    ivx_text_add(text, "\"");
}

bool ivx_recipe_json(const struct ivx_recipe_settings *settings, char **json_out,
                     struct ivx_err *err)
{
    IVX_AUTO(ivx_text_free) struct ivx_text text = { 0 };
    cJSON *name = cJSON_CreateString(settings->name);
    IVX_AUTO(ivx_memory_free) char *quoted = cJSON_PrintUnformatted(name);
    cJSON_Delete(name);
    if (quoted == NULL)
        return ivx_fail(err, IVX_FULL, "recipe: no memory");
    ivx_text_add(&text, "{\"name\":%s,\"spacing\":", quoted);
    add_spacing(&text, settings->spacing_mm);
    for (size_t n = 0; n < IVX_COUNT(words); n++)
        add_word(&text, settings, &words[n]);
    if (settings->align == IVX_ALIGN_REFERENCE)
        ivx_reference_add(&text, &settings->reference);
    ivx_text_add(&text, "}");
    if (text.failed)
        return ivx_fail(err, IVX_FULL, "recipe: no memory");
    *json_out = IVX_STEAL(text.data);
    return true;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text == NULL ? "" : text;
}

static bool take_spacing(const cJSON *object, struct ivx_recipe_settings *out,
                         struct ivx_err *err)
{
    const cJSON *spacing = cJSON_GetObjectItemCaseSensitive(object, "spacing");
    const double mm = cJSON_IsNumber(spacing) ? spacing->valuedouble : 0;
    if (isfinite(mm) && mm > 0)
        out->spacing_mm = mm;
    else if (strcmp(text_of(object, "spacing"), "min") == 0)
        out->spacing_mm = IVX_SPACING_MIN;
    else if (strcmp(text_of(object, "spacing"), "native") == 0)
        out->spacing_mm = IVX_SPACING_NATIVE;
    else if (strcmp(text_of(object, "spacing"), "reference") == 0)
        out->spacing_mm = IVX_SPACING_REFERENCE;
    else
        return ivx_fail(err, IVX_DAMAGED,
                        "recipe: spacing must be above 0, \"min\" or \"native\"");
    return true;
}

static bool take(const cJSON *object, struct ivx_recipe_settings *out, struct ivx_err *err)
{
    if (!ivx_text_copy(out->name, sizeof out->name, text_of(object, "name")))
        return ivx_fail(err, IVX_DAMAGED, "recipe: the name is longer than 64 bytes");
    if (!take_spacing(object, out, err))
        return false;
    for (size_t n = 0; n < IVX_COUNT(words); n++) {
        const char *name = text_of(object, words[n].key);
        const bool given = cJSON_GetObjectItemCaseSensitive(object, words[n].key) != NULL;
        if ((given || words[n].written == ALWAYS) && !put_name(out, &words[n], name))
            return ivx_fail(err, IVX_DAMAGED, "recipe: no %s '%.40s'", words[n].key, name);
    }
    if ((out->align == IVX_ALIGN_REFERENCE) != (out->spacing_mm == IVX_SPACING_REFERENCE))
        return ivx_fail(err, IVX_DAMAGED, "recipe: align and spacing are both of a reference");
    return out->align != IVX_ALIGN_REFERENCE
           || ivx_reference_take(cJSON_GetObjectItemCaseSensitive(object, "reference"),
                                 &out->reference, err);
}

bool ivx_recipe_parse(const char *json, struct ivx_recipe_settings *out, struct ivx_err *err)
{
    struct ivx_recipe_settings settings;
    ivx_recipe_default(&settings);
    cJSON *object = cJSON_Parse(json);
    const bool done = cJSON_IsObject(object)
                          ? take(object, &settings, err)
                          : ivx_fail(err, IVX_DAMAGED, "recipe: not a JSON object");
    cJSON_Delete(object);
    if (done)
        *out = settings;
    return done;
}
