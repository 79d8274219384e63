/* reference.h - `--reference`: the grid of another series. */
#ifndef IVX_TOOL_REFERENCE_H
#define IVX_TOOL_REFERENCE_H

#include "isovox/recipes/recipe.h"

/* Reads the one volume that `path` holds and makes its acquired grid that of the recipe.
 * Fails where it has none: no volume, several, tilted or irregular slices. */
bool ivx_tool_reference(char *path, struct ivx_recipe_settings *recipe, struct ivx_err *err);

#endif
