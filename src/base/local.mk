noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = include/isovox/base/auto.h include/isovox/base/err.h \
	include/isovox/base/reason.h include/isovox/base/text.h \
	src/base/err.c src/base/reason.c src/base/text.c
EXTRA_DIST += src/base/README.md
