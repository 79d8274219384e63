/* Once lossy, always lossy, with ratio and method: PS3.3 C.7.6.1.1.5. */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

/* C.7.6.1.1.5.1, of the syntaxes that may lose something. */
static const struct {
    const char *syntax, *method;
} methods[] = {
    { "1.2.840.10008.1.2.4.50", "ISO_10918_1" },  { "1.2.840.10008.1.2.4.51", "ISO_10918_1" },
    { "1.2.840.10008.1.2.4.53", "ISO_10918_1" },  { "1.2.840.10008.1.2.4.55", "ISO_10918_1" },
    { "1.2.840.10008.1.2.4.81", "ISO_14495_1" },  { "1.2.840.10008.1.2.4.91", "ISO_15444_1" },
    { "1.2.840.10008.1.2.4.203", "ISO_15444_15" },
};

/* The largest of the ratios of successive compressions; 0: none. */
static double largest(const char *ratios)
{
    double most = 0, ratio;
    char one[20];
    while (*ratios != '\0') {
        const size_t length = strcspn(ratios, "\\");
        snprintf(one, sizeof one, "%.*s", (int)strcspn(ratios, "\\ "), ratios);
        if (ivx_text_to_double(one, &ratio) && ratio > most)
            most = ratio;
        ratios += length + (ratios[length] == '\\');
    }
    return most;
}

/* A codestream whose header forgot to say so: its syntax and its length do. */
static void measure(const struct ivx_instance *instance, struct ivx_lossy *out)
{
    for (size_t n = 0; n < IVX_COUNT(methods); n++)
        if (strcmp(instance->syntax, methods[n].syntax) == 0)
            ivx_text_copy(out->method, sizeof out->method, methods[n].method);
    if (out->method[0] == '\0' || instance->pixel_length == 0 || instance->frames > 1)
        return;
    const double raw = (double)instance->rows * instance->columns * instance->bits_allocated / 8;
    out->most = raw / (double)instance->pixel_length;
    snprintf(out->ratio, sizeof out->ratio, "%.4g", out->most);
}

void ivx_lossy_note(struct ivx_item *root, const struct ivx_instance *instance,
                    struct ivx_lossy *lossy)
{
    struct ivx_lossy here = { .any = instance->lossy };
    const char *text = NULL;
    if (!here.any)
        return;
    if (ivx_item_text(root, 0x00282112, &text) && largest(text) > 0) {
        here.most = largest(text);
        ivx_text_copy(here.ratio, sizeof here.ratio, text);
        if (ivx_item_text(root, 0x00282114, &text))
            ivx_text_copy(here.method, sizeof here.method, text);
    } else {
        measure(instance, &here);
    }
    if (!lossy->any || here.most > lossy->most)
        *lossy = here;
}

bool ivx_lossy_put(const struct ivx_lossy *lossy, struct ivx_item *root, struct ivx_err *err)
{
    if (!lossy->any)
        return true;
    ivx_item_remove(root, 0x00282112);
    ivx_item_remove(root, 0x00282114);
    return ivx_item_put_text(root, 0x00282110, "01", err)
           && (lossy->ratio[0] == '\0'
               || ivx_item_put_text(root, 0x00282112, lossy->ratio, err))
           && (lossy->method[0] == '\0'
               || ivx_item_put_text(root, 0x00282114, lossy->method, err));
}
