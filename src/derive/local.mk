# derive
noinst_LIBRARIES += libderive.a
libderive_a_SOURCES = include/isovox/derive/derive.h src/derive/internal.h \
	src/derive/derive.c src/derive/lineage.c src/derive/private.c src/derive/series.c \
	src/derive/template.c src/derive/value.c
EXTRA_DIST += src/derive/README.md
