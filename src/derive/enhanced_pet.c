/* What an Enhanced PET image must say and a classic one says in other words, or not at all:
 * PS3.3 C.8.22.2 (isotope), C.8.22.3 (acquisition), C.8.22.4 (image). */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

static bool has(struct ivx_item *item, uint32_t tag)
{
    const char *text = NULL;
    return ivx_item_text(item, tag, &text) || ivx_item_count(item, tag) > 0;
}

/* ---- which corrections were applied ---------------------------------------------------- */

/* Corrected Image (C.8.9.1.1.4) names the corrections that were applied; an enhanced image
 * says YES or NO of each. */
static const struct {
    const char *word;
    uint32_t tag;
} corrections[] = {
    { "DECY", 0x00189758 }, { "ATTN", 0x00189759 }, { "SCAT", 0x00189760 },
    { "DTIM", 0x00189761 }, { "MOTN", 0x00189762 }, { "PMOT", 0x00189763 },
    { "CLN", 0x00189764 },  { "RAN", 0x00189765 },  { "RADL", 0x00189766 },
    { "DCAL", 0x00189767 }, { "NORM", 0x00189768 },
};

static bool names(const char *list, const char *word)
{
    const size_t wanted = strlen(word);
    while (*list != '\0') {
        const size_t length = strcspn(list, "\\");
        if (strcspn(list, "\\ ") == wanted && strncmp(list, word, wanted) == 0)
            return true;
        list += length + (list[length] == '\\');
    }
    return false;
}

static bool put_corrections(struct ivx_item *root, struct ivx_err *err)
{
    const char *text = NULL;
    char list[256];
    if (!ivx_item_text(root, 0x00280051, &text) || !ivx_text_copy(list, sizeof list, text))
        return true;
    for (size_t n = 0; n < IVX_COUNT(corrections); n++)
        if (!has(root, corrections[n].tag)
            && !ivx_item_put_text(root, corrections[n].tag,
                                  names(list, corrections[n].word) ? "YES" : "NO", err))
            return false;
    return true;
}

static bool says(struct ivx_item *root, uint32_t tag, const char *word)
{
    const char *text = NULL;
    return ivx_item_text(root, tag, &text) && strncmp(text, word, strlen(word)) == 0;
}

/* ---- times ----------------------------------------------------------------------------- */

/* A date and a time as one; false where one of them is not whole. */
static bool join(struct ivx_item *dates, uint32_t date_tag, struct ivx_item *times,
                 uint32_t time_tag, char out[40])
{
    const char *date = NULL, *time = NULL;
    if (!ivx_item_text(dates, date_tag, &date) || !ivx_item_text(times, time_tag, &time)
        || strlen(date) < 8 || strlen(time) < 6)
        return false;
    snprintf(out, 40, "%.8s%.*s", date, (int)fmin(13, (double)strcspn(time, " ")), time);
    return true;
}

/* Of the day of the acquisition, where it was given before that began: what is later was
 * given another day, and nothing says which. */
static bool put_start(struct ivx_item *root, struct ivx_item *agent, struct ivx_err *err)
{
    char start[40], acquired[40];
    if (has(agent, 0x00181078) || !join(root, 0x00080022, agent, 0x00181072, start)
        || !join(root, 0x00080022, root, 0x00080032, acquired) || strcmp(start, acquired) > 0)
        return true;
    return ivx_item_put_text(agent, 0x00181078, start, err);
}

/* C.8.9.1.1.5: to the start of the acquisition, which the series' time says as long as it is
 * not later than the first acquisition; or to the administration. */
static bool put_decay_time(struct ivx_item *root, struct ivx_item *agent, struct ivx_err *err)
{
    char series[40], acquired[40];
    const char *text = NULL;
    if (has(root, 0x00189701) || !says(root, 0x00189758, "YES"))
        return true;
    if (says(root, 0x00541102, "ADMIN"))
        return !ivx_item_text(agent, 0x00181078, &text)
               || ivx_item_put_text(root, 0x00189701, text, err);
    if (!says(root, 0x00541102, "START") || !join(root, 0x00080022, root, 0x00080032, acquired))
        return true;
    const bool at_series =
        join(root, 0x00080021, root, 0x00080031, series) && strcmp(series, acquired) <= 0;
    return ivx_item_put_text(root, 0x00189701, at_series ? series : acquired, err);
}

/* ---- agent, plane ------------------------------------------------------------------------ */

static bool put_agent(struct ivx_item *agent, struct ivx_err *err)
{
    static const struct ivx_code_item intravenous = { "47625008", "SCT",
                                                      "Intravenous route" };
    const char *route = NULL;
    const bool by_vein = ivx_item_text(agent, 0x00181070, &route)
                         && (strncasecmp(route, "IV", 2) == 0
                             || strncasecmp(route, "INTRAVENOUS", 11) == 0);
    if (by_vein && !has(agent, 0x00540302)
        && !ivx_code_append(agent, 0x00540302, &intravenous, err))
        return false;
    /* The only one; Total Dose is Type 2. */
    return ivx_item_put_text(agent, 0x00189729, "1", err)
           && (has(agent, 0x00181074) || ivx_item_put_text(agent, 0x00181074, "", err));
}

/* CID 26, by the patient's axis that the planes are nearest to be at right angles with. */
static bool put_view(const struct ivx_derivation *derivation, struct ivx_item *root,
                     struct ivx_err *err)
{
    static const struct ivx_code_item views[] = { { "30730003", "SCT", "sagittal" },
                                                  { "81654009", "SCT", "Coronal" },
                                                  { "24422004", "SCT", "Axial" } };
    const double *normal = derivation->grid->axis[2];
    int most = 0;
    for (int n = 1; n < 3; n++)
        if (fabs(normal[n]) > fabs(normal[most]))
            most = n;
    return has(root, 0x00540220) || ivx_code_append(root, 0x00540220, &views[most], err);
}

/* ---- what is still missing ---------------------------------------------------------------- */

enum when { ALWAYS, DECAY, ATTENUATION, SCATTER, RANDOMS };
static const struct needed {
    uint32_t tag;
    enum when when;
    bool of_agent;
    const char *name;
} needed[] = {
    { 0x00181134, ALWAYS, false, "Table Motion" },
    { 0x00189755, ALWAYS, false, "Time of Flight Information Used" },
    { 0x00189758, ALWAYS, false, "corrections" },
    { 0x00541002, ALWAYS, false, "Counts Source" },
    { 0x00189701, DECAY, false, "Decay Correction DateTime" },
    { 0x00189738, ATTENUATION, false, "Attenuation Correction Source" },
    { 0x00189770, ATTENUATION, false, "Attenuation Correction Temporal Relationship" },
    { 0x00541105, SCATTER, false, "Scatter Correction Method" },
    { 0x00541100, RANDOMS, false, "Randoms Correction Method" },
    { 0x00540300, ALWAYS, true, "Radionuclide" },
    { 0x00540302, ALWAYS, true, "Administration Route" },
    { 0x00540304, ALWAYS, true, "Radiopharmaceutical" },
    { 0x00181075, ALWAYS, true, "Half Life" },
    { 0x00181076, ALWAYS, true, "Positron Fraction" },
    { 0x00181078, ALWAYS, true, "administration date and time" },
};

static bool is_needed(struct ivx_item *root, const struct needed *one)
{
    static const uint32_t flags[] = { [DECAY] = 0x00189758, [ATTENUATION] = 0x00189759,
                                      [SCATTER] = 0x00189760, [RANDOMS] = 0x00189765 };
    return one->when == ALWAYS || says(root, flags[one->when], "YES");
}

static bool check(const struct ivx_derivation *derivation, struct ivx_item *root,
                  struct ivx_item *agent, struct ivx_err *err)
{
    char list[160] = "";
    for (size_t n = 0; n < IVX_COUNT(needed); n++) {
        struct ivx_item *item = needed[n].of_agent ? agent : root;
        if (!is_needed(root, &needed[n]) || has(item, needed[n].tag))
            continue;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "",
                 needed[n].name);
    }
    return list[0] == '\0' || ivx_enhanced_missing(derivation, list, err);
}

bool ivx_enhanced_pet(const struct ivx_derivation *derivation, struct ivx_item *root,
                      struct ivx_err *err)
{
    if (ivx_item_count(root, 0x00540016) != 1)
        return ivx_enhanced_missing(derivation, "one radiopharmaceutical", err);
    struct ivx_item *agent = ivx_item_at(root, 0x00540016, 0);
    return put_corrections(root, err) && put_start(root, agent, err)
           && put_decay_time(root, agent, err) && put_agent(agent, err)
           && ivx_pet_dose(root, true, err)
           && put_view(derivation, root, err) && check(derivation, root, agent, err);
}

/* ---- functional groups -------------------------------------------------------------------- */

/* Units (C.8.9.1.1.3) as UCUM, PS3.16 CID 83 and 85. */
static const struct {
    const char *units;
    struct ivx_code_item code;
} units[] = {
    { "BQML", { "Bq/ml", "UCUM", "Becquerels/milliliter" } },
    { "GML", { "g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight" } },
    { "CNTS", { "{counts}", "UCUM", "Counts" } },
};

static bool put_mapping(const struct ivx_derivation *derivation,
                        const struct ivx_code_item *code, struct ivx_item *group,
                        struct ivx_err *err)
{
    const struct ivx_stored *stored = derivation->stored;
    struct ivx_item *item = NULL;
    if (!ivx_item_append(group, 0x00409096, &item, err)
        || !ivx_item_put_text(item, 0x00283003, code->meaning, err)
        || !ivx_item_put_text(item, 0x00409210, "values", err)
        || !ivx_item_put_double(item, 0x00409224, stored->intercept, err)
        || !ivx_item_put_double(item, 0x00409225, stored->slope, err)
        || !ivx_code_append(item, 0x004008ea, code, err))
        return false;
    return stored->is_signed ? ivx_item_put_s16(item, 0x00409216, INT16_MIN, err)
                                   && ivx_item_put_s16(item, 0x00409211, INT16_MAX, err)
                             : ivx_item_put_u16(item, 0x00409216, 0, err)
                                   && ivx_item_put_u16(item, 0x00409211, UINT16_MAX, err);
}

bool ivx_enhanced_pet_groups(const struct ivx_derivation *derivation, struct ivx_item *root,
                             struct ivx_item *group, struct ivx_err *err)
{
    struct ivx_item *item = NULL;
    const bool body_weight = !has(root, 0x00541006) || says(root, 0x00541006, "BW");
    for (size_t n = 0; n < IVX_COUNT(units); n++)
        if (says(root, 0x00541001, units[n].units)
            && (body_weight || strcmp(units[n].units, "GML") != 0)
            && !put_mapping(derivation, &units[n].code, group, err))
            return false;
    return ivx_item_append(group, 0x00189737, &item, err)
           && ivx_item_put_text(item, 0x00189729, "1", err);
}
