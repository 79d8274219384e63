/* Bytes as the data set of a message: a procedure step, a request for storage commitment, an
 * answer to C-FIND. The first byte chooses which, and the transfer syntax. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "isovox/base/auto.h"
#include "isovox/dicom/commitment.h"
#include "isovox/dicom/performed.h"

#include "identifier.h"

static const char *const syntaxes[] = { "1.2.840.10008.1.2", "1.2.840.10008.1.2.1" };

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool is_uid(const char *text)
{
    return strspn(text, "0123456789.") == strlen(text);
}

/* Every image has its series; no list is longer than it may be. */
static void read_performed(const uint8_t *data, size_t size, const char *syntax)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_performed_clear) struct ivx_performed said = { 0 };
    if (!ivx_performed_read(data, size, syntax, &said, &err)) {
        must(said.image == NULL && err.code != IVX_OK && err.code != IVX_BUG);
        return;
    }
    must(said.count <= IVX_PERFORMED_MOST && (said.count == 0 || said.lists));
    for (size_t n = 0; n < said.count; n++)
        must(said.image[n].series_uid[0] != '\0' && is_uid(said.image[n].series_uid)
             && is_uid(said.image[n].sop_uid));
}

/* What was read can be written, and reads the same. */
static void read_commitment(const uint8_t *data, size_t size, const char *syntax)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_commitment_clear) struct ivx_commitment first = { 0 }, second = { 0 };
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    size_t length = 0;
    if (!ivx_commitment_read(data, size, syntax, &first, &err))
        return;
    must(ivx_commitment_write(&first, syntax, &bytes, &length, &err));
    must(ivx_commitment_read(bytes, length, syntax, &second, &err));
    must(second.count == first.count
         && strcmp(second.transaction_uid, first.transaction_uid) == 0
         && ivx_commitment_failures(&second) == ivx_commitment_failures(&first));
}

static void read_identifier(const uint8_t *data, size_t size, const char *syntax)
{
    struct ivx_err err = { 0 };
    struct ivx_identifier found = { .related = -2 };
    if (!ivx_identifier_read(data, size, syntax, &found, &err)) {
        must(found.related == -2);
        return;
    }
    must(found.related >= -1 && is_uid(found.series_uid) && is_uid(found.sop_uid)
         && is_uid(found.sop_class));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *syntax = syntaxes[data[0] & 1];
    switch (data[0] >> 1 & 3) {
    case 0:
        read_performed(data + 1, size - 1, syntax);
        break;
    case 1:
        read_commitment(data + 1, size - 1, syntax);
        break;
    default:
        read_identifier(data + 1, size - 1, syntax);
        break;
    }
    return 0;
}
