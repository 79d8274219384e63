/* fuzz.h - what the fuzz targets share. Each target is one function,
 * LLVMFuzzerTestOneInput(): under libFuzzer (run.sh), or over files by replay.c. */
#ifndef IVX_TEST_FUZZ_H
#define IVX_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isovox/assemble/assembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as a file in memory; its path. Aborts when there is no memory. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* Aborts when a promise of assembly.h is broken: no instance in two volumes or lost,
 * positions ascending, the first pixel of each slice where its header says, the same
 * decisions in the opposite order. Reads every volume. */
void fuzz_check_assembly(const struct ivx_instance *const *instances, size_t count,
                         const struct ivx_assemble_options *options);

#endif
