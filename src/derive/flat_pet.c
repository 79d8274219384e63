/* The PET Series and PET Image modules (PS3.3 C.8.9.1, C.8.9.4) out of what an Enhanced
 * PET image says (C.8.22). A legacy converted one has them all and nothing is done. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

static bool starts(struct ivx_item *root, uint32_t tag, const char *wanted)
{
    const char *text = NULL;
    return ivx_item_text(root, tag, &text) && strncmp(text, wanted, strlen(wanted)) == 0;
}

/* Measurement Units Code of a Real World Value Mapping: UCUM. */
static bool put_units(struct ivx_item *root, struct ivx_err *err)
{
    static const char *const units[][2] = {
        { "Bq/ml", "BQML" },
        { "{counts}", "CNTS" },
        { "{counts}/s", "CPS" },
        { "g/ml{SUVbw}", "GML" },
        { "{SUVbw}g/ml", "GML" },
        { "cm2/ml{SUVbsa}", "CM2ML" },
        { "{SUVbsa}cm2/ml", "CM2ML" },
        { "%", "PCNT" },
        { "1", "NONE" },
        { "{propcounts}", "PROPCNTS" },
        { "{propcounts}/s", "PROPCPS" },
    };
    const char *code = NULL;
    struct ivx_item *item = ivx_item_at(root, 0x004008EA, 0);
    if (ivx_item_has(root, 0x00541001))
        return true;
    if (item != NULL && ivx_item_text(item, 0x00080100, &code))
        for (size_t n = 0; n < IVX_COUNT(units); n++)
            if (strcmp(units[n][0], code) == 0)
                return ivx_item_put_text(root, 0x00541001, units[n][1], err);
    return ivx_fail(err, IVX_REFUSED,
                    "derive: nothing says in which units the values are");
}

/* Corrected Image (C.8.9.4.1.2) out of the flags of Enhanced PET Corrections. */
static bool put_corrections(struct ivx_item *root, struct ivx_err *err)
{
    static const struct {
        uint32_t tag;
        const char *name;
    } flags[] = {
        { 0x00189758, "DECY" }, { 0x00189759, "ATTN" }, { 0x00189760, "SCAT" },
        { 0x00189761, "DTIM" }, { 0x00189762, "MOTN" }, { 0x00189763, "PMOT" },
        { 0x00189764, "CLN" },  { 0x00189765, "RAN" },  { 0x00189766, "RADL" },
        { 0x00189767, "DCAL" }, { 0x00189768, "NORM" },
    };
    char list[64] = "";
    if (ivx_item_has(root, 0x00280051))
        return true;
    for (size_t n = 0; n < IVX_COUNT(flags); n++)
        if (starts(root, flags[n].tag, "YES")) {
            const size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? "\\" : "",
                     flags[n].name);
        }
    return ivx_item_put_text(root, 0x00280051, list, err);
}

/* To which time the activity was corrected: that of the injection, or the beginning. */
static bool put_decay(struct ivx_item *root, struct ivx_err *err)
{
    const char *corrected = NULL, *injected = NULL;
    const char *word = "NONE";
    if (ivx_item_has(root, 0x00541102))
        return true;
    struct ivx_item *dose = ivx_item_at(root, 0x00540016, 0);
    if (starts(root, 0x00189758, "YES")) {
        const bool known = dose != NULL && ivx_item_text(root, 0x00189701, &corrected)
                           && ivx_item_text(dose, 0x00181078, &injected);
        word = known && strncmp(corrected, injected, 14) == 0 ? "ADMIN" : "START";
    }
    return ivx_item_put_text(root, 0x00541102, word, err);
}

/* YYYYMMDDHHMMSS.FFFFFF as seconds; false when that is not there. */
static bool seconds_of(const char *text, double *out)
{
    int field[6] = { 0 };
    static const int digits[6] = { 4, 2, 2, 2, 2, 2 };
    size_t at = 0;
    for (int n = 0; n < 6; n++)
        for (int d = 0; d < digits[n]; d++, at++) {
            if (text[at] < '0' || text[at] > '9')
                return false;
            field[n] = field[n] * 10 + text[at] - '0';
        }
    struct tm day = { .tm_year = field[0] - 1900,
                      .tm_mon = field[1] - 1,
                      .tm_mday = field[2],
                      .tm_hour = field[3],
                      .tm_min = field[4],
                      .tm_sec = field[5] };
    *out = (double)timegm(&day);
    double scale = 0.1;
    for (const char *c = text[at] == '.' ? text + at + 1 : ""; *c >= '0' && *c <= '9';
         c++) {
        *out += scale * (*c - '0');
        scale /= 10;
    }
    return true;
}

/* C.8.9.4.1.4: milliseconds from Series Date and Time to what the values are of. */
static bool put_reference_time(struct ivx_item *root, struct ivx_err *err)
{
    const char *text = NULL;
    char series[48] = "", frame[48] = "";
    double from, to;
    if (ivx_item_has(root, 0x00541300))
        return true;
    if (ivx_item_text(root, 0x00080021, &text))
        snprintf(series, sizeof series, "%.8s", text);
    if (ivx_item_text(root, 0x00080031, &text))
        snprintf(series + strlen(series), sizeof series - strlen(series), "%.16s", text);
    if (ivx_item_text(root, 0x00189151, &text) || ivx_item_text(root, 0x00189074, &text))
        ivx_text_copy(frame, sizeof frame, text);
    if (!seconds_of(series, &from) || !seconds_of(frame, &to))
        return ivx_fail(err, IVX_REFUSED,
                        "derive: nothing says at which time a frame was acquired");
    const double ms = rint((to - from) * 1e4) / 10;
    return ivx_ds_put(root, 0x00541300, &ms, 1, err);
}

bool ivx_pet_dose(struct ivx_item *root, bool to_mega, struct ivx_err *err)
{
    const size_t agents = ivx_item_count(root, 0x00540016);
    for (size_t n = 0; n < agents; n++) {
        struct ivx_item *agent = ivx_item_at(root, 0x00540016, n);
        const char *text = NULL;
        char plain[33];
        double dose;
        if (!ivx_item_text(agent, 0x00181074, &text))
            continue;
        text += strspn(text, " ");
        snprintf(plain, sizeof plain, "%.*s", (int)strcspn(text, " "), text);
        if (!ivx_text_to_double(plain, &dose)) {
            if (!ivx_item_put_text(agent, 0x00181074, "", err))
                return false;
            continue;
        }
        dose = to_mega ? dose / 1e6 : dose * 1e6;
        if (!ivx_ds_put(agent, 0x00181074, &dose, 1, err))
            return false;
    }
    return true;
}

bool ivx_flat_pet(struct ivx_item *root, struct ivx_err *err)
{
    static const struct {
        uint32_t tag;
        const char *value;
    } rest[] = {
        { 0x00541000, "STATIC\\IMAGE" }, /* one volume, whatever it was taken from */
        { 0x00541002, "EMISSION" },      /* C.8.22.3: no transmission images */
        { 0x00181181, "" }, /* Collimator Type, Actual Frame Duration: Type 2 */
        { 0x00181242, "" },
    };
    for (size_t n = 0; n < IVX_COUNT(rest); n++)
        if (!ivx_item_has(root, rest[n].tag)
            && !ivx_item_put_text(root, rest[n].tag, rest[n].value, err))
            return false;
    const bool enhanced = starts(root, 0x00080016, "1.2.840.10008.5.1.4.1.1.130");
    return (!enhanced || ivx_pet_dose(root, false, err)) && put_units(root, err)
           && put_corrections(root, err)
           && put_decay(root, err) && put_reference_time(root, err);
}
