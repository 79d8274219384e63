# One source per line: several people add to it.
bin_PROGRAMS += isovox
isovox_SOURCES = src/tool/tool.h
isovox_SOURCES += src/tool/main.c
isovox_LDADD =
isovox_LDADD += libassemble.a libcore.a libdicom.a libsys.a libbase.a
isovox_LDADD += $(CJSON_LIBS) $(DCMTK_LIBS) $(CRYPTO_LIBS) -lm
# The C++ linker: libdicom.a is C++.
nodist_EXTRA_isovox_SOURCES = dummy.cc
isovox_SOURCES += src/tool/inputs.h
isovox_SOURCES += src/tool/inputs.c
isovox_SOURCES += src/tool/report.h
isovox_SOURCES += src/tool/report.c
isovox_SOURCES += src/tool/inspect.c
