noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = include/isovox/base/auto.h include/isovox/base/err.h \
	include/isovox/base/gap.h include/isovox/base/reason.h include/isovox/base/reference.h include/isovox/base/text.h include/isovox/base/uid.h src/base/uid.c \
	src/base/err.c src/base/gap.c src/base/reason.c src/base/text.c
EXTRA_DIST += src/base/README.md

check_PROGRAMS += tests/unit/base/test_base
tests_unit_base_test_base_SOURCES = tests/unit/base/test_base.c
tests_unit_base_test_base_CFLAGS = $(TEST_CFLAGS)
tests_unit_base_test_base_LDADD = libbase.a $(CHECK_LIBS)
