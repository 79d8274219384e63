/* sane.h - a stack comes from files: what it must be before anything is computed. */
#ifndef IVX_CORE_SANE_H
#define IVX_CORE_SANE_H

#include "isovox/core/stack.h"

/* IVX_DAMAGED, naming what does not hold. */
bool ivx_stack_check(const struct ivx_stack *stack, struct ivx_err *err);

#endif
