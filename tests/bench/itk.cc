// itk.cc - the engine beside ITK's ResampleImageFilter, which is behind SimpleITK and Slicer.
//
//   tests/bench/itk [RUNS] [TASK]      RUNS: 5; TASK: only those whose name holds it
//
// One thread on both sides, the same volume, the same grid, int16 out; floor, ours and ITK in
// turn. ITK makes every n-th result slice, and its time is taken n times; the prefilter of its
// B-spline is timed apart and counts once. Medians.
#include <cstdio>

#if __has_include(<itkImage.h>)
#include <cstdlib>
#include <cstring>

#include <itkBSplineInterpolateImageFunction.h>
#include <itkImage.h>
#include <itkLinearInterpolateImageFunction.h>
#include <itkMultiThreaderBase.h>
#include <itkResampleImageFilter.h>
#include <itkWindowedSincInterpolateImageFunction.h>

#include "rig.h"

namespace {

using Image = itk::Image<int16_t, 3>;
using Interpolator = itk::InterpolateImageFunction<Image, double>;
using Linear = itk::LinearInterpolateImageFunction<Image, double>;
using Spline = itk::BSplineInterpolateImageFunction<Image, double, double>;
using Sinc = itk::WindowedSincInterpolateImageFunction<Image, 3,
                                                       itk::Function::LanczosWindowFunction<3>>;

// Says how long the prefilter took, however often it is asked for.
class TimedSpline : public Spline {
public:
    using Self = TimedSpline;
    using Superclass = Spline;
    using Pointer = itk::SmartPointer<Self>;
    itkNewMacro(Self);

    void SetInputImage(const Image *image) override
    {
        const rig_time start = rig_now();
        Superclass::SetInputImage(image);
        const rig_time took = rig_since(start);
        prefilter = { prefilter.wall + took.wall, prefilter.cpu + took.cpu };
    }
    rig_time prefilter = { 0, 0 };
};

struct Task {
    const char *name;
    ivx_kernel kernel;
    double spacing;
    bool oblique;
    int32_t step; // ITK makes every so manieth slice
};

const Task tasks[] = {
    { "linear 1.0", IVX_LINEAR, 1.0, false, 3 },
    { "linear 0.5", IVX_LINEAR, 0.5, false, 20 },
    { "bspline3 1.0", IVX_BSPLINE3, 1.0, false, 20 },
    { "bspline3 0.5", IVX_BSPLINE3, 0.5, false, 150 },
    { "lanczos3 1.0", IVX_LANCZOS3, 1.0, false, 250 },
    { "lanczos3 0.5", IVX_LANCZOS3, 0.5, false, 1500 },
    { "bspline3 oblique", IVX_BSPLINE3, 1.0, true, 30 },
};

void require(bool done, const ivx_err &err)
{
    if (done)
        return;
    std::fprintf(stderr, "%s\n", err.text);
    std::exit(1);
}

Image::Pointer image_of(const rig_volume &volume, const ivx_stack &stack)
{
    const auto made = Image::New();
    const double spacing[] = { stack.column_spacing, stack.row_spacing, 2.5 };
    Image::DirectionType direction;
    for (unsigned c = 0; c < 3; c++) {
        direction[c][0] = stack.row[c];
        direction[c][1] = stack.column[c];
        direction[c][2] = stack.normal[c];
    }
    made->SetRegions(Image::SizeType{ { RIG_COLUMNS, RIG_ROWS, RIG_SLICES } });
    made->SetSpacing(spacing);
    made->SetDirection(direction);
    made->GetPixelContainer()->SetImportPointer(
        volume.voxel, static_cast<size_t>(RIG_COLUMNS) * RIG_ROWS * RIG_SLICES, false);
    return made;
}

Interpolator::Pointer interpolator_of(ivx_kernel kernel)
{
    if (kernel == IVX_LINEAR)
        return Linear::New().GetPointer();
    if (kernel == IVX_LANCZOS3)
        return Sinc::New().GetPointer();
    const auto spline = TimedSpline::New();
    spline->SetSplineOrder(3);
    spline->SetNumberOfWorkUnits(1);
    return spline.GetPointer();
}

// What ITK would take for all slices of the grid.
rig_time time_itk(const Image *image, const ivx_grid &grid, const Task &task)
{
    const auto filter = itk::ResampleImageFilter<Image, Image, double, double>::New();
    const auto interpolator = interpolator_of(task.kernel);
    const int32_t slices = (grid.count[2] + task.step / 2) / task.step;
    const double spacing[] = { grid.spacing[0], grid.spacing[1],
                               grid.spacing[2] * task.step };
    Image::PointType origin;
    for (unsigned c = 0; c < 3; c++)
        origin[c] = grid.origin[c] + task.step / 2 * grid.spacing[2] * grid.axis[2][c];
    Image::DirectionType direction;
    for (unsigned a = 0; a < 3; a++)
        for (unsigned c = 0; c < 3; c++)
            direction[c][a] = grid.axis[a][c];
    filter->SetInput(image);
    filter->SetInterpolator(interpolator);
    filter->SetDefaultPixelValue(-1024);
    filter->SetNumberOfWorkUnits(1);
    filter->SetSize({ { static_cast<size_t>(grid.count[0]), static_cast<size_t>(grid.count[1]),
                        static_cast<size_t>(slices) } });
    filter->SetOutputSpacing(spacing);
    filter->SetOutputOrigin(origin);
    filter->SetOutputDirection(direction);

    const rig_time start = rig_now();
    filter->Update();
    const rig_time all = rig_since(start);
    const auto spline = dynamic_cast<const TimedSpline *>(interpolator.GetPointer());
    const rig_time once = spline == nullptr ? rig_time{ 0, 0 } : spline->prefilter;
    const double times = static_cast<double>(grid.count[2]) / slices;
    return { once.wall + (all.wall - once.wall) * times,
             once.cpu + (all.cpu - once.cpu) * times };
}

rig_time time_ours(rig_volume &volume, const ivx_stack &stack, const ivx_grid &grid,
                   const Task &task)
{
    ivx_resample_options options = {};
    options.kernel = task.kernel;
    options.result = IVX_INT16;
    options.background = -1024;
    ivx_err err = {};
    int64_t sum = 0;
    const rig_time start = rig_now();
    require(ivx_resample_any(&stack, &grid, &options, rig_give, &volume, rig_take, &sum,
                             nullptr, &err),
            err);
    return rig_since(start);
}

void compare(rig_volume &volume, const Task &task, int runs)
{
    const ivx_stack &stack = task.oblique ? volume.oblique : volume.stack;
    const auto image = image_of(volume, stack);
    rig_time floors[RIG_MOST_RUNS], ours[RIG_MOST_RUNS], theirs[RIG_MOST_RUNS];
    ivx_grid grid = {};
    ivx_err err = {};
    require(task.oblique
                ? ivx_target_grid_patient(&stack, task.spacing, IVX_ALIGN_CENTER, &grid, &err)
                : ivx_target_grid(&stack, task.spacing, IVX_ALIGN_CENTER, &grid, &err),
            err);
    for (int n = 0; n < runs; n++) {
        floors[n] = rig_floor(rig_bytes(&grid));
        ours[n] = time_ours(volume, stack, grid, task);
        theirs[n] = time_itk(image, grid, task);
    }
    const rig_time floor = rig_median(floors, runs), mine = rig_median(ours, runs);
    const rig_time itk = rig_median(theirs, runs);
    std::printf("%-17s floor %6.4f s  ours %7.4f s = %5.1f floors  ITK %8.2f s = %6.1f x ours"
                "  (cpu: %7.4f, %5.1f floors, %8.2f, %6.1f x)\n",
                task.name, floor.wall, mine.wall, mine.wall / floor.wall, itk.wall,
                itk.wall / mine.wall, mine.cpu, mine.cpu / floor.cpu, itk.cpu,
                itk.cpu / mine.cpu);
    std::fflush(stdout);
}

} // namespace

int main(int count, char **word)
{
    static rig_volume volume;
    const long asked = count > 1 ? std::strtol(word[1], nullptr, 10) : 5;
    const int runs = asked < 1 ? 1 : asked > RIG_MOST_RUNS ? RIG_MOST_RUNS
                                                           : static_cast<int>(asked);
    itk::MultiThreaderBase::SetGlobalMaximumNumberOfThreads(1);
    rig_volume_make(&volume);
    for (const Task &task : tasks)
        if (count <= 2 || std::strstr(task.name, word[2]) != nullptr)
            compare(volume, task, runs);
    rig_volume_free(&volume);
    return 0;
}
#else
int main()
{
    std::puts("ITK 5 was not there when this was compiled (Debian: libinsighttoolkit5-dev)");
    return 77;
}
#endif
