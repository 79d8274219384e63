# One source per line: several people add to it.
bin_PROGRAMS += isovox
isovox_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS) $(CURL_CFLAGS)
isovox_SOURCES = src/tool/tool.h
isovox_SOURCES += src/tool/bench.c
isovox_SOURCES += src/tool/client.c
isovox_SOURCES += src/tool/client.h
isovox_SOURCES += src/tool/convert.c
isovox_SOURCES += src/tool/convert_options.c
isovox_SOURCES += src/tool/convert_options.h
isovox_SOURCES += src/tool/convert_output.c
isovox_SOURCES += src/tool/convert_output.h
isovox_SOURCES += src/tool/inputs.c
isovox_SOURCES += src/tool/inputs.h
isovox_SOURCES += src/tool/inspect.c
isovox_SOURCES += src/tool/main.c
isovox_SOURCES += src/tool/remote.c
isovox_SOURCES += src/tool/report.c
isovox_SOURCES += src/tool/report.h
isovox_SOURCES += src/tool/table.c
isovox_SOURCES += src/tool/table.h
isovox_LDADD = libconvert.a
isovox_LDADD += $(VOLUME_LIBS)
isovox_LDADD += $(CURL_LIBS) $(CJSON_LIBS) $(ZLIB_LIBS)
isovox_LDADD += $(CONFIG_LIBS) -lm
# The C++ linker: libdicom.a is C++.
nodist_EXTRA_isovox_SOURCES = dummy.cc
EXTRA_DIST += src/tool/README.md
