/* barrier.h - stop every C++ exception before it reaches C. */
#ifndef IVX_DICOM_BARRIER_H
#define IVX_DICOM_BARRIER_H

#include <exception>
#include <new>

#include "isovox/base/err.h"

/* body() returns bool and reports its own failures with ivx_fail(). */
template <class Body> bool ivx_barrier(struct ivx_err *err, Body body) noexcept
{
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return ivx_fail(err, IVX_FULL, "dicom: no memory");
    } catch (const std::exception &thrown) {
        return ivx_fail(err, IVX_BUG, "dicom: %s", thrown.what());
    } catch (...) {
        return ivx_fail(err, IVX_BUG, "dicom: unknown exception");
    }
}

#endif
