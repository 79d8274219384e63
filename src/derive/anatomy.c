/* Frame Anatomy (PS3.3 C.7.6.16.2.8): a code where a classic image has a word. */
#include <string.h>

#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

/* PS3.16 annex L, of the words that CT, MR and PET use; codes of CID 4031. */
static const struct region {
    const char *word;
    bool is_paired;
    struct ivx_code_item code;
} regions[] = {
    { "ABDOMEN", false, { "113345001", "SCT", "Abdomen" } },
    { "ABDOMENPELVIS", false, { "416949008", "SCT", "Abdomen and Pelvis" } },
    { "BRAIN", false, { "12738006", "SCT", "Brain" } },
    { "CHEST", false, { "51185008", "SCT", "Chest" } },
    { "CHESTABDOMEN", false, { "416550000", "SCT", "Chest and Abdomen" } },
    { "CHESTABDPELVIS", false, { "416775004", "SCT", "Chest, Abdomen and Pelvis" } },
    { "CSPINE", false, { "122494005", "SCT", "Cervical spine" } },
    { "HEAD", false, { "69536005", "SCT", "Head" } },
    { "HEADNECK", false, { "774007", "SCT", "Head and Neck" } },
    { "HEART", false, { "80891009", "SCT", "Heart" } },
    { "LIVER", false, { "10200004", "SCT", "Liver" } },
    { "LSPINE", false, { "122496007", "SCT", "Lumbar spine" } },
    { "NECK", false, { "45048000", "SCT", "Neck" } },
    { "NECKCHEST", false, { "417437006", "SCT", "Neck and Chest" } },
    { "PELVIS", false, { "118645006", "SCT", "Pelvis" } },
    { "PROSTATE", false, { "41216001", "SCT", "Prostate" } },
    { "SPINE", false, { "421060004", "SCT", "Spine" } },
    { "TSPINE", false, { "122495006", "SCT", "Thoracic spine" } },
    { "WHOLEBODY", false, { "38266002", "SCT", "Entire body" } },
    { "ANKLE", true, { "70258002", "SCT", "Ankle joint" } },
    { "BREAST", true, { "76752008", "SCT", "Breast" } },
    { "ELBOW", true, { "16953009", "SCT", "Elbow joint" } },
    { "FOOT", true, { "56459004", "SCT", "Foot" } },
    { "FOREARM", true, { "14975008", "SCT", "Forearm" } },
    { "HAND", true, { "85562004", "SCT", "Hand" } },
    { "HIP", true, { "24136001", "SCT", "Hip joint" } },
    { "KNEE", true, { "72696002", "SCT", "Knee" } },
    { "SHOULDER", true, { "16982005", "SCT", "Shoulder" } },
    { "THIGH", true, { "68367000", "SCT", "Thigh" } },
    { "WRIST", true, { "74670003", "SCT", "Wrist joint" } },
};

/* True of every image, and says no more. */
static const struct ivx_code_item anything = { "123037004", "SCT", "Body structure" };

static bool is_word(const char *text, const char *word)
{
    const size_t length = strlen(word);
    return strncmp(text, word, length) == 0
           && strspn(text + length, " ") == strlen(text + length);
}

static const struct region *region_of(struct ivx_item *root)
{
    const char *text = NULL;
    if (ivx_item_text(root, 0x00180015, &text)) /* Body Part Examined */
        for (size_t n = 0; n < IVX_COUNT(regions); n++)
            if (is_word(text, regions[n].word))
                return &regions[n];
    return NULL;
}

/* R, L or B as the image, or its series, says; else nothing. */
static const char *laterality_of(struct ivx_item *root)
{
    static const uint32_t tags[] = { 0x00200062, 0x00200060 };
    static const char *const words[] = { "R", "L", "B" };
    const char *text = NULL;
    for (size_t n = 0; n < IVX_COUNT(tags); n++)
        for (size_t k = 0; ivx_item_text(root, tags[n], &text) && k < IVX_COUNT(words); k++)
            if (is_word(text, words[k]))
                return words[k];
    return NULL;
}

/* The source's own code, else that of its word, else none in particular. Of a paired part
 * one has to know which it is: U says that the part has no other side. */
bool ivx_anatomy_put(struct ivx_item *root, struct ivx_item *item, struct ivx_err *err)
{
    const char *laterality = laterality_of(root);
    const struct region *region = region_of(root);
    if (region != NULL && region->is_paired && laterality == NULL)
        region = NULL;
    if (!ivx_item_put_text(item, 0x00209072, laterality == NULL ? "U" : laterality, err))
        return false;
    if (ivx_item_count(root, 0x00082218) == 1)
        return ivx_item_move(root, 0x00082218, item, err);
    return ivx_code_append(item, 0x00082218, region == NULL ? &anything : &region->code, err);
}
