#include <string.h>

#include "isovox/sys/hash.h"
#include "server.h"

/* The page is one answer without anything to fetch, so its style and script stand in it, and
 * the policy allows exactly these by their digests (CSP level 3, 2.3.1). */

/* RFC 4648 4; 32 bytes make 44 characters. */
static void base64(const uint8_t bytes[IVX_SHA256_SIZE], char out[45])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t used = 0;
    for (size_t n = 0; n < IVX_SHA256_SIZE; n += 3) {
        const size_t left = IVX_SHA256_SIZE - n;
        const unsigned int three = (unsigned int)bytes[n] << 16
                                   | (left > 1 ? (unsigned int)bytes[n + 1] << 8 : 0U)
                                   | (left > 2 ? (unsigned int)bytes[n + 2] : 0U);
        for (size_t k = 0; k < 4; k++)
            out[used++] = k > left ? '=' : letters[three >> (18 - 6 * k) & 63];
    }
    out[used] = '\0';
}

static void digest(const unsigned char *bytes, size_t size, char out[45])
{
    uint8_t hash[IVX_SHA256_SIZE];
    ivx_hash_once(bytes, size, hash);
    base64(hash, out);
}

/* Copies from *html up to the marker and steps over it; false when it is not there. */
static bool copy_to(struct ivx_text *page, const char **html, const char *marker)
{
    const char *at = strstr(*html, marker);
    if (at == NULL)
        return false;
    ivx_text_add_bytes(page, *html, (size_t)(at - *html));
    *html = at + strlen(marker);
    return true;
}

bool ivx_page_make(struct ivx_text *page_out, char policy_out[512], struct ivx_err *err)
{
    char style[45], script[45];
    const char *html = (const char *)ivx_page_html;
    bool good = copy_to(page_out, &html, "@CSS@");
    ivx_text_add_bytes(page_out, ivx_page_css, ivx_page_css_size);
    good = good && copy_to(page_out, &html, "@JS@");
    ivx_text_add_bytes(page_out, ivx_page_js, ivx_page_js_size);
    ivx_text_add_bytes(page_out, html, strlen(html));
    if (!good)
        return ivx_fail(err, IVX_BUG, "http: the page has no place for style and script");
    if (page_out->failed)
        return ivx_fail(err, IVX_FULL, "http: no memory for the page");

    digest(ivx_page_css, ivx_page_css_size, style);
    digest(ivx_page_js, ivx_page_js_size, script);
    snprintf(policy_out, 512,
             "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; "
             "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
             "frame-ancestors 'none'",
             style, script);
    return true;
}
