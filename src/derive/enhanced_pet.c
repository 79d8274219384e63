/* What an Enhanced PET image must say and a classic one says in other words, or not at all:
 * PS3.3 C.8.22.2, C.8.22.3, C.8.22.4. */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

bool ivx_enhanced_pet(const struct ivx_derivation *derivation, struct ivx_item *root,
                      struct ivx_err *err)
{
    (void)derivation;
    (void)root;
    return ivx_enhanced_missing(derivation, "how the table moved", err);
}

bool ivx_enhanced_pet_groups(const struct ivx_derivation *derivation, struct ivx_item *group,
                             struct ivx_err *err)
{
    (void)derivation;
    (void)group;
    return ivx_enhanced_missing(derivation, "how the table moved", err);
}
