# libisovox: base and core as a library of their own, shared and static. What it exports is
# listed in isovox.sym; the installed headers are its documentation. The programs use the
# archives of local.mk, which are the same sources.
lib_LTLIBRARIES = libisovox.la
noinst_LTLIBRARIES = libisovox_base.la
libisovox_la_SOURCES = $(libbase_a_SOURCES) $(libcore_a_SOURCES)
libisovox_la_CPPFLAGS = $(CORE_CPPFLAGS)
libisovox_la_CFLAGS = $(CORE_CFLAGS)
libisovox_la_LIBADD = libisovox_base.la -lm
libisovox_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-export-symbols $(srcdir)/src/core/isovox.sym
EXTRA_libisovox_la_DEPENDENCIES = src/core/isovox.sym

libisovox_base_la_SOURCES = $(core_loops)
libisovox_base_la_CPPFLAGS = $(CORE_CPPFLAGS)
libisovox_base_la_CFLAGS = $(libcore_base_a_CFLAGS)

if X86_64
noinst_LTLIBRARIES += libisovox_avx2.la libisovox_avx512.la
libisovox_avx2_la_SOURCES = $(core_loops)
libisovox_avx2_la_CPPFLAGS = $(CORE_CPPFLAGS)
libisovox_avx2_la_CFLAGS = $(libcore_avx2_a_CFLAGS)
libisovox_avx512_la_SOURCES = $(core_loops)
libisovox_avx512_la_CPPFLAGS = $(CORE_CPPFLAGS)
libisovox_avx512_la_CFLAGS = $(libcore_avx512_a_CFLAGS)
libisovox_la_LIBADD += libisovox_avx2.la libisovox_avx512.la
endif

isovox_basedir = $(includedir)/isovox/base
isovox_base_HEADERS = include/isovox/base/err.h
isovox_coredir = $(includedir)/isovox/core
isovox_core_HEADERS = $(core_headers)
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = src/core/isovox.pc
EXTRA_DIST += src/core/isovox.sym

# The example of the documentation, kept compiling and right.
noinst_PROGRAMS += docs/example/resample_raw
docs_example_resample_raw_SOURCES = docs/example/resample_raw.c
docs_example_resample_raw_LDADD = libisovox.la
dist_check_SCRIPTS += tests/lint/library.sh
