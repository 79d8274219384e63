#include "dicomdir.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/scan.h"

#define MEDIA_DIRECTORY "1.2.840.10008.1.3.10"
enum { RECORDS = 0x00041220, FILE_ID = 0x00041500 };

void ivx_dicomdir_free(struct ivx_dicomdir *listed)
{
    for (size_t n = 0; n < listed->count; n++)
        free(listed->name[n]);
    free(listed->name);
    *listed = (struct ivx_dicomdir){ 0 };
}

static bool keep(struct ivx_dicomdir *listed, const char *name, struct ivx_err *err)
{
    if (listed->count == listed->room) {
        const size_t more = listed->room == 0 ? 256 : listed->room * 2;
        char **grown = realloc(listed->name, more * sizeof *grown);
        if (grown == NULL)
            return ivx_fail(err, IVX_FULL, "no memory for %zu files", more);
        listed->name = grown;
        listed->room = more;
    }
    listed->name[listed->count] = strdup(name);
    if (listed->name[listed->count] == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    listed->count++;
    return true;
}

/* One part of a file ID, padding removed: a name, and not one that leads elsewhere. Standard
 * ones have capitals, digits and '_'; others are seen. */
static bool take_part(const char *from, size_t length, char *name, size_t *used)
{
    while (length > 0 && (from[length - 1] == ' ' || from[length - 1] == '\0'))
        length--;
    while (length > 0 && *from == ' ') {
        from++;
        length--;
    }
    if (length == 0 || (from[0] == '.' && (length == 1 || (length == 2 && from[1] == '.'))))
        return false;
    for (size_t n = 0; n < length; n++)
        if ((unsigned char)from[n] < ' ' || from[n] == '/' || from[n] == 127)
            return false;
    memcpy(name + *used, from, length);
    *used += length;
    return true;
}

/* "PATIENT1\SERIES2\IMAGE3" to "PATIENT1/SERIES2/IMAGE3"; name has room for as many. */
static bool to_name(const struct ivx_scan_element *element, char name[IVX_SCAN_VALUE + 1])
{
    const char *at = (const char *)element->value;
    const char *const end = at + element->length;
    size_t used = 0;
    for (;;) {
        const char *stop = memchr(at, '\\', (size_t)(end - at));
        if (!take_part(at, (size_t)((stop != NULL ? stop : end) - at), name, &used))
            return false;
        if (stop == NULL)
            break;
        name[used++] = '/';
        at = stop + 1;
    }
    name[used] = '\0';
    return true;
}

static bool visit(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    struct ivx_dicomdir *listed = context;
    if (element->tag != FILE_ID || element->parent != RECORDS || element->length == 0)
        return true;
    char name[IVX_SCAN_VALUE + 1];
    if (element->value != NULL && to_name(element, name))
        return keep(listed, name, err);
    listed->outside++;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void make_unique(struct ivx_dicomdir *listed)
{
    if (listed->count == 0)
        return;
    qsort(listed->name, listed->count, sizeof *listed->name, by_name);
    size_t kept = 1;
    for (size_t n = 1; n < listed->count; n++)
        if (strcmp(listed->name[n], listed->name[kept - 1]) != 0)
            listed->name[kept++] = listed->name[n];
        else
            free(listed->name[n]);
    listed->count = kept;
}

bool ivx_dicomdir_read(const struct ivx_blob *blob, struct ivx_dicomdir *out,
                       enum ivx_reason *reason_out, struct ivx_err *err)
{
    /* A record has some 20 elements, and a disc some 10 000 records. */
    struct ivx_scan_limits limits = ivx_scan_default;
    limits.elements = 8000000;
    limits.header = UINT64_C(512) << 20;
    struct ivx_scan scan;
    if (!ivx_scan(blob, &limits, visit, out, &scan, reason_out, err))
        return false;
    make_unique(out);
    if (strcmp(scan.media_class, MEDIA_DIRECTORY) == 0 && out->count + out->outside > 0)
        return true;
    *reason_out = IVX_REASON_DAMAGED;
    return ivx_fail(err, IVX_DAMAGED, "it is named DICOMDIR, and lists no files");
}

static bool is_there(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

/* Apart from case, and from what ISO 9660 puts behind a name. */
static bool same_name(const char *there, const char *part, size_t length)
{
    if (strncasecmp(there, part, length) != 0)
        return false;
    const char *rest = there + length;
    rest += *rest == '.';
    return *rest == '\0' || strcmp(rest, ";1") == 0;
}

/* The entry of `folder` that this part of a name means, in path[]: the first in the order of
 * the alphabet where several do. */
static bool find_part(const char *folder, const char *part, size_t length, char **path_out,
                      struct ivx_err *err)
{
    *path_out = NULL;
    DIR *open = opendir(folder);
    if (open == NULL)
        return true;
    char best[256] = "";
    for (struct dirent *entry; (entry = readdir(open)) != NULL;)
        if (same_name(entry->d_name, part, length) && strlen(entry->d_name) < sizeof best
            && (best[0] == '\0' || strcmp(entry->d_name, best) < 0))
            memcpy(best, entry->d_name, strlen(entry->d_name) + 1);
    closedir(open);
    if (best[0] != '\0' && asprintf(path_out, "%s/%s", folder, best) == -1) {
        *path_out = NULL;
        return ivx_fail(err, IVX_FULL, "no memory");
    }
    return true;
}

bool ivx_dicomdir_find(const char *folder, const char *name, char **path_out,
                       struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) char *path = NULL;
    *path_out = NULL;
    if (asprintf(&path, "%s/%s", folder, name) == -1) {
        path = NULL;
        return ivx_fail(err, IVX_FULL, "no memory");
    }
    if (is_there(path)) {
        *path_out = IVX_STEAL(path);
        return true;
    }
    IVX_AUTO(ivx_memory_free) char *reached = strdup(folder);
    if (reached == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");
    for (const char *part = name; reached != NULL && *part != '\0';) {
        const size_t length = strcspn(part, "/");
        char *next;
        if (!find_part(reached, part, length, &next, err))
            return false;
        free(reached);
        reached = next;
        part += length + (part[length] == '/');
    }
    *path_out = IVX_STEAL(reached);
    return true;
}
