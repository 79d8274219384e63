/* sandbox.h - what a worker may not do, whatever an instance makes of its decoder. */
#ifndef IVX_CONVERT_SANDBOX_H
#define IVX_CONVERT_SANDBOX_H

#include "isovox/base/err.h"

/* To be called when everything that needs more is open; there is no way back. The process,
 * and threads that it starts later, cannot open a network socket, run a program, or look
 * into another process (seccomp), and can write to the outbox and the catalogue
 * only (Landlock, where the kernel has it). What cannot be applied is logged, and so is what is. */
void ivx_sandbox_enter(const char *state_dir);

#endif
