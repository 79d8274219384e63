# One source per line: several people add to it.
bin_PROGRAMS += isovox
isovox_SOURCES = src/tool/tool.h
isovox_SOURCES += src/tool/main.c
isovox_LDADD =
# The C++ linker: libdicom.a is C++.
nodist_EXTRA_isovox_SOURCES = dummy.cc
