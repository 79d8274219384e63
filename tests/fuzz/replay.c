/* Runs a fuzz target over files, without libFuzzer: those that are named, else the corpus
 * of finds of FUZZ_TARGET. An abort or a sanitizer is the failure. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void replay(const char *path)
{
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(bytes, size);
}

static int replay_corpus(void)
{
    const char *top = getenv("top_srcdir");
    char folder[2048], path[4096];
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
             FUZZ_TARGET);
    DIR *open = opendir(folder);
    if (open == NULL) {
        perror(folder);
        return 0;
    }
    int files = 0;
    for (struct dirent *entry; (entry = readdir(open)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        replay(path);
        files++;
    }
    closedir(open);
    return files;
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int n = 1; n < argc; n++)
        replay(argv[n]);
    return argc > 1 || replay_corpus() > 0 ? 0 : 1;
}
