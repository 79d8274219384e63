#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "internal.h"
#include "isovox/base/text.h"
#include "isovox/base/uid.h"

static void trim_zeros(char *text)
{
    char *end = text + strlen(text);
    while (end > text && end[-1] == '0')
        *--end = '\0';
    if (end > text && end[-1] == '.')
        *--end = '\0';
}

void ivx_ds_write(double value, char out[17])
{
    char text[400];
    for (int decimals = 13; decimals >= 0; decimals--) {
        snprintf(text, sizeof text, "%.*f", decimals, value);
        if (decimals > 0)
            trim_zeros(text);
        if (strlen(text) <= 16)
            break;
    }
    /* Beyond 16 digits only an exponent fits; no length or position comes near. */
    if (strlen(text) > 16)
        snprintf(text, sizeof text, "%.8e", value);
    ivx_text_copy(out, 17, strcmp(text, "-0") == 0 ? "0" : text);
}

bool ivx_ds_put(struct ivx_item *item, uint32_t tag, const double *values, int count,
                struct ivx_err *err)
{
    char text[256], one[17];
    size_t used = 0;
    for (int n = 0; n < count; n++) {
        ivx_ds_write(values[n], one);
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s", n ? "\\" : "", one);
    }
    return ivx_item_put_text(item, tag, text, err);
}

void ivx_ds_label(double mm, char out[17])
{
    char text[40];
    snprintf(text, sizeof text, "%.3f", mm);
    trim_zeros(text);
    snprintf(out, 17, "%.13s%s", text, strchr(text, '.') == NULL ? ".0" : "");
}

void ivx_uid_write(const uint8_t digest[IVX_SHA256_SIZE], char out[65])
{
    uint8_t bits[16];
    memcpy(bits, digest, sizeof bits);
    bits[0] |= 0x80; /* at least 2^127: 39 digits */
    ivx_uid_of_bits(bits, 8, out);
}

/* PS3.3 C.12.1.1.8: &ZZXX, -1200 to +1400. */
static bool offset_minutes(const char *offset, int *out)
{
    if (offset == NULL || strlen(offset) != 5 || (offset[0] != '+' && offset[0] != '-'))
        return false;
    for (int n = 1; n < 5; n++)
        if (offset[n] < '0' || offset[n] > '9')
            return false;
    const int hours = (offset[1] - '0') * 10 + offset[2] - '0';
    const int minutes = (offset[3] - '0') * 10 + offset[4] - '0';
    if (hours > 14 || minutes > 59)
        return false;
    *out = (offset[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

void ivx_moment_make(int64_t wall_us, const char *offset, struct ivx_moment *out)
{
    int minutes = 0;
    if (!offset_minutes(offset, &minutes)) {
        minutes = 0;
        offset = "+0000";
    }
    const int64_t shifted = wall_us + (int64_t)minutes * 60 * 1000000;
    const int64_t micro = (shifted % 1000000 + 1000000) % 1000000;
    const time_t seconds = (time_t)((shifted - micro) / 1000000);
    struct tm day;
    gmtime_r(&seconds, &day);
    char date[32], hour[32];
    strftime(date, sizeof date, "%Y%m%d", &day);
    strftime(hour, sizeof hour, "%H%M%S", &day);
    snprintf(out->date, sizeof out->date, "%.8s", date);
    snprintf(out->time, sizeof out->time, "%.6s.%06d", hour, (int)micro);
    snprintf(out->datetime, sizeof out->datetime, "%.8s%.13s%.5s", out->date, out->time,
             offset);
}
