# The loops are compiled once per instruction set, and all of them stand in libcore.a.
# Only here is a set switched on. No contraction anywhere in core: same bits everywhere.
CORE_CFLAGS = $(AM_CFLAGS) -ffp-contract=off $(VECTORIZE)
CORE_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/core
LOOPS_CFLAGS = $(CORE_CFLAGS) -fno-math-errno -fno-trapping-math
core_headers = include/isovox/core/gather.h include/isovox/core/grid.h include/isovox/core/stack.h \
	include/isovox/core/resample.h include/isovox/core/workspace.h

# Once per instruction set.
core_loops = src/core/kernel/loops.c src/core/kernel/lines.c src/core/kernel/points.c

noinst_LIBRARIES += libcore.a libcore_base.a
libcore_a_SOURCES = $(core_headers) src/core/sane.h src/core/sane.c \
	src/core/any.c src/core/field.h src/core/field.c src/core/gather.c \
	src/core/gathered.c src/core/gathering.h \
	src/core/point.h src/core/point.c \
	src/core/engine.h src/core/fold.c src/core/grid.c src/core/inplane.c \
	src/core/knots.h src/core/knots.c src/core/limit.h src/core/memory.c \
	src/core/mirror.c src/core/plan.c src/core/resample.c src/core/room.h \
	src/core/room.c src/core/shape.c src/core/stack.c \
	src/core/table.h src/core/table.c src/core/target.c src/core/through.c \
	src/core/kernel/kernel.h src/core/kernel/mode.h src/core/kernel/pick.c \
	src/core/kernel/vector.h src/core/kernel/weights.h
libcore_a_CPPFLAGS = $(CORE_CPPFLAGS)
libcore_a_CFLAGS = $(CORE_CFLAGS)
libcore_a_LIBADD = $(libcore_base_a_OBJECTS)
libcore_a_DEPENDENCIES = $(libcore_base_a_OBJECTS)

libcore_base_a_SOURCES = $(core_loops)
libcore_base_a_CPPFLAGS = $(CORE_CPPFLAGS)
libcore_base_a_CFLAGS = $(LOOPS_CFLAGS) -DIVX_SET=base

if X86_64
noinst_LIBRARIES += libcore_avx2.a libcore_avx512.a
libcore_avx2_a_SOURCES = $(core_loops)
libcore_avx2_a_CPPFLAGS = $(CORE_CPPFLAGS)
libcore_avx2_a_CFLAGS = $(LOOPS_CFLAGS) -DIVX_SET=avx2 -mavx2
libcore_avx512_a_SOURCES = $(core_loops)
libcore_avx512_a_CPPFLAGS = $(CORE_CPPFLAGS)
libcore_avx512_a_CFLAGS = $(LOOPS_CFLAGS) -DIVX_SET=avx512 \
	-mavx512f -mavx512bw -mavx512vl -mavx512dq -mprefer-vector-width=512
libcore_a_LIBADD += $(libcore_avx2_a_OBJECTS) $(libcore_avx512_a_OBJECTS)
libcore_a_DEPENDENCIES += $(libcore_avx2_a_OBJECTS) $(libcore_avx512_a_OBJECTS)
endif

CORE_TEST_LIBS = libcore.a libbase.a $(CHECK_LIBS) -lm -lpthread
# What both pages say, evaluated directly.
core_oracle = tests/unit/core/oracle.h tests/unit/core/oracle.c \
	tests/unit/core/oracle_lattice.c tests/unit/core/oracle_normal.c \
	tests/unit/core/oracle_parts.h tests/unit/core/oracle_rows.c \
	tests/unit/core/subject.h tests/unit/core/subject.c
check_PROGRAMS += tests/unit/core/test_oracle
tests_unit_core_test_oracle_SOURCES = tests/unit/core/test_oracle.c \
	$(core_oracle)
# The oracle is slow by definition, and not what the sanitizers are to watch.
tests_unit_core_test_oracle_CFLAGS = $(TEST_CFLAGS) -fno-sanitize=all
tests_unit_core_test_oracle_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/unit/core/test_grid tests/unit/core/test_exact \
	tests/unit/core/test_bits
tests_unit_core_test_grid_SOURCES = tests/unit/core/test_grid.c \
	tests/unit/core/subject.h tests/unit/core/subject.c
tests_unit_core_test_grid_CFLAGS = $(TEST_CFLAGS)
tests_unit_core_test_grid_LDADD = $(CORE_TEST_LIBS)
tests_unit_core_test_exact_SOURCES = tests/unit/core/test_exact.c \
	tests/unit/core/subject.h tests/unit/core/subject.c
tests_unit_core_test_bits_SOURCES = tests/unit/core/test_bits.c \
	tests/unit/core/subject.h tests/unit/core/subject.c
tests_unit_core_test_bits_CFLAGS = $(TEST_CFLAGS)
tests_unit_core_test_bits_LDADD = $(CORE_TEST_LIBS)
tests_unit_core_test_exact_CFLAGS = $(TEST_CFLAGS)
tests_unit_core_test_exact_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/kernel/test_kernels
tests_kernel_test_kernels_SOURCES = tests/kernel/test_kernels.c
tests_kernel_test_kernels_CPPFLAGS = $(CORE_CPPFLAGS) -I$(top_srcdir)/src/core/kernel
tests_kernel_test_kernels_CFLAGS = $(TEST_CFLAGS) -ffp-contract=off
tests_kernel_test_kernels_LDADD = $(CORE_TEST_LIBS)

# make tests/bench/engine, make tests/bench/itk CXXFLAGS=-O3; not built by default.
EXTRA_PROGRAMS += tests/bench/engine tests/bench/itk
tests_bench_engine_SOURCES = tests/bench/engine.c tests/bench/rig.h tests/bench/rig.c
tests_bench_engine_LDADD = libcore.a libbase.a -lpthread -lm
tests_bench_itk_SOURCES = tests/bench/itk.cc tests/bench/rig.h tests/bench/rig.c
tests_bench_itk_CPPFLAGS = $(AM_CPPFLAGS) $(ITK_CPPFLAGS)
tests_bench_itk_CXXFLAGS = $(AM_CXXFLAGS) -march=native -DNDEBUG
tests_bench_itk_LDADD = libcore.a libbase.a $(ITK_LIBS) -lpthread -lm

check_PROGRAMS += tests/unit/core/test_affine tests/unit/core/test_gather
tests_unit_core_test_affine_SOURCES = tests/unit/core/test_affine.c \
	$(core_oracle)
tests_unit_core_test_affine_CFLAGS = $(TEST_CFLAGS)
tests_unit_core_test_affine_LDADD = $(CORE_TEST_LIBS)
tests_unit_core_test_gather_SOURCES = tests/unit/core/test_gather.c \
	$(core_oracle)
tests_unit_core_test_gather_CFLAGS = $(TEST_CFLAGS)
tests_unit_core_test_gather_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/unit/core/test_extreme
tests_unit_core_test_extreme_SOURCES = tests/unit/core/test_extreme.c \
	tests/unit/core/subject.h tests/unit/core/subject.c
tests_unit_core_test_extreme_CFLAGS = $(TEST_CFLAGS)
tests_unit_core_test_extreme_LDADD = $(CORE_TEST_LIBS)

# The bits of the engine's version: see tests/golden/hashes.sh.
noinst_PROGRAMS += tests/golden/hashes
tests_golden_hashes_SOURCES = tests/golden/hashes.c tests/golden/sha256.h \
	tests/golden/sha256.c
tests_golden_hashes_CFLAGS = $(AM_CFLAGS) -ffp-contract=off
tests_golden_hashes_LDADD = libcore.a libbase.a -lm -lpthread
dist_check_SCRIPTS += tests/golden/hashes.sh
EXTRA_DIST += tests/golden/engine-1.txt tests/golden/cross.sh

check_PROGRAMS += tests/unit/core/test_fidelity tests/unit/core/test_library
tests_unit_core_test_fidelity_SOURCES = tests/unit/core/test_fidelity.c \
	tests/unit/core/subject.h tests/unit/core/subject.c
tests_unit_core_test_fidelity_CFLAGS = $(TEST_CFLAGS)
tests_unit_core_test_fidelity_LDADD = $(CORE_TEST_LIBS)
tests_unit_core_test_library_SOURCES = tests/unit/core/test_library.c \
	tests/unit/core/subject.h tests/unit/core/subject.c
tests_unit_core_test_library_CFLAGS = $(TEST_CFLAGS)
tests_unit_core_test_library_LDADD = $(CORE_TEST_LIBS)
tests_unit_core_test_library_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc \
	-Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=aligned_alloc -Wl,--wrap=free
