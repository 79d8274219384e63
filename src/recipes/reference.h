/* reference.h - the grid of another series in a recipe's text: a recipe stands alone. */
#ifndef IVX_RECIPES_REFERENCE_H
#define IVX_RECIPES_REFERENCE_H

#include <cjson/cJSON.h>

#include "isovox/base/text.h"
#include "isovox/recipes/recipe.h"

/* The fewest digits that read back as the same double. */
void ivx_recipe_add_number(struct ivx_text *text, double value);

/* ,"reference":{...} */
void ivx_reference_add(struct ivx_text *text, const struct ivx_recipe_reference *reference);
/* IVX_DAMAGED, naming what is not right. */
bool ivx_reference_take(const cJSON *object, struct ivx_recipe_reference *out,
                        struct ivx_err *err);
bool ivx_reference_same(const struct ivx_recipe_reference *a,
                        const struct ivx_recipe_reference *b);

#endif
