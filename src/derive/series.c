/* How the derived series is numbered and called. */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "isovox/base/text.h"
#include "isovox/derive/blur.h"

/* An Integer String goes up to 2^31 - 1. Without a source's number: 301, because numbers
 * under 100 are taken for acquisitions. */
static long long series_number(struct ivx_item *root)
{
    const char *text = NULL;
    long long number = 0;
    if (!ivx_item_text(root, 0x00200011, &text) || !ivx_text_to_int64(text, &number)
        || number < 1 || number > 2147482)
        return 301;
    return number * 1000 + 1;
}

static const char *kernel_label(enum ivx_kernel kernel)
{
    return kernel == IVX_BSPLINE3 ? "cubic" : ivx_kernel_name(kernel);
}

/* The source's words, cut so that ours fit into a Long String's 64 characters. */
static void describe(const struct ivx_derivation *derivation, struct ivx_item *root,
                     struct ivx_text *out)
{
    char spacing[17], ours[65];
    ivx_ds_label(derivation->spacing_mm, spacing);
    if (derivation->native)
        ivx_text_copy(ours, sizeof ours, "NATIVE GRID");
    else if (ivx_has_reference(derivation))
        snprintf(ours, sizeof ours, "REF GRID %s",
                 kernel_label(derivation->options->kernel));
    else
        snprintf(ours, sizeof ours, "ISO %s mm %s%s", spacing,
                 kernel_label(derivation->options->kernel),
                 ivx_anisotropy_severe(derivation->source) ? " ANISO!" : "");

    const char *theirs = NULL, *charset = NULL;
    if (!ivx_item_text(root, 0x00080005, &charset))
        charset = NULL;
    if (ivx_item_text(root, 0x0008103e, &theirs)) {
        const char *closing = "";
        size_t room = ivx_text_fit(theirs, charset, 63 - strlen(ours), &closing);
        while (room > 0 && theirs[room - 1] == ' ')
            room--;
        if (room > 0)
            ivx_text_add(out, "%.*s%s ", (int)room, theirs, closing);
    }
    ivx_text_add(out, "%s", ours);
}

bool ivx_series_put(const struct ivx_derivation *derivation, struct ivx_item *root,
                    struct ivx_err *err)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", series_number(root));
    struct ivx_text description = { 0 };
    describe(derivation, root, &description);
    const bool done = !description.failed
                          ? ivx_item_put_text(root, 0x0008103e, description.data, err)
                                && ivx_item_put_text(root, 0x00200011, number, err)
                          : ivx_fail(err, IVX_FULL, "derive: no memory");
    ivx_text_free(&description);
    return done;
}
