# convert: one source per line.
noinst_LIBRARIES += libconvert.a
libconvert_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
libconvert_a_SOURCES =
libconvert_a_SOURCES += include/isovox/convert/convert.h
libconvert_a_SOURCES += src/convert/lease.c
libconvert_a_SOURCES += src/convert/publish.c
libconvert_a_SOURCES += src/convert/role.c
libconvert_a_SOURCES += src/convert/work.c
libconvert_a_SOURCES += src/convert/worker.h
EXTRA_DIST += src/convert/README.md
