# receive
noinst_LIBRARIES += libreceive.a
EXTRA_DIST += src/receive/README.md
libreceive_a_SOURCES = include/isovox/receive/receive.h src/receive/association.h \
	src/receive/association.c src/receive/receive.c
