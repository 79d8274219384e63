/* The least and the largest value that a source holds: a reading of all of it. */
#include "isovox/base/auto.h"
#include "parts.h"

bool ivx_source_range(const struct ivx_source_volume *source, const struct ivx_crew *crew,
                      double *least_out, double *most_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
    struct ivx_reader_report report;
    if (!ivx_reader_new(source, &reader, err) || !ivx_reader_use(reader, crew, err))
        return false;
    for (int32_t k = 0; k < source->stack.slices; k++) {
        struct ivx_slice slice;
        if (!ivx_reader_slice(reader, k, &slice, err))
            return false;
    }
    ivx_reader_report(reader, &report);
    *least_out = report.least;
    *most_out = report.most;
    return true;
}
